// Which reviews are looked at: by their labels, whether the model is right, and by kept columns.

import type { Column, Corpus } from "./corpus";

export interface Filters {
  predicted: number | null; // the number of an answer
  labelled: number | null;
  wrong: boolean; // the model's errors alone
  off: number | null; // of a value: the step of its error
  columns: Record<number, string>; // by number: what the values must be
}

export const NONE: Filters = {
  predicted: null,
  labelled: null,
  wrong: false,
  off: null,
  columns: {},
};

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

/** Returns which reviews fit, as 1 and 0; null where all do because nothing is asked. */
export function keep(corpus: Corpus, number: number, filters: Filters): Uint8Array | null {
  const { predicted, labelled, wrong, off, columns } = filters;
  const asked = Object.entries(columns).filter(([, wanted]) => wanted !== "");
  const any = predicted === null && labelled === null && off === null && !wrong;
  if (any && !asked.length) return null;
  const kept = new Uint8Array(corpus.size).fill(1);
  const drop = (fits: (review: number) => boolean) => {
    for (let review = 0; review < kept.length; review++) if (!fits(review)) kept[review] = 0;
  };
  const { data } = corpus;
  if (predicted !== null) drop((review) => corpus.given(number, review) === predicted);
  if (labelled !== null) drop((review) => corpus.true(number, review) === labelled);
  if (off !== null) {
    drop((review) => {
      const error = corpus.error(number, review);
      return !Number.isNaN(error) && corpus.step(error) === off;
    });
  }
  if (wrong) drop((review) => corpus.badness(number, review) > 0);
  for (const [n, wanted] of asked) {
    const column = data.columns[Number(n)];
    if (!column) continue;
    const fits = fitting(column, wanted);
    drop((review) => fits[column.valueOf[review]!] === 1);
  }
  return kept;
}
