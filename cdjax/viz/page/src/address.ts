// The state of a page, kept in its address: a link opens the same view of the same file.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

const WAIT = 100; // ms; browsers allow an address few changes, and a drag makes many

/** The state, that of the address at first, and what changes parts of it. */
export function useAddress<State>(read: (hash: string) => State, write: (state: State) => string) {
  const [state, setState] = useState<State>(() => read(location.hash));
  const known = useRef(location.hash); // the address that the state came from, or was written to
  useEffect(() => {
    const later = setTimeout(() => {
      if (location.hash !== known.current) return; // a person has changed it, which will be read
      try {
        history.replaceState(null, "", `#${write(state)}`);
      } catch {
        // A page inside another may have no address of its own; it works without.
      }
      known.current = location.hash;
    }, WAIT);
    return () => clearTimeout(later);
  }, [state]);
  useEffect(() => {
    const follow = () => {
      if (location.hash === known.current) return;
      known.current = location.hash;
      setState(read(location.hash));
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const change = useCallback(
    (part: Partial<State>) => setState((now) => ({ ...now, ...part })),
    [],
  );
  return { state, change };
}
