// The phrases of a corpus as a table, a page at a time.

import type { Corpus } from "./corpus";
import { ORDERS, type Order } from "./finding";
import { Pager, pagesOf } from "./pager";
import type { ReportState } from "./reportState";
import { show } from "./scores";
import { Strip } from "./strip";
import type { Summary } from "./summary";
import { plain, shorten } from "./text";

export const EACH = 25; // phrases on a page
const PHRASE = 90; // characters of a phrase that are shown

interface TableProps {
  corpus: Corpus;
  summary: Summary;
  state: ReportState;
  phrases: number[];
  onChange: (part: Partial<ReportState>) => void;
  onPick: (phrase: number) => void;
}

export function PhraseTable({ corpus, summary, state, phrases, onChange, onPick }: TableProps) {
  const { record } = corpus;
  const { above, below } = corpus.numbers[state.number]!;
  const pages = pagesOf(phrases.length, EACH);
  const page = Math.min(state.page, pages - 1);
  const rows = phrases.slice(page * EACH, (page + 1) * EACH);
  const chip = (score: number) => (
    <span class={`chip s${corpus.step(Math.round(score / corpus.unit)) + 2}`}>
      {show(score, record.decimals)}
    </span>
  );
  const head = (order: Order, text: string, of: string, hint?: string) => {
    const current = state.order === order;
    return (
      <th
        scope="col"
        class={of}
        aria-sort={current ? (state.up ? "ascending" : "descending") : undefined}
      >
        <button
          type="button"
          class="head"
          title={hint}
          onClick={() => onChange({ order, up: current && !state.up, page: 0 })}
        >
          {text}
          <span aria-hidden="true">{current ? (state.up ? " \u2191" : " \u2193") : ""}</span>
        </button>
      </th>
    );
  };
  return (
    <section class="card phrases" aria-labelledby="phrases">
      <div class="row">
        <h2 id="phrases">Phrases</h2>
        <span class="note" role="status">
          {`${phrases.length.toLocaleString("en")} of ${corpus.texts.length.toLocaleString("en")} listed`}
        </span>
        <label class="note order">
          {"order "}
          <select
            value={state.order ?? ""}
            onChange={(event) =>
              onChange({
                order: (event.currentTarget.value || null) as Order | null,
                up: false,
                page: 0,
              })
            }
          >
            <option value="">
              {state.query.trim()
                ? "nearest to the search"
                : ORDERS[state.opposite ? "opposite" : "evidence"]}
            </option>
            {Object.entries(ORDERS).map(([order, text]) => (
              <option value={order}>{text}</option>
            ))}
          </select>
        </label>
      </div>
      {rows.length === 0 ? (
        <p class="note">
          {state.opposite
            ? `No phrase that is listed ${state.query.trim() ? "and searched for " : ""}is clearly ${below} here and clearly ${above} there.`
            : `No phrase that is listed fits. Phrases are left out that are never clear, or occur too seldom: see "What is on this page".`}
        </p>
      ) : (
        <table class="table">
          <thead>
            <tr>
              {head("phrase", "phrase", "phrase")}
              {head("count", "times", "figure")}
              {head("mean", "mean", "figure", "Mean score of all occurrences")}
              {head(
                "interaction",
                "beyond its words",
                "figure beyond",
                "Mean of what a phrase scores beyond the sum of its words",
              )}
              {head(
                "opposite",
                "clearly \u2212\u00a0/\u00a0+",
                "figure sides",
                `Occurrences that are clearly ${below}, and ${above}`,
              )}
              <th scope="col" class="spread">
                all scores
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((n) => (
              <tr class={n === state.phrase ? "chosen" : ""}>
                <th scope="row" class="phrase">
                  <button
                    type="button"
                    class="link"
                    aria-pressed={n === state.phrase}
                    onClick={() => onPick(n)}
                  >
                    <bdi>{plain(shorten(corpus.texts[n]!, PHRASE))}</bdi>
                  </button>
                </th>
                <td class="figure">{summary.counts[n]!.toLocaleString("en")}</td>
                <td class="figure">{chip(summary.means[n]!)}</td>
                <td class="figure beyond">
                  {corpus.lengths[n]! > 1 && show(summary.interactions[n]!, record.decimals)}
                </td>
                <td class={`figure sides${summary.below[n] && summary.above[n] ? " two" : ""}`}>
                  {`${summary.below[n]!.toLocaleString("en")} / ${summary.above[n]!.toLocaleString("en")}`}
                </td>
                <td class="spread">
                  <Strip corpus={corpus} summary={summary} phrase={n} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Pager
        label="Pages of phrases"
        page={page}
        pages={pages}
        onPage={(to) => onChange({ page: to })}
      />
    </section>
  );
}
