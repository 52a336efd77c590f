// A review: its text tinted by the scores of its words, with the occurrences of a phrase marked.

import { useState } from "preact/hooks";
import type { Corpus } from "./corpus";
import { show } from "./scores";
import { isWrong } from "./filters";
import { percent } from "./names";
import { plain, rightToLeft, shorten } from "./text";

const [LONG, AROUND] = [90, 30]; // words: longer texts are cut to what is around a phrase
const VALUE = 80; // characters of a kept value that are shown

interface PassageProps {
  corpus: Corpus;
  number: number;
  review: number;
  places: number[]; // where the phrase begins
  length: number; // of the phrase
  scores: number[]; // of its occurrences
}

export function Passage({ corpus, number, review, places, length, scores }: PassageProps) {
  const [whole, setWhole] = useState(false);
  const { data, record } = corpus;
  const [start, stop] = [corpus.starts[review]!, corpus.starts[review + 1]!];
  let [from, to] = [start, stop];
  if (!whole && stop - start > LONG) {
    from = places.length ? Math.max(start, places[0]! - AROUND) : start;
    to = Math.min(stop, (places.length ? places.at(-1)! + length : start) + AROUND);
    if (to - from > 2 * LONG) to = from + 2 * LONG;
    if (!places.length) to = Math.min(stop, start + 2 * AROUND);
  }
  const inside = (place: number) => places.some((at) => place >= at && place < at + length);
  const gap = (place: number) => plain(data.gaps[data.between[place + review]!]!);
  const id = data.ids?.[review] ?? null;
  const label = (n: number) => plain(record.about.labels[n]!);
  const predicted = data.predicted && data.predicted[review]!;
  const labelled = data.true && data.true[review]!;
  const words = Array.from({ length: to - from }, (_, n) => from + n);
  const forms = words.map((place) => plain(data.forms[data.tokens[place]!]!));
  return (
    <article class="passage">
      <div class="row about">
        {scores.map((score) => (
          <span class={`chip s${corpus.step(score) + 2}`}>
            {show(score * corpus.unit, record.decimals)}
          </span>
        ))}
        {predicted !== null && (
          <span>
            {`read as ${label(predicted)} `}
            <span class="note">{percent(data.sure![review]!)}</span>
          </span>
        )}
        {labelled !== null && labelled >= 0 && isWrong(corpus, review) && (
          <strong class="wrong">{`\u2260 labelled ${label(labelled)}`}</strong>
        )}
        {labelled !== null && labelled >= 0 && !isWrong(corpus, review) && (
          <span class="note">{`labelled ${label(labelled)}`}</span>
        )}
        <span class="note which">
          {`review ${corpus.documents[review]}`}
          {id !== null && <bdi>{` \u00b7 ${plain(shorten(id, VALUE))}`}</bdi>}
        </span>
      </div>
      <p class="tinted" dir={rightToLeft(forms.join(" ")) ? "rtl" : "ltr"}>
        {from > start && <span class="note">{"\u2026 "}</span>}
        {from === start && gap(start)}
        {words.map((place, n) => {
          const score = corpus.wordScore(number, place);
          const step = Number.isNaN(score) ? 0 : corpus.step(score);
          const marked = inside(place);
          const edges =
            (places.includes(place) ? " first" : "") +
            (places.includes(place - length + 1) ? " final" : "");
          return (
            <>
              {n > 0 && (
                <span class={marked && inside(place - 1) && !places.includes(place) ? "in" : ""}>
                  {gap(place)}
                </span>
              )}
              <span
                class={`word s${step + 2}${marked ? ` in${edges}` : ""}`}
                title={Number.isNaN(score) ? undefined : show(score * corpus.unit, record.decimals)}
              >
                {forms[n]}
              </span>
            </>
          );
        })}
        {to === stop ? gap(stop) : <span class="note">{" \u2026"}</span>}
        {stop === start && <span class="note">no words</span>}
      </p>
      <div class="row">
        {stop - start > LONG && (
          <button type="button" class="link note" onClick={() => setWhole(!whole)}>
            {whole ? "Show less" : `Show all ${stop - start} words`}
          </button>
        )}
        {data.columns.map(({ name, values, valueOf }) => {
          const value = values[valueOf[review]!]!;
          return (
            name !== record.trueColumn && (
              <span class="note kept">
                <bdi>{plain(shorten(name, VALUE))}</bdi>{" "}
                <bdi>{value === null ? "none" : plain(shorten(value, VALUE))}</bdi>
              </span>
            )
          );
        })}
      </div>
    </article>
  );
}
