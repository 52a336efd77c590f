// The record of a corpus, as `cdjax/viz/page/report.py` makes it, unpacked: reviews, phrases, and
// where these are in those.

import type { StepRecord } from "./record";
import { plain } from "./text";
import { unpackFloats, unpackIntegers, unpackScores, unpackTexts, type Integers } from "./unpack";

export interface NumberRecord {
  name: string;
  above: string; // what scores above 0 say
  below: string;
}

/** How far a value is from the true one, over the whole corpus. */
export interface Miss {
  known: number; // reviews whose true value is known
  absolute: number; // mean absolute error
  square: number; // root of the mean square error
  steps: number[]; // reviews by the step of the error, too low first
}

export interface ReportRecord {
  title: string;
  about: {
    documents: number;
    rejected: number;
    words: number;
    spans: number;
    model: string | null;
    rule: string;
    created: string;
    labels: string[];
    output: "softmax" | "sigmoid" | "value";
    longest: number;
  };
  numbers: NumberRecord[];
  clear: number;
  strong: number;
  decimals: number;
  notes: string[];
  scale: StepRecord[];
  answers: string[][] | null; // to each question that the model decides; null: values
  confusion: number[][][] | null;
  misses: Miss[] | null;
  trueColumns: string[];
  reviews: {
    documents: Integers;
    ids: string | null;
    lengths: Integers;
    words: string;
    forms: string;
    formWords: Integers;
    gaps: string;
    tokens: Integers;
    between: Integers;
    scores: Integers;
    columns: { name: string; values: string; valueOf: Integers }[];
    given: string;
    sure: string | null;
    true: string | null;
  };
  phrases: {
    longest: number;
    words: Integers;
    counts: Integers;
    means: string;
    interactions: string;
    lows: Integers;
    highs: Integers;
    histograms: Integers;
    occurrences: Integers;
  };
  similar: { count: number; indices: Integers; cosines: string } | null;
}

export interface Column {
  name: string;
  values: (string | null)[];
  valueOf: Int32Array; // of each review
}

/** Columns of a histogram on each side of the middle one; as SIDE of statistics.py. */
export const SIDE = 16;
export const COLUMNS = 2 * SIDE + 1;

const optional = async <T, R>(packed: T | null, unpack: (packed: T) => Promise<R>) =>
  packed === null ? null : unpack(packed);

async function unpackAll(record: ReportRecord) {
  const { reviews, phrases, similar } = record;
  const columns = reviews.columns.map(async ({ name, values, valueOf }): Promise<Column> => ({
    name,
    values: await unpackTexts<string | null>(values),
    valueOf: await unpackIntegers(valueOf),
  }));
  return {
    steps: await unpackIntegers(reviews.documents),
    ids: await optional(reviews.ids, unpackTexts<string | null>),
    lengths: await unpackIntegers(reviews.lengths),
    words: await unpackTexts(reviews.words),
    forms: await unpackTexts(reviews.forms),
    formWords: await unpackIntegers(reviews.formWords),
    gaps: await unpackTexts(reviews.gaps),
    tokens: await unpackIntegers(reviews.tokens),
    between: await unpackIntegers(reviews.between),
    scores: await unpackScores(reviews.scores),
    columns: await Promise.all(columns),
    given: await unpackFloats(reviews.given),
    sure: await optional(reviews.sure, unpackFloats),
    true: await optional(reviews.true, unpackFloats),
    phraseWords: await unpackIntegers(phrases.words),
    counts: await unpackIntegers(phrases.counts),
    means: await unpackFloats(phrases.means),
    interactions: await unpackFloats(phrases.interactions),
    lows: await unpackScores(phrases.lows),
    highs: await unpackScores(phrases.highs),
    histograms: await unpackIntegers(phrases.histograms),
    occurrences: await unpackScores(phrases.occurrences),
    nearest: await optional(similar && similar.indices, unpackIntegers),
    cosines: await optional(similar && similar.cosines, unpackFloats),
  };
}

