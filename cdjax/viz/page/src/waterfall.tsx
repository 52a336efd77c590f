// Where the logit comes from: the output bias, the words, what they say together, the remainder.

import { useWidth } from "./hooks";
import { nounsOf } from "./names";
import type { ReviewRecord } from "./record";
import { fit } from "./measure";
import type { Reading, Span } from "./scores";

export interface Bar {
  name: string;
  value: number;
  span: Span | null;
  kind: "word" | "part" | "total";
}

const WORDS = 12; // most words with a bar of their own

/** Returns the parts that add up to the logit along the direction, and it. */
export function barsOf(
  record: ReviewRecord,
  reading: Reading,
  quoteOf: (span: Span) => string,
): Bar[] {
  const { steps } = reading;
  // The words or, of a series, windows of time.
  const windows = record.series?.windows.map(([start, stop]): Span => ({ start, stop }));
  const scored = windows?.every(({ start, stop }) => reading.explained.has(start, stop));
  const spans = scored
    ? windows!
    : Array.from({ length: steps }, (_, t): Span => ({ start: t, stop: t + 1 }));
  const unit = scored ? "windows" : nounsOf(record).words;
  const parts = spans.map((span) => ({ span, value: reading.at(span.start, span.stop) }));
  const strongest = [...parts].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const chosen = new Set(strongest.slice(0, parts.length > WORDS + 1 ? WORDS : undefined));
  const others = parts.filter((one) => !chosen.has(one));
  const sum = parts.reduce((total, { value }) => total + value, 0);
  const whole = reading.at(0, steps);
  const part = (name: string, value: number): Bar => ({ name, value, span: null, kind: "part" });
  const { adds } = reading.record;
  const bars: Bar[] = adds ? [part("output bias", reading.bias)] : [];
  for (const { span, value } of parts.filter((one) => chosen.has(one))) {
    bars.push({ name: quoteOf(span), value, span, kind: "word" });
  }
  if (others.length) {
    const value = others.reduce((total, other) => total + other.value, 0);
    bars.push(part(`${others.length} weaker ${unit}`, value));
  }
  if (!adds) {
    if (Math.abs(whole - sum) > 0) bars.push(part(`${unit} together`, whole - sum));
    if (!Number.isNaN(whole))
      bars.push({ name: "whole text", value: whole, span: null, kind: "total" });
    return bars;
  }
  const together = Number.isNaN(whole) ? NaN : whole - sum;
  if (Number.isNaN(together)) {
    bars.push(part(`beyond single ${unit}`, reading.logit - reading.bias - sum));
  } else {
    const remainder = reading.logit - reading.bias - whole;
    bars.push(part(`${unit} together`, together));
    if (Math.abs(remainder) >= 0.5 * 10 ** -reading.record.decimals)
      bars.push(part("remainder", remainder));
  }
  bars.push({ name: "logit", value: reading.logit, span: null, kind: "total" });
  return bars;
}

interface Props {
  bars: Bar[];
  reading: Reading;
  total: string;
  onSelect: (span: Span) => void;
}

const [ROW, NAME, NUMBER] = [22, 150, 64];

export function Waterfall({ bars, reading, total, onSelect }: Props) {
  const [box, width] = useWidth<HTMLDivElement>();
  const name = Math.min(NAME, width * 0.36);
  const family = getComputedStyle(document.body).fontFamily;
  let at = 0;
  const placed = bars.map((bar) => {
    const from = bar.kind === "total" ? 0 : at;
    at = from + bar.value;
    return { ...bar, from, to: at };
  });
  const ends = placed.flatMap(({ from, to }) => [from, to]);
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const room = Math.max(40, width - name - NUMBER - 12);
  const x = (value: number) => name + 6 + (room * (value - low)) / (high - low || 1);
  const height = ROW * placed.length + 4;
  return (
    <div ref={box} class="waterfall">
      {width > 0 && (
        <svg width={width} height={height} role="img" aria-label={describe(placed, reading, total)}>
          <line class="zero" x1={x(0)} x2={x(0)} y1={0} y2={height} />
          {placed.map(({ name: text, value, from, to, kind, span }, row) => {
            const y = row * ROW;
            const side = value < 0 ? "below" : "above";
            const label = kind === "total" ? total : text;
            return (
              <g class={`${kind}${span ? " open" : ""}`} onClick={() => span && onSelect(span)}>
                <rect class="target" x={0} y={y} width={width} height={ROW} />
                <text class="name" x={name} y={y + ROW / 2} text-anchor="end">
                  {fit(label, `${kind === "total" ? 700 : 400} 12px ${family}`, name - 4)}
                </text>
                <rect
                  class={kind === "total" ? "sum" : side}
                  x={Math.min(x(from), x(to))}
                  y={y + 3}
                  width={Math.max(1.5, Math.abs(x(to) - x(from)))}
                  height={ROW - 6}
                />
                {row + 1 < placed.length && (
                  <line class="link" x1={x(to)} x2={x(to)} y1={y + ROW - 3} y2={y + ROW + 3} />
                )}
                <text class="figure" x={Math.max(x(from), x(to)) + 5} y={y + ROW / 2}>
                  {reading.show(value)}
                </text>
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

const describe = (bars: Bar[], reading: Reading, total: string) =>
  `Parts of ${total}: ` +
  bars.map(({ name, value }) => `${name} ${reading.show(value)}`).join(", ");

/** The account in one line: what the whole owns, what belongs to nothing in it, and the output. */
export function Sum({ of, unit }: { of: Reading; unit: string }) {
  const whole = of.at(0, of.steps);
  if (Number.isNaN(whole)) return null;
  const rest = of.logit - of.bias - whole;
  return (
    <p class="sum">
      whole {unit} <strong>{of.show(whole)}</strong>, remainder <strong>{of.show(rest)}</strong>,
      output bias <strong>{of.show(of.bias)}</strong>: together <strong>{of.show(of.logit)}</strong>
    </p>
  );
}
