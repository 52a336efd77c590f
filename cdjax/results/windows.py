"""Windows of time that do not overlap, and numbers whose size is not known beforehand."""

import math

import numpy as np
from jaxtyping import Float, Int

MOST_WINDOWS = 12


def split_steps(length: int, steps: int | None = None) -> Int[np.ndarray, "w 2"]:
    """Return windows that together are all steps; the last is full, the first may be shorter.

    Args:
        length: The steps of the series.
        steps: Steps of a window. When None, so many that there are at most `MOST_WINDOWS`: of all
            sizes that divide the length into 6 or more the smallest, else whatever is needed.

    >>> split_steps(7, 3).tolist()
    [[0, 1], [1, 4], [4, 7]]
    >>> [int(np.diff(split_steps(length)[-1])[0]) for length in (5, 12, 24, 37, 168)]
    [1, 1, 2, 4, 14]
    """
    if steps is None:
        least = max(1, math.ceil(length / MOST_WINDOWS))
        even = (n for n in range(least, length // 6 + 1) if length % n == 0)
        steps = next(even, least)
    stops = np.arange(length, 0, -steps)[::-1]
    return np.stack([np.maximum(stops - steps, 0), stops], axis=1).astype(np.int32)


def count_decimals(numbers: Float[np.ndarray, "*n"], digits: int = 3) -> int:
    """Return the decimals with which the largest number has at least so many digits, at most 6.

    >>> [count_decimals(np.array([n])) for n in (0.0, 4321.0, -12.3, 1.0, 0.04)]
    [2, 0, 1, 2, 4]
    """
    largest = float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=0.0))
    if not largest:
        return digits - 1
    return min(6, max(0, digits - 1 - math.floor(math.log10(largest))))
