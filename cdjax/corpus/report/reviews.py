"""Which reviews a page shows, and what is known of their true labels."""

import heapq
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Bool, Int

from cdjax.corpus.errors import CorpusError
from cdjax.corpus.folder import DOCUMENTS, part_path
from cdjax.corpus.report.scores import Scores

LABEL = "label"
"""The kept column that is taken for the true labels, if its values are labels of the model."""
MOST_NUMBERS = 3_000_000
"""Scores of words, and words, that a page holds."""
MOST_CHARACTERS = 24_000_000
ERRORS_SHARE = 1 / 2
"""Of the reviews shown, where not all can be: those that the model gets wrong, most sure first."""


class Truth(NamedTuple):
    """The column of the true labels, and the model's label for each value."""

    column: str
    labels: Mapping[str, str]

    def find(self, labels: list[str], value: str | None) -> int:
        """Return the number of a value's label; -1 where there is no value."""
        return -1 if value is None else labels.index(self.labels[value])


class Chosen(NamedTuple):
    """The reviews of a page."""

    documents: Int[np.ndarray, "n"]  # numbers, ascending
    confusion: Int[np.ndarray, "l l"] | None  # of the whole corpus: true label, predicted label
    unlabelled: int  # reviews of the corpus without a true label

    @property
    def errors(self) -> int:
        """How many reviews of the corpus the model gets wrong."""
        assert self.confusion is not None
        return int(self.confusion.sum() - np.trace(self.confusion))


def find_truth(
    scores: Scores, column: str | None, names: Mapping[str, str]
) -> tuple[Truth | None, str]:
    """Return where the true labels are, and a note where a column of that name is not used.

    Args:
        scores: The job.
        column: The kept column; when None, `LABEL` if its values are labels of the model.
        names: The model's label for values that are called otherwise.

    Raises:
        CorpusError: Where a column that is named cannot be it.
    """
    keep, labels = scores.manifest["run"]["keep"], scores.labels
    asked = column is not None or bool(names)
    column = LABEL if column is None else column
    if column not in keep:
        if asked:
            raise CorpusError(
                f"there is no kept column {column!r} (label_column); the job kept "
                f"{', '.join(map(repr, keep)) or 'none'}. Score it again: cdjax score, "
                f"keep={column!r}."
            )
        return None, ""
    if not scores.two and not _has_predictions(scores):
        what = "values" if scores.manifest["output"] == "value" else "labels that do not exclude"
        message = f"the model gives {what}{' each other' * (what != 'values')}, so no review is"
        message = f"column {column!r} is not used as true labels: {message} right or wrong."
        if asked:
            raise CorpusError(message)
        return None, message
    if wrong := [name for name in names.values() if name not in labels]:
        raise CorpusError(
            f"label_values names the label {wrong[0]!r}; expected one of {', '.join(labels)}."
        )
    mapping = {label: label for label in labels} | dict(names)
    unknown: dict[str, None] = {}
    for number in range(len(scores.manifest["parts"])):
        values = pq.read_table(part_path(scores.folder, DOCUMENTS, number), columns=[column])
        for value in values[column].unique().to_pylist():
            if value is not None and value not in mapping:
                unknown[value] = None
        if len(unknown) > 3:
            break
    if not unknown:
        return Truth(column, mapping), ""
    found = ", ".join(map(repr, list(unknown)[:3])) + ", ..." * (len(unknown) > 3)
    example = ",".join(f"{value}={labels[-1]}" for value in list(unknown)[:1])
    message = (
        f"column {column!r} holds {found}; the model's labels are {', '.join(labels)}. Say which "
        f"is which: label_values={example!r}"
    )
    if asked:
        raise CorpusError(message)
    return None, f"true labels are not shown: {message} with label_column={column!r}."


def _has_predictions(scores: Scores) -> bool:
    path = part_path(scores.folder, DOCUMENTS, 0)
    return "prediction" in pq.read_schema(path).names


def choose_reviews(scores: Scores, truth: Truth | None, most: int) -> Chosen:
    """Return the reviews that a page shows: all, or errors and an even choice of the others."""
    labels, counts = scores.labels, scores.manifest["counts"]
    width = 1 + len(scores.columns[0])
    documents = counts["documents"]
    size = max(1.0, counts["words"] / documents)  # of a review
    fit = max(1, min(most, int(MOST_NUMBERS / (size * width))))
    everything = documents <= fit
    wanted_errors = int(fit * ERRORS_SHARE)
    confusion = np.zeros((len(labels), len(labels)), np.int64) if truth else None
    unlabelled = 0
    errors: list[tuple[float, int]] = []  # a heap: the least sure first
    numbers: list[np.ndarray] = []
    seen = 0
    for number in range(len(scores.manifest["parts"])):
        path = part_path(scores.folder, DOCUMENTS, number)
        columns = ["doc"]
        if truth:
            columns += ["prediction", truth.column, *(f"probability_{name}" for name in labels)]
        table = pq.read_table(path, columns=columns)
        doc = table["doc"].to_numpy()
        place = np.arange(seen, seen + len(doc))
        seen += len(doc)
        spread = np.ones(len(doc), bool) if everything else _is_spread(place, documents, fit)
        numbers.append(doc[spread])
        if truth is None or confusion is None:
            continue
        true = np.array([truth.find(labels, v) for v in table[truth.column].to_pylist()], int)
        predicted = np.array([labels.index(v) for v in table["prediction"].to_pylist()], int)
        known = true >= 0
        unlabelled += int((~known).sum())
        np.add.at(confusion, (true[known], predicted[known]), 1)
        if not everything:
            sure = np.max([table[f"probability_{name}"].to_numpy() for name in labels], axis=0)
            for row in np.flatnonzero(known & (true != predicted)):
                entry = float(sure[row]), -int(doc[row])
                if len(errors) < wanted_errors:
                    heapq.heappush(errors, entry)
                elif errors:
                    heapq.heappushpop(errors, entry)
    chosen = np.concatenate(numbers)
    wrong = np.array([-n for _, n in errors], chosen.dtype)
    if len(wrong):
        others = np.setdiff1d(chosen, wrong)
        room = max(0, fit - len(wrong))
        others = others[_is_spread(np.arange(len(others)), len(others), room)]
        chosen = np.union1d(wrong, others)
    return Chosen(np.sort(chosen), confusion, unlabelled)


def _is_spread(place: Int[np.ndarray, "n"], total: int, wanted: int) -> Bool[np.ndarray, "n"]:
    """Return which of the places are among `wanted` that lie evenly among all."""
    if wanted >= total:
        return np.ones(len(place), bool)
    return (place * wanted) // total != ((place + 1) * wanted) // total
