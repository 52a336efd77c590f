// Which reviews are looked at: by their labels, whether the model is right, and by kept columns.

import type { Column, Corpus } from "./corpus";

export interface Filters {
  predicted: number | null;
  labelled: number | null;
  wrong: boolean; // the model's errors alone
  columns: Record<number, string>; // by number: what the values must be
}

export const NONE: Filters = { predicted: null, labelled: null, wrong: false, columns: {} };

const CHOICES = 40; // different values that can be chosen from

export type Kind = "choice" | "range" | "text";

const NUMBER = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/;

/** How a column is filtered: by one of few values, by a range of numbers, or by a part of a text. */
export function kindOf({ values }: Column): Kind {
  if (values.length <= CHOICES) return "choice";
  return values.every((value) => value === null || NUMBER.test(value)) ? "range" : "text";
}

/** Returns the values of a column that fit what is wanted, as 1 and 0. */
function fitting(column: Column, wanted: string): Uint8Array {
  const { values } = column;
  const kind = kindOf(column);
  if (kind === "choice") return Uint8Array.from(values, (_, n) => Number(String(n) === wanted));
  if (kind === "text") {
    const part = wanted.toLowerCase();
    return Uint8Array.from(values, (value) => Number((value ?? "").toLowerCase().includes(part)));
  }
  const [from = "", to = ""] = wanted.split("..");
  const [least, most] = [from === "" ? -Infinity : Number(from), to === "" ? Infinity : Number(to)];
  return Uint8Array.from(values, (value) => {
    const number = value === null ? NaN : Number(value);
    return Number(number >= least && number <= most);
  });
}

export const isWrong = ({ data }: Corpus, review: number) =>
  data.true !== null && data.true[review]! >= 0 && data.true[review] !== data.predicted![review];

/** Returns which reviews fit, as 1 and 0; null where all do because nothing is asked. */
export function keep(corpus: Corpus, filters: Filters): Uint8Array | null {
  const { predicted, labelled, wrong, columns } = filters;
  const asked = Object.entries(columns).filter(([, wanted]) => wanted !== "");
  if (predicted === null && labelled === null && !wrong && !asked.length) return null;
  const kept = new Uint8Array(corpus.size).fill(1);
  const drop = (fits: (review: number) => boolean) => {
    for (let review = 0; review < kept.length; review++) if (!fits(review)) kept[review] = 0;
  };
  const { data } = corpus;
  if (predicted !== null) drop((review) => data.predicted?.[review] === predicted);
  if (labelled !== null) drop((review) => data.true?.[review] === labelled);
  if (wrong) drop((review) => isWrong(corpus, review));
  for (const [number, wanted] of asked) {
    const column = data.columns[Number(number)];
    if (!column) continue;
    const fits = fitting(column, wanted);
    drop((review) => fits[column.valueOf[review]!] === 1);
  }
  return kept;
}
