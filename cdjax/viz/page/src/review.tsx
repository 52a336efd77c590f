// The page of one text or series.

import { render } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Chart } from "./chart";
import { coloursOf, publish } from "./colours";
import { Choices, Legend } from "./controls";
import { copyText, download, toCsv, toPng, toSvg, toText } from "./copying";
import { Findings } from "./findings";
import { useTheme } from "./hooks";
import { directionName, nounsOf } from "./names";
import { Phrase } from "./phrase";
import { Pins } from "./pins";
import { Prose } from "./prose";
import type { ReviewRecord } from "./record";
import { Explained, Reading, sameSpan, weigh, type Span } from "./scores";
import { firstState, fromHash, select, spanOf, toHash, togglePin, type State } from "./state";
import { Lesson } from "./teaching";
import { cutPieces, plain, quote, rightToLeft } from "./text";
import { Tree } from "./treeview";
import { Triangle } from "./triangle";
import { Notices, Verdict } from "./verdict";
import { Waterfall, barsOf } from "./waterfall";

const SHOWN = 400; // steps of the longest text whose tree is drawn

function Page({ record, explained }: { record: ReviewRecord; explained: Explained[] }) {
  const first = useMemo(() => firstState(record), [record]);
  const [state, setState] = useState<State>(() => fromHash(location.hash, first, record, explained));
  const [hover, setHover] = useState<Span | null>(null);
  const [said, setSaid] = useState("");
  const [theme, setTheme] = useTheme();
  const change = useCallback((part: Partial<State>) => setState((now) => ({ ...now, ...part })), []);
  const written = useRef("");

  useEffect(() => {
    written.current = toHash(state, first, explained);
    try {
      history.replaceState(null, "", written.current ? `#${written.current}` : location.pathname + location.search);
    } catch {
      // A page inside another may have no address of its own; it works without.
    }
  }, [state]);
  useEffect(() => {
    const follow = () => {
      if (location.hash.slice(1) !== written.current) setState(fromHash(location.hash, first, record, explained));
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);

  const colour = useMemo(() => coloursOf(record.scale, theme), [theme]);
  useLayoutEffect(() => publish(colour), [colour]);
  const read = (n: number) => new Reading(explained[n]!, weigh(record, explained[n]!.record, state.direction));
  const { label, against } = state.direction;
  const reading = useMemo(() => read(state.method), [state.method, label, against]);
  const other = useMemo(() => (state.other === null ? null : read(state.other)), [state.other, label, against]);
  const readings = other ? [reading, other] : [reading];
  const alone = explained.find((one) => one.record.method === "alone") ?? null;
  const pieces = useMemo(() => cutPieces(record), [record]);
  const span = spanOf(state);
  const quoteOf = useCallback((of: Span) => quote(record, of), [record]);
  const choose = (of: Span | null) => change(select(of));
  const drag = (anchor: number | null, head: number) => change({ anchor, head });
  const hidden = state.teaching;
  const series = record.series;
  const describe = (of: Span, by = reading) => (
    <>
      <bdi>{quoteOf(of)}</bdi>{`  ${by.show(by.at(of.start, of.stop))}`}
      {of.stop - of.start > 1 && `, interaction ${by.show(by.beyond(of.start, of.stop))}`}
    </>
  );

  const taken = span ? [span, ...state.pins.filter((pin) => !sameSpan(pin, span))] : state.pins;
  const { phrase, phrases, word, words: units } = nounsOf(record);
  const isFirst = label === first.direction.label && against === first.direction.against;
  const right = useMemo(() => rightToLeft(record.text ?? record.tokens?.join(" ") ?? ""), [record]);
  const forms = useMemo(() => (series ? series.times : record.tokens!).map(plain), [record]);
  const words = Array.from({ length: reading.steps }, (_, t): Span => ({ start: t, stop: t + 1 }));
  const take: Record<string, () => Promise<string>> = {
    "Copy as text": async () => {
      const text = toText(record, reading, state.direction, taken.length ? taken : words);
      return (await copyText(text)) ? "Copied." : "The browser allows no copying.";
    },
    "Copy the link": async () =>
      (await copyText(location.href)) ? "The link is copied: it opens this view of this file." : "Copy it from the address bar.",
    CSV: async () => {
      download(toCsv(record, reading), "explanation.csv", "text/csv");
      return "Saved explanation.csv.";
    },
    SVG: async () => {
      download(toSvg(record, reading, state.direction, span), "explanation.svg", "image/svg+xml");
      return "Saved explanation.svg.";
    },
    PNG: async () => {
      download(await toPng(toSvg(record, reading, state.direction, span)), "explanation.png");
      return "Saved explanation.png.";
    },
  };

  const view = (of: Reading, key: string) => {
    const name = `${series ? "Series" : "Text"}, by ${of.explained.name}; arrow keys move, Shift extends`;
    const props = { reading: of, span, hover, head: state.head, anchor: state.anchor, hidden, onSelect: drag };
    return (
      <div key={key} class="view">
        {other && <h2>{of.explained.name} <span class="note">{of.record.units}</span></h2>}
        {series ? (
          <Chart series={series} byFeature={of === reading && state.method === 0 && isFirst} {...props} />
        ) : (
          <Prose pieces={pieces} known={record.known} numbers={state.numbers} right={right} label={name} {...props} />
        )}
        {!hidden && <Legend record={record} reading={of} direction={state.direction} />}
      </div>
    );
  };
  const tree = reading.record.longest >= reading.steps && !reading.record.additive && reading.steps > 1;
  return (
    <>
      <header>
        <div class="row">
          <h1>{`What each ${phrase} says`}</h1>
          <button type="button" aria-pressed={state.teaching} onClick={() => change({ teaching: !state.teaching, anchor: null })}>
            Teach
          </button>
          <button type="button" onClick={() => setTheme(theme === "dark" ? "light" : "dark")}>
            {theme === "dark" ? "Light" : "Dark"}
          </button>
        </div>
        <Verdict record={record} reading={reading} hidden={hidden} />
        <Notices readings={readings} />
      </header>
      <Choices record={record} explained={explained} state={state} onChange={change} />
      <main class={span ? "chosen" : ""}>
        <div class="column">
          <section class="card reviewed" aria-label={series ? "The series" : "The text"}>
            {readings.map((of, n) => view(of, String(n)))}
            {!span && !hidden && (
              <p class="note">
                {series ? "Drag over a window of time" : "Drag over any words, or click one"}; arrow keys move, Shift and arrows extend.
              </p>
            )}
          </section>
          {hidden ? (
            <Lesson
              record={record}
              reading={reading}
              direction={state.direction}
              onShow={choose}
              onReveal={() => change({ teaching: false, anchor: null })}
            />
          ) : (
            <>
              {reading.steps > 1 && reading.record.longest > 1 && (
                <section class="card">
                  <h2>What to look at</h2>
                  <Findings
                    {...{ record, reading, span, quoteOf }}
                    direction={state.direction}
                    onSelect={choose}
                    onHover={setHover}
                  />
                </section>
              )}
              {readings.map((of) => (
                <section class="card" key={`w${of.explained.id}`}>
                  <h2>Where the number comes from{other && `: ${of.explained.id}`}</h2>
                  <Waterfall bars={barsOf(record, of, quoteOf)} reading={of} total={directionName(record, state.direction)} onSelect={choose} />
                  {of.record.reason && <p class="note">Remainder: {plain(of.record.reason)}.</p>}
                </section>
              ))}
              {readings.map((of) => (
                <section class="card" key={`t${of.explained.id}`}>
                  <div class="row">
                    <h2>All {phrases}{other && `: ${of.explained.id}`}</h2>
                    <div class="switch" role="group" aria-label="Shown in the triangle">
                      {(["score", "interaction"] as const).map((shown) => (
                        <button type="button" aria-pressed={state.shown === shown} onClick={() => change({ shown })}>
                          {shown}
                        </button>
                      ))}
                    </div>
                  </div>
                  <p class="note">
                    Single {units} in the first row; each row below has {phrases} of one {word} more.
                  </p>
                  <Triangle {...{ reading: of, shown: state.shown, colour, span, hover, right, words: forms }} describe={(one) => describe(one, of)} onHover={setHover} onSelect={choose} />
                </section>
              ))}
              {tree && (
                <section class="card">
                  <h2>How {phrases} join</h2>
                  <p class="note">Neighbours that interact most join first; each number is what joining adds to the parts.</p>
                  {reading.steps <= SHOWN ? (
                    <Tree reading={reading} span={span} quoteOf={quoteOf} onSelect={choose} onHover={setHover} />
                  ) : (
                    <p class="note">The tree is drawn for texts of up to {SHOWN} words.</p>
                  )}
                </section>
              )}
            </>
          )}
        </div>
        <aside>
          {span && (
            <Phrase
              record={record}
              readings={readings}
              alone={alone}
              direction={state.direction}
              span={span}
              pinned={state.pins.some((pin) => sameSpan(pin, span))}
              hidden={hidden}
              onSelect={choose}
              onPin={() => change({ pins: togglePin(state.pins, span) })}
            />
          )}
          {!hidden && state.pins.length > 0 && (
            <Pins {...{ readings, pins: state.pins, quoteOf }} onSelect={choose} onRemove={(pin) => change({ pins: togglePin(state.pins, pin) })} />
          )}
          {!hidden && (
            <section class="card take" aria-label="Take away">
              <h2>Take away</h2>
              <div class="row">
                {Object.entries(take).map(([name, action]) => (
                  <button type="button" onClick={() => action().then(setSaid, () => setSaid(`${name} failed in this browser.`))}>
                    {name}
                  </button>
                ))}
              </div>
              <p class="note" role="status">{said}</p>
            </section>
          )}
        </aside>
      </main>
      <p class="unseen" aria-live="polite">{span && !hidden && describe(span)}</p>
      <footer>
        <p class="note">
          A score is what a {phrase} contributes to the output, in the context of the whole. Made by cdjax;
          the page holds all its data, and sends nothing anywhere.
        </p>
      </footer>
    </>
  );
}

async function start() {
  const record: ReviewRecord = JSON.parse(document.getElementById("data")!.textContent!);
  const steps = record.tokens?.length ?? record.series!.times.length;
  const explained = await Promise.all(record.explanations.map((of) => Explained.from(of, steps, record.labels.length)));
  render(<Page record={record} explained={explained} />, document.getElementById("page")!);
  document.documentElement.dataset.ready = String(Math.round(performance.now())); // ms since it was asked for
}

start().catch((error: unknown) => {
  document.getElementById("page")!.textContent = `This page cannot be shown: ${String(error)}`;
});
