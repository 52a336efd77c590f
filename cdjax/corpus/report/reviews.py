"""Which reviews a page shows, and how well the model does on all of them."""

from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from cdjax.corpus.folder import DOCUMENTS, part_path
from cdjax.corpus.report.scores import Scale, Scores
from cdjax.corpus.report.truth import Truth, name_answers, outcome_columns, read_outcomes

MOST_NUMBERS = 3_000_000
"""Scores of words, and words, that a page holds."""
MOST_CHARACTERS = 24_000_000
ERRORS_SHARE = 1 / 2
"""Of the reviews shown, where not all can be: those that the model gets wrong, the worst first."""


class Miss(NamedTuple):
    """How far a value is from the true one, over the whole corpus."""

    known: int  # reviews whose true value is known
    absolute: float  # mean absolute error
    square: float  # root of the mean square error
    steps: list[int]  # reviews by the step of the error, too low first

    @classmethod
    def of(cls, errors: Float[np.ndarray, "n"], scale: Scale) -> "Miss":
        """Return that of errors, some of which may be NaN: not known."""
        errors = errors[~np.isnan(errors)]
        if not len(errors):
            return cls(0, 0.0, 0.0, [0] * 5)
        steps = np.bincount(scale.steps(errors) + 2, minlength=5)
        square = float(np.sqrt(np.mean(errors**2)))
        return cls(len(errors), float(np.abs(errors).mean()), square, steps.tolist())


class Chosen(NamedTuple):
    """The reviews of a page; of the whole corpus how well the model does."""

    documents: Int[np.ndarray, "n"]  # numbers, ascending
    confusion: Int[np.ndarray, "q a a"] | None  # true answer, given answer
    misses: list[Miss] | None  # of each value
    errors: int  # reviews that the model gets wrong
    unlabelled: int  # reviews of which nothing true is known


def choose_reviews(scores: Scores, truth: Truth | None, scale: Scale, most: int) -> Chosen:
    """Return the reviews that a page shows: all, or errors and an even choice of the others."""
    counts, documents = scores.manifest["counts"], scores.manifest["counts"]["documents"]
    width = 1 + len(scores.columns[0])
    size = max(1.0, counts["words"] / documents)  # of a review
    fit = max(1, min(most, int(MOST_NUMBERS / (size * width))))
    if truth is None:
        chosen = _spread(_read_numbers(scores), fit)
        return Chosen(chosen, None, None, 0, 0)
    doc, given, sure, true = _read_all(scores, truth)
    known = ~np.isnan(true)
    answers = name_answers(scores)
    confusion = misses = None
    if answers is None or sure is None:
        errors = given.astype(float) - true
        misses = [Miss.of(row, scale) for row in errors]
        badness = np.where(known & (scale.steps(np.nan_to_num(errors)) != 0), np.abs(errors), 0.0)
    else:
        confusion = np.zeros((len(answers), len(answers[0]), len(answers[0])), np.int64)
        for question, rows in enumerate(known):
            pairs = (a[question, rows].astype(int) for a in (true, given))
            np.add.at(confusion[question], tuple(pairs), 1)
        badness = np.where(known & (true != given), sure, 0.0)
    worst = badness.max(axis=0)
    wrong = np.flatnonzero(worst)
    chosen = doc
    if len(doc) > fit:
        first = wrong[np.argsort(-worst[wrong], kind="stable")][: int(fit * ERRORS_SHARE)]
        others = np.setdiff1d(np.arange(len(doc)), first)
        chosen = doc[np.union1d(first, _spread(others, fit - len(first)))]
    unlabelled = int((~known).all(axis=0).sum())
    return Chosen(np.sort(chosen), confusion, misses, len(wrong), unlabelled)


def _read_numbers(scores: Scores) -> Int[np.ndarray, "n"]:
    """Return the numbers of all documents."""
    paths = [part_path(scores.folder, DOCUMENTS, n) for n in range(len(scores.manifest["parts"]))]
    return np.concatenate([pq.read_table(p, columns=["doc"])["doc"].to_numpy() for p in paths])


def _read_all(
    scores: Scores, truth: Truth
) -> tuple[
    Int[np.ndarray, "n"],
    Float[np.ndarray, "q n"],
    Float[np.ndarray, "q n"] | None,
    Float[np.ndarray, "q n"],
]:
    """Return the numbers of all documents, what is given of them and how surely, and the truth."""
    columns = list(dict.fromkeys(["doc", *outcome_columns(scores), *truth.names]))
    parts = []
    for number in range(len(scores.manifest["parts"])):
        table = pq.read_table(part_path(scores.folder, DOCUMENTS, number), columns=columns)
        parts.append((table["doc"].to_numpy(), *read_outcomes(scores, table), truth.read(table)))
    doc, given, sure, true = zip(*parts, strict=True)
    surely = None if sure[0] is None else np.concatenate(sure, axis=1)
    return np.concatenate(doc), np.concatenate(given, axis=1), surely, np.concatenate(true, axis=1)


def _spread(numbers: Int[np.ndarray, "n"], wanted: int) -> Int[np.ndarray, "m"]:
    """Return so many of some numbers that lie evenly among all."""
    total, at = len(numbers), np.arange(len(numbers))
    if wanted >= total:
        return numbers
    return numbers[(at * wanted) // total != ((at + 1) * wanted) // total]
