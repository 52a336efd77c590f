// All that is known of the chosen phrase, by one method or by two side by side.

import { Growth } from "./growth";
import { labelOf, nounsOf, sidesOf } from "./names";
import type { ReviewRecord } from "./record";
import { Reading, weigh, type Direction, type Explained, type Span } from "./scores";
import { quote, shorten } from "./text";

interface Props {
  record: ReviewRecord;
  readings: Reading[]; // one or two
  alone: Explained | null; // the scores of phrases read by themselves
  direction: Direction;
  span: Span;
  pinned: boolean;
  onSelect: (span: Span | null) => void;
  onPin: () => void;
}

export function Phrase(props: Props) {
  const { record, readings, alone, direction, span, pinned, onSelect, onPin } = props;
  const { start, stop } = span;
  const reading = readings[0]!;
  const quoteOf = (of: Span) => quote(record, of);
  const count = stop - start;
  const { phrase, phrases, word, words } = nounsOf(record);
  const change = (from: number, to: number) =>
    from >= 0 && to <= reading.steps && from < to && reading.explained.has(from, to)
      ? () => onSelect({ start: from, stop: to })
      : undefined;
  const resize = (name: string, from: number, to: number) => (
    <button type="button" disabled={!change(from, to)} onClick={change(from, to)}>
      {name}
    </button>
  );
  return (
    <section class="card phrase" aria-labelledby="phrase">
      <div class="row">
        <h2 id="phrase">{phrase === "phrase" ? "Phrase" : "Window"}</h2>
        <span class="note">
          {count} {count === 1 ? word : words}
        </span>
        <button type="button" class="pin" aria-pressed={pinned} onClick={onPin}>
          {pinned ? "Pinned" : "Pin"}
        </button>
        <button
          type="button"
          aria-label="Close"
          title="Close (Escape)"
          onClick={() => onSelect(null)}
        >
          ×
        </button>
      </div>
      <blockquote dir="auto" title={quoteOf(span)}>
        {shorten(quoteOf(span), 160)}
      </blockquote>
      <div class="row resize">
        {resize(`+ ${word} before`, start - 1, stop)}
        {resize("\u2212 first", start + 1, stop)}
        {resize("\u2212 last", start, stop - 1)}
        {resize(`+ ${word} after`, start, stop + 1)}
      </div>
      {reading.explained.has(start, stop) ? (
        <Scores {...{ record, readings, alone, direction, span, quoteOf }} />
      ) : (
        <p class="notice">
          {phrases} of more than {reading.record.longest} {words} were not scored here; explain with
          max_len={count} or more.
        </p>
      )}
      {reading.explained.has(start, stop) && (
        <Growth {...{ span, reading, word, quoteOf, onSelect }} />
      )}
    </section>
  );
}

interface ScoresProps extends Pick<Props, "record" | "readings" | "alone" | "direction" | "span"> {
  quoteOf: (span: Span) => string;
}

function Scores({ record, readings, alone, direction, span, quoteOf }: ScoresProps) {
  const { start, stop } = span;
  const cell = (reading: Reading, value: number, tinted = false) => (
    <td class={`figure${tinted ? ` big s${reading.step(value) + 2}` : ""}`}>
      {reading.show(value)}
    </td>
  );
  const rows: [string, (reading: Reading) => number, string?][] = [];
  if (stop - start > 1) {
    rows.push(
      [`sum of its ${nounsOf(record).words}`, (r) => r.sum(start, stop)],
      ["interaction", (r) => r.beyond(start, stop), "the score less that sum"],
    );
  }
  if (readings.some((r) => r.record.splits)) {
    rows.push([
      "rest of the input",
      (r) => (r.record.splits ? r.logit - r.bias - r.at(start, stop) : NaN),
    ]);
  }
  const by = alone && !record.series && new Reading(alone, weigh(record, alone.record, direction));
  const sides = sidesOf(record, direction);
  const one = readings.length === 1;
  return (
    <>
      <table class="scores">
        <caption class="unseen">Scores of the phrase</caption>
        <thead class={one ? "unseen" : ""}>
          <tr>
            <th scope="col">
              <span class="unseen">what</span>
            </th>
            {readings.map((r) => (
              <th scope="col" class="figure">
                {r.explained.id}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">
              score<small>{says(readings[0]!, readings[0]!.at(start, stop), sides)}</small>
            </th>
            {readings.map((r) => cell(r, r.at(start, stop), true))}
          </tr>
          {rows.map(([name, value, note]) => (
            <tr>
              <th scope="row">
                {name}
                {note && <small>{note}</small>}
              </th>
              {readings.map((r) => cell(r, value(r)))}
            </tr>
          ))}
          {by && by.explained.has(start, stop) && !readings.some((r) => r.explained === alone) && (
            <tr>
              <th scope="row">
                alone
                <small>
                  as a text by itself
                  {one &&
                    by.record.units === readings[0]!.record.units &&
                    `; its context adds ${by.show(readings[0]!.at(start, stop) - by.at(start, stop))}`}
                </small>
              </th>
              {readings.map(() => cell(by, by.at(start, stop)))}
            </tr>
          )}
          {record.labels.length > 1 &&
            record.labels.map((_, label) => (
              <tr class="label">
                <th scope="row">to {labelOf(record, label)}</th>
                {readings.map((r) => cell(r, r.explained.of(label, start, stop)))}
              </tr>
            ))}
        </tbody>
      </table>
      {stop - start > 1 &&
        readings.map((r) => <Split {...{ reading: r, span, quoteOf, titled: !one }} />)}
    </>
  );
}

/** What a score says, in words. */
function says(reading: Reading, score: number, [above, below]: [string, string]) {
  const step = reading.step(score);
  if (!step) return "near 0: it says little by itself";
  return (Math.abs(step) > 1 ? "strongly " : "") + (step > 0 ? above : below);
}

function Split(props: {
  reading: Reading;
  span: Span;
  quoteOf: (span: Span) => string;
  titled: boolean;
}) {
  const { reading, span, quoteOf, titled } = props;
  const best = reading.split(span.start, span.stop);
  if (!best) return null;
  const part = (from: number, to: number, score: number) => (
    <span class={`chip s${reading.step(score) + 2}`}>
      <bdi>{shorten(quoteOf({ start: from, stop: to }), 40)}</bdi> {reading.show(score)}
    </span>
  );
  return (
    <p class="split">
      {titled && <span class="note">{reading.explained.id}: </span>}
      <span class="note">its strongest split: </span>
      {part(span.start, best.middle, best.left)} <span class="note">and</span>{" "}
      {part(best.middle, span.stop, best.right)}
      <span class="note"> joined by </span>
      <strong>{reading.show(best.interaction)}</strong>
    </p>
  );
}
