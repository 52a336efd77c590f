"""The page of a scored corpus: its phrases, and the reviews that they are in."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cdjax.files.atomic import write_atomically
from cdjax.viz.page.data import describe_scale
from cdjax.viz.page.pack import MISSING, pack_floats, pack_integers, pack_texts
from cdjax.viz.page.write import fill, read_built

__all__ = ["MISSING", "Column", "Phrases", "Report", "Reviews", "Similar", "write_report"]


class Column(NamedTuple):
    """A kept column of the reviews."""

    name: str
    values: list[str | None]  # each once
    value_of: Int[np.ndarray, "n"]  # the number of each review's


class Reviews(NamedTuple):
    """The reviews of a page, `n` of them with `t` words together.

    A text is a gap, a form, a gap, a form and so on, up to a gap; a form is a word as it is
    written there.
    """

    documents: Int[np.ndarray, "n"]  # numbers in the corpus, ascending
    ids: list[str | None] | None
    lengths: Int[np.ndarray, "n"]  # words of each
    words: list[str]  # all words, as they are compared
    forms: list[str]
    form_words: Int[np.ndarray, "f"]  # the word of each form
    gaps: list[str]
    tokens: Int[np.ndarray, "t"]  # forms
    between: Int[np.ndarray, "g"]  # gaps; one more than forms in each review
    scores: Int[np.ndarray, "l t"]  # of each word, in units of the last decimal; or MISSING
    columns: list[Column]
    given: Float[np.ndarray, "q n"]  # number of the answer to each question, or value
    sure: Float[np.ndarray, "q n"] | None  # probability of that answer; None of values
    true: Float[np.ndarray, "q n"] | None  # as `given`, NaN where it is not known


class Phrases(NamedTuple):
    """The phrases of a page, those of most evidence first; numbers are of the whole corpus."""

    words: Int[np.ndarray, "p m"]  # numbers of words, -1 after the last
    counts: Int[np.ndarray, "p"]
    means: Float[np.ndarray, "l p"]
    interactions: Float[np.ndarray, "l p"]  # means
    lows: Int[np.ndarray, "l p"]  # in units of the last decimal
    highs: Int[np.ndarray, "l p"]
    histograms: Int[np.ndarray, "l p b"]
    occurrences: Int[np.ndarray, "l o"]  # scores in the reviews, by place and length; of two words
    # or more; or MISSING


class Similar(NamedTuple):
    """The phrases nearest to each phrase by their vectors, nearest first; -1 for no more."""

    indices: Int[np.ndarray, "p k"]
    cosines: Float[np.ndarray, "p k"]


class Report(NamedTuple):
    """All that the page of a corpus shows."""

    about: dict[str, Any]  # counts, model, rule, labels, output
    numbers: list[dict[str, str]]  # what scores above and below 0 of each number speak for
    clear: float
    strong: float
    decimals: int
    notes: list[str]  # what is left out, and what else is to be known
    reviews: Reviews
    phrases: Phrases
    answers: list[list[str]] | None = None  # to each question that the model decides; or values
    confusion: Int[np.ndarray, "q a a"] | None = None  # of the corpus: true answer, given answer
    misses: list[dict[str, Any]] | None = None  # of the corpus: how far each value is off
    true_columns: Sequence[str] = ()
    similar: Similar | None = None


def write_report(
    path: str | os.PathLike[str],
    report: Report,
    *,
    title: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write the page of a corpus; the file appears whole or not at all.

    Args:
        path: Of the file, `.html`.
        report: What it shows.
        title: Of the page; how many reviews there are when None.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        FileExistsError: Where the path is taken and `overwrite` is not set.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; give another path or overwrite=True.")
    about = report.about
    title = title or f"What the phrases of {about['documents']:,} reviews say"
    summary = "\n".join([title, *report.notes])
    record = make_record(report) | {"title": title}
    page = fill(read_built("report"), title=title, summary=summary, record=record)
    with write_atomically(path) as new:
        new.write_text(page, encoding="utf-8")


def make_record(report: Report) -> dict[str, Any]:
    """Return a report as a record for JSON."""
    reviews, phrases, similar = report.reviews, report.phrases, report.similar
    return {
        "about": report.about,
        "numbers": report.numbers,
        "clear": report.clear,
        "strong": report.strong,
        "decimals": report.decimals,
        "notes": report.notes,
        "scale": describe_scale(),
        "confusion": None if report.confusion is None else report.confusion.tolist(),
        "answers": report.answers,
        "misses": report.misses,
        "trueColumns": list(report.true_columns),
        "reviews": {
            "documents": pack_integers(np.diff(reviews.documents, prepend=0)),
            "ids": None if reviews.ids is None else pack_texts(reviews.ids),
            "lengths": pack_integers(reviews.lengths),
            "words": pack_texts(reviews.words),
            "forms": pack_texts(reviews.forms),
            "formWords": pack_integers(reviews.form_words),
            "gaps": pack_texts(reviews.gaps),
            "tokens": pack_integers(reviews.tokens),
            "between": pack_integers(reviews.between),
            "scores": pack_integers(reviews.scores),
            "columns": [
                {
                    "name": column.name,
                    "values": pack_texts(column.values),
                    "valueOf": pack_integers(column.value_of),
                }
                for column in reviews.columns
            ],
            "given": pack_floats(reviews.given),
            "sure": None if reviews.sure is None else pack_floats(reviews.sure),
            "true": None if reviews.true is None else pack_floats(reviews.true),
        },
        "phrases": {
            "longest": phrases.words.shape[1],
            "words": pack_integers(phrases.words),
            "counts": pack_integers(phrases.counts),
            "means": pack_floats(phrases.means),
            "interactions": pack_floats(phrases.interactions),
            "lows": pack_integers(phrases.lows),
            "highs": pack_integers(phrases.highs),
            "histograms": pack_integers(phrases.histograms),
            "occurrences": pack_integers(phrases.occurrences),
        },
        "similar": None
        if similar is None
        else {
            "count": similar.indices.shape[1],
            "indices": pack_integers(similar.indices),
            "cosines": pack_floats(similar.cosines),
        },
    }
