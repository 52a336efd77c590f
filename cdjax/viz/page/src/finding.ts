// Phrases that are searched for, in the order that is asked for.

import MiniSearch from "minisearch";
import type { Corpus } from "./corpus";
import type { Summary } from "./summary";

export const ORDERS = {
  evidence: "most evidence",
  count: "most frequent",
  mean: "mean score",
  interaction: "interaction",
  opposite: "both signs",
  phrase: "alphabet",
} as const;

export type Order = keyof typeof ORDERS;

/** A query as its words are in the corpus: without spaces at contractions and marks. */
const cut = (query: string) =>
  query
    .toLowerCase()
    .replace(/[’‘]/g, "'")
    .replace(/(\p{L})n't(?!\p{L})/gu, "$1 n't")
    .replace(/(\p{L})('(?:s|m|d|ll|re|ve))(?!\p{L})/gu, "$1 $2")
    .split(/\s+/)
    .filter((word) => word !== "");

export class Finder {
  private readonly index: MiniSearch<{ id: number; text: string }>;

  constructor(private readonly corpus: Corpus) {
    this.index = new MiniSearch({
      fields: ["text"],
      tokenize: (text) => text.split(" "),
      processTerm: (term) => term.toLowerCase(),
    });
    this.index.addAll(corpus.texts.map((text, id) => ({ id, text })));
  }

  /** Returns the phrases that hold all words asked for, or nearly, the nearest first. */
  find(query: string): number[] {
    const words = cut(query);
    const asked = words.join(" ");
    if (!words.length) return [];
    const found = this.index.search(asked, {
      tokenize: () => words,
      combineWith: "AND",
      prefix: (_, n) => n === words.length - 1,
      fuzzy: (term) => (term.length > 4 ? 0.2 : false),
    });
    const rank = (text: string) => {
      const at = ` ${text.toLowerCase()} `;
      if (at === ` ${asked} `) return 0;
      return at.includes(` ${asked} `) ? 1 : at.includes(` ${asked}`) ? 2 : 3;
    };
    const ranked = found.map(({ id, score }) => ({
      id,
      score,
      rank: rank(this.corpus.texts[id]!),
    }));
    return ranked.sort((a, b) => a.rank - b.rank || b.score - a.score).map(({ id }) => id);
  }
}

export interface Asked {
  query: string;
  order: Order | null; // null: the nearest to the query first, or else by evidence
  up: boolean; // the smallest first
  opposite: boolean; // only those that are clear on both sides
}

const REMOVED = -1;

/** Returns the phrases that are asked for, in order. */
export function list(corpus: Corpus, finder: Finder, summary: Summary, asked: Asked): number[] {
  const { query, order, up, opposite } = asked;
  const searched = query.trim() !== "";
  const phrases = searched ? finder.find(query) : corpus.texts.map((_, n) => n);
  const kept = phrases.filter(
    (n) =>
      summary.counts[n]! > 0 && (!opposite || (summary.below[n]! > 0 && summary.above[n]! > 0)),
  );
  if (order === null && searched) return kept;
  const { counts, means, interactions, below, above } = summary;
  const keys: Record<Exclude<Order, "phrase">, (n: number) => number> = {
    evidence: (n) => -n, // the order in which they come
    count: (n) => counts[n]!,
    mean: (n) => means[n]!,
    interaction: (n) => (corpus.lengths[n] === 1 ? REMOVED * Infinity : interactions[n]!),
    opposite: (n) => Math.min(below[n]!, above[n]!),
  };
  const chosen = order ?? (opposite ? "opposite" : "evidence");
  const sign = up ? 1 : -1;
  if (chosen === "phrase") {
    const { compare } = new Intl.Collator("en");
    return kept.sort((a, b) => -sign * compare(corpus.texts[a]!, corpus.texts[b]!));
  }
  const key = keys[chosen];
  // Words have no interaction: they are last, whichever way it goes.
  return kept.sort((a, b) => {
    const [one, other] = [key(a), key(b)];
    if (one === other) return a - b;
    if (one === -Infinity || other === -Infinity) return one === -Infinity ? 1 : -1;
    return sign * (one - other);
  });
}
