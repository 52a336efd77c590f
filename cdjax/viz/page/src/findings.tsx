// What to look at first: the sentences of a long text, and the phrases that are evidence.

import { useMemo } from "preact/hooks";
import { findEvidence, sentencesOf } from "./evidence";
import { nounsOf, sidesOf } from "./names";
import type { ReviewRecord } from "./record";
import { sameSpan, type Direction, type Reading, type Span } from "./scores";
import { shorten } from "./text";

interface Props {
  record: ReviewRecord;
  reading: Reading;
  direction: Direction;
  span: Span | null;
  quoteOf: (span: Span) => string;
  onSelect: (span: Span) => void;
  onHover: (span: Span | null) => void;
}

const COUNT = 4;

export function Findings({ record, reading, direction, span, quoteOf, onSelect, onHover }: Props) {
  const evidence = useMemo(
    () => ([1, -1] as const).map((sign) => findEvidence(record, reading, sign, COUNT)),
    [reading],
  );
  const { phrase, phrases, words } = nounsOf(record);
  const sides = sidesOf(record, direction);
  const titles = sides.map((side) =>
    record.output === "value" ? side.replace(/^(raise|lower)s/, "that $1") : side,
  );
  const sentences = sentencesOf(record, reading.steps).filter(({ start, stop }) =>
    reading.explained.has(start, stop),
  );
  const list = (title: string, spans: Span[], most: number) => (
    <div>
      <h3>{title}</h3>
      <ul class="findings">
        {spans.map((one) => {
          const score = reading.at(one.start, one.stop);
          return (
            <li>
              <button
                type="button"
                class={`finding${sameSpan(one, span) ? " in" : ""}`}
                onClick={() => onSelect(one)}
                onMouseEnter={() => onHover(one)}
                onMouseLeave={() => onHover(null)}
              >
                <span class={`chip s${reading.step(score) + 2}`}>{reading.show(score)}</span>
                <bdi>{shorten(quoteOf(one), most)}</bdi>
              </button>
            </li>
          );
        })}
      </ul>
      {!spans.length && (
        <p class="note">
          No {phrase} of two {words} or more reaches {reading.record.clear}.
        </p>
      )}
    </div>
  );
  return (
    <div>
      {sentences.length > 1 && <div class="sentences">{list("Sentences", sentences, 160)}</div>}
      <div class="pair">
        {titles.map((side, n) =>
          list(`${phrases[0]!.toUpperCase()}${phrases.slice(1)} ${side}`, evidence[n]!, 70),
        )}
      </div>
    </div>
  );
}
