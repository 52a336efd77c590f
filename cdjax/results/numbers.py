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


def write_probability(probability: float) -> str:
    """Return a probability in percent; no network gives 0 or 1, and what rounds to them says so.

    >>> [write_probability(share) for share in (0.829, 0.9994, 0.9996, 1.0, 0.0004)]
    ['82.9%', '99.9%', 'over 99.9%', 'over 99.9%', 'under 0.1%']
    """
    text = f"{probability:.1%}"
    return {"0.0%": "under 0.1%", "100.0%": "over 99.9%"}.get(text, text)


def write_output(number: float, output: str) -> str:
    """Return what a network gives for a label: a value where `output` is "value", or a probability.

    >>> write_output(12.3456, "value"), write_output(0.25, "softmax")
    ('12.35', '25.0%')
    """
    return f"{number:.4g}" if output == "value" else write_probability(number)


def round_to_one_digit(number: float) -> float:
    """Return a number above 0, rounded to its first digit.

    >>> [round_to_one_digit(number) for number in (0.0234, 1.0, 37_800.0)]
    [0.02, 1.0, 40000.0]
    """
    return float(f"{number:.0e}")
