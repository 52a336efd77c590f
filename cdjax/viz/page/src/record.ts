// The record that a page holds, as `cdjax/viz/page/data.py` makes it, and its scores unpacked.

import { inflate, unpackIntegers, type Integers } from "./unpack";

interface Packed {
  longest: number;
  exponent: number; // a score is its multiple times 2 ** -exponent
  bits: number; // by which spans that are kept exactly are finer
  missing: number[]; // spans without a number
  data: string; // base64 of deflated bytes
  exact: Integers; // which spans these are: each the number of spans since the last
  more: Integers; // what they have beyond their multiples
}

export interface ExplanationRecord {
  method: string;
  title: string;
  rule: string | null;
  units: string;
  clear: number;
  strong: number;
  fitted: boolean; // the thresholds are those of this text alone
  adds: boolean; // scores are in units of the output, which they account for with a remainder
  reason: string; // why the remainder belongs to no phrase
  notices: string[]; // what to know before believing the scores
  decimals: number;
  weights: number[];
  differences: boolean;
  splits: boolean; // scores are parts of the logits
  logits: number[];
  bias: number[];
  longest: number;
  additive: boolean; // a span has the sum over its steps; only single ones are packed
  scores: Packed;
}

export interface SeriesRecord {
  features: string[];
  times: string[];
  values: (number | null)[][]; // of each feature
  windows: [number, number][]; // together all steps
  byFeature: (number | null)[][] | null; // scores of a feature in the windows, of the first explanation
}

export interface StepRecord {
  symbol: string;
  light: [string, string];
  dark: [string, string];
}

export interface ReviewRecord {
  step: number | null; // whose output is explained, of a network that has some at every step
  outputAt: string; // the same in words; or empty
  text: string | null;
  tokens: string[] | null;
  offsets: number[] | null; // of each token, what lies between it and the last, and its length
  known: string | null;
  sentences: number[]; // where they begin, of a long text
  labels: string[];
  output: "softmax" | "sigmoid" | "value";
  series: SeriesRecord | null;
  scale: StepRecord[];
  explanations: ExplanationRecord[];
}

/** Returns where each token begins and ends in the text. */
export function readOffsets({ offsets }: ReviewRecord): [number, number][] | null {
  if (!offsets) return null;
  let end = 0;
  return Array.from({ length: offsets.length / 2 }, (_, t) => {
    const from = end + offsets[2 * t]!;
    end = from + offsets[2 * t + 1]!;
    return [from, end];
  });
}

const PLANES = 4;

/** The number of the first span of `n` steps, where spans come by length and then by start. */
export const firstOf = (n: number, steps: number) => (n - 1) * steps - ((n - 1) * (n - 2)) / 2;

/** Returns the scores of each label, by length and then by start. See `pack.py`. */
export async function unpack(packed: Packed, steps: number, labels: number) {
  const bytes = await inflate(packed.data);
  const count = firstOf(packed.longest + 1, steps);
  const size = count * labels;
  const step = 2 ** -packed.exponent;
  const [exact, more] = [await unpackIntegers(packed.exact), await unpackIntegers(packed.more)];
  return Array.from({ length: labels }, (_, label) => {
    const q = new Int32Array(count);
    for (let start = 0, i = label * count; start < steps; start++) {
      for (let n = 1; n <= Math.min(packed.longest, steps - start); n++, i++) {
        let unsigned = 0;
        for (let plane = PLANES - 1; plane >= 0; plane--)
          unsigned = (unsigned << 8) | bytes[plane * size + i]!;
        q[firstOf(n, steps) + start] = (unsigned >>> 1) ^ -(unsigned & 1);
      }
    }
    for (let n = 2; n <= packed.longest; n++) {
      const [here, above, over] = [firstOf(n, steps), firstOf(n - 1, steps), firstOf(n - 2, steps)];
      for (let start = 0; start <= steps - n; start++) {
        let predicted = q[above + start]! + q[above + start + 1]!;
        if (n > 2) predicted -= q[over + start + 1]!;
        q[here + start]! += predicted;
      }
    }
    const scores = Float64Array.from(q, (multiple) => multiple * step);
    let span = 0;
    exact.forEach((since, n) => {
      span += since;
      scores[span]! += more[label * exact.length + n]! * step * 2 ** -packed.bits;
    });
    for (const i of packed.missing) scores[i] = NaN;
    return scores;
  });
}
