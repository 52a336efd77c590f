"""What an explanation is of, in words: the prediction, the labels, what the sides speak for."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdjax.results.numbers import write_output

MOST_FEATURES = 12
"""Most features named of an input."""


def describe_outcome(explanation: Any) -> str:
    """Return the prediction in words: labels with probabilities, or values."""
    outcome = rank_labels(explanation)
    return ", ".join(f"{label} {write_output(n, explanation.output)}" for label, n in outcome)


def describe_step(explanation: Any) -> str:
    """Return which of a network's outputs is explained, empty where it has one: "Output at ..."."""
    step = explanation.step
    if step is None:
        return ""
    if explanation.tokens is None and explanation.times is None:
        return f"Output at step {step}"
    return f"Output at step {step}: {explanation.phrase_text(step, step + 1)}"


def describe_input(explanation: Any) -> str:
    """Return what a series is of, "24 steps of load, 2024-01-31 00:00 to 23:00"; empty of texts."""
    if explanation.tokens is not None:
        return ""
    count, parts = len(explanation), []
    steps = "1 step" if count == 1 else f"{count:,} steps"
    if explanation.features is not None:
        features = explanation.features[:MOST_FEATURES]
        more = len(explanation.features) - len(features)
        parts.append(f" of {', '.join(features)}{f' and {more:,} more' if more else ''}")
    if explanation.times is not None:
        parts.append(f", {explanation.phrase_text(0, count)}")
    return f"{steps}{''.join(parts)}" if parts else ""


def rank_labels(explanation: Any) -> list[tuple[str, float]]:
    """Return the labels with their probabilities, the most probable first; values in their order.

    Minus zero is zero.
    """
    if explanation.output == "value":
        return [
            (label, value + 0.0)
            for label, value in zip(explanation.labels, explanation.logits.tolist(), strict=True)
        ]
    return sorted(explanation.probabilities().items(), key=lambda pair: -pair[1])


def describe_direction(direction: Mapping[str, float]) -> str:
    """Return the number that a person reads as a sum of labels' scores.

    >>> describe_direction({"negative": -1.0, "positive": 1.0})
    'positive - negative'
    """
    terms = []
    for label, weight in sorted(direction.items(), key=lambda pair: -pair[1]):
        if weight:
            size = "" if abs(weight) == 1 else f"{abs(weight):g} "
            terms.append(f"{'-' if weight < 0 else '+'} {size}{label}")
    return " ".join(terms).removeprefix("+ ")


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


def describe_sides(explanation: Any) -> tuple[str, str]:
    """Return what scores below 0 and above 0 do: "speak for blame", "speak for praise".

    Of one value they "lower price" and "raise price".
    """
    below, above = sides(explanation.labels, explanation.direction)
    weighted = [label for label in explanation.labels if explanation.direction[label]]
    if explanation.output == "value" and len(weighted) == 1 and above.startswith("for "):
        return f"lower {weighted[0]}", f"raise {weighted[0]}"
    return f"speak {below}", f"speak {above}"


def describe_scores(explanation: Any) -> str:
    """Return what scores are measured in and what they do, a sentence."""
    below, above = describe_sides(explanation)
    below = below.removeprefix("speak ") if above.startswith("speak ") else below
    return f"Scores are in {explanation.units}: above 0 they {above}, below 0 {below}."
