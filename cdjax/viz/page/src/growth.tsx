// How a phrase's score changes as words join it one by one.

import { useState } from "preact/hooks";
import { useWidth } from "./hooks";
import type { Reading, Span } from "./scores";

const [BEYOND, MOST, HEIGHT] = [4, 40, 84];

interface Props {
  span: Span;
  reading: Reading;
  word: string;
  quoteOf: (span: Span) => string;
  onSelect: (span: Span) => void;
}

export function Growth({ span, reading, word, quoteOf, onSelect }: Props) {
  const [fromEnd, setFromEnd] = useState(false);
  const [box, width] = useWidth<HTMLDivElement>();
  const { start, stop } = span;
  const { steps, record } = reading;
  // Phrases that share the first (or last) word, from that word alone to some words beyond.
  const most = Math.min(record.longest, Math.max(MOST, stop - start), stop - start + BEYOND);
  const longest = Math.min(most, fromEnd ? stop : steps - start);
  const grown = Array.from({ length: longest }, (_, n): Span =>
    fromEnd ? { start: stop - n - 1, stop } : { start, stop: start + n + 1 },
  );
  const scores = grown.map((one) => reading.at(one.start, one.stop));
  const [low, high] = [-1, 1].map((sign) =>
    scores.reduce((end, score) => (sign * score > sign * end ? score : end), 0),
  ) as [number, number];
  const [top, bottom] = [10, HEIGHT - 10];
  const y = (score: number) => bottom - ((bottom - top) * (score - low)) / (high - low || 1);
  const each = width / Math.max(1, longest);
  const x = (n: number) => each * (n + 0.5);
  const scored = grown.flatMap((_, n) => (Number.isNaN(scores[n]!) ? [] : [n]));
  const points = scored.map((n) => `${x(n).toFixed(1)},${y(scores[n]!).toFixed(1)}`);
  const list = grown.map((one, n) => `${quoteOf(one)} ${reading.show(scores[n]!)}`);
  return (
    <div class="growth">
      <div class="row">
        <h3>{word === "word" ? "Word by word" : "Step by step"}</h3>
        <button type="button" onClick={() => setFromEnd(!fromEnd)}>
          {fromEnd ? `from its last ${word} back` : `from its first ${word} on`}
        </button>
      </div>
      <div ref={box}>
        {width > 0 && longest > 1 ? (
          <svg width={width} height={HEIGHT} role="img" aria-label={list.slice(0, 12).join("; ")}>
            <line class="zero" x1={0} x2={width} y1={y(0)} y2={y(0)} />
            <polyline class="line" points={points.join(" ")} />
            {scored.map((n) => {
              const one = grown[n]!;
              const step = reading.step(scores[n]!);
              const here = one.start === start && one.stop === stop;
              return (
                <g class="open" onClick={() => onSelect(one)}>
                  <title>{list[n]}</title>
                  <rect class="target" x={x(n) - each / 2} y={0} width={each} height={HEIGHT} />
                  <circle
                    class={`dot d${step + 2}${here ? " here" : ""}`}
                    cx={x(n)}
                    cy={y(scores[n]!)}
                    r={here ? 6 : 4}
                  />
                </g>
              );
            })}
          </svg>
        ) : (
          <p class="note">There is no {word} to join it.</p>
        )}
      </div>
    </div>
  );
}
