// What the model says of the whole text, and what a reader should know before the scores.

import { labelOf, writeProbability } from "./names";
import type { ReviewRecord } from "./record";
import { probabilities, show, type Reading } from "./scores";
import { plain } from "./text";

const MOST = 6; // labels shown at once

export function Verdict({
  record,
  reading,
  hidden,
}: {
  record: ReviewRecord;
  reading: Reading;
  hidden: boolean;
}) {
  const { logits, decimals } = reading.record;
  const at = record.outputAt && (
    <p class="note">
      <bdi>{plain(record.outputAt)}</bdi>
    </p>
  );
  const chances = probabilities(record.output, logits);
  if (hidden)
    return <p class="verdict">What does the model make of this? The answer comes later.</p>;
  if (!chances) {
    return (
      <div>
        {at}
        <p class="verdict">
          {logits.map((value, label) => (
            <span>
              {labelOf(record, label)} <strong>{show(value, decimals, false)}</strong>{" "}
            </span>
          ))}
        </p>
      </div>
    );
  }
  const ranked = chances.map((_, label) => label).sort((a, b) => chances[b]! - chances[a]!);
  const many = record.output === "sigmoid";
  const heads = many ? ranked.filter((label) => chances[label]! >= 0.5) : ranked.slice(0, 1);
  return (
    <div>
      {at}
      <p class="verdict">
        {heads.length ? (
          <>
            The model reads this as{" "}
            <strong>{heads.map((label) => labelOf(record, label)).join(", ")}</strong>
            {heads.length === 1 && (
              <span class="chance"> {writeProbability(chances[heads[0]!]!)}</span>
            )}
          </>
        ) : (
          "The model finds no label likely."
        )}
      </p>
      <table class="chances">
        <caption class="unseen">Probability of each label</caption>
        <thead class="unseen">
          <tr>
            <th scope="col">label</th>
            <th scope="col">probability</th>
            <th scope="col">bar</th>
          </tr>
        </thead>
        <tbody>
          {ranked.slice(0, MOST).map((label) => (
            <tr>
              <th scope="row">{labelOf(record, label)}</th>
              <td class="figure">{writeProbability(chances[label]!)}</td>
              <td class="meter">
                <span class="bar" style={{ width: `${100 * chances[label]!}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {ranked.length > MOST && <p class="note">and {ranked.length - MOST} less likely labels</p>}
    </div>
  );
}

/** What to know before believing the scores: words that the model doesn't know, what has faded. */
export function Notices({ readings }: { readings: Reading[] }) {
  const texts = [...new Set(readings.flatMap((reading) => reading.record.notices))];
  return (
    <>
      {texts.map((text) => (
        <p class="notice">{plain(text.replace(/(?<=[ (])-(?=\d)/g, "\u2212"))}</p>
      ))}
    </>
  );
}
