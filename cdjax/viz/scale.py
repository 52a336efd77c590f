"""The one colour scale of all pictures of scores.

Five steps, whose thresholds are those of the explanation (`Explanation.thresholds`).
"""

import math
from typing import NamedTuple

from cdjax.results.thresholds import Thresholds, thresholds


class Step(NamedTuple):
    """A step of the scale."""

    symbol: str
    background: str  # hexadecimal RGB; empty for none
    foreground: str  # "white", "black"; empty for the surrounding colour


STEPS = (  # of the paper's heat maps
    Step("--", "#b2182b", "white"),
    Step("-", "#f4a582", "black"),
    Step("·", "", ""),
    Step("+", "#92c5de", "black"),
    Step("++", "#2166ac", "white"),
)
DARK = (  # background and foreground of each step where the surrounding is dark
    ("#d1394a", "white"),
    ("#6f332b", "white"),
    ("", ""),
    ("#27536f", "white"),
    ("#2874c7", "white"),
)
NO_NUMBER = Step("n/a", "", "")
LOGITS = thresholds("logits")


def step(score: float, edges: Thresholds = LOGITS) -> Step:
    """Return the step of a score, by the thresholds of its explanation.

    >>> [step(score).symbol for score in (-2.0, -0.5, 0.0, 0.5, 2.0)]
    ['--', '-', '·', '+', '++']
    """
    if math.isnan(score):
        return NO_NUMBER
    clear, strong = edges
    size = int(abs(score) >= clear) + int(abs(score) >= strong)
    return STEPS[2 + (size if score > 0 else -size)]
