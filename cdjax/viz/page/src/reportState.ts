// What is looked at in a corpus, and its form in the address, by which it is shared.

import type { Corpus } from "./corpus";
import { NONE, type Filters } from "./filters";
import { ORDERS, type Order } from "./finding";

export type Side = "both" | "all" | "above" | "below";
export type ReviewOrder = "first" | "highest" | "lowest" | "corpus" | "sure" | "unsure";

export interface ReportState {
  number: number; // which of the numbers is read
  query: string;
  order: Order | null;
  up: boolean;
  opposite: boolean;
  page: number;
  phrase: number | null;
  side: Side | null; // of the phrase's occurrences; null: both where both are clear
  words: string; // that the reviews must hold
  reviewOrder: ReviewOrder;
  reviewPage: number;
  filters: Filters;
}

export const FIRST: ReportState = {
  number: 0,
  query: "",
  order: null,
  up: false,
  opposite: false,
  page: 0,
  phrase: null,
  side: null,
  words: "",
  reviewOrder: "first",
  reviewPage: 0,
  filters: NONE,
};

const SIDES: Side[] = ["both", "all", "above", "below"];
const REVIEW_ORDERS: ReviewOrder[] = ["first", "highest", "lowest", "corpus", "sure", "unsure"];

/** Returns a state as the part of the address after `#`; what is as at first is left out. */
export function toHash(state: ReportState, corpus: Corpus): string {
  const hash = new URLSearchParams();
  const { filters } = state;
  const set = (name: string, value: string | number | null) => {
    if (value !== null && value !== "" && value !== 0) hash.set(name, String(value));
  };
  set("number", state.number);
  set("q", state.query);
  set("order", state.order);
  set("up", Number(state.up));
  set("opposite", Number(state.opposite));
  set("page", state.page);
  if (state.phrase !== null) hash.set("phrase", corpus.texts[state.phrase]!);
  set("side", state.side);
  set("words", state.words);
  set("reviews", state.reviewOrder === "first" ? null : state.reviewOrder);
  set("reviewpage", state.reviewPage);
  if (filters.predicted !== null) hash.set("predicted", String(filters.predicted));
  if (filters.labelled !== null) hash.set("labelled", String(filters.labelled));
  set("wrong", Number(filters.wrong));
  if (filters.off !== null) hash.set("off", String(filters.off));
  for (const [number, wanted] of Object.entries(filters.columns)) set(`column${number}`, wanted);
  return hash.toString();
}

/** Returns the state that an address names; what it names wrongly is as at first. */
export function fromHash(text: string, corpus: Corpus): ReportState {
  const hash = new URLSearchParams(text.replace(/^#/, ""));
  const { numbers } = corpus.record;
  const count = (name: string, most: number) => {
    const value = hash.get(name) ?? "";
    return /^\d{1,7}$/.test(value) && Number(value) < most ? Number(value) : null;
  };
  const one = <T extends string>(name: string, of: readonly T[]) =>
    of.find((value) => value === hash.get(name)) ?? null;
  const columns: Record<number, string> = {};
  corpus.data.columns.forEach((_, n) => {
    const wanted = hash.get(`column${n}`);
    if (wanted !== null) columns[n] = wanted;
  });
  const phrase = hash.has("phrase") ? corpus.texts.indexOf(hash.get("phrase")!) : -1;
  const number = count("number", numbers.length) ?? 0;
  const answers = corpus.answers(number)?.length ?? 0;
  const known = corpus.data.true !== null;
  const off = one("off", answers || !known ? [] : ["-2", "-1", "0", "1", "2"]);
  return {
    number,
    query: hash.get("q") ?? "",
    order: one("order", Object.keys(ORDERS) as Order[]),
    up: hash.get("up") === "1",
    opposite: hash.get("opposite") === "1",
    page: count("page", 1e7) ?? 0,
    phrase: phrase < 0 ? null : phrase,
    side: one("side", SIDES),
    words: hash.get("words") ?? "",
    reviewOrder: one("reviews", REVIEW_ORDERS) ?? "first",
    reviewPage: count("reviewpage", 1e7) ?? 0,
    filters: {
      predicted: count("predicted", answers),
      labelled: count("labelled", known ? answers : 0),
      wrong: known && hash.get("wrong") === "1",
      off: off === null ? null : Number(off),
      columns,
    },
  };
}
