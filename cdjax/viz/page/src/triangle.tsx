// All phrases at once: words in the first row, phrases of n words in row n, each below its middle.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Colour } from "./colours";
import { useWidth } from "./hooks";
import { fit, widthOf } from "./measure";
import type { Reading, Span } from "./scores";
import type { Shown } from "./state";

interface Props {
  reading: Reading;
  shown: Shown;
  colour: (step: number) => Colour;
  span: Span | null;
  hover: Span | null;
  describe: (span: Span) => ComponentChildren;
  right: boolean; // the text is read from right to left, and so is the first row
  onHover: (span: Span | null) => void;
  onSelect: (span: Span) => void;
  words: string[]; // above the first row, where there is room
  times: boolean; // the words are times, of which as many are shown as have room in full
}

const HEIGHT = 480; // most pixels of all rows, where they have no numbers
const [LEAST, MOST] = [2, 76]; // widths of a cell
const NUMBERED = 38; // the least width of a cell with its number

export function Triangle({
  reading,
  shown,
  colour,
  span,
  hover,
  describe,
  onHover,
  onSelect,
  words,
  times,
  right,
}: Props) {
  const [box, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [left, setLeft] = useState(0); // pixels scrolled
  const { steps } = reading;
  const rows = reading.record.longest;
  const wide = Math.min(MOST, Math.max(LEAST, width / steps));
  const high = wide >= NUMBERED ? 26 : Math.min(wide, 16, Math.max(2, HEIGHT / rows));
  /** The left edge of the cell of `n` steps from a start on. */
  const leftOf = (start: number, n: number) => {
    const x = start * wide + ((n - 1) / 2) * wide;
    return right ? (steps - 1) * wide - x : x;
  };
  const gap = wide > 8 ? 1 : 0; // between cells
  const head = wide >= NUMBERED || times ? 22 : 0;
  const height = head + Math.ceil(rows * high) + 2;
  const value = (start: number, stop: number) =>
    shown === "score" ? reading.at(start, stop) : reading.beyond(start, stop);

  /** Returns a canvas of the size on the screen, and what draws on it in the units of the page. */
  const prepare = (element: HTMLCanvasElement) => {
    const scale = devicePixelRatio || 1;
    element.width = Math.round(width * scale);
    element.height = Math.round(height * scale);
    const context = element.getContext("2d")!;
    context.scale(scale, scale);
    context.translate(-left, 0);
    return context;
  };
  const style = getComputedStyle(document.documentElement);
  const { fontFamily } = getComputedStyle(document.body);
  const [ink, faint, accent] = ["--ink", "--faint", "--accent"].map((name) =>
    style.getPropertyValue(name),
  );

  // All cells; they stay while only the phrase changes.
  const cells = useMemo(() => {
    const element = document.createElement("canvas");
    if (!width) return element;
    const context = prepare(element);
    context.font = `11px ${fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    if (head) {
      context.fillStyle = ink!;
      context.font = `12px ${fontFamily}`;
      if (times) {
        context.textAlign = "left";
        const widest = Math.max(...words.map((word) => widthOf(word, context.font)));
        const every = Math.ceil((widest + 12) / wide);
        for (let t = 0; t < steps; t += every) {
          if (!t || t * wide + widest <= steps * wide)
            context.fillText(words[t]!, t * wide, head / 2);
        }
        context.textAlign = "center";
      } else {
        words.forEach((word, t) =>
          context.fillText(fit(word, context.font, wide - 4), leftOf(t, 1) + wide / 2, head / 2),
        );
      }
      context.font = `11px ${fontFamily}`;
      context.translate(0, head);
    }
    for (let n = 1; n <= rows; n++) {
      for (let start = 0; start <= steps - n; start++) {
        const [x, y] = [leftOf(start, n), (n - 1) * high];
        if (x + wide < left || x > left + width) continue;
        const score = value(start, start + n);
        const step = Number.isNaN(score) ? 0 : reading.step(score);
        const { ground, ink: letters } = colour(step);
        context.fillStyle = ground || faint!;
        // From pixel to pixel of the screen: no seams between cells of a fraction of one.
        const [edgeX, edgeY] = [snap(x), snap(y)];
        context.fillRect(edgeX, edgeY, snap(x + wide) - edgeX - gap, snap(y + high) - edgeY - gap);
        if (step < 0 && wide >= 7 && high >= 7) hatch(context, x, y, wide - gap, high - gap);
        if (wide >= NUMBERED && !(shown === "interaction" && n === 1)) {
          context.fillStyle = letters || ink!;
          context.fillText(reading.show(score), x + wide / 2, y + high / 2 + 0.5);
        }
      }
    }
    return element;
  }, [reading, shown, colour, width, height, left, right, words, times]);

  const draw = () => {
    if (!canvas.current || !width) return;
    const context = prepare(canvas.current);
    context.drawImage(cells, left, 0, width, height);
    context.translate(0, head);
    for (const [of, line, colourOf] of [
      [hover, 1.5, ink],
      [span, 2.5, accent],
    ] as const) {
      if (!of || of.stop - of.start > rows) continue;
      context.strokeStyle = colourOf!;
      context.lineWidth = line;
      const n = of.stop - of.start;
      context.strokeRect(leftOf(of.start, n), (n - 1) * high, wide - gap, Math.max(2, high - gap));
    }
  };
  useLayoutEffect(draw);

  const spanAt = (event: MouseEvent): Span | null => {
    const frame = canvas.current!.getBoundingClientRect();
    const n = 1 + Math.floor((event.clientY - frame.top - head) / high);
    const x = event.clientX - frame.left + left;
    const start = Math.floor(((right ? steps * wide - x : x) - ((n - 1) / 2) * wide) / wide);
    return n >= 1 && n <= rows && start >= 0 && start + n <= steps
      ? { start, stop: start + n }
      : null;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const now = span ?? { start: 0, stop: 1 };
    const on = right ? -1 : 1;
    const moves: Record<string, Span> = {
      ArrowLeft: { start: now.start - on, stop: now.stop - on },
      ArrowRight: { start: now.start + on, stop: now.stop + on },
      ArrowDown: { start: now.start, stop: now.stop + 1 },
      ArrowUp: { start: now.start, stop: now.stop - 1 },
    };
    const next = moves[event.key];
    if (!next) return;
    event.preventDefault();
    if (next.start >= 0 && next.stop <= steps && reading.explained.has(next.start, next.stop))
      onSelect(next);
  };
  const about = hover ?? span;
  return (
    <div>
      <div class="triangle" ref={box} onScroll={(event) => setLeft(event.currentTarget.scrollLeft)}>
        <div class="wide" style={{ width: `${Math.floor(steps * wide)}px` }}>
          <canvas
            ref={canvas}
            style={{ width: `${width}px`, height: `${height}px` }}
            tabIndex={0}
            role="application"
            aria-label="All phrases; arrow keys move along the text, and to longer and shorter phrases"
            onPointerMove={(event) => onHover(spanAt(event))}
            onPointerLeave={() => onHover(null)}
            onClick={(event) => {
              const found = spanAt(event);
              if (found) onSelect(found);
            }}
            onKeyDown={onKeyDown}
          />
        </div>
      </div>
      <p class="reading">{about ? describe(about) : "\u00a0"}</p>
    </div>
  );
}

const snap = (units: number) =>
  Math.round(units * (devicePixelRatio || 1)) / (devicePixelRatio || 1);

function hatch(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  wide: number,
  high: number,
) {
  context.save();
  context.beginPath();
  context.rect(x, y, wide, high);
  context.clip();
  context.strokeStyle = "rgba(0, 0, 0, 0.22)";
  context.lineWidth = 1;
  context.beginPath();
  for (let offset = -high; offset < wide; offset += 5) {
    context.moveTo(x + offset, y + high);
    context.lineTo(x + offset + high, y);
  }
  context.stroke();
  context.restore();
}
