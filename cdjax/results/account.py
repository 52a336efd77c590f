"""Where the number that a person reads comes from: parts that add up to the network's output."""

from typing import Any, NamedTuple

import numpy as np

from cdjax.core.rules import RULES
from cdjax.results.scores import VALUES, read
from cdjax.results.wording import describe_direction

NOTHING = 5e-3
"""Share of the numbers' size below which a part is nothing but rounding."""


class Account(NamedTuple):
    """The parts of the output along the direction, in the units of the scores.

        words + together = whole
        whole + remainder + output_bias = total

    Where the whole sequence was not scored, `whole` and `together` are None, and
    `words + remainder + output_bias = total`.
    """

    words: float  # sum of the scores of the single steps, each in its context
    together: float | None  # what the steps say together, beyond that sum
    whole: float | None  # score of the whole sequence
    remainder: float  # what no phrase owns, nor the output bias
    output_bias: float  # of a network that has read nothing, the same for every sequence
    total: float  # the output: `logits @ direction`
    name: str  # of the total: "logit of positive - negative"
    reason: str  # why the remainder belongs to no phrase; empty where there is none
    probability: float | None  # that the total alone stands for, of what is above 0


def make_account(explanation: Any) -> Account | None:
    """Return the account of an `Explanation`; None where its scores are not in units of the output.

    The parts are added in float64, so that they add up exactly.
    """
    if explanation.units not in ("logits", VALUES):
        return None
    weights, length = explanation.weights, len(explanation)
    lengths = explanation.spans[:, 1] - explanation.spans[:, 0]
    words = float(read(explanation.scores[lengths == 1].astype(float), weights).sum())
    whole = None
    if length and (row := np.flatnonzero(lengths == length)).size:
        whole = float(read(explanation.scores[row[0]].astype(float), weights))
    total = float(read(explanation.logits.astype(float), weights))
    bias = float(read(explanation.output_bias.astype(float), weights))
    remainder = total - bias - (words if whole is None else whole)
    size = max(map(abs, (total, bias, words, whole or 0.0)))
    kind = "value" if explanation.output == "value" else "logit"
    return Account(
        words=words,
        together=None if whole is None else whole - words,
        whole=whole,
        remainder=remainder,
        output_bias=bias,
        total=total,
        name=f"{kind} of {describe_direction(explanation.direction)}",
        reason=_find_reason(explanation, whole) if abs(remainder) > NOTHING * size else "",
        probability=_find_probability(explanation, total),
    )


def _find_probability(explanation: Any, total: float) -> float | None:
    """Return the sigmoid of the total where that is a probability."""
    weights = sorted(explanation.weights.tolist())
    one_of_two = explanation.output == "softmax" and weights == [-1, 1]
    by_itself = explanation.output == "sigmoid" and sorted(map(abs, weights))[-2:] in ([1], [0, 1])
    if explanation.units != "logits" or not (one_of_two or by_itself):
        return None
    return float(np.exp(-np.logaddexp(0, -total)))


def _find_reason(explanation: Any, whole: float | None) -> str:
    words = "word" if explanation.tokens is not None else "step"
    if whole is None:
        return f"what {words}s say together, and what belongs to none"
    if explanation.method != "cd":
        return f"what the method {explanation.method} gives to no {words}"
    rule = RULES.get(explanation.rule or "")
    causes = []
    if rule is None or not rule.whole_input_adds_up:
        causes.append("the network's own biases")
    if explanation.padding:
        steps = "step" if explanation.padding == 1 else "steps"
        causes.append(f"the {explanation.padding} {steps} of padding that it reads")
    if not causes:
        return f"rounding errors, which the rule {explanation.rule} amplifies here"
    return f"{' and '.join(causes)}; by the rule {explanation.rule} they belong to no phrase"
