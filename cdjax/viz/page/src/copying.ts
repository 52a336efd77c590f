// What a person takes away: text, CSV, a picture as SVG or PNG.

import { directionName, labelOf, unitsOf } from "./names";
import type { ReviewRecord } from "./record";
import type { Direction, Reading, Span } from "./scores";
import { plain, quote, rightToLeft } from "./text";

/** Returns a phrase's numbers, or those of the words and the pinned phrases, as lines of text. */
export function toText(
  record: ReviewRecord,
  reading: Reading,
  direction: Direction,
  spans: Span[],
): string {
  const name = `${directionName(record, direction)}, ${reading.explained.name}, ${unitsOf(record, reading.record.units)}`;
  const lines = spans.map((span) => {
    const beyond =
      span.stop - span.start > 1
        ? ` (interaction ${reading.show(reading.beyond(span.start, span.stop))})`
        : "";
    return `${reading.show(reading.at(span.start, span.stop))}\t${quote(record, span)}${beyond}`;
  });
  return [name, ...lines].join("\n") + "\n";
}

// A cell that begins like a formula is one to a spreadsheet, so an apostrophe is put before it.
const cell = (text: string) => {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
};
const number = (value: number) => (Number.isNaN(value) ? "" : String(Number(value.toPrecision(8))));

/** Returns all spans as CSV: start, stop, text, score of each label, score, interaction. */
export function toCsv(record: ReviewRecord, reading: Reading): string {
  const labels = record.labels.map((_, label) => cell(`score_${labelOf(record, label)}`));
  const lines = [["start", "stop", "text", ...labels, "score", "interaction"].join(",")];
  for (let start = 0; start < reading.steps; start++) {
    for (
      let stop = start + 1;
      stop <= reading.steps && reading.explained.has(start, stop);
      stop++
    ) {
      const scores = record.labels.map((_, label) =>
        number(reading.explained.of(label, start, stop)),
      );
      const read = [number(reading.at(start, stop)), number(reading.beyond(start, stop))];
      lines.push([start, stop, cell(quote(record, { start, stop })), ...scores, ...read].join(","));
    }
  }
  return lines.join("\r\n") + "\r\n";
}

const escape = (text: string) => text.replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);
const [WIDTH, LINE, MARGIN, FONT] = [860, 48, 16, 17];
const FAMILY = "system-ui, 'DejaVu Sans', sans-serif";

/** Returns the words with their scores as a picture, in light colours. */
export function toSvg(
  record: ReviewRecord,
  reading: Reading,
  direction: Direction,
  span: Span | null,
): string {
  const context = document.createElement("canvas").getContext("2d")!;
  context.font = `${FONT}px ${FAMILY}`;
  const parts: string[] = [];
  const words = record.tokens ?? record.series!.times;
  const right = rightToLeft(words.join(" "));
  let [x, y] = [MARGIN, MARGIN + 44];
  words.forEach((word, t) => {
    const score = reading.at(t, t + 1);
    const shown = plain(word);
    const wide = Math.min(WIDTH - 2 * MARGIN, Math.max(context.measureText(shown).width, 34) + 10);
    if (x + wide > WIDTH - MARGIN) [x, y] = [MARGIN, y + LINE];
    const step = reading.step(score);
    const [ground, ink] = record.scale[step + 2]!.light;
    const left = right ? WIDTH - x - wide : x;
    if (ground) {
      parts.push(
        `<rect x="${left.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="26" rx="3" fill="${ground}"/>`,
      );
      if (step < 0)
        parts.push(
          `<rect x="${left.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="26" rx="3" fill="url(#hatch)"/>`,
        );
    }
    if (span && t >= span.start && t < span.stop) {
      parts.push(
        `<line x1="${left.toFixed(1)}" x2="${(left + wide).toFixed(1)}" y1="${y + 28.5}" y2="${y + 28.5}" stroke="#111" stroke-width="3"/>`,
      );
    }
    const middle = (left + wide / 2).toFixed(1);
    parts.push(
      `<text x="${middle}" y="${y + 18.5}" text-anchor="middle" fill="${ink || "#1c1c1e"}">${escape(shown)}</text>`,
      `<text x="${middle}" y="${y + 41}" text-anchor="middle" font-size="11" direction="ltr" fill="#55585d">${reading.show(score)}</text>`,
    );
    x += wide + 4;
  });
  const { explained, record: of } = reading;
  const title = `${directionName(record, direction)}: ${explained.name}, ${unitsOf(record, of.units)}`;
  const phrase = span
    ? `“${quote(record, span)}” ${reading.show(reading.at(span.start, span.stop))}`
    : `whole ${record.series ? "series" : "text"} ${reading.show(reading.at(0, reading.steps))}`;
  const height = y + LINE + MARGIN + 14;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
    `font-family="${FAMILY}" font-size="${FONT}"><title>${escape(title)}</title>` +
    `<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
    `<line x1="0" y1="0" x2="0" y2="5" stroke="#000" stroke-opacity=".22"/></pattern></defs>` +
    `<rect width="100%" height="100%" fill="#fff"/>` +
    `<text x="${MARGIN}" y="${MARGIN + 14}" font-size="13" fill="#55585d">${escape(title)}</text>` +
    `<text x="${MARGIN}" y="${MARGIN + 33}" font-size="13" font-weight="600" fill="#1c1c1e">${escape(phrase)}</text>` +
    parts.join("") +
    `</svg>\n`
  );
}

/** Returns a picture as PNG, twice as many pixels as the SVG has units. */
export async function toPng(svg: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png"),
  );
}

/** Copies a text; by a selection where a page from a file may not use the clipboard otherwise. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

export function download(content: Blob | string, name: string, type = "text/plain") {
  const blob =
    typeof content === "string" ? new Blob([content], { type: `${type};charset=utf-8` }) : content;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