type Unpacked = Awaited<ReturnType<typeof unpackAll>>;

/** Where the phrases are: for each its occurrences, in the order of the corpus. */
interface Occurrences {
  first: Int32Array; // of each phrase's occurrences, and after the last
  at: Int32Array; // the word that an occurrence begins with, among those of all reviews
  scores: Float64Array[]; // of each number that is read
}

export class Corpus {
  readonly documents: Int32Array;
  readonly starts: Int32Array; // the first word of each review, and the end
  readonly reviewOf: Int32Array; // of each word
  readonly lengths: Int32Array; // words of each phrase
  readonly texts: string[]; // of the phrases
  readonly occurrences: Occurrences;
  readonly unit: number; // a score is its whole number times this
  readonly numbers: NumberRecord[]; // by names that can be shown

  private constructor(
    readonly record: ReportRecord,
    readonly data: Unpacked,
  ) {
    this.unit = 10 ** -record.decimals;
    this.numbers = record.numbers.map(({ name, above, below }) => ({
      name: plain(name),
      above: plain(above),
      below: plain(below),
    }));
    let document = 0;
    this.documents = data.steps.map((step) => (document += step));
    this.starts = new Int32Array(data.lengths.length + 1);
    data.lengths.forEach((length, n) => (this.starts[n + 1] = this.starts[n]! + length));
    this.reviewOf = new Int32Array(data.tokens.length);
    data.lengths.forEach((_, n) => this.reviewOf.fill(n, this.starts[n], this.starts[n + 1]));
    const { longest } = record.phrases;
    this.lengths = new Int32Array(data.counts.length);
    this.texts = Array.from(this.lengths, (_, n) => {
      const words: string[] = [];
      for (let i = n * longest; i < (n + 1) * longest && data.phraseWords[i]! >= 0; i++) {
        words.push(data.words[data.phraseWords[i]!]!);
      }
      this.lengths[n] = words.length;
      return words.join(" ");
    });
    this.occurrences = this.findOccurrences();
  }

  static async from(record: ReportRecord) {
    return new Corpus(record, await unpackAll(record));
  }

  get size() {
    return this.data.lengths.length;
  }

  /** Whether all reviews of the corpus are here. */
  get whole() {
    return this.size === this.record.about.documents;
  }

  word(token: number) {
    return this.data.formWords[this.data.tokens[token]!]!;
  }

  /** The score of a word, in units of the last decimal. */
  wordScore(number: number, token: number) {
    return this.data.scores[number * this.data.tokens.length + token]!;
  }

  /** Goes through all texts once, with the phrases as a tree of their words. */
  private findOccurrences(): Occurrences {
    const { phraseWords, counts, tokens, formWords, words, occurrences, scores } = this.data;
    const numbers = this.record.numbers.length;
    const { longest } = this.record.phrases;
    const [single, next] = [new Int32Array(words.length).fill(-1), new Map<number, number>()];
    const phraseAt: number[] = []; // of each node of the tree; -1 where none ends there
    const node = () => phraseAt.push(-1) - 1;
    for (let phrase = 0; phrase < counts.length; phrase++) {
      let here = -1;
      for (let n = 0; n < this.lengths[phrase]!; n++) {
        const word = phraseWords[phrase * longest + n]!;
        if (n === 0) {
          if (single[word]! < 0) single[word] = node();
          here = single[word]!;
        } else {
          const key = here * words.length + word;
          let following = next.get(key);
          if (following === undefined) next.set(key, (following = node()));
          here = following;
        }
      }
      phraseAt[here] = phrase;
    }
    // Occurrences in the order of their first words, and then of their lengths, as they are packed.
    const [phrases, firsts]: [number[], number[]] = [[], []];
    for (let review = 0; review < this.size; review++) {
      const end = this.starts[review + 1]!;
      for (let token = this.starts[review]!; token < end; token++) {
        let here = single[formWords[tokens[token]!]!]!;
        for (let n = 1; here >= 0; n++) {
          if (phraseAt[here]! >= 0) {
            phrases.push(phraseAt[here]!);
            firsts.push(token);
          }
          if (n === longest || token + n >= end) break;
          here = next.get(here * words.length + formWords[tokens[token + n]!]!) ?? -1;
        }
      }
    }
    const first = new Int32Array(counts.length + 1);
    for (const phrase of phrases) first[phrase + 1]!++;
    for (let phrase = 0; phrase < counts.length; phrase++) first[phrase + 1]! += first[phrase]!;
    const [free, at] = [first.slice(), new Int32Array(firsts.length)];
    const read = Array.from({ length: numbers }, () => new Float64Array(firsts.length));
    const packed = occurrences.length / numbers;
    let longer = 0;
    phrases.forEach((phrase, i) => {
      const to = free[phrase]!++;
      at[to] = firsts[i]!;
      const single = this.lengths[phrase] === 1;
      for (let k = 0; k < numbers; k++) {
        read[k]![to] = single
          ? scores[k * tokens.length + firsts[i]!]!
          : occurrences[k * packed + longer]!;
      }
      if (!single) longer++;
    });
    if (longer !== packed) throw new Error("the phrases are not those that were packed");
    return { first, at, scores: read };
  }

