"""What the model gives for each review, and what is known to be true."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from cdjax.corpus.errors import CorpusError
from cdjax.corpus.folder import DOCUMENTS, part_path
from cdjax.corpus.report.scores import Scores

LABEL = "label"
"""The kept column that is taken for the true labels, or values, if it can be that."""
YES_OR_NO = {"1": 1, "1.0": 1, "true": 1, "yes": 1, "0": 0, "0.0": 0, "false": 0, "no": 0}
"""What a column of a label holds where labels do not exclude each other; in any case of letters."""

Read = Callable[[str], float | None]
"""Returns the number of an answer, or a value; None for what is neither."""


class Truth(NamedTuple):
    """The kept columns that hold what is true, and how they are read.

    Labels that exclude each other are the answers to one question; of others, and of values, each
    is a question of its own.
    """

    columns: tuple[str | None, ...]  # of each question
    to_number: Read

    def read(self, table: pa.Table) -> Float[np.ndarray, "q n"]:
        """Return the number of the true answer of each document, or the value; NaN for none."""
        true = np.full((len(self.columns), len(table)), np.nan, np.float32)
        for question, column in enumerate(self.columns):
            if column is None:
                continue
            values = table[column].to_pylist()
            true[question] = [math.nan if v is None else self.to_number(v) for v in values]
        return true

    @property
    def names(self) -> list[str]:
        """The columns that are there."""
        return [column for column in self.columns if column is not None]


class Outcomes(NamedTuple):
    """What the model gives for documents."""

    given: Float[np.ndarray, "q n"]  # the number of the answer, or the value
    sure: Float[np.ndarray, "q n"] | None  # probability of that answer; None of values


def name_answers(scores: Scores) -> list[list[str]] | None:
    """Return the answers to each question that the model decides; None of values."""
    if scores.values:
        return None
    if scores.exclusive:
        return [scores.labels]
    return [[f"not {label}", label] for label in scores.labels]


def outcome_columns(scores: Scores) -> list[str]:
    """Return the columns of the documents that tell what the model gives."""
    kind = "value" if scores.values else "probability"
    return [*(f"{kind}_{name}" for name in scores.labels), *["prediction"] * scores.exclusive]


def read_outcomes(scores: Scores, table: pa.Table) -> Outcomes:
    """Return what the model gives for the documents of a table."""
    columns = outcome_columns(scores)[: len(scores.labels)]
    numbers = np.stack([table[name].to_numpy() for name in columns]).astype(np.float32)
    if scores.values:
        return Outcomes(numbers, None)
    if scores.exclusive:
        number = {label: n for n, label in enumerate(scores.labels)}
        given = [[number[name] for name in table["prediction"].to_pylist()]]
        return Outcomes(np.array(given, np.float32), numbers.max(axis=0, keepdims=True))
    return Outcomes((numbers >= 0.5).astype(np.float32), np.maximum(numbers, 1 - numbers))


def find_truth(
    scores: Scores, column: str | None, names: Mapping[str, str]
) -> tuple[Truth | None, str]:
    """Return where what is true is, and a note where columns that could be it are not used.

    Args:
        scores: The job.
        column: The kept column; when None, `LABEL` if it holds labels of the model, or numbers if
            the model has one value. Where labels do not exclude each other, and of several values,
            each has the kept column of its name.
        names: The model's label for values of the column that are called otherwise.

    Raises:
        CorpusError: Where a column that is named cannot be it.
    """
    keep, labels = scores.manifest["run"]["keep"], scores.labels
    asked = column is not None or bool(names)
    each = not scores.exclusive and len(labels) > 1
    if asked and each:
        raise CorpusError(
            f"label_column names one column; the model gives {len(labels)} "
            f"{'values' if scores.values else 'labels that do not exclude each other'}. What is "
            f"true of each is read from the kept column of its name: {', '.join(labels)}."
        )
    if names and scores.values:
        raise CorpusError("label_values names labels; the model gives a value.")
    if each:
        columns = tuple(name if name in keep else None for name in labels)
        if not any(columns):
            return None, _explain_missing(scores) if LABEL in keep else ""
    else:
        columns = (column or (labels[0] if scores.values and labels[0] in keep else LABEL),)
        if columns[0] not in keep:
            if not asked:
                return None, ""
            raise CorpusError(
                f"there is no kept column {columns[0]!r} (label_column); the job kept "
                f"{', '.join(map(repr, keep)) or 'none'}. Score it again: cdjax score, "
                f"keep={columns[0]!r}."
            )
    if wrong := [name for name in names.values() if name not in labels]:
        raise CorpusError(
            f"label_values names the label {wrong[0]!r}; expected one of {', '.join(labels)}."
        )
    truth = Truth(columns, _reader(scores, names))
    for name in truth.names:
        if unknown := _find_unknown(scores, name, truth.to_number):
            message = _explain_unknown(scores, name, unknown)
            if asked:
                raise CorpusError(message)
            return None, f"what is true is not shown: {message}"
    return truth, ""


def _reader(scores: Scores, names: Mapping[str, str]) -> Read:
    if scores.values:
        return _to_float
    if not scores.exclusive:
        return lambda value: YES_OR_NO.get(value.strip().casefold())
    numbers = {label: n for n, label in enumerate(scores.labels)}
    numbers |= {value: numbers[label] for value, label in names.items()}
    return numbers.get


def _to_float(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _find_unknown(scores: Scores, column: str, to_number: Read) -> list[str]:
    """Return some of the values of a column that are no answer."""
    unknown: dict[str, None] = {}
    for number in range(len(scores.manifest["parts"])):
        values = pq.read_table(part_path(scores.folder, DOCUMENTS, number), columns=[column])
        for value in values[column].unique().to_pylist():
            if value is not None and to_number(value) is None:
                unknown[value] = None
        if len(unknown) > 3:
            break
    return list(unknown)


def _explain_missing(scores: Scores) -> str:
    what = "numbers" if scores.values else "1 or 0 (or yes or no, true or false)"
    kind = "values" if scores.values else "labels, which do not exclude each other,"
    return (
        f"what is true is not shown: each of the model's {kind} needs a kept column of its name "
        f"that holds {what}: {', '.join(scores.labels)}."
    )


def _explain_unknown(scores: Scores, column: str, unknown: Sequence[str]) -> str:
    found = ", ".join(map(repr, unknown[:3])) + ", ..." * (len(unknown) > 3)
    if scores.values:
        return f"column {column!r} holds {found}; expected numbers, as the model's values are."
    if not scores.exclusive:
        return (
            f"column {column!r} holds {found}; expected 1 or 0, yes or no, true or false: whether "
            f"the label is true of the review."
        )
    example = f"{unknown[0]}={scores.labels[-1]}"
    return (
        f"column {column!r} holds {found}; the model's labels are {', '.join(scores.labels)}. Say "
        f"which is which: label_values={example!r} with label_column={column!r}."
    )
