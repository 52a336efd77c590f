// What the corpus is, and how well the model does on it; its errors are a step away.

import type { Corpus, Miss } from "./corpus";
import { NONE, type Filters } from "./filters";
import { percent } from "./names";
import type { ReportState } from "./reportState";
import { show } from "./scores";
import { named, plain } from "./text";

const many = (count: number) => count.toLocaleString("en");

type Change = (part: Partial<ReportState>) => void;

interface AboutProps {
  corpus: Corpus;
  number: number;
  onChange: Change;
}

export function About({ corpus, number, onChange }: AboutProps) {
  const { record } = corpus;
  const { about, notes } = record;
  const question = corpus.question(number);
  const [confusion, miss] = [record.confusion?.[question], record.misses?.[question]];
  return (
    <div class="about-corpus">
      <p>
        {`${many(about.documents)} reviews, ${many(about.words)} words, scored with `}
        {about.model !== null && (
          <>
            the model <bdi>{named(about.model)}</bdi>,{" "}
          </>
        )}
        {`rule ${plain(about.rule)}. `}
        {confusion && describeErrors(confusion, corpus.answers(number)!)}
        {miss && miss.known > 0 && describeMiss(corpus, number, miss)}
      </p>
      {confusion && confusion.flat().some(Boolean) && (
        <Confusion {...{ corpus, number, confusion, onChange }} />
      )}
      {miss && miss.known > 0 && <Misses {...{ corpus, miss, onChange }} />}
      <details>
        <summary>What is on this page</summary>
        <ul>
          {notes.map((note) => (
            <li>{plain(note)}</li>
          ))}
        </ul>
      </details>
    </div>
  );
}

function describeErrors(confusion: number[][], answers: string[]) {
  const total = confusion.flat().reduce((a, b) => a + b, 0);
  const right = confusion.reduce((sum, row, n) => sum + row[n]!, 0);
  if (!total) return "";
  const yesOrNo = answers[0] === `not ${answers[1]}`;
  const model = yesOrNo ? `For \u201c${answers[1]}\u201d the model` : "The model";
  return `${model} is right about ${percent(right / total)}, and wrong about ${many(total - right)} reviews.`;
}

function describeMiss({ record, numbers }: Corpus, number: number, miss: Miss) {
  const size = (error: number) => show(error, record.decimals, false);
  const [name, mean, square] = [numbers[number]!.name, size(miss.absolute), size(miss.square)];
  return `The value ${name} is off by ${mean} on average (root mean square ${square}) in the ${many(miss.known)} reviews whose true value is known.`;
}

interface ConfusionProps extends AboutProps {
  confusion: number[][];
}

function Confusion({ corpus, number, confusion, onChange }: ConfusionProps) {
  const answers = corpus.answers(number)!.map(named);
  return (
    <table class="confusion">
      <thead>
        <tr>
          <td />
          {answers.map((answer) => (
            <th scope="col">
              read as <bdi>{answer}</bdi>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {confusion.map((row, labelled) => (
          <tr>
            <th scope="row">
              labelled <bdi>{answers[labelled]}</bdi>
            </th>
            {row.map((count, predicted) => (
              <td class={`figure${predicted === labelled ? "" : " wrong"}`}>
                <Count
                  {...{ count, onChange }}
                  name={`${many(count)} labelled ${answers[labelled]}, read as ${answers[predicted]}: show`}
                  filters={{ predicted, labelled }}
                />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Misses({ corpus, miss, onChange }: Omit<AboutProps, "number"> & { miss: Miss }) {
  const names = corpus.nameErrors();
  return (
    <table class="confusion">
      <tbody>
        {miss.steps.map((count, n) => (
          <tr>
            <th scope="row">{names[n]}</th>
            <td class={`figure${n === 2 ? "" : " wrong"}`}>
              <Count
                {...{ count, onChange }}
                name={`${many(count)} ${names[n]}: show`}
                filters={{ off: n - 2 }}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface CountProps {
  count: number;
  name: string;
  filters: Partial<Filters>;
  onChange: Change;
}

/** How many reviews there are of a kind; they are a click away. */
const Count = ({ count, name, filters, onChange }: CountProps) => (
  <button
    type="button"
    class="link"
    aria-label={name}
    onClick={() =>
      onChange({ filters: { ...NONE, ...filters }, phrase: null, page: 0, reviewPage: 0 })
    }
  >
    {many(count)}
  </button>
);
