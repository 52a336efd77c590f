// Reviews, a page at a time: all of them, or those that hold a phrase.

import { useMemo } from "preact/hooks";
import type { Corpus } from "./corpus";
import { Pager, pagesOf } from "./pager";
import { Passage } from "./passage";
import type { ReportState, ReviewOrder, Side } from "./reportState";
import { findReviews, type Found } from "./summary";

const EACH = 10; // reviews on a page
const BESIDE = 5; // on each side, where two are shown

interface ListProps {
  corpus: Corpus;
  state: ReportState;
  kept: Uint8Array | null;
  opposite: boolean; // the phrase is clear on both sides
  onChange: (part: Partial<ReportState>) => void;
}

/** The text of a review, to be searched. */
export function textOf({ data, starts }: Corpus, review: number) {
  let text = "";
  for (let token = starts[review]!; token < starts[review + 1]!; token++) {
    text += data.gaps[data.between[token + review]!]! + data.forms[data.tokens[token]!]!;
  }
  return text + data.gaps[data.between[starts[review + 1]! + review]!]!;
}

/** Returns the first words in which a text is found, as a phrase that a review holds. */
function locate(corpus: Corpus, review: number, asked: string) {
  const { data, starts } = corpus;
  const at = textOf(corpus, review).toLowerCase().indexOf(asked);
  let [end, first, length] = [0, -1, 0];
  for (let token = starts[review]!; token < starts[review + 1]!; token++) {
    const begin = end + data.gaps[data.between[token + review]!]!.length;
    end = begin + data.forms[data.tokens[token]!]!.length;
    if (end <= at || begin >= at + asked.length) continue;
    if (!length++) first = token;
  }
  return { starts: length ? [first] : [], length };
}

function order(
  corpus: Corpus,
  number: number,
  found: Found[],
  by: ReviewOrder,
  phrase: boolean,
): Found[] {
  const high = ({ scores }: Found) => Math.max(...scores);
  const low = ({ scores }: Found) => Math.min(...scores);
  const strong = ({ scores }: Found) => scores.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const sureness = ({ review }: Found) => corpus.sure(number, review);
  const wrong = ({ review }: Found) => corpus.badness(number, review);
  const keys: Record<ReviewOrder, ((of: Found) => number) | null> = {
    first: phrase ? strong : wrong,
    highest: high,
    lowest: (of) => -low(of),
    corpus: null,
    sure: sureness,
    unsure: (of) => -sureness(of),
  };
  const key = keys[by];
  return key ? [...found].sort((a, b) => key(b) - key(a) || a.review - b.review) : found;
}

