// The numbers of all phrases: of the whole corpus as they were packed, or of some of its reviews.

import { COLUMNS, SIDE, type Corpus } from "./corpus";

export interface Summary {
  counts: Int32Array;
  means: ArrayLike<number>; // scores
  interactions: ArrayLike<number>;
  lows: ArrayLike<number>; // in units of the last decimal
  highs: ArrayLike<number>;
  histograms: Int32Array;
  below: Int32Array; // occurrences that are clearly below 0
  above: Int32Array;
  reviews: number;
}

const CLEAR = 2; // from this column on to either side of the middle one

/**
 * Returns the numbers of the whole corpus, or of the reviews that are not 0 in `kept`; these are of
 * scores as they are shown, so a mean may differ in its last decimal.
 */
export function summarize(corpus: Corpus, number: number, kept: Uint8Array | null): Summary {
  const count = corpus.data.counts.length;
  const summary = kept === null ? packed(corpus, number, count) : of(corpus, number, count, kept);
  const { histograms } = summary;
  const [below, above] = [new Int32Array(count), new Int32Array(count)];
  for (let phrase = 0; phrase < count; phrase++) {
    for (let column = 0; column < COLUMNS; column++) {
      const size = histograms[phrase * COLUMNS + column]!;
      if (column <= SIDE - CLEAR) below[phrase]! += size;
      if (column >= SIDE + CLEAR) above[phrase]! += size;
    }
  }
  return { ...summary, below, above };
}

function packed(corpus: Corpus, number: number, count: number) {
  const { counts, means, interactions, lows, highs, histograms } = corpus.data;
  const [from, to] = [number * count, (number + 1) * count];
  return {
    counts,
    means: means.subarray(from, to),
    interactions: interactions.subarray(from, to),
    lows: lows.subarray(from, to),
    highs: highs.subarray(from, to),
    histograms: histograms.subarray(from * COLUMNS, to * COLUMNS),
    reviews: corpus.record.about.documents,
  };
}

function of(corpus: Corpus, number: number, count: number, kept: Uint8Array) {
  const { occurrences, reviewOf, lengths } = corpus;
  const scores = occurrences.scores[number]!;
  const counts = new Int32Array(count);
  const [means, interactions] = [new Float64Array(count), new Float64Array(count)];
  const lows = new Float64Array(count).fill(Infinity);
  const highs = new Float64Array(count).fill(-Infinity);
  const histograms = new Int32Array(count * COLUMNS);
  for (let phrase = 0; phrase < count; phrase++) {
    let [sum, beyond] = [0, 0];
    for (let i = occurrences.first[phrase]!; i < occurrences.first[phrase + 1]!; i++) {
      const [token, score] = [occurrences.at[i]!, scores[i]!];
      if (!kept[reviewOf[token]!] || Number.isNaN(score)) continue;
      counts[phrase]!++;
      sum += score;
      beyond += score;
      for (let n = 0; n < lengths[phrase]!; n++) beyond -= corpus.wordScore(number, token + n);
      lows[phrase] = Math.min(lows[phrase]!, score);
      highs[phrase] = Math.max(highs[phrase]!, score);
      histograms[phrase * COLUMNS + corpus.column(score)]!++;
    }
    means[phrase] = (sum / counts[phrase]!) * corpus.unit;
    interactions[phrase] = (beyond / counts[phrase]!) * corpus.unit;
  }
  const reviews = kept.reduce((sum, one) => sum + one, 0);
  return { counts, means, interactions, lows, highs, histograms, reviews };
}

/** The occurrences of a phrase in one review. */
export interface Found {
  review: number;
  starts: number[];
  scores: number[]; // in units of the last decimal
}

/** Returns the reviews that a phrase is in, in the order of the corpus. */
export function findReviews(
  corpus: Corpus,
  number: number,
  phrase: number,
  kept: Uint8Array | null,
): Found[] {
  const { occurrences, reviewOf } = corpus;
  const found: Found[] = [];
  for (let i = occurrences.first[phrase]!; i < occurrences.first[phrase + 1]!; i++) {
    const [token, score] = [occurrences.at[i]!, occurrences.scores[number]![i]!];
    const review = reviewOf[token]!;
    if ((kept && !kept[review]) || Number.isNaN(score)) continue;
    const last = found.at(-1);
    if (last?.review === review) {
      last.starts.push(token);
      last.scores.push(score);
    } else found.push({ review, starts: [token], scores: [score] });
  }
  return found;
}
