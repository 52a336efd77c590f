// Where the logit comes from: the output bias, the words, what they say together, the remainder.

import { useWidth } from "./hooks";
import { nounsOf } from "./names";
import type { ReviewRecord } from "./record";
import { widthOf, wrap } from "./measure";
import type { Reading, Span } from "./scores";

interface Part {
  name: string;
  value: number;
  span: Span | null;
  kind: "word" | "part" | "total";
}

interface Bar extends Part {
  from: number; // where the last one ended; 0 for the total
  to: number;
}

const WORDS = 12; // most words with a bar of their own

/** Returns the parts that add up to the output along the direction, and it, as bars. */
export function barsOf(
  record: ReviewRecord,
  reading: Reading,
  total: string,
  quoteOf: (span: Span) => string,
): Bar[] {
  let at = 0;
  return partsOf(record, reading, total, quoteOf).map((part) => {
    const from = part.kind === "total" ? 0 : at;
    at = from + (Number.isNaN(part.value) ? 0 : part.value);
    return { ...part, from, to: at };
  });
}

function partsOf(
  record: ReviewRecord,
  reading: Reading,
  total: string,
  quoteOf: (span: Span) => string,
): Part[] {
  const { steps, logit, bias } = reading;
  const { adds, decimals } = reading.record;
  // The words or, of a series, windows of time.
  const windows = record.series?.windows.map(([start, stop]): Span => ({ start, stop }));
  const scored = windows?.every(({ start, stop }) => reading.explained.has(start, stop));
  const spans = scored
    ? windows!
    : Array.from({ length: steps }, (_, t): Span => ({ start: t, stop: t + 1 }));
  const unit = scored ? "windows" : nounsOf(record).words;
  const all = spans.map((span) => ({ span, value: reading.at(span.start, span.stop) }));
  const strongest = [...all].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const chosen = new Set(strongest.slice(0, all.length > WORDS + 1 ? WORDS : undefined));
  const others = all.filter((one) => !chosen.has(one));
  const add = (values: { value: number }[]) => values.reduce((sum, { value }) => sum + value, 0);

  const parts: Part[] = [];
  const tell = (name: string, value: number, kind: Part["kind"] = "part") =>
    parts.push({ name, value, span: null, kind });
  if (adds) tell("output bias", bias);
  for (const { span, value } of all.filter((one) => chosen.has(one))) {
    parts.push({ name: quoteOf(span), value, span, kind: "word" });
  }
  if (others.length) tell(`${others.length} weaker ${unit}`, add(others));
  const whole = reading.at(0, steps);
  if (Number.isNaN(whole)) {
    if (adds) tell(`beyond single ${unit}`, logit - bias - add(all));
  } else {
    if (!reading.record.additive) tell(`${unit} together`, whole - add(all));
    const remainder = logit - bias - whole;
    if (adds && Math.abs(remainder) >= 0.5 * 10 ** -decimals) tell("remainder", remainder);
  }
  if (adds) tell(total, logit, "total");
  else if (!Number.isNaN(whole)) tell(`whole ${record.series ? "series" : "text"}`, whole, "total");
  return parts;
}

/** Returns from where to where bars reach. */
export function rangeOf(bars: Bar[]): [number, number] {
  const ends = bars.flatMap(({ from, to }) => [from, to]);
  return [Math.min(0, ...ends), Math.max(0, ...ends)];
}

interface Props {
  bars: Bar[];
  range: [number, number] | null; // of the scale; that of these bars where null
  reading: Reading;
  title: string;
  onSelect: (span: Span) => void;
}

const [ROW, LINE, NAME, NUMBER] = [22, 14, 230, 64];

export function Waterfall({ bars, range, reading, title, onSelect }: Props) {
  const [box, width] = useWidth<HTMLDivElement>();
  const family = getComputedStyle(document.body).fontFamily;
  const fontOf = (kind: Part["kind"]) => `${kind === "total" ? 700 : 400} 12px ${family}`;
  const longest = Math.max(...bars.map((bar) => widthOf(bar.name, fontOf(bar.kind))));
  const name = Math.min(longest + 8, NAME, width * 0.4);
  const [low, high] = range ?? rangeOf(bars);
  const room = Math.max(40, width - name - NUMBER - 12);
  const x = (value: number) => name + 6 + (room * (value - low)) / (high - low || 1);
  const names = bars.map((bar) => wrap(bar.name, fontOf(bar.kind), name - 4));
  let height = 0;
  const tops = names.map((lines) => (height += ROW + LINE * (lines.length - 1)) - ROW);
  height += 4;
  return (
    <div ref={box} class="waterfall">
      {width > 0 && (
        <svg width={width} height={height} role="img" aria-label={describe(bars, reading, title)}>
          <line class="zero" x1={x(0)} x2={x(0)} y1={0} y2={height} />
          {bars.map(({ value, from, to, kind, span }, row) => {
            const [y, lines] = [tops[row]!, names[row]!];
            const above = LINE * (lines.length - 1); // a first line of the name
            const side = value < 0 ? "below" : "above";
            return (
              <g class={`${kind}${span ? " open" : ""}`} onClick={() => span && onSelect(span)}>
                <rect class="target" x={0} y={y - above} width={width} height={ROW + above} />
                {lines.map((line, n) => (
                  <text
                    class="name"
                    x={name}
                    y={y + ROW / 2 - LINE * (lines.length - 1 - n)}
                    text-anchor="end"
                  >
                    {line}
                  </text>
                ))}
                <rect
                  class={kind === "total" ? "sum" : side}
                  x={Math.min(x(from), x(to))}
                  y={y + 3}
                  width={Math.max(1.5, Math.abs(x(to) - x(from)))}
                  height={ROW - 6}
                />
                {row + 1 < bars.length && (
                  <line
                    class="link"
                    x1={x(to)}
                    x2={x(to)}
                    y1={y + ROW - 3}
                    y2={tops[row + 1]! + 3}
                  />
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

const describe = (bars: Bar[], reading: Reading, title: string) =>
  `${title}: ` + bars.map(({ name, value }) => `${name} ${reading.show(value)}`).join(", ");

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
