"""The time of a whole from a random sample of its parts (Hansen & Hurwitz 1943).

Parts are drawn with replacement, with probabilities in proportion to a size that their time is
about in proportion to. Each drawn part's `time / size`, times the size of the whole, is then an
unbiased estimate of the whole's time, whether or not the proportion holds; the nearer it holds, the
smaller the error.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Estimate(NamedTuple):
    """The time of a whole."""

    seconds: float
    standard_error: float  # of the seconds
    drawn: int


def draw(sizes: ArrayLike, count: int, seed: int) -> np.ndarray:
    """Return so many parts, drawn with replacement in proportion to their sizes."""
    sizes = np.asarray(sizes, float)
    return np.random.default_rng(seed).choice(len(sizes), count, p=sizes / sizes.sum())


def extrapolate(seconds: ArrayLike, drawn_sizes: ArrayLike, whole: float) -> Estimate:
    """Return the time of the whole.

    Args:
        seconds: Of each part drawn, in order.
        drawn_sizes: The size of each of them.
        whole: The sizes of all parts, drawn or not, added up.
    """
    rates = np.asarray(seconds, float) / np.asarray(drawn_sizes, float)
    if len(rates) < 2:
        raise ValueError(f"{len(rates)} parts were drawn; expected at least 2 for an error.")
    error = whole * rates.std(ddof=1) / np.sqrt(len(rates))
    return Estimate(float(whole * rates.mean()), float(error), len(rates))
