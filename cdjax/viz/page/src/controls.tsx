// What is looked at: the label, the method, and another beside it.

import { labelOf, sidesOf, unitsOf } from "./names";
import type { ReviewRecord } from "./record";
import type { Direction, Explained, Reading } from "./scores";
import type { State } from "./state";

interface ChoicesProps {
  record: ReviewRecord;
  explained: Explained[];
  state: State;
  onChange: (part: Partial<State>) => void;
}

export function Choices({ record, explained, state, onChange }: ChoicesProps) {
  const { label, against } = state.direction;
  const two = record.labels.length === 2 && record.output === "softmax";
  const labels = record.labels.map((_, n) => n);
  const pick = (to: Direction) => onChange({ direction: to });
  const choose = (
    name: string,
    value: string,
    options: [string, string][],
    onPick: (value: string) => void,
  ) => (
    <label>
      {name}
      <select
        aria-label={name}
        value={value}
        onChange={(event) => onPick(event.currentTarget.value)}
      >
        {options.map(([key, text]) => (
          <option value={key} selected={key === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
  const named = explained.map((one, n): [string, string] => [String(n), one.name]);
  return (
    <nav class="choices" aria-label="What is shown">
      {record.labels.length > 1 &&
        choose(
          record.output === "value" ? "Value" : "For",
          String(label),
          labels.map((n) => [String(n), labelOf(record, n)]),
          (value) => {
            const chosen = Number(value);
            pick({
              label: chosen,
              against: two ? 1 - chosen : against === chosen ? null : against,
            });
          },
        )}
      {record.labels.length > 2 &&
        choose(
          "against",
          String(against ?? ""),
          [
            ["", "none"],
            ...labels
              .filter((n) => n !== label)
              .map((n): [string, string] => [String(n), labelOf(record, n)]),
          ],
          (value) => pick({ label, against: value === "" ? null : Number(value) }),
        )}
      {explained.length > 1 &&
        choose("Method", String(state.method), named, (value) => {
          const method = Number(value);
          onChange({ method, other: state.other === method ? null : state.other });
        })}
      {explained.length > 1 &&
        choose(
          "beside",
          String(state.other ?? ""),
          [["", "none"], ...named.filter(([key]) => key !== String(state.method))],
          (value) => onChange({ other: value === "" ? null : Number(value) }),
        )}
      {record.tokens && (
        <label class="check">
          <input
            type="checkbox"
            checked={state.numbers}
            onChange={(event) => onChange({ numbers: event.currentTarget.checked })}
          />
          numbers
        </label>
      )}
    </nav>
  );
}

interface LegendProps {
  record: ReviewRecord;
  reading: Reading;
  direction: Direction;
}

/** The steps of the scale, from where each begins, and what the sides speak for. */
export function Legend({ record, reading, direction }: LegendProps) {
  const { clear, strong, fitted, units, decimals } = reading.record;
  const [above, below] = sidesOf(record, direction);
  const edge = (size: number) =>
    String(Number(size.toPrecision(fitted ? Math.max(2, decimals) : 3)));
  const steps = [
    `\u2212${edge(strong)}`,
    `\u2212${edge(clear)}`,
    "between",
    `+${edge(clear)}`,
    `+${edge(strong)}`,
  ];
  return (
    <p class="legend">
      <span>{below}</span>
      {steps.map((text, n) => (
        <span class={`chip s${n}`}>{text}</span>
      ))}
      <span>{above}</span>
      <span class="note">
        {unitsOf(record, units)}
        {fitted ? `, scaled to this ${record.series ? "series" : "text"} alone` : ""}
      </span>
    </p>
  );
}
