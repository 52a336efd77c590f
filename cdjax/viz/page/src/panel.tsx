// What is looked at of a corpus.

import type { Column, Corpus } from "./corpus";
import { kindOf, NONE, type Filters } from "./filters";
import type { ReportState } from "./reportState";
import { named } from "./text";

interface PanelProps {
  corpus: Corpus;
  state: ReportState;
  kept: number | null; // reviews that fit the filters; null where none is set
  onChange: (part: Partial<ReportState>) => void;
}

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
  const answers = corpus
    .answers(state.number)
    ?.map((answer, n): [string, string] => [String(n), named(answer)]);
  const number = (value: string) => (value === "" ? null : Number(value));
  const set = (n: number, wanted: string) =>
    filter({ columns: { ...filters.columns, [n]: wanted } });
  const columnOf = (column: Column, n: number) => {
    if (record.trueColumns.includes(column.name)) return null;
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
            {answers ? "the model's errors" : `off by ${corpus.edges[0]} or more`}
          </label>
        )}
        {answers &&
          pick("read as", String(filters.predicted ?? ""), [["", "any"], ...answers], (value) =>
            filter({ predicted: number(value) }),
          )}
        {data.true &&
          answers &&
          pick("labelled", String(filters.labelled ?? ""), [["", "any"], ...answers], (value) =>
            filter({ labelled: number(value) }),
          )}
        {data.true &&
          !answers &&
          pick(
            "error",
            String(filters.off ?? ""),
            [
              ["", "any"],
              ...corpus.nameErrors().map((name, n): [string, string] => [String(n - 2), name]),
            ],
            (value) => filter({ off: number(value) }),
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
