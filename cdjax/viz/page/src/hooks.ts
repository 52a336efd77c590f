// Hooks shared by the pages.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** The width of an element in pixels, as the page is laid out. */
export function useWidth<E extends HTMLElement>(): [{ current: E | null }, number] {
  const element = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(Math.floor(element.current?.clientWidth ?? 0));
    measure();
    const observer = new ResizeObserver(measure);
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

/** The step where a drag began; null while none goes on. It ends wherever the pointer is let go. */
export function useDragging(): { current: number | null } {
  const dragging = useRef<number | null>(null);
  useEffect(() => {
    const stop = () => (dragging.current = null);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
    return () => {
      removeEventListener("pointerup", stop);
      removeEventListener("pointercancel", stop);
    };
  }, []);
  return dragging;
}

export type Theme = "light" | "dark";

/** The theme in use: the system's, until a person chooses. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const [chosen, choose] = useState<Theme | null>(null);
  const [system, setSystem] = useState<Theme>(dark.matches ? "dark" : "light");
  useEffect(() => {
    const follow = () => setSystem(dark.matches ? "dark" : "light");
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, []);
  const theme = chosen ?? system;
  document.documentElement.dataset.theme = theme; // at once: what is drawn now reads its colours
  return [theme, choose];
}
