// The text or, of tokens alone, the words: tinted by their scores, with any phrase to choose.

import { useRef } from "preact/hooks";
import { useDragging } from "./hooks";
import type { Piece } from "./text";
import type { Reading, Span } from "./scores";

interface Props {
  pieces: Piece[];
  reading: Reading;
  known: string | null;
  span: Span | null;
  hover: Span | null;
  head: number;
  numbers: boolean;
  hidden: boolean; // the scores, from learners
  label: string;
  right: boolean; // read from right to left
  onSelect: (anchor: number | null, head: number) => void;
  anchor: number | null;
}

export function Prose(props: Props) {
  const { pieces, reading, known, span, hover, head, numbers, hidden, anchor, onSelect } = props;
  const box = useRef<HTMLDivElement>(null);
  const dragging = useDragging();

  const stepAt = (x: number, y: number): number | null => {
    const element = document.elementFromPoint(x, y)?.closest<HTMLElement>("[data-t]");
    return element && box.current?.contains(element) ? Number(element.dataset.t) : null;
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const step = stepAt(event.clientX, event.clientY);
    if (step === null) return onSelect(null, 0);
    dragging.current = event.shiftKey && anchor !== null ? anchor : step;
    onSelect(dragging.current, step);
  };
  const onPointerMove = (event: PointerEvent) => {
    if (dragging.current === null) return;
    const step = stepAt(event.clientX, event.clientY);
    if (step !== null && step !== head) onSelect(dragging.current, step);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const leftward = props.right;
    const last = reading.steps - 1;
    const moves: Record<string, number> = {
      ArrowLeft: leftward ? 1 : -1,
      ArrowRight: leftward ? -1 : 1,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key === "Escape") return onSelect(null, 0);
    if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      return onSelect(0, last);
    }
    const move = moves[event.key];
    if (move === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = anchor === null ? (move < 0 ? last : 0) : Math.min(last, Math.max(0, head + move));
    onSelect(event.shiftKey && anchor !== null ? anchor : next, next);
    box.current!.querySelector<HTMLElement>(`[data-t="${next}"][role]`)?.focus();
  };

  const inside = (of: Span | null, t: number) => !!of && t >= of.start && t < of.stop;
  const focusable = anchor === null ? 0 : head;
  let last = -1;
  return (
    <div
      ref={box}
      class={`prose text${numbers && !hidden ? " numbered" : ""}`}
      dir={props.right ? "rtl" : "ltr"}
      role="listbox"
      aria-multiselectable
      aria-label={props.label}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onKeyDown={onKeyDown}
    >
      {pieces.map(({ text, step: t }) => {
        if (t === null) {
          // A gap belongs to the phrase that holds the words on both sides of it.
          const both = (of: Span | null) => inside(of, last) && inside(of, last + 1);
          const state = `${both(span) ? " in" : ""}${both(hover) ? " near" : ""}`;
          return (
            <span
              class={`gap${text.trim() ? "" : " blank"}${state}`}
              data-t={last < 0 ? undefined : last}
            >
              {text}
            </span>
          );
        }
        last = t;
        const score = reading.at(t, t + 1);
        const step = hidden ? 0 : reading.step(score);
        const unknown = known !== null && known[t] === "0";
        const edges =
          (inside(span, t)
            ? ` in${span!.start === t ? " first" : ""}${span!.stop === t + 1 ? " final" : ""}`
            : "") + (inside(hover, t) ? " near" : "");
        const number = reading.show(score);
        return (
          <span
            class={`word s${step + 2}${unknown ? " unknown" : ""}${edges}`}
            data-t={t}
            role="option"
            aria-selected={inside(span, t)}
            aria-label={
              hidden
                ? text
                : `${text} ${number}${unknown ? ", a word that the model does not know" : ""}`
            }
            tabIndex={t === focusable ? 0 : -1}
          >
            <span class="form">{text}</span>
            {numbers && !hidden && (
              <span class="number" dir="ltr">
                {number}
              </span>
            )}
          </span>
        );
      })}
    </div>
  );
}
