// What a person has chosen, and its form in the address, by which it is shared.

import { sameSpan, type Direction, type Explained, type Span } from "./scores";
import type { ReviewRecord } from "./record";

export type Shown = "score" | "interaction";

export interface State {
  anchor: number | null; // the step where the selection began; none without one
  head: number; // the step where it ends, before or after the anchor
  direction: Direction;
  method: number; // numbers of explanations
  other: number | null; // the one beside it
  shown: Shown;
  pins: Span[];
  teaching: boolean;
  numbers: boolean; // under the words
}

export const spanOf = ({ anchor, head }: State): Span | null =>
  anchor === null ? null : { start: Math.min(anchor, head), stop: Math.max(anchor, head) + 1 };

export const select = (span: Span | null): Partial<State> =>
  span ? { anchor: span.start, head: span.stop - 1 } : { anchor: null };

export const togglePin = (pins: Span[], span: Span) =>
  pins.some((pin) => sameSpan(pin, span))
    ? pins.filter((pin) => !sameSpan(pin, span))
    : [...pins, span];

/** Returns the direction that a page begins with: that of its first explanation. */
function firstDirection(record: ReviewRecord): Direction {
  const { weights, differences } = record.explanations[0]!;
  const two = record.labels.length === 2 && record.output === "softmax";
  const label = weights.indexOf(Math.max(...weights));
  const against = weights.indexOf(Math.min(...weights));
  if (weights[against]! < 0 || (two && !differences)) {
    return { label, against: two ? 1 - label : against, given: true };
  }
  return { label, against: null, given: true };
}

export function firstState(record: ReviewRecord): State {
  const steps = record.tokens?.length ?? record.series!.times.length;
  return {
    anchor: null,
    head: 0,
    direction: firstDirection(record),
    method: 0,
    other: null,
    shown: "score",
    pins: [],
    teaching: false,
    numbers: record.tokens !== null && steps <= 25,
  };
}

const write = ({ start, stop }: Span) => `${start}-${stop}`;

/** Returns a state as the part of the address after `#`; what is as at first is left out. */
export function toHash(state: State, first: State, explained: Explained[]): string {
  const hash = new URLSearchParams();
  const span = spanOf(state);
  if (span) hash.set("phrase", write(span));
  const { label, against } = state.direction;
  if (label !== first.direction.label || against !== first.direction.against) {
    hash.set("for", String(label));
    hash.set("against", String(against ?? "none"));
  }
  if (state.method !== 0) hash.set("method", explained[state.method]!.id);
  if (state.other !== null) hash.set("beside", explained[state.other]!.id);
  if (state.shown !== "score") hash.set("show", state.shown);
  if (state.pins.length) hash.set("pins", state.pins.map(write).join("."));
  if (state.numbers !== first.numbers) hash.set("numbers", state.numbers ? "1" : "0");
  if (state.teaching) hash.set("teach", "1");
  return hash.toString();
}

/** Returns the state that an address names; what it names wrongly is as at first. */
export function fromHash(
  text: string,
  first: State,
  record: ReviewRecord,
  explained: Explained[],
): State {
  const hash = new URLSearchParams(text.replace(/^#/, ""));
  const steps = explained[0]!.steps;
  const state = { ...first };
  const read = (span: string | null): Span | null => {
    const match = /^(\d{1,7})-(\d{1,7})$/.exec(span ?? "");
    if (!match) return null;
    const [start, stop] = [Number(match[1]), Number(match[2])];
    return start < stop && stop <= steps ? { start, stop } : null;
  };
  const index = (name: string) => {
    const found = explained.findIndex((one) => one.id === hash.get(name));
    return found < 0 ? null : found;
  };
  Object.assign(state, select(read(hash.get("phrase"))));
  if (/^\d{1,3}$/.test(hash.get("for") ?? "") && Number(hash.get("for")) < record.labels.length) {
    const label = Number(hash.get("for"));
    const given = hash.get("against") ?? "none";
    const against =
      /^\d{1,3}$/.test(given) && Number(given) < record.labels.length ? Number(given) : null;
    state.direction = { label, against: against === label ? null : against };
  }
  state.method = index("method") ?? 0;
  const other = index("beside");
  state.other = other === state.method ? null : other;
  if (hash.get("show") === "interaction") state.shown = "interaction";
  const pins = (hash.get("pins") ?? "").split(".").map(read);
  state.pins = pins.filter((pin) => pin !== null);
  if (hash.has("numbers")) state.numbers = hash.get("numbers") === "1";
  state.teaching = hash.get("teach") === "1";
  return state;
}
