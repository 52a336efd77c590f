"""Scores of spans, and the one rule for what is read off them.

A network gives `K` logits and a model names `L` labels. There is a logit for each label, or one
logit `z` for two labels (a sigmoid on a single unit), which is read as `[0, z]`: the softmax of
these is the sigmoid of `z`. The number that a person reads is `scores @ direction`, `direction`
[L] being the weight of each label's score.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cdjax.results import views

OUTPUTS = ("softmax", "sigmoid", "value")
"""What logits stand for: labels that exclude each other, labels that do not (or one logit for two
labels), or values without a probability."""

DIFFERENCES = ("logits", "log probability")
"""Units in which two labels that exclude each other are told apart by the difference of their
scores, the change of the log odds. In other units their scores are each other's negative."""

VALUES = "units of the values"
"""Units of scores where the output is no logit."""


class SpanScores(NamedTuple):
    """Scores of spans of one sequence."""

    spans: Int[np.ndarray, "s 2"]  # half-open [start, stop)
    scores: Float[np.ndarray, "s k"]  # one number a class, in the method's units (logits for CD)
    logits: Float[np.ndarray, "k"]  # of the whole sequence, output bias included

    def _repr_html_(self) -> str:
        return views.to_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return views.to_mimebundle(self)


def read_scores(
    scores: Float[np.ndarray, "*n k"], labels: Sequence[str]
) -> Float[np.ndarray, "*n l"]:
    """Return scores `[..., K]` as one number a label `[..., L]`; the one place that knows `[0, z]`.

    Raises:
        ValueError: Where the scores are not one a label, nor one for two labels.

    >>> read_scores(np.array([[1.5], [-2.0]]), ("negative", "positive")).tolist()
    [[0.0, 1.5], [0.0, -2.0]]
    """
    count = scores.shape[-1]
    if is_one_logit(count, labels):
        return np.concatenate([np.zeros_like(scores), scores], axis=-1)
    if count != len(labels):
        raise ValueError(
            f"there are {count} scores a span for {len(labels)} labels; expected one a label, or "
            f"one for two labels."
        )
    return scores


def is_one_logit(count: int, labels: Sequence[str]) -> bool:
    """Return whether one logit tells two labels apart."""
    return count == 1 and len(labels) == 2


def exclude_each_other(count: int, labels: Sequence[str], output: str) -> bool:
    """Return whether exactly one label applies to a sequence, of `count` logits."""
    check_output(output)
    return output == "softmax" or (output == "sigmoid" and is_one_logit(count, labels))


