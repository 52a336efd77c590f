// The words, or the windows of a series, with their scores as an SVG in light colours.

import { fit, widthOf } from "./measure";
import { directionName, sidesOf, unitsOf } from "./names";
import type { ReviewRecord } from "./record";
import type { Direction, Reading, Span } from "./scores";
import { plain, quote, rightToLeft } from "./text";

const [WIDTH, LINE, MARGIN, FONT, CELL, GAP] = [860, 48, 16, 17, 26, 4];
const [INK, SOFT] = ["#1c1c1e", "#55585d"];
const FAMILY = "system-ui, 'DejaVu Sans', sans-serif";

const escape = (text: string) => text.replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** An element of SVG; attributes are escaped, what is inside is not. */
function element(name: string, attributes: Record<string, string | number>, inside = ""): string {
  const written = Object.entries(attributes).map(
    ([key, value]) =>
      ` ${key}="${escape(typeof value === "number" ? String(+value.toFixed(1)) : value)}"`,
  );
  return `<${name}${written.join("")}>${inside}</${name}>`;
}

interface Cell {
  span: Span;
  text: string;
  x: number;
  y: number;
  wide: number;
}

/** Places words on lines. */
function layOut(record: ReviewRecord, steps: number): Cell[] {
  const room = WIDTH - 2 * MARGIN;
  const font = `${FONT}px ${FAMILY}`;
  const spans = record.series
    ? record.series.windows.map(([start, stop]) => ({ start, stop }))
    : Array.from({ length: steps }, (_, t) => ({ start: t, stop: t + 1 }));
  let [x, y] = [0, 64];
  return spans.map((span) => {
    const whole = record.series ? quote(record, span) : plain(record.tokens![span.start]!);
    const text = fit(whole, font, room - 10);
    const wide = Math.max(widthOf(text, font), 34) + 10;
    if (x + wide > room) [x, y] = [0, y + LINE];
    const cell = { span, text, x: MARGIN + x, y, wide };
    x += wide + GAP;
    return cell;
  });
}

export function toSvg(
  record: ReviewRecord,
  reading: Reading,
  direction: Direction,
  span: Span | null,
): string {
  const right = rightToLeft((record.tokens ?? []).join(" "));
  const cells = layOut(record, reading.steps);
  const inside = ({ span: of }: Cell) => span && of.start >= span.start && of.stop <= span.stop;
  const drawn = cells.map((cell, n) => {
    const { text, y, wide } = cell;
    const x = right ? WIDTH - cell.x - wide : cell.x;
    const score = reading.at(cell.span.start, cell.span.stop);
    const step = Number.isNaN(score) ? 0 : reading.step(score);
    const [ground, ink] = record.scale[step + 2]!.light;
    const box = { x, y, width: wide, height: CELL, rx: 3 };
    const next = cells[n + 1];
    // The line below the phrase goes on to its next word, where that is on the same line.
    const on = next && next.y === y && inside(next) ? GAP : 0;
    const line = { x: right ? x - on : x, y: y + CELL + 1, width: wide + on, height: 3, fill: INK };
    const middle = { x: x + wide / 2, "text-anchor": "middle" };
    const small = { y: y + 41, "font-size": 11, direction: "ltr", fill: SOFT };
    return [
      ground && element("rect", { ...box, fill: ground }),
      step < 0 && element("rect", { ...box, fill: "url(#hatch)" }),
      inside(cell) && element("rect", line),
      element("text", { ...middle, y: y + 18.5, fill: ink || INK }, escape(text)),
      element("text", { ...middle, ...small }, reading.show(score)),
    ];
  });
  const [above, below] = sidesOf(record, direction);
  const { explained, record: of } = reading;
  const name = `${directionName(record, direction)}: ${explained.name}, ${unitsOf(record, of.units)}`;
  const said = span
    ? `\u201c\u2068${quote(record, span)}\u2069\u201d`
    : `whole ${record.series ? "series" : "text"}`;
  const score = span ? reading.at(span.start, span.stop) : reading.at(0, reading.steps);
  const key = `blue ${above}, red and hatched ${below}; from \u00b1${of.clear}, strong from \u00b1${of.strong}`;
  const title = (y: number, text: string, font: object, after = "") => {
    const style = `600 13px ${FAMILY}`;
    const room = WIDTH - 2 * MARGIN - widthOf(after, style);
    return element(
      "text",
      { x: MARGIN, y, "font-size": 13, ...font },
      escape(fit(text, style, room) + after),
    );
  };
  const bottom = Math.max(64, ...cells.map(({ y }) => y)) + LINE;
  const height = bottom + MARGIN + 12;
  const hatch = element(
    "pattern",
    {
      id: "hatch",
      width: "5",
      height: "5",
      patternUnits: "userSpaceOnUse",
      patternTransform: "rotate(45)",
    },
    element("path", { d: "M0 0V5", stroke: "#000", "stroke-opacity": "0.22" }),
  );
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width: WIDTH,
      height,
      viewBox: `0 0 ${WIDTH} ${height}`,
      "font-family": FAMILY,
      "font-size": FONT,
    },
    [
      element("title", {}, escape(name)),
      element("defs", {}, hatch),
      element("rect", { width: "100%", height: "100%", fill: "#fff" }),
      title(30, name, { fill: SOFT }),
      title(50, said, { fill: INK, "font-weight": "600" }, ` ${reading.show(score)}`),
      ...drawn.flat().filter(Boolean),
      title(bottom + 14, key, { "font-size": 11, fill: SOFT }),
    ].join(""),
  );
}
