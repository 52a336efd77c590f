"""The words and scores of the reviews that a page shows."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Int, UInt64

from cdjax.corpus.report.reviews import MOST_CHARACTERS, MOST_NUMBERS
from cdjax.corpus.report.scores import Part, Scale, Scores
from cdjax.corpus.report.statistics import find_keys
from cdjax.corpus.report.truth import Truth, outcome_columns, read_outcomes
from cdjax.viz.page.report import MISSING, Column, Reviews

SLACK = 1.5  # reviews may be that much longer than the mean before some are left out


class Shown(NamedTuple):
    """The reviews, and the scores of the listed phrases in them."""

    reviews: Reviews
    occurrences: Int[np.ndarray, "l o"]
    too_large: int  # reviews left out since the page would be too large


class Index:
    """Numbers for things, in the order in which they first come."""

    def __init__(self):
        self.numbers: dict[Any, int] = {}

    def __call__(self, thing: Any) -> int:
        """Return the number of a thing."""
        return self.numbers.setdefault(thing, len(self.numbers))

    def list(self) -> list[Any]:
        """Return all things."""
        return list(self.numbers)


class _Texts:
    """Collects texts as forms and gaps."""

    def __init__(self):
        self.words, self.forms, self.gaps = Index(), Index(), Index()
        self.tokens: list[int] = []
        self.between: list[int] = []

    def add(self, document: dict[str, Any], words: list[str]) -> None:
        """Add a document; where its text is not known its words stand with spaces between."""
        text, end, space = document["text"], 0, ""
        starts, stops = document["token_starts"], document["token_stops"]
        for n, (token, word) in enumerate(zip(document["tokens"], words, strict=True)):
            gap, form = space, token
            if text is not None and starts is not None:
                gap = text[end : starts[n]] if starts[n] > end else ""
                # Tokens that share their characters with the last show their names.
                form = text[max(starts[n], end) : stops[n]] or token
                end = max(end, stops[n])
            self.between.append(self.gaps(gap))
            self.tokens.append(self.forms((form, self.words(word))))
            space = " "
        self.between.append(self.gaps(text[end:] if text is not None else ""))


def read_shown(
    scores: Scores,
    scale: Scale,
    documents: Int[np.ndarray, "n"],
    keys: UInt64[np.ndarray, "p"],
    phrases: list[tuple[str, ...]],
    truth: Truth | None,
) -> Shown:
    """Read the reviews of a page.

    Args:
        scores: The job.
        scale: How its scores are written.
        documents: Numbers of the reviews, ascending.
        keys: Of the phrases that are listed, ascending.
        phrases: Their words, in any order.
        truth: Where the true labels are.
    """
    kept = list(scores.manifest["run"]["keep"])
    names = ["id", "text", "token_starts", "token_stops", *outcome_columns(scores), *kept]
    outcomes: list[tuple[np.ndarray | None, ...]] = []  # given, sure and true
    texts, columns = _Texts(), [Index() for _ in kept]
    rows: list[dict[str, Any]] = []
    words: list[np.ndarray] = []
    occurrences: list[np.ndarray] = []
    size = characters = too_large = 0
    for part in scores.parts(names):
        held = np.flatnonzero(np.isin(part.documents["doc"].to_numpy(), documents))
        fitting = []
        for row in held:
            length = len(part.documents["text"][row].as_py() or "")
            taken = int(part.lengths[row]) * (1 + len(scores.columns[0]))
            if characters + length > MOST_CHARACTERS or size + taken > SLACK * MOST_NUMBERS:
                too_large += 1
                continue
            characters, size = characters + length, size + taken
            fitting.append(row)
        for row in fitting:
            (document,) = part.documents.slice(row, 1).to_pylist()
            first = part.firsts[row]
            of_row = part.words.slice(first, part.lengths[row]).to_pylist()
            texts.add(document, of_row)
            row = {"doc": document["doc"], "id": document["id"], "length": len(of_row)}
            row["kept"] = [index(document[n]) for n, index in zip(kept, columns, strict=True)]
            rows.append(row)
        table = part.documents.take(pa.array(fitting, pa.int64()))
        true = None if truth is None else truth.read(table)
        outcomes.append((*read_outcomes(scores, table), true))
        word, occurrence = _scores_of(scores, scale, part, np.array(fitting, int), keys)
        words.append(word)
        occurrences.append(occurrence)
    for phrase in phrases:  # also those that are in no review of the page
        for word in phrase:
            texts.words(word)
    table = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
    forms = texts.forms.list()
    given, sure, true = (_join(arrays) for arrays in zip(*outcomes, strict=True))
    assert given is not None
    reviews = Reviews(
        documents=np.array(table.get("doc", []), np.int64),
        ids=table["id"] if any(id is not None for id in table.get("id", [])) else None,
        lengths=np.array(table.get("length", []), np.int64),
        words=texts.words.list(),
        forms=[form for form, _ in forms],
        form_words=np.array([word for _, word in forms], np.int64),
        gaps=texts.gaps.list(),
        tokens=np.array(texts.tokens, np.int64),
        between=np.array(texts.between, np.int64),
        scores=np.concatenate(words, axis=1),
        columns=[
            Column(name, index.list(), np.array([row["kept"][n] for row in rows], np.int64))
            for n, (name, index) in enumerate(zip(kept, columns, strict=True))
        ],
        given=given,
        sure=sure,
        true=true,
    )
    return Shown(reviews, np.concatenate(occurrences, axis=1), too_large)


def _join(arrays: tuple[np.ndarray | None, ...]) -> np.ndarray | None:
    """Return the columns of all parts; None where there are none."""
    there = [array for array in arrays if array is not None]
    return np.concatenate(there, axis=1) if there else None


def _scores_of(
    scores: Scores,
    scale: Scale,
    part: Part,
    rows: Int[np.ndarray, "n"],
    keys: UInt64[np.ndarray, "p"],
) -> tuple[Int[np.ndarray, "l t"], Int[np.ndarray, "l o"]]:
    """Return the scores of the words of some documents, and of the listed phrases in them.

    Of a phrase that has no score, as where a job keeps the strongest alone: MISSING.
    """
    numbers, longest = len(scores.columns[0]), scores.longest
    total = int(part.lengths.sum())
    remaining = np.repeat(np.cumsum(part.lengths), part.lengths) - np.arange(total)
    chosen = np.isin(np.repeat(np.arange(len(part.lengths)), part.lengths), rows)
    listed = np.zeros((total, longest), bool)
    for n in range(longest):
        _, found = find_keys(keys, part.keys[n])
        listed[:, n] = found & chosen & (remaining > n)
    table = np.full((numbers, total, longest), MISSING)
    for spans in scores.spans(part):
        here = chosen[spans.first]
        cell = spans.first[here], spans.words[here] - 1
        table[:, cell[0], cell[1]] = scale.to_units(spans.numbers[here]).T
    return table[:, chosen, 0], table[:, :, 1:][:, listed[:, 1:]]
