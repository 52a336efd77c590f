// One phrase: its numbers, what is like it.

import type { Corpus } from "./corpus";
import type { ReportState } from "./reportState";
import { show } from "./scores";
import { Strip } from "./strip";
import type { Summary } from "./summary";
import { plain } from "./text";

interface DetailProps {
  corpus: Corpus;
  summary: Summary;
  state: ReportState;
  phrase: number;
  onPick: (phrase: number | null) => void;
}

export function Detail({ corpus, summary, state, phrase, onPick }: DetailProps) {
  const { record, data } = corpus;
  const { above, below } = corpus.numbers[state.number]!;
  const count = summary.counts[phrase]!;
  const number = (score: number) => show(score, record.decimals);
  const similar = record.similar;
  const nearest = similar
    ? Array.from({ length: similar.count }, (_, n) => phrase * similar.count + n).filter(
        (n) => data.nearest![n]! >= 0,
      )
    : [];
  const times = (many: number) => (many === 1 ? "once" : `${many.toLocaleString("en")} times`);
  const opposite = summary.below[phrase]! > 0 && summary.above[phrase]! > 0;
  return (
    <div class="detail">
      <div class="row">
        <h2 id="chosen" tabIndex={-1}>
          <bdi>{plain(corpus.texts[phrase]!)}</bdi>
        </h2>
        <button type="button" class="close" onClick={() => onPick(null)}>
          All reviews
        </button>
      </div>
      {opposite && (
        <p class="notice">
          {`Same phrase, opposite sign: clearly ${below} ${times(summary.below[phrase]!)}, clearly ${above} ${times(summary.above[phrase]!)}.`}
        </p>
      )}
      {count === 0 ? (
        <p class="note">It is in none of the reviews that are filtered for.</p>
      ) : (
        <div class="numbers">
          <dl>
            <dt>mean</dt>
            <dd>
              <span
                class={`chip big s${corpus.step(Math.round(summary.means[phrase]! / corpus.unit)) + 2}`}
              >
                {number(summary.means[phrase]!)}
              </span>
            </dd>
            {corpus.lengths[phrase]! > 1 && (
              <>
                <dt>beyond its words</dt>
                <dd>{number(summary.interactions[phrase]!)}</dd>
              </>
            )}
            <dt>lowest, highest</dt>
            <dd>{`${number(summary.lows[phrase]! * corpus.unit)}, ${number(summary.highs[phrase]! * corpus.unit)}`}</dd>
            <dt>occurrences</dt>
            <dd>{count.toLocaleString("en")}</dd>
          </dl>
          <figure>
            <Strip corpus={corpus} summary={summary} phrase={phrase} large />
            <figcaption class="note">{`${below} \u2190 scores (heights: square roots of counts) \u2192 ${above}`}</figcaption>
          </figure>
        </div>
      )}
      {nearest.length > 0 && (
        <section class="similar" aria-labelledby="similar">
          <h3
            id="similar"
            title="Cosine of the means of what each contributes to the model's last state"
          >
            Alike to the model
          </h3>
          <ul>
            {nearest.map((n) => {
              const other = data.nearest![n]!;
              return (
                <li>
                  <button type="button" class="link" onClick={() => onPick(other)}>
                    <bdi>{plain(corpus.texts[other]!)}</bdi>
                  </button>
                  <span class="note">{data.cosines![n]!.toFixed(2)}</span>
                </li>
              );
            })}
          </ul>
        </section>
      )}
    </div>
  );
}
