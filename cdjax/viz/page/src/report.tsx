// The page of a corpus.

import { render } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { About } from "./about";
import { useAddress } from "./address";
import { coloursOf, publish } from "./colours";
import { Corpus, type ReportRecord } from "./corpus";
import { Detail } from "./detail";
import { keep } from "./filters";
import { Finder, list } from "./finding";
import { useTheme } from "./hooks";
import { Panel } from "./panel";
import { PhraseTable } from "./phraseTable";
import { fromHash, toHash, type ReportState } from "./reportState";
import { ReviewList } from "./reviewList";
import { summarize } from "./summary";
import { plain } from "./text";

function Report({ corpus }: { corpus: Corpus }) {
  const { record } = corpus;
  const { state, change } = useAddress<ReportState>(
    (hash) => fromHash(hash, corpus),
    (now) => toHash(now, corpus),
  );
  const [theme, setTheme] = useTheme();
  const colour = useMemo(() => coloursOf(record.scale, theme), [theme]);
  useLayoutEffect(() => publish(colour), [colour]);
  const finder = useMemo(() => new Finder(corpus), [corpus]);
  const { filters, number, phrase, query, order, up, opposite } = state;
  const kept = useMemo(() => keep(corpus, number, filters), [number, filters]);
  const summary = useMemo(() => summarize(corpus, number, kept), [number, kept]);
  const phrases = useMemo(
    () => list(corpus, finder, summary, { query, order, up, opposite }),
    [summary, query, order, up, opposite],
  );
  const detail = useRef<HTMLElement>(null);
  const pick = (to: number | null) => {
    change({ phrase: to, side: null, reviewPage: 0, reviewOrder: "first" });
    requestAnimationFrame(() => {
      const aside = detail.current!;
      aside.scrollTop = 0;
      aside.querySelector<HTMLElement>("#chosen")?.focus({ preventScroll: true });
      if (aside.getBoundingClientRect().top > innerHeight / 2) aside.scrollIntoView();
    });
  };
  const { above, below } = corpus.numbers[number]!;
  const [clear, strong] = corpus.edges;
  const isOpposite = phrase !== null && summary.below[phrase]! > 0 && summary.above[phrase]! > 0;
  return (
    <>
      <header>
        <div class="row">
          <h1>{plain(record.title)}</h1>
          <button type="button" onClick={() => setTheme(theme === "dark" ? "light" : "dark")}>
            {theme === "dark" ? "Light" : "Dark"}
          </button>
        </div>
        <About {...{ corpus, number }} onChange={change} />
      </header>
      <Panel
        {...{ corpus, state }}
        kept={kept && kept.reduce((sum, one) => sum + one, 0)}
        onChange={change}
      />
      {kept && !corpus.whole && (
        <p class="frame filtered note">
          Numbers of phrases are of the reviews that fit and are on this page.
        </p>
      )}
      <main>
        <p class="legend">
          <span>scores</span>
          <strong>{below}</strong>
          {[`\u2212${strong}`, `\u2212${clear}`, "between", `+${clear}`, `+${strong}`].map(
            (text, n) => (
              <span class={`chip s${n}`}>{text}</span>
            ),
          )}
          <strong>{above}</strong>
          <span>{record.about.output === "value" ? "in the units of the value" : "in logits"}</span>
        </p>
        <PhraseTable {...{ corpus, summary, state, phrases }} onChange={change} onPick={pick} />
        <aside class="card" ref={detail} aria-label="Reviews">
          {phrase !== null && <Detail {...{ corpus, summary, state, phrase }} onPick={pick} />}
          <ReviewList {...{ corpus, state, kept }} opposite={isOpposite} onChange={change} />
        </aside>
      </main>
      <footer>
        <p class="note">
          A score is what a phrase contributes to the output, in the context of its review. Made by
          cdjax; the page holds all its data, and sends nothing anywhere.
        </p>
      </footer>
    </>
  );
}

async function start() {
  const record: ReportRecord = JSON.parse(document.getElementById("data")!.textContent!);
  const corpus = await Corpus.from(record);
  render(<Report corpus={corpus} />, document.getElementById("page")!);
  // When all of it is laid out and drawn: in ms since the page was asked for.
  const done = () => (document.documentElement.dataset.ready = performance.now().toFixed());
  requestAnimationFrame(() => requestAnimationFrame(done));
}

start().catch((error: unknown) => {
  document.getElementById("page")!.textContent = `This page cannot be shown: ${String(error)}`;
});
