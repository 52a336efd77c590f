// The phrases that are evidence, strongest first. As cdjax/results/evidence.py and selection.py.

import type { ReviewRecord } from "./record";
import type { Reading, Span } from "./scores";

const [LONG_TEXT, LONGEST] = [40, 10];

/** Returns the sentences of a long text. */
export const sentencesOf = ({ sentences }: ReviewRecord, steps: number): Span[] =>
  sentences.map((start, n) => ({ start, stop: sentences[n + 1] ?? steps }));

/** Whether a phrase goes on after the step that is explained, and says what it did by then. */
const repeats = ({ step }: ReviewRecord, reading: Reading, start: number, stop: number) =>
  step !== null &&
  start <= step &&
  stop > step + 1 &&
  reading.at(start, stop) === reading.at(start, step + 1);

/** Returns clear phrases of two steps or more that speak for one side, none nearly another. */
export function findEvidence(
  record: ReviewRecord,
  reading: Reading,
  sign: 1 | -1,
  count: number,
): Span[] {
  const { steps } = reading;
  const long = record.tokens !== null && steps > LONG_TEXT;
  const longest = Math.min(reading.record.longest, long ? LONGEST : steps);
  const isKnown = (t: number) => record.known === null || record.known[t] === "1";
  let free: { span: Span; score: number }[] = [];
  const sentence = new Int32Array(steps);
  for (const start of record.sentences.slice(1)) sentence[start] = 1;
  for (let t = 1; t < steps; t++) sentence[t]! += sentence[t - 1]!;
  for (let start = 0; start < steps; start++) {
    if (!isKnown(start)) continue;
    for (let stop = start + 2; stop <= Math.min(steps, start + longest); stop++) {
      if (long && sentence[start] !== sentence[stop - 1]) break;
      const score = sign * reading.at(start, stop);
      if (repeats(record, reading, start, stop)) break; // so do all that go on further
      if (score >= reading.record.clear && isKnown(stop - 1))
        free.push({ span: { start, stop }, score });
    }
  }
  free.sort(
    (a, b) => b.score - a.score || a.span.start - b.span.start || a.span.stop - b.span.stop,
  );
  const chosen: Span[] = [];
  while (free.length && chosen.length < count) {
    const best = free[0]!.span;
    chosen.push(best);
    free = free.filter(({ span }) => {
      const shared = Math.min(span.stop, best.stop) - Math.max(span.start, best.start);
      return 2 * shared < span.stop - span.start + (best.stop - best.start) - shared;
    });
  }
  return chosen;
}