  /** Labels that exclude each other answer one question; others, and values, are one each. */
  question(number: number) {
    return this.data.given.length === this.size ? 0 : number;
  }

  /** What the model decides between, where a number is read; null of values. */
  answers(number: number): string[] | null {
    return this.record.answers?.[this.question(number)]?.map(plain) ?? null;
  }

  /** The number of the answer that the model gives, or the value. */
  given(number: number, review: number) {
    return this.data.given[this.question(number) * this.size + review]!;
  }

  /** The probability of the given answer; 1 of values. */
  sure(number: number, review: number) {
    return this.data.sure ? this.data.sure[this.question(number) * this.size + review]! : 1;
  }

  /** The true answer or value; NaN where it is not known. */
  true(number: number, review: number) {
    return this.data.true ? this.data.true[this.question(number) * this.size + review]! : NaN;
  }

  /** How far a value is above the true one, in units of the last decimal; NaN: not known. */
  error(number: number, review: number) {
    return Math.round((this.given(number, review) - this.true(number, review)) / this.unit);
  }

  /** The thresholds of the scale, as they are written. */
  get edges() {
    const { clear, strong } = this.record;
    return [clear, strong].map((size) => String(Number(size.toPrecision(3))));
  }

  /** The names of the steps of an error, too low first. */
  nameErrors() {
    const [clear, strong] = this.edges;
    return [
      `too low by ${strong} or more`,
      `too low by ${clear} to ${strong}`,
      `within ${clear}`,
      `too high by ${clear} to ${strong}`,
      `too high by ${strong} or more`,
    ];
  }

  /** How bad an error is: how sure the model is of it, or its size; 0 where it is none. */
  badness(number: number, review: number) {
    const [given, true_] = [this.given(number, review), this.true(number, review)];
    if (Number.isNaN(true_)) return 0;
    if (this.record.answers) return given === true_ ? 0 : this.sure(number, review);
    const error = this.error(number, review);
    return this.step(error) ? Math.abs(error) : 0;
  }

  /** The column of a histogram that a number belongs to, in units of the last decimal. */
  column(score: number) {
    const width = Math.round(this.record.clear / this.unit);
    return SIDE + Math.sign(score) * Math.min(SIDE, Math.floor((2 * Math.abs(score)) / width));
  }

  /** The step of the scale, from -2 to 2. */
  step(score: number) {
    const { clear, strong } = this.record;
    const size = Math.abs(score) * this.unit + this.unit / 1000;
    const step = Number(size >= clear) + Number(size >= strong);
    return score < 0 ? -step : step || 0;
  }
}
