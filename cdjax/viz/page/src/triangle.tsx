// All phrases at once: words in the first row, phrases of n words in row n, each below its middle.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Colour } from "./colours";
import { useWidth } from "./hooks";
import type { Reading, Span } from "./scores";
import type { Shown } from "./state";

interface Props {
  reading: Reading;
  shown: Shown;
  colour: (step: number) => Colour;
  span: Span | null;
  hover: Span | null;
  describe: (span: Span) => string;
  onHover: (span: Span | null) => void;
  onSelect: (span: Span) => void;
  words: string[]; // above the first row, where there is room
}

const HEIGHT = 460; // most pixels of all rows, where cells would be small anyway
const [LEAST, MOST] = [4, 76]; // widths of a cell
const NUMBERED = 44; // the least width of a cell with its number

export function Triangle({ reading, shown, colour, span, hover, describe, onHover, onSelect, words }: Props) {
  const [box, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [left, setLeft] = useState(0); // pixels scrolled
  const { steps } = reading;
  const rows = reading.record.longest;
  const wide = Math.min(MOST, Math.max(LEAST, width / steps));
  const high = wide >= NUMBERED ? 26 : Math.max(Math.min(wide, 16), Math.min(wide, HEIGHT / rows), 3);
  const head = wide >= NUMBERED ? 22 : 0;
  const height = head + Math.ceil(rows * high) + 2;
  const value = (start: number, stop: number) =>
    shown === "score" ? reading.at(start, stop) : reading.beyond(start, stop);

  const draw = () => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || !width) return;
    const scale = devicePixelRatio || 1;
    element.width = Math.round(width * scale);
    element.height = Math.round(height * scale);
    context.scale(scale, scale);
    context.translate(-left, 0);
    const style = getComputedStyle(element);
    const [ink, faint, accent] = ["color", "--faint", "--accent"].map((name) => style.getPropertyValue(name));
    context.font = `11px ${style.fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const gap = wide > 8 ? 1 : 0;
    if (head) {
      context.fillStyle = ink!;
      context.font = `12px ${style.fontFamily}`;
      words.forEach((word, t) => context.fillText(fit(context, word, wide - 4), (t + 0.5) * wide, head / 2));
      context.font = `11px ${style.fontFamily}`;
      context.translate(0, head);
    }
    for (let n = 1; n <= rows; n++) {
      const shift = ((n - 1) / 2) * wide;
      const from = Math.max(0, Math.floor((left - shift) / wide) - 1);
      const to = Math.min(steps - n, Math.ceil((left + width - shift) / wide));
      for (let start = from; start <= to; start++) {
        const score = value(start, start + n);
        const step = Number.isNaN(score) ? 0 : reading.step(score);
        const { ground, ink: letters } = colour(step);
        const [x, y] = [start * wide + shift, (n - 1) * high];
        context.fillStyle = ground || faint!;
        context.fillRect(x, y, wide - gap, high - gap);
        if (step < 0 && wide >= 7 && high >= 7) hatch(context, x, y, wide - gap, high - gap);
        if (wide >= NUMBERED && !(shown === "interaction" && n === 1)) {
          context.fillStyle = letters || ink!;
          context.fillText(reading.show(score), x + wide / 2, y + high / 2 + 0.5);
        }
      }
    }
    for (const [of, line, colourOf] of [
      [hover, 1.5, ink],
      [span, 2.5, accent],
    ] as const) {
      if (!of || of.stop - of.start > rows) continue;
      context.strokeStyle = colourOf!;
      context.lineWidth = line;
      const n = of.stop - of.start;
      context.strokeRect(of.start * wide + ((n - 1) / 2) * wide, (n - 1) * high, wide - gap, Math.max(2, high - gap));
    }
  };
  useLayoutEffect(draw);

  const spanAt = (event: MouseEvent): Span | null => {
    const frame = canvas.current!.getBoundingClientRect();
    const n = 1 + Math.floor((event.clientY - frame.top - head) / high);
    const start = Math.floor((event.clientX - frame.left + left - ((n - 1) / 2) * wide) / wide);
    return n >= 1 && n <= rows && start >= 0 && start + n <= steps ? { start, stop: start + n } : null;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const now = span ?? { start: 0, stop: 1 };
    const moves: Record<string, Span> = {
      ArrowLeft: { start: now.start - 1, stop: now.stop - 1 },
      ArrowRight: { start: now.start + 1, stop: now.stop + 1 },
      ArrowDown: { start: now.start, stop: now.stop + 1 },
      ArrowUp: { start: now.start, stop: now.stop - 1 },
    };
    const next = moves[event.key];
    if (!next) return;
    event.preventDefault();
    if (next.start >= 0 && next.stop <= steps && reading.explained.has(next.start, next.stop)) onSelect(next);
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

function fit(context: CanvasRenderingContext2D, word: string, wide: number) {
  let characters = [...word];
  if (context.measureText(word).width <= wide) return word;
  while (characters.length > 1 && context.measureText(characters.join("") + "…").width > wide) characters = characters.slice(0, -1);
  return characters.join("") + "…";
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, wide: number, high: number) {
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
