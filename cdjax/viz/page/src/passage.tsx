// A review: its text tinted by the scores of its words, with the occurrences of a phrase marked.

import { useState } from "preact/hooks";
import type { Corpus } from "./corpus";
import { show } from "./scores";
import { writeProbability } from "./names";
import { plain, rightToLeft, shorten } from "./text";

const [LONG, AROUND] = [90, 30]; // words: longer texts are cut, to so many on each side of a phrase
const VALUE = 80; // characters of a kept value that are shown

interface PassageProps {
  corpus: Corpus;
  number: number;
  review: number;
  starts: number[]; // where the phrase starts, or the words that were searched for
  length: number; // of these
  scores: number[]; // of its occurrences
}

type Range = [from: number, to: number];

function aroundPhrase(starts: number[], length: number, start: number, stop: number): Range {
  const from = Math.max(start, starts[0]! - AROUND);
  return [from, Math.min(stop, starts.at(-1)! + length + AROUND, from + 2 * LONG)];
}

/** Returns the words of a long text that hold most of its clear scores, these in their middle. */
function whereMostIsSaid(corpus: Corpus, number: number, start: number, stop: number): Range {
  const size = (token: number) => {
    const score = corpus.wordScore(number, token);
    return corpus.step(score) ? Math.abs(score) : 0;
  };
  let [sum, most, first, last] = [0, 0, start, start];
  for (let token = start; token < stop; token++) {
    sum += size(token);
    const from = token + 1 - 2 * AROUND;
    if (from > start) sum -= size(from - 1);
    if (from < start) continue;
    if (sum > most) [most, first, last] = [sum, from, from];
    else if (sum === most && last === from - 1) last = from;
  }
  const from = (first + last) >> 1;
  return [from, from + 2 * AROUND];
}

export function Passage({ corpus, number, review, starts, length, scores }: PassageProps) {
  const [whole, setWhole] = useState(false);
  const { data, record } = corpus;
  const [start, stop] = [corpus.starts[review]!, corpus.starts[review + 1]!];
  const cut = !whole && stop - start > LONG;
  const [from, to] = !cut
    ? [start, stop]
    : starts.length
      ? aroundPhrase(starts, length, start, stop)
      : whereMostIsSaid(corpus, number, start, stop);
  const inside = (token: number) => starts.some((at) => token >= at && token < at + length);
  const gap = (token: number) => plain(data.gaps[data.between[token + review]!]!);
  const id = data.ids?.[review] ?? null;
  const answers = corpus.answers(number);
  const [given, true_] = [corpus.given(number, review), corpus.true(number, review)];
  const value = (size: number, signed = false) => show(size, record.decimals, signed);
  const label = (answer: number) => (answers ? answers[answer]! : value(answer));
  const isWrong = corpus.badness(number, review) > 0;
  const words = Array.from({ length: to - from }, (_, n) => from + n);
  const forms = words.map((token) => plain(data.forms[data.tokens[token]!]!));
  return (
    <article class="passage">
      <div class="row about">
        {scores.map((score) => (
          <span class={`chip s${corpus.step(score) + 2}`}>
            {show(score * corpus.unit, record.decimals)}
          </span>
        ))}
        <span>
          {answers ? "read as " : `${corpus.numbers[number]!.name} `}
          {label(given)}{" "}
          {answers && <span class="note">{writeProbability(corpus.sure(number, review))}</span>}
        </span>
        {!Number.isNaN(true_) && isWrong && (
          <strong class="wrong">
            {`\u2260 labelled ${label(true_)}`}
            {!answers && ` (${value(given - true_, true)})`}
          </strong>
        )}
        {!Number.isNaN(true_) && !isWrong && <span class="note">{`labelled ${label(true_)}`}</span>}
        <span class="note which">
          {`review ${corpus.documents[review]}`}
          {id !== null && <bdi>{` \u00b7 ${plain(shorten(id, VALUE))}`}</bdi>}
        </span>
      </div>
      <p class="tinted text" dir={rightToLeft(forms.join(" ")) ? "rtl" : "ltr"}>
        {from > start && <span class="note">{"\u2026 "}</span>}
        {from === start && gap(start)}
        {words.map((token, n) => {
          const score = corpus.wordScore(number, token);
          const step = Number.isNaN(score) ? 0 : corpus.step(score);
          const marked = inside(token);
          const edges =
            (starts.includes(token) ? " first" : "") +
            (starts.includes(token - length + 1) ? " final" : "");
          return (
            <>
              {n > 0 && (
                <span class={marked && inside(token - 1) && !starts.includes(token) ? "in" : ""}>
                  {gap(token)}
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
            !record.trueColumns.includes(name) && (
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
