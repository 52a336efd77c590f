// The spread of a phrase's scores over its occurrences.

import { COLUMNS, SIDE, type Corpus } from "./corpus";
import type { Summary } from "./summary";

interface StripProps {
  corpus: Corpus;
  summary: Summary;
  phrase: number;
  large?: boolean;
}

const SIZES = { small: { width: 3, height: 22 }, large: { width: 9, height: 84 } };

/**
 * Columns of the scores from left, below 0, to right; the ends hold all that is beyond. Heights are
 * square roots, so that few clear scores are seen beside many near 0.
 */
export function Strip({ corpus, summary, phrase, large }: StripProps) {
  const { width, height } = SIZES[large ? "large" : "small"];
  const { clear, decimals } = corpus.record;
  const columns = summary.histograms.subarray(phrase * COLUMNS, (phrase + 1) * COLUMNS);
  const most = columns.reduce((a, b) => Math.max(a, b), 1);
  const each = Math.round(clear / corpus.unit) / 2;
  const show = (column: number) => ((column - SIDE) * each * corpus.unit).toFixed(decimals);
  const ends = Array.from(columns.keys()).filter((n) => columns[n]!);
  const name =
    `${summary.below[phrase]} clearly below 0, ${summary.above[phrase]} clearly above, ` +
    `from ${show(ends[0] ?? SIDE)} to ${show(ends.at(-1) ?? SIDE)}`;
  const total = COLUMNS * width;
  const middle = (SIDE + 0.5) * width;
  const axis = large ? 16 : 0;
  return (
    <svg
      class={`strip${large ? " large" : ""}`}
      role="img"
      aria-label={name}
      viewBox={`0 0 ${total} ${height + axis}`}
      width={total}
      height={height + axis}
    >
      <line class="zero" x1={middle} x2={middle} y1={0} y2={height} />
      {Array.from(columns, (size, n) => {
        if (!size) return null;
        const high = Math.max(1.5, Math.sqrt(size / most) * (height - 1));
        return (
          <rect
            class={`c${corpus.step((n - SIDE) * each) + 2}`}
            x={n * width}
            y={height - high}
            width={width - (large ? 1 : 0.5)}
            height={high}
          >
            {large && <title>{`${show(n)}: ${size.toLocaleString("en")}`}</title>}
          </rect>
        );
      })}
      <line class="base" x1={0} x2={total} y1={height} y2={height} />
      {large &&
        [0, SIDE / 2, SIDE, (3 * SIDE) / 2, 2 * SIDE].map((n) => (
          <text
            x={(n + 0.5) * width}
            y={height + 12}
            text-anchor={n === 0 ? "start" : n === 2 * SIDE ? "end" : "middle"}
          >
            {(n === 0 ? "\u2264 " : n === 2 * SIDE ? "\u2265 " : "") +
              show(n).replace("-", "\u2212")}
          </text>
        ))}
    </svg>
  );
}
