// The text or series itself, by one method or by two, one above the other.

import { useMemo } from "preact/hooks";
import { Chart } from "./chart";
import { Legend } from "./controls";
import { Prose } from "./prose";
import type { ReviewRecord } from "./record";
import type { Reading, Span } from "./scores";
import type { State } from "./state";
import { cutPieces } from "./text";

interface Props {
  record: ReviewRecord;
  readings: Reading[];
  state: State;
  span: Span | null;
  hover: Span | null;
  right: boolean;
  isFirst: boolean; // whether the direction is the one that the page began with
  onSelect: (anchor: number | null, head: number) => void;
}

export function Reviewed({
  record,
  readings,
  state,
  span,
  hover,
  right,
  isFirst,
  onSelect,
}: Props) {
  const pieces = useMemo(() => cutPieces(record), [record]);
  const { series, known } = record;
  const { head, anchor, numbers, teaching: hidden, direction } = state;
  return (
    <section class="card reviewed" aria-label={series ? "The series" : "The text"}>
      {readings.map((reading, n) => {
        const { name } = reading.explained;
        const label = `${series ? "Series" : "Text"}, by ${name}; arrow keys move, Shift extends`;
        const props = { reading, span, hover, head, anchor, hidden, label, onSelect };
        return (
          <div key={n} class="view">
            {readings.length > 1 && (
              <h2>
                {name} <span class="note">{reading.record.units}</span>
              </h2>
            )}
            {series ? (
              // Scores of features are those of the first explanation.
              <Chart {...props} series={series} byFeature={isFirst && !n && !state.method} />
            ) : (
              <Prose {...props} {...{ pieces, known, numbers, right }} />
            )}
            {!hidden && <Legend record={record} reading={reading} direction={direction} />}
          </div>
        );
      })}
      {!span && !hidden && (
        <p class="note">
          {series ? "Drag over a window of time" : "Drag over any words, or click one"}; arrow keys
          move, Shift and arrows extend.
        </p>
      )}
    </section>
  );
}
