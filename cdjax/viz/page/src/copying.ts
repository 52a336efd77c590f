// What a person takes away: text, CSV, a picture as SVG or PNG.

import { directionName, labelOf, unitsOf } from "./names";
import type { ReviewRecord } from "./record";
import type { Direction, Reading, Span } from "./scores";
import { quote } from "./text";

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

/**
 * Returns all spans as CSV: start, stop, text, score of each label, score, interaction; of many
 * spans with two decimals more than are shown, to which most are kept.
 */
export function toCsv(record: ReviewRecord, reading: Reading): string {
  const { decimals, scores } = reading.record;
  const write = (value: number) =>
    scores.bits ? value.toFixed(decimals + 2) : value.toPrecision(8);
  const number = (value: number) => (Number.isNaN(value) ? "" : String(Number(write(value))));
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
