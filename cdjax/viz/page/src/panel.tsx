// What the corpus is, and what is looked at of it.

import type { Column, Corpus } from "./corpus";
import { kindOf, NONE, type Filters } from "./filters";
import type { ReportState } from "./reportState";
import { plain, shorten } from "./text";

const NAME = 60; // characters of a column's name or value that are shown

interface PanelProps {
  corpus: Corpus;
  state: ReportState;
  kept: number | null; // reviews that fit the filters; null where none is set
  onChange: (part: Partial<ReportState>) => void;
}

const named = (text: string | null) =>
  text === null ? "(none)" : text === "" ? "(empty)" : plain(shorten(text, NAME));

export function Panel({ corpus, state, kept, onChange }: PanelProps) {
  const { record, data } = corpus;
  const { filters } = state;
  const filter = (part: Partial<Filters>) =>
    onChange({ filters: { ...filters, ...part }, page: 0, reviewPage: 0 });
  const pick = (
    name: string,
    value: string,
    options: [string, string][],
    onPick: (value: string) => void,
  ) => (
    <label>
      <bdi>{name}</bdi>
      <select
        aria-label={name}
        value={value}
        onChange={(event) => onPick(event.currentTarget.value)}
      >
        {options.map(([key, text]) => (
          <option value={key}>{text}</option>
        ))}
      </select>
    </label>
  );
  const labels = record.about.labels.map((label, n): [string, string] => [String(n), named(label)]);
  const number = (value: string) => (value === "" ? null : Number(value));
  const set = (n: number, wanted: string) =>
    filter({ columns: { ...filters.columns, [n]: wanted } });
  const columnOf = (column: Column, n: number) => {
    if (column.name === record.trueColumn) return null;
    const name = named(column.name);
    const wanted = filters.columns[n] ?? "";
    const kind = kindOf(column);
    if (kind === "choice") {
      const { compare } = new Intl.Collator("en", { numeric: true });
      const values = column.values.map((value, k): [string, string] => [String(k), named(value)]);
      values.sort(([, a], [, b]) => compare(a, b));
      return pick(name, wanted, [["", "any"], ...values], (value) => set(n, value));
    }
    if (kind === "text") {
      return (
        <label>
          <bdi>{name}</bdi>
          <input
            type="search"
            placeholder="holds"
            value={wanted}
            onInput={(event) => set(n, event.currentTarget.value)}
          />
        </label>
      );
    }
    const [from = "", to = ""] = wanted.split("..");
    const write = (least: string, most: string) => set(n, least || most ? `${least}..${most}` : "");
    return (
      <span class="range" role="group" aria-label={name}>
        <bdi>{name}</bdi>
        <input
          type="number"
          step="any"
          placeholder="from"
          aria-label={`${name} from`}
          value={from}
          onInput={(event) => write(event.currentTarget.value, to)}
        />
        <input
          type="number"
          step="any"
          placeholder="to"
          aria-label={`${name} to`}
          value={to}
          onInput={(event) => write(from, event.currentTarget.value)}
        />
      </span>
    );
  };
  return (
    <form class="choices" aria-label="What is shown" onSubmit={(event) => event.preventDefault()}>
      <label class="search">
        Search phrases
        <input
          type="search"
          value={state.query}
          placeholder="not bad"
          onInput={(event) => onChange({ query: event.currentTarget.value, page: 0 })}
        />
      </label>
      {record.numbers.length > 1 &&
        pick(
          record.about.output === "value" ? "Value" : "For",
          String(state.number),
          corpus.numbers.map(({ name }, n): [string, string] => [String(n), name]),
          (value) => onChange({ number: Number(value), page: 0, reviewPage: 0 }),
        )}
      <label class="check">
        <input
          type="checkbox"
          checked={state.opposite}
          onChange={(event) => onChange({ opposite: event.currentTarget.checked, page: 0 })}
        />
        same phrase, opposite sign
      </label>
      <fieldset>
        <legend class="unseen">Reviews</legend>
        {data.true && (
          <label class="check">
            <input
              type="checkbox"
              checked={filters.wrong}
              onChange={(event) => filter({ wrong: event.currentTarget.checked })}
            />
            the model's errors
          </label>
        )}
        {data.predicted &&
          pick("read as", String(filters.predicted ?? ""), [["", "any"], ...labels], (value) =>
            filter({ predicted: number(value) }),
          )}
        {data.true &&
          pick("labelled", String(filters.labelled ?? ""), [["", "any"], ...labels], (value) =>
            filter({ labelled: number(value) }),
          )}
        {data.columns.map(columnOf)}
        {kept !== null && (
          <>
            <span role="status">{`${kept.toLocaleString("en")} reviews`}</span>
            <button
              type="button"
              onClick={() => onChange({ filters: NONE, page: 0, reviewPage: 0 })}
            >
              Any review
            </button>
          </>
        )}
      </fieldset>
    </form>
  );
}

/** What the corpus is, in numbers; the model's errors are a step away. */
export function About({ corpus, onChange }: Pick<PanelProps, "corpus" | "onChange">) {
  const { record } = corpus;
  const { about, confusion, notes } = record;
  const many = (count: number) => count.toLocaleString("en");
  const total = confusion?.flat().reduce((a, b) => a + b, 0) ?? 0;
  const right = confusion?.reduce((sum, row, n) => sum + row[n]!, 0) ?? 0;
  const label = (n: number) => named(about.labels[n]!);
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
        {confusion &&
          total > 0 &&
          `The model is right about ${((100 * right) / total).toFixed(1)}%, and wrong about ${many(total - right)} reviews.`}
      </p>
      {confusion && total > 0 && (
        <table class="confusion">
          <thead>
            <tr>
              <td />
              {about.labels.map((_, n) => (
                <th scope="col">
                  read as <bdi>{label(n)}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {confusion.map((row, true_) => (
              <tr>
                <th scope="row">
                  labelled <bdi>{label(true_)}</bdi>
                </th>
                {row.map((count, predicted) => (
                  <td class={`figure${predicted === true_ ? "" : " wrong"}`}>
                    <button
                      type="button"
                      class="link"
                      aria-label={`${many(count)} labelled ${label(true_)}, read as ${label(predicted)}: show`}
                      onClick={() =>
                        onChange({
                          filters: { ...NONE, predicted, labelled: true_ },
                          phrase: null,
                          page: 0,
                          reviewPage: 0,
                        })
                      }
                    >
                      {many(count)}
                    </button>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
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
