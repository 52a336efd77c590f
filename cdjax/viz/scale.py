"""The one colour scale of all pictures of scores.

Five steps with fixed thresholds, those of the units; never fitted to a text, so that two pictures
can be compared.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple


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
NO_NUMBER = Step("n/a", "", "")

THRESHOLDS = {
    # Half a logit multiplies the odds by 1.6, two by 7.4. Of the words of reviews 84% are within
    # the one and 99% within the other, with the bundled model.
    "logits": (0.5, 2.0),
    "log probability": (0.5, 2.0),
    "probability": (0.05, 0.2),
}
"""From where a score is clear, and from where strong, by its units."""
OTHER_THRESHOLDS = (1.0, 2.0)  # of units not listed: standard deviations


def thresholds(units: str) -> tuple[float, float]:
    """Return from where a score in these units is clear, and from where strong."""
    return THRESHOLDS.get(units, OTHER_THRESHOLDS)


def step(score: float, units: str = "logits") -> Step:
    """Return the step of a score.

    >>> [step(score).symbol for score in (-2.0, -0.5, 0.0, 0.5, 2.0)]
    ['--', '-', '·', '+', '++']
    """
    if math.isnan(score):
        return NO_NUMBER
    clear, strong = thresholds(units)
    size = int(abs(score) >= clear) + int(abs(score) >= strong)
    return STEPS[2 + (size if score > 0 else -size)]


def sides(labels: Sequence[str], direction: Mapping[str, float]) -> tuple[str, str]:
    """Return what scores below 0 and above 0 speak for, by the model's own labels.

    >>> sides(("bad", "good"), {"bad": -1.0, "good": 1.0})
    ('for bad', 'for good')
    >>> sides(("sports", "music", "news"), {"sports": 0.0, "music": 1.0, "news": 0.0})
    ('against music', 'for music')
    """
    below = [label for label in labels if direction[label] < 0]
    above = [label for label in labels if direction[label] > 0]
    if not above:
        return f"for {' and '.join(below)}", f"against {' and '.join(below)}"
    if not below:
        return f"against {' and '.join(above)}", f"for {' and '.join(above)}"
    return f"for {' and '.join(below)}", f"for {' and '.join(above)}"
