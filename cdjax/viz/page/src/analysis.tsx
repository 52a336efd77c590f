// What is said of the whole text: the phrases to look at, the account, all phrases, their tree.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Colour } from "./colours";
import { Findings } from "./findings";
import { directionName, nounsOf } from "./names";
import type { ReviewRecord } from "./record";
import type { Reading, Span } from "./scores";
import type { State } from "./state";
import { plain } from "./text";
import { Tree } from "./treeview";
import { Triangle } from "./triangle";
import { Sum, Waterfall, barsOf, rangeOf } from "./waterfall";

const MOST = 400; // steps of the longest text whose tree is drawn

interface Props {
  record: ReviewRecord;
  readings: Reading[]; // one or two
  state: State;
  span: Span | null;
  hover: Span | null;
  colour: (step: number) => Colour;
  forms: string[]; // of the steps
  right: boolean;
  quoteOf: (span: Span) => string;
  describe: (span: Span, by: Reading) => ComponentChildren;
  onSelect: (span: Span) => void;
  onHover: (span: Span | null) => void;
  onChange: (part: Partial<State>) => void;
}

/** What joins in the tree: words; of a series the windows that are shown, not its single steps. */
const leavesOf = ({ series }: ReviewRecord, steps: number): Span[] =>
  series
    ? series.windows.map(([start, stop]) => ({ start, stop }))
    : Array.from({ length: steps }, (_, start) => ({ start, stop: start + 1 }));

export function Analysis(props: Props) {
  const { record, readings, state, span, hover, colour, forms, right, quoteOf } = props;
  const { describe, onSelect, onHover, onChange } = props;
  const { direction } = state;
  const reading = readings[0]!;
  const { steps } = reading;
  const { longest, additive } = reading.record;
  const { phrases, word, words } = nounsOf(record);
  const leaves = useMemo(() => leavesOf(record, steps), [record, steps]);
  const titled = (title: string, of: Reading) =>
    readings.length > 1 ? `${title}: ${of.explained.id}` : title;
  const bars = readings.map((of) => barsOf(record, of, directionName(record, direction), quoteOf));
  // Two in the same units are drawn on one scale.
  const same = readings.every((of) => of.record.units === reading.record.units);
  const range = same ? rangeOf(bars.flat()) : null;
  return (
    <>
      {steps > 1 && longest > 1 && (
        <section class="card">
          <h2>What to look at</h2>
          <Findings {...{ record, reading, direction, span, quoteOf, onSelect, onHover }} />
        </section>
      )}
      <div class="beside">
        {readings.map((of, n) => (
          <section class="card" key={`account ${of.explained.id}`}>
            <h2>{titled("Where the number comes from", of)}</h2>
            <Waterfall
              bars={bars[n]!}
              range={range}
              reading={of}
              title={titled("Where the number comes from", of)}
              onSelect={onSelect}
            />
            {of.record.adds && <Sum of={of} unit={record.series ? "series" : "text"} />}
            {of.record.reason && <p class="note">Remainder: {plain(of.record.reason)}.</p>}
          </section>
        ))}
      </div>
      <div class="beside">
        {readings.map((of) => (
          <section class="card" key={`triangle ${of.explained.id}`}>
            <div class="row">
              <h2>{titled(`All ${phrases}`, of)}</h2>
              <div class="switch" role="group" aria-label="Shown in the triangle">
                {(["score", "interaction"] as const).map((shown) => (
                  <button
                    type="button"
                    aria-pressed={state.shown === shown}
                    onClick={() => onChange({ shown })}
                  >
                    {shown}
                  </button>
                ))}
              </div>
            </div>
            <p class="note">
              Single {words} in the first row; each row below has {phrases} of one {word} more.
            </p>
            <Triangle
              {...{ reading: of, shown: state.shown, colour, span, hover, right, words: forms }}
              times={record.series !== null}
              describe={(one) => describe(one, of)}
              onHover={onHover}
              onSelect={onSelect}
            />
          </section>
        ))}
      </div>
      {longest >= steps && !additive && leaves.length > 1 && (
        <section class="card">
          <h2>{titled(`How ${phrases} join`, reading)}</h2>
          <p class="note">
            Neighbours that interact most join first; each number is what joining adds to the parts.
          </p>
          {leaves.length <= MOST ? (
            <Tree {...{ reading, leaves, span, quoteOf, onSelect, onHover }} />
          ) : (
            <p class="note">
              The tree is drawn for up to {MOST} {words}.
            </p>
          )}
        </section>
      )}
    </>
  );
}