export function ReviewList({ corpus, state, kept, opposite, onChange }: ListProps) {
  const { phrase, number, words, reviewOrder } = state;
  const { above, below } = corpus.numbers[number]!;
  const texts = useMemo(() => new Map<number, string>(), [corpus]);
  const asked = words.trim().toLowerCase();
  const held = useMemo(() => {
    const found =
      phrase === null
        ? Array.from({ length: corpus.size }, (_, review): Found => ({
            review,
            starts: [],
            scores: [],
          })).filter(({ review }) => !kept || kept[review])
        : findReviews(corpus, number, phrase, kept);
    if (!asked) return found;
    return found.filter(({ review }) => {
      if (!texts.has(review)) texts.set(review, textOf(corpus, review).toLowerCase());
      return texts.get(review)!.includes(asked);
    });
  }, [corpus, number, phrase, kept, words]);
  const side: Side = phrase === null ? "all" : (state.side ?? (opposite ? "both" : "all"));
  const part = (of: "above" | "below") =>
    held.filter(({ scores }) =>
      scores.some((score) => (of === "above" ? 1 : -1) * corpus.step(score) > 0),
    );
  const [up, down] = useMemo(
    () => (phrase === null ? [[], []] : [part("above"), part("below")]),
    [held],
  );
  const chosen = side === "above" ? up : side === "below" ? down : held;
  const sorted = useMemo(() => {
    if (side === "both")
      return [
        order(corpus, number, down, "lowest", true),
        order(corpus, number, up, "highest", true),
      ];
    return [order(corpus, number, chosen, reviewOrder, phrase !== null)];
  }, [held, number, side, reviewOrder]);
  const each = side === "both" ? BESIDE : EACH;
  const pages = pagesOf(Math.max(...sorted.map((list) => list.length)), each);
  const page = Math.min(state.reviewPage, pages - 1);
  const passages = (list: Found[]) =>
    list.slice(page * each, (page + 1) * each).map(({ review, starts, scores }) => {
      const marked =
        phrase !== null
          ? { starts, length: corpus.lengths[phrase]! }
          : asked
            ? locate(corpus, review, asked)
            : { starts: [], length: 0 };
      return <Passage key={review} {...{ corpus, number, review, scores }} {...marked} />;
    });
  const orders: [ReviewOrder, string][] = [
    [
      "first",
      phrase !== null
        ? "strongest first"
        : corpus.data.true
          ? `errors first, ${corpus.record.answers ? "most sure" : "largest"}`
          : "as in the corpus",
    ],
    ...(phrase !== null
      ? ([
          ["highest", "highest first"],
          ["lowest", "lowest first"],
        ] as [ReviewOrder, string][])
      : []),
    ...(phrase !== null || corpus.data.true
      ? ([["corpus", "as in the corpus"]] as [ReviewOrder, string][])
      : []),
    ...(corpus.data.sure
      ? ([
          ["sure", "most sure first"],
          ["unsure", "least sure first"],
        ] as [ReviewOrder, string][])
      : []),
  ];
  const sides: [Side, string][] = [
    ...(opposite || side === "both" ? ([["both", "both signs"]] as [Side, string][]) : []),
    ["all", `all ${held.length.toLocaleString("en")}`],
    ["below", `${below} ${down.length.toLocaleString("en")}`],
    ["above", `${above} ${up.length.toLocaleString("en")}`],
  ];
  return (
    <div class="reviews">
      <div class="row">
        <h3 id="reviews">{phrase === null ? "Reviews" : "Reviews that hold it"}</h3>
        <span class="note" role="status">
          {held.length.toLocaleString("en")}
        </span>
        <input
          type="search"
          class="find"
          placeholder="find in reviews"
          aria-label="Find in reviews"
          value={words}
          onInput={(event) => onChange({ words: event.currentTarget.value, reviewPage: 0 })}
        />
        {side !== "both" && (
          <label class="note order">
            {"order "}
            <select
              value={reviewOrder}
              onChange={(event) =>
                onChange({ reviewOrder: event.currentTarget.value as ReviewOrder, reviewPage: 0 })
              }
            >
              {orders.map(([value, text]) => (
                <option value={value}>{text}</option>
              ))}
            </select>
          </label>
        )}
      </div>
      {phrase !== null && (
        <div class="row sides" role="group" aria-label="Which occurrences">
          {sides.map(([value, text]) => (
            <button
              type="button"
              aria-pressed={side === value}
              onClick={() => onChange({ side: value, reviewPage: 0 })}
            >
              {text}
            </button>
          ))}
        </div>
      )}
      {side === "both" ? (
        <div class="beside">
          {sorted.map((list, n) => (
            <section>
              <h3 class="note">{n === 0 ? below : above}</h3>
              {passages(list)}
              {list.length === 0 && <p class="note">none</p>}
            </section>
          ))}
        </div>
      ) : (
        passages(sorted[0]!)
      )}
      {chosen.length === 0 && <p class="note">No review on this page fits.</p>}
      <Pager
        label="Pages of reviews"
        page={page}
        pages={pages}
        onPage={(to) => onChange({ reviewPage: to })}
      />
    </div>
  );
}