def check_output(output: str) -> None:
    """Raise unless `output` is one of `OUTPUTS`.

    Raises:
        ValueError: Where it is not.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; expected one of {', '.join(OUTPUTS)}.")


def read(
    scores: Float[np.ndarray, "*n l"], direction: Float[np.ndarray, "l"]
) -> Float[np.ndarray, "*n"]:
    """Return the number that a person reads, `scores @ direction`, in the type of the scores.

    >>> read(np.array([[0.5, 2.0], [1.0, 0.0]]), np.array([-1.0, 1.0])).tolist()
    [1.5, -1.0]
    """
    return np.asarray(scores @ direction.astype(scores.dtype))


def directions(
    count: int, labels: Sequence[str], output: str = "softmax", units: str = "logits"
) -> Float[np.ndarray, "l l"]:
    """Return for each label the direction whose scores above 0 speak for it, one a row.

    Of two labels that exclude each other: its score less the other's, or its score alone in units
    that are no logarithm (`DIFFERENCES`). Otherwise its score.

    Args:
        count: The number of logits, `K`.
        labels: Names of the labels.
        output: One of `OUTPUTS`.
        units: Of the scores.
    """
    one = np.eye(len(labels))
    if len(labels) != 2 or not exclude_each_other(count, labels, output):
        return one
    if units in DIFFERENCES:
        return 2 * one - 1
    return np.array([[0.0, -1.0], [0.0, 1.0]]) if is_one_logit(count, labels) else one


def default_direction(
    logits: Float[np.ndarray, "k"],
    labels: Sequence[str] | None = None,
    output: str = "softmax",
    *,
    units: str = "logits",
    label: str | None = None,
    against: str | None = None,
) -> Float[np.ndarray, "l"]:
    """Return the weights `[L]` of the labels' scores in the number that a person reads.

    The direction (`directions`) of `label`; when None, of the second of two labels that exclude
    each other, else of the predicted label; of values the first. With `against`, the score of
    `label` (when None, of the predicted one of the others) less that of the label `against`.

    Args:
        logits: Of the sequence, `[K]`; the highest tells the predicted label.
        labels: Names of the labels, `K` numbered ones when None.
        output: One of `OUTPUTS`.
        units: Of the scores.
        label: The label that scores above 0 shall speak for.
        against: The label that scores below 0 shall speak for.

    Raises:
        ValueError: Where there is no such label or output, or both labels are the same.

    >>> default_direction(np.array([1.0, 0.0])).tolist()
    [-1.0, 1.0]
    >>> default_direction(np.array([1.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 1.0]
    >>> default_direction(np.array([2.0]), ("bad", "good"), "sigmoid", label="bad").tolist()
    [1.0, -1.0]
    >>> default_direction(np.array([1.0, 0.0, 3.0]), against="0").tolist()
    [-1.0, 0.0, 1.0]
    """
    labels = [str(k) for k in range(len(logits))] if labels is None else list(labels)
    for name in (label, against):
        if name is not None and name not in labels:
            raise ValueError(f"there is no label {name!r}; expected one of {', '.join(labels)}.")
    if against is not None:
        return _difference(logits, labels, output, units, label, against)
    if label is not None:
        index = labels.index(label)
    elif output == "value":
        index = 0
    elif len(labels) == 2 and exclude_each_other(len(logits), labels, output):
        index = 1
    else:
        index = int(np.argmax(read_scores(logits, labels)))
    return directions(len(logits), labels, output, units)[index]


def _difference(
    logits: Float[np.ndarray, "k"],
    labels: list[str],
    output: str,
    units: str,
    label: str | None,
    against: str,
) -> Float[np.ndarray, "l"]:
    """Return the direction from one label to another."""
    if len(labels) == 1:
        raise ValueError(f"the only label is {against!r}, so there is no other to hold against it.")
    if label == against:
        raise ValueError(f"label and against are both {label!r}; expected two labels.")
    if label is None:
        ranked = read_scores(logits, labels).astype(float)
        ranked[labels.index(against)] = -np.inf
        label = labels[int(np.argmax(ranked))]
    if len(labels) == 2 and exclude_each_other(len(logits), labels, output):
        return directions(len(logits), labels, output, units)[labels.index(label)]
    return np.eye(len(labels))[labels.index(label)] - np.eye(len(labels))[labels.index(against)]


def probabilities(
    logits: Float[np.ndarray, "*n k"], labels: Sequence[str], output: str = "softmax"
) -> Float[np.ndarray, "*n l"]:
    """Return the probability of every label, `[..., L]`.

    Raises:
        ValueError: Where the output has none: values, or a softmax of one number.

    >>> probabilities(np.array([0.0]), ("bad", "good"), "sigmoid").tolist()
    [0.5, 0.5]
    >>> probabilities(np.zeros(3), ("long", "funny", "sad"), "sigmoid").tolist()
    [0.5, 0.5, 0.5]
    """
    check_output(output)
    if output == "value":
        raise ValueError("the model's output is a value; it has no probability.")
    count = logits.shape[-1]
    if output == "softmax" and len(labels) == 1:
        raise ValueError(
            f"the softmax of the one logit of {labels[0]!r} is 1, whatever the text; expected the "
            f"output 'sigmoid' (with two labels: the one for 0 first) or 'value'."
        )
    logits = read_scores(logits, labels)
    if not exclude_each_other(count, labels, output):
        return np.where(logits < 0, (e := np.exp(-abs(logits))) / (1 + e), 1 / (1 + e))
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
