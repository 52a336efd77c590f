"""From where on a score says something: the thresholds of every picture and every list."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cdjax.results.numbers import round_to_one_digit
from cdjax.results.scores import VALUES


class Thresholds(NamedTuple):
    """Absolute scores from which on a phrase is evidence."""

    clear: float
    strong: float


THRESHOLDS = {
    # Half a logit multiplies the odds by 1.6, two by 7.4. Of the words of reviews 84% are within
    # the one and 99% within the other, with the bundled model.
    "logits": Thresholds(0.5, 2.0),
    "log probability": Thresholds(0.5, 2.0),
    "probability": Thresholds(0.05, 0.2),
}
"""By the units of the scores; the same for every text, so that two explanations compare."""
OTHER_THRESHOLDS = Thresholds(1.0, 2.0)  # of units not listed: standard deviations

STRONG_SHARE, CLEAR_SHARE = 1 / 2, 1 / 8
"""Thresholds of a value, whose size is not known beforehand: shares of the largest score."""


def thresholds(units: str) -> Thresholds:
    """Return from where a score in these units is clear, and from where strong."""
    return THRESHOLDS.get(units, OTHER_THRESHOLDS)


def find_thresholds(units: str, numbers: Float[np.ndarray, "s"]) -> Thresholds:
    """Return the thresholds of an explanation: those of its units; of values its own.

    >>> find_thresholds("logits", np.array([9.0]))
    Thresholds(clear=0.5, strong=2.0)
    >>> find_thresholds(VALUES, np.array([-790.0, 20.0]))
    Thresholds(clear=100.0, strong=400.0)
    """
    largest = float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=0.0))
    if units != VALUES or not largest:
        return thresholds(units)
    return Thresholds(*(round_to_one_digit(largest * s) for s in (CLEAR_SHARE, STRONG_SHARE)))
