// What is read off the scores of one explanation, along one direction.

import { firstOf, unpack, type ExplanationRecord, type ReviewRecord } from "./record";

export interface Span {
  start: number;
  stop: number;
}

export const sameSpan = (a: Span | null, b: Span | null) =>
  a === b || (!!a && !!b && a.start === b.start && a.stop === b.stop);

/** One explanation with its scores, by label. */
export class Explained {
  readonly id: string;
  readonly name: string;
  private readonly sums: Float64Array[]; // of the first n steps, by label

  private constructor(
    readonly record: ExplanationRecord,
    readonly steps: number,
    private readonly scores: Float64Array[],
  ) {
    this.id =
      record.rule === null || record.rule === "paper"
        ? record.method
        : `${record.method}-${record.rule}`;
    this.name = record.rule === null ? record.title : `${record.title} (${record.rule})`;
    this.sums = scores.map((of) => {
      const sums = new Float64Array(steps + 1);
      for (let t = 0; t < steps; t++) sums[t + 1] = sums[t]! + of[t]!;
      return sums;
    });
  }

  static async from(record: ExplanationRecord, steps: number, labels: number) {
    return new Explained(record, steps, await unpack(record.scores, steps, labels));
  }

  has(start: number, stop: number) {
    return stop > start && stop - start <= this.record.longest;
  }

  /** The score of a span for one label; NaN where it was not scored. */
  of(label: number, start: number, stop: number): number {
    if (stop === start) return 0;
    if (!this.has(start, stop)) return NaN;
    if (this.record.additive) return this.sums[label]![stop]! - this.sums[label]![start]!;
    return this.scores[label]![firstOf(stop - start, this.steps) + start]!;
  }
}

/** Weights of the labels' scores: what speaks for a label, against another or not. */
export interface Direction {
  label: number;
  against: number | null;
  given?: boolean; // the one that the explanations came with, whose weights may be any
}

/** Returns the weights of a direction, in the units of an explanation. */
export function weigh(
  record: ReviewRecord,
  of: ExplanationRecord,
  { label, against, given }: Direction,
): number[] {
  if (given && of.weights.indexOf(Math.max(...of.weights)) === label) return of.weights;
  const weights = record.labels.map(() => 0);
  const two = record.labels.length === 2 && record.output === "softmax";
  if (two && against !== null && !of.differences) {
    // Each is the other's negative: one alone says it. One logit is that of the second label.
    const one = of.logits[0] === 0 && of.bias[0] === 0;
    if (one) weights[1] = label === 1 ? 1 : -1;
    else weights[label] = 1;
    return weights;
  }
  weights[label] = 1;
  if (against !== null) weights[against] = -1;
  return weights;
}

/** The numbers of an explanation along a direction. */
export class Reading {
  private readonly sums: Float64Array; // of the scores of the first n steps

  constructor(
    readonly explained: Explained,
    readonly weights: number[],
  ) {
    this.sums = new Float64Array(explained.steps + 1);
    for (let t = 0; t < explained.steps; t++) this.sums[t + 1] = this.sums[t]! + this.at(t, t + 1);
  }

  get record() {
    return this.explained.record;
  }

  get steps() {
    return this.explained.steps;
  }

  private along(numbers: (label: number) => number) {
    let sum = 0;
    this.weights.forEach((weight, label) => {
      if (weight) sum += weight * numbers(label);
    });
    return sum;
  }

  /** The score of a span. */
  at(start: number, stop: number) {
    let sum = 0;
    for (let label = 0; label < this.weights.length; label++) {
      const weight = this.weights[label]!;
      if (weight) sum += weight * this.explained.of(label, start, stop);
    }
    return sum;
  }

  /** The sum of the scores of a span's steps. */
  sum(start: number, stop: number) {
    return this.sums[stop]! - this.sums[start]!;
  }

  /** What a span says beyond its steps. */
  beyond(start: number, stop: number) {
    return stop - start < 2 ? 0 : this.at(start, stop) - this.sum(start, stop);
  }

  get logit() {
    return this.along((label) => this.record.logits[label]!);
  }

  get bias() {
    return this.along((label) => this.record.bias[label]!);
  }

  /** Where a span's two parts interact most. */
  split(start: number, stop: number) {
    let best: { middle: number; left: number; right: number; interaction: number } | null = null;
    const whole = this.at(start, stop);
    for (let middle = start + 1; middle < stop; middle++) {
      const [left, right] = [this.at(start, middle), this.at(middle, stop)];
      const interaction = whole - left - right;
      if (!best || Math.abs(interaction) > Math.abs(best.interaction))
        best = { middle, left, right, interaction };
    }
    return best;
  }

  /** The step of the scale, from -2 to 2. */
  step(score: number) {
    const { clear, strong } = this.record;
    const size = Number(Math.abs(score) >= clear) + Number(Math.abs(score) >= strong);
    return score < 0 ? -size : size;
  }

  /** A number as it is shown: with its sign, and no zero that is negative. */
  show(score: number, sign = true) {
    return show(score, this.record.decimals, sign);
  }
}

export function show(score: number, decimals: number, sign = true) {
  if (Number.isNaN(score)) return "n/a";
  const size = Math.abs(score).toFixed(decimals);
  if (Number(size) === 0) return size;
  return (score < 0 ? "\u2212" : sign ? "+" : "") + size;
}

/** Chances of the labels; null where the output is a value. */
export function probabilities(output: ReviewRecord["output"], logits: number[]): number[] | null {
  if (output === "value") return null;
  if (output === "sigmoid") return logits.map((z) => 1 / (1 + Math.exp(-z)));
  const most = Math.max(...logits);
  const powers = logits.map((z) => Math.exp(z - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}
