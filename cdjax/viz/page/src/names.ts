// What scores speak for, in the labels of the model.

import type { ReviewRecord } from "./record";
import type { Direction } from "./scores";
import { plain } from "./text";

export const labelOf = (record: ReviewRecord, label: number) => plain(record.labels[label]!);

/** What scores above and below 0 speak for. */
export function sidesOf(
  record: ReviewRecord,
  { label, against }: Direction,
): [above: string, below: string] {
  const name = labelOf(record, label);
  if (record.output === "value") return [`raises ${name}`, `lowers ${name}`];
  return [`for ${name}`, against === null ? `against ${name}` : `for ${labelOf(record, against)}`];
}

export const directionName = (record: ReviewRecord, { label, against }: Direction) =>
  labelOf(record, label) + (against === null ? "" : ` \u2212 ${labelOf(record, against)}`);

export const percent = (probability: number) => {
  const text = (100 * probability).toFixed(1);
  if (probability < 1 && text === "100.0") return "over 99.9%";
  if (probability > 0 && text === "0.0") return "under 0.1%";
  return `${text}%`;
};

/** The units of a number, as said after it. */
export const unitsOf = (record: ReviewRecord, units: string) =>
  record.output === "value" ? "in the units of the value" : `in ${units}`;

/** What the parts of a text, or of a series, are called. */
export const nounsOf = ({ series }: ReviewRecord) =>
  series
    ? { phrase: "window", phrases: "windows", word: "step", words: "steps" }
    : { phrase: "phrase", phrases: "phrases", word: "word", words: "words" };
