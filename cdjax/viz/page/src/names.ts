// What scores speak for, in the labels of the model.

import type { ReviewRecord } from "./record";
import type { Direction } from "./scores";
import { plain } from "./text";

export const labelOf = (record: ReviewRecord, label: number) => plain(record.labels[label]!);

/** The weights of a direction that is neither a label's score nor the difference of two; or null. */
function mixed(record: ReviewRecord, { given }: Direction): number[] | null {
  const { weights } = record.explanations[0]!;
  const rest = weights.filter((weight) => weight !== 0 && weight !== 1);
  const ones = weights.filter((weight) => weight === 1).length;
  const plainly = rest.length === 0 || (rest.length === 1 && rest[0] === -1);
  return given && weights.length > 2 && !(plainly && ones === 1) ? weights : null;
}

/** What scores above and below 0 speak for. */
export function sidesOf(
  record: ReviewRecord,
  direction: Direction,
): [above: string, below: string] {
  const weights = mixed(record, direction);
  if (weights) {
    const named = (sign: number) =>
      record.labels
        .filter((_, n) => sign * weights[n]! > 0)
        .map(plain)
        .join(" and ");
    const [up, down] = [named(1), named(-1)];
    return [up ? `for ${up}` : `against ${down}`, down ? `for ${down}` : `against ${up}`];
  }
  const { label, against } = direction;
  const name = labelOf(record, label);
  if (record.output === "value") return [`raises ${name}`, `lowers ${name}`];
  return [`for ${name}`, against === null ? `against ${name}` : `for ${labelOf(record, against)}`];
}

/** The number that is shown, as a sum of labels' scores. */
export function directionName(record: ReviewRecord, direction: Direction): string {
  const weights = mixed(record, direction);
  const { label, against } = direction;
  if (!weights) {
    return labelOf(record, label) + (against === null ? "" : ` \u2212 ${labelOf(record, against)}`);
  }
  const terms = weights.map((weight, n) => ({ weight, name: labelOf(record, n) }));
  const sum = terms.filter(({ weight }) => weight).sort((a, b) => b.weight - a.weight);
  const written = sum.map(({ weight, name }) => {
    const size = Math.abs(weight) === 1 ? "" : `${Math.abs(weight)} `;
    return `${weight < 0 ? "\u2212" : "+"} ${size}${name}`;
  });
  return written.join(" ").replace(/^\+ /, "");
}

/** A share in percent; one that only rounds to 0 or 100 is not written as that. */
export const percent = (share: number) => {
  const text = (100 * share).toFixed(1);
  if (share < 1 && text === "100.0") return "over 99.9%";
  if (share > 0 && text === "0.0") return "under 0.1%";
  return `${text}%`;
};

/** A probability, which no network gives as 0 or 1. As `write_probability` of Python. */
export const writeProbability = (probability: number) =>
  percent(Math.min(Math.max(probability, Number.EPSILON), 1 - Number.EPSILON));

/** The units of a number, as said after it. */
export const unitsOf = (record: ReviewRecord, units: string) =>
  record.output === "value" ? "in the units of the value" : `in ${units}`;

/** What the parts of a text, or of a series, are called. */
export const nounsOf = ({ series }: ReviewRecord) =>
  series
    ? { phrase: "window", phrases: "windows", word: "step", words: "steps" }
    : { phrase: "phrase", phrases: "phrases", word: "word", words: "words" };
