// A lesson: the scores are hidden, learners say what phrases speak for, and then see.

import { useMemo, useState } from "preact/hooks";
import { labelOf, sidesOf, writeProbability } from "./names";
import type { ReviewRecord } from "./record";
import { probabilities, type Direction, type Reading, type Span } from "./scores";
import { quote, shorten } from "./text";

const QUESTIONS = 5;

/** Returns phrases worth a question: strong ones of either side, and those unlike their words. */
function askAbout(reading: Reading): Span[] {
  const { steps, record } = reading;
  const most = Math.min(record.longest, 6);
  const found: { span: Span; strength: number }[] = [];
  for (let start = 0; start < steps; start++) {
    for (let stop = start + 1; stop <= Math.min(steps, start + most); stop++) {
      const score = reading.at(start, stop);
      const turned = stop - start > 1 && score * reading.sum(start, stop) < 0;
      const strength = Math.abs(score) * (turned ? 2 : 1) * (stop - start > 1 ? 1.2 : 1);
      if (Math.abs(score) >= record.clear) found.push({ span: { start, stop }, strength });
    }
  }
  found.sort((a, b) => b.strength - a.strength);
  const chosen: Span[] = [];
  for (const { span } of found) {
    if (chosen.length === QUESTIONS) break;
    if (chosen.every((other) => span.stop <= other.start || other.stop <= span.start))
      chosen.push(span);
  }
  return chosen.sort((a, b) => a.start - b.start);
}

interface Props {
  record: ReviewRecord;
  reading: Reading;
  direction: Direction;
  onShow: (span: Span | null) => void;
  onReveal: () => void;
}

export function Lesson({ record, reading, direction, onShow, onReveal }: Props) {
  const questions = useMemo(() => askAbout(reading), [reading]);
  const [at, setAt] = useState(-1); // -1: the whole text
  const [answers, setAnswers] = useState<Map<number, number>>(new Map());
  const [above, below] = sidesOf(record, direction);
  const span = at < 0 ? null : questions[at]!;
  const given = answers.get(at);
  const score = span ? reading.at(span.start, span.stop) : reading.logit;
  const truth = span ? Math.sign(reading.step(score)) : Math.sign(score);
  const isRight = (n: number) => {
    const asked = n < 0 ? null : questions[n]!;
    const of = asked ? reading.step(reading.at(asked.start, asked.stop)) : reading.logit;
    return answers.get(n) === Math.sign(of);
  };
  const right = [...answers.keys()].filter(isRight).length;
  const sides: [string, number][] = [
    [below, -1],
    ...(span ? ([["neither", 0]] as [string, number][]) : []),
    [above, 1],
  ];
  const said = (side: number) => sides.find(([, value]) => value === side)?.[0] ?? "neither";
  const chances = probabilities(record.output, reading.record.logits);
  const go = (to: number) => {
    setAt(to);
    onShow(to < 0 ? null : questions[to]!);
  };
  return (
    <section class="card lesson" aria-labelledby="lesson">
      <div class="row">
        <h2 id="lesson">
          Question {at + 2} of {questions.length + 1}
        </h2>
        {answers.size > 0 && (
          <span class="note">
            {right} of {answers.size} right
          </span>
        )}
        <button type="button" onClick={onReveal}>
          End, and show all scores
        </button>
      </div>
      <p>
        {span ? (
          <>
            What does{" "}
            <strong>
              <bdi>“{shorten(quote(record, span), 80)}”</bdi>
            </strong>{" "}
            speak for, as the model reads it here?
          </>
        ) : (
          "What does the model take the whole text to speak for?"
        )}
      </p>
      <div class="row answers">
        {sides.map(([name, side]) => (
          <button
            type="button"
            disabled={given !== undefined}
            class={
              given === undefined ? "" : side === truth ? "correct" : side === given ? "wrong" : ""
            }
            onClick={() => setAnswers(new Map(answers).set(at, side))}
          >
            {name}
          </button>
        ))}
      </div>
      <div aria-live="polite">
        {given !== undefined && (
          <p>
            <strong>{given === truth ? "Right." : "Not to this model."}</strong>{" "}
            {span ? (
              <>
                It scores {reading.show(score)}, {said(truth)}
                {span.stop - span.start > 1 &&
                  `; the scores of its single words add up to ${reading.show(reading.sum(span.start, span.stop))}`}
                .
              </>
            ) : chances ? (
              <>
                It gives{" "}
                {chances
                  .map((chance, label) => `${labelOf(record, label)} ${writeProbability(chance)}`)
                  .join(", ")}
                .
              </>
            ) : (
              <>It gives {reading.show(score)}.</>
            )}
          </p>
        )}
      </div>
      <div class="row">
        {at >= 0 && (
          <button type="button" onClick={() => go(at - 1)}>
            Back
          </button>
        )}
        {at + 1 < questions.length && (
          <button type="button" disabled={given === undefined} onClick={() => go(at + 1)}>
            Next question
          </button>
        )}
        {at + 1 >= questions.length && given !== undefined && (
          <span>That was the last question.</span>
        )}
      </div>
    </section>
  );
}
