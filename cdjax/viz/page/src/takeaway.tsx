// What a person takes away from the page.

import { useState } from "preact/hooks";
import { copyText, download, toCsv, toPng, toText } from "./copying";
import { toSvg } from "./picture";
import type { ReviewRecord } from "./record";
import type { Direction, Reading, Span } from "./scores";

interface Props {
  record: ReviewRecord;
  reading: Reading;
  direction: Direction;
  span: Span | null;
  chosen: Span[]; // the phrase and the pinned ones; all words where there are none
}

export function TakeAway({ record, reading, direction, span, chosen }: Props) {
  const [said, setSaid] = useState("");
  const picture = () => toSvg(record, reading, direction, span);
  const actions: Record<string, () => Promise<string>> = {
    "Copy as text": async () =>
      (await copyText(toText(record, reading, direction, chosen)))
        ? "Copied."
        : "The browser allows no copying.",
    "Copy the link": async () =>
      (await copyText(location.href))
        ? "The link is copied: it opens this view of this file."
        : "Copy it from the address bar.",
    CSV: async () => {
      download(toCsv(record, reading), "explanation.csv", "text/csv");
      return "Saved explanation.csv: all scores.";
    },
    SVG: async () => {
      download(picture(), "explanation.svg", "image/svg+xml");
      return "Saved explanation.svg.";
    },
    PNG: async () => {
      download(await toPng(picture()), "explanation.png");
      return "Saved explanation.png.";
    },
  };
  return (
    <section class="card take" aria-label="Take away">
      <h2>Take away</h2>
      <div class="row">
        {Object.entries(actions).map(([name, action]) => (
          <button
            type="button"
            onClick={() => action().then(setSaid, () => setSaid(`${name} failed in this browser.`))}
          >
            {name}
          </button>
        ))}
      </div>
      <p class="note" role="status">
        {said}
      </p>
    </section>
  );
}
