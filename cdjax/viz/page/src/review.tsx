// The page of one text or series.

import { render } from "preact";
import { useCallback, useLayoutEffect, useMemo, useState } from "preact/hooks";
import { useAddress } from "./address";
import { Analysis } from "./analysis";
import { coloursOf, publish } from "./colours";
import { Choices } from "./controls";
import { useTheme } from "./hooks";
import { nounsOf } from "./names";
import { Phrase } from "./phrase";
import { Pins } from "./pins";
import type { ReviewRecord } from "./record";
import { Reviewed } from "./reviewed";
import { Explained, Reading, sameSpan, weigh, type Span } from "./scores";
import { firstState, fromHash, select, spanOf, toHash, togglePin, type State } from "./state";
import { TakeAway } from "./takeaway";
import { Lesson } from "./teaching";
import { plain, quote, rightToLeft } from "./text";
import { Notices, Verdict } from "./verdict";

function Page({ record, explained }: { record: ReviewRecord; explained: Explained[] }) {
  const first = useMemo(() => firstState(record), [record]);
  const { state, change } = useAddress<State>(
    (hash) => fromHash(hash, first, record, explained),
    (now) => toHash(now, first, explained),
  );
  const [hover, setHover] = useState<Span | null>(null);
  const [theme, setTheme] = useTheme();
  const colour = useMemo(() => coloursOf(record.scale, theme), [theme]);
  useLayoutEffect(() => publish(colour), [colour]);

  const { method, other, direction, pins, teaching } = state;
  const { label, against } = direction;
  const readings = useMemo(() => {
    const read = (of: Explained) => new Reading(of, weigh(record, of.record, direction));
    return [method, other].filter((n) => n !== null).map((n) => read(explained[n]!));
  }, [method, other, label, against, direction.given]);
  const reading = readings[0]!;
  const alone = explained.find((one) => one.record.method === "alone") ?? null;
  const isFirst = label === first.direction.label && against === first.direction.against;
  const right = useMemo(() => rightToLeft(record.text ?? record.tokens?.join(" ") ?? ""), [record]);
  const forms = useMemo(() => (record.series?.times ?? record.tokens!).map(plain), [record]);
  const quoteOf = useCallback((of: Span) => quote(record, of), [record]);

  const span = spanOf(state);
  const onSelect = (of: Span | null) => change(select(of));
  const onPin = (pin: Span) => change({ pins: togglePin(pins, pin) });
  const chosen = span ? [span, ...pins.filter((pin) => !sameSpan(pin, span))] : pins;
  const words = forms.map((_, t): Span => ({ start: t, stop: t + 1 }));
  const { phrase } = nounsOf(record);
  const describe = (of: Span, by = reading) => (
    <>
      <bdi>{quoteOf(of)}</bdi>
      {`  ${by.show(by.at(of.start, of.stop))}`}
      {of.stop - of.start > 1 && `, interaction ${by.show(by.beyond(of.start, of.stop))}`}
    </>
  );
  const teach = (on: boolean) => change({ teaching: on, anchor: null });
  return (
    <>
      <header>
        <div class="row">
          <h1>{`What each ${phrase} says`}</h1>
          <button type="button" aria-pressed={teaching} onClick={() => teach(!teaching)}>
            Teach
          </button>
          <button type="button" onClick={() => setTheme(theme === "dark" ? "light" : "dark")}>
            {theme === "dark" ? "Light" : "Dark"}
          </button>
        </div>
        <Verdict record={record} reading={reading} hidden={teaching} />
        {!teaching && <Notices readings={readings} />}
      </header>
      {!teaching && <Choices {...{ record, explained, state }} onChange={change} />}
      <main>
        <div class="column">
          <Reviewed
            {...{ record, readings, state, span, hover, right, isFirst }}
            onSelect={(anchor, head) => change({ anchor, head })}
          />
          {teaching ? (
            <Lesson
              {...{ record, reading, direction }}
              onShow={onSelect}
              onReveal={() => teach(false)}
            />
          ) : (
            <Analysis
              {...{ record, readings, state, span, hover, colour, forms, right }}
              {...{ quoteOf, describe, onSelect }}
              onHover={setHover}
              onChange={change}
            />
          )}
        </div>
        {!teaching && (
          <aside>
            {span && (
              <Phrase
                {...{ record, readings, alone, direction, span, onSelect }}
                pinned={pins.some((pin) => sameSpan(pin, span))}
                onPin={() => onPin(span)}
              />
            )}
            {pins.length > 0 && (
              <Pins {...{ readings, pins, quoteOf, onSelect }} onRemove={onPin} />
            )}
            <TakeAway
              {...{ record, reading, direction, span }}
              chosen={chosen.length ? chosen : words}
            />
          </aside>
        )}
      </main>
      <p class="unseen" aria-live="polite">
        {span && !teaching && describe(span)}
      </p>
      <footer>
        <p class="note">
          A score is what a {phrase} contributes to the output, in the context of the whole. Made by
          cdjax; the page holds all its data, and sends nothing anywhere.
        </p>
      </footer>
    </>
  );
}

async function start() {
  const record: ReviewRecord = JSON.parse(document.getElementById("data")!.textContent!);
  const steps = record.tokens?.length ?? record.series!.times.length;
  const explained = await Promise.all(
    record.explanations.map((of) => Explained.from(of, steps, record.labels.length)),
  );
  render(<Page record={record} explained={explained} />, document.getElementById("page")!);
  // When all of it is laid out and drawn: in ms since the page was asked for.
  const done = () => (document.documentElement.dataset.ready = performance.now().toFixed());
  requestAnimationFrame(() => requestAnimationFrame(done));
}

start().catch((error: unknown) => {
  document.getElementById("page")!.textContent = `This page cannot be shown: ${String(error)}`;
});
