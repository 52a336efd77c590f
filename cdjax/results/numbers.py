"""Numbers as a person reads them: signed, with as many decimals as tell something."""

import math

import numpy as np
from jaxtyping import Float


def count_decimals(numbers: Float[np.ndarray, "*n"], digits: int = 3) -> int:
    """Return the decimals with which the largest number has at least so many digits, at most 6.

    >>> [count_decimals(np.array([n])) for n in (0.0, 4321.0, -12.3, 1.0, 0.04)]
    [2, 0, 1, 2, 4]
    """
    largest = float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=0.0))
    if not largest:
        return digits - 1
    return min(6, max(0, digits - 1 - math.floor(math.log10(largest))))


def write_score(score: float, decimals: int = 2) -> str:
    """Return a score with its sign; what rounds to zero has none.

    >>> [write_score(score) for score in (1.5, -0.25, -0.004, 0.0, math.nan)]
    ['+1.50', '-0.25', '0.00', '0.00', 'n/a']
    """
    if math.isnan(score):
        return "n/a"
    text = f"{score:+z.{decimals}f}"
    return text[1:] if float(text) == 0 else text


def round_to_one_digit(number: float) -> float:
    """Return a number above 0, rounded to its first digit.

    >>> [round_to_one_digit(number) for number in (0.0234, 1.0, 37_800.0)]
    [0.02, 1.0, 40000.0]
    """
    return float(f"{number:.0e}")
