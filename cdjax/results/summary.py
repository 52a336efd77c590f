"""Explanations in a few lines of plain text."""

import textwrap
from typing import Any

import numpy as np
from jaxtyping import Bool

from cdjax.display import show
from cdjax.results.windows import count_decimals, split_steps

LINES = 20
"""Most lines of a summary."""
WIDTH = 84
MANY_UNKNOWN = 1 / 3
"""Share of the words from which on it is told that a model does not know them."""


def summarize(explanation: Any) -> str:
    """Return an `Explanation` in at most `LINES` lines: prediction, words, strongest phrases."""
    kind, each = ("steps", "steps") if explanation.tokens is None else ("tokens", "words")
    rule = f", rule {explanation.rule}" if explanation.rule else ""
    # The sizes of values are not known beforehand, as those of logits are.
    value = explanation.output == "value"
    decimals = count_decimals(explanation.numbers) if value else 2
    sections = {
        "prediction": [_shorten(describe_outcome(explanation))],
        "score": [_shorten(describe_direction(explanation))],
        each: _wrap([f"{p.text} {p.score:+.{decimals}f}" for p in _parts(explanation)]),
        "strongest": [
            _shorten(f"{p.score:+.{decimals}f} {p.text}")
            for p in explanation.strongest(5, shortest=2)
        ],
    }
    if explanation.known is not None and (note := describe_unknown(explanation.known)):
        sections["warning"] = [note]
    lines = [
        f"Explanation of {len(explanation)} {kind} by {explanation.method}{rule}: "
        f"{len(explanation.spans):,} spans, in {explanation.units}"
    ]
    for title, content in sections.items():
        titles = [title, *[""] * len(content)]
        lines += [f"  {t:10}  {line}" for t, line in zip(titles, content, strict=False)]
    return "\n".join(map(show, lines[:LINES]))


def _parts(explanation: Any) -> list[Any]:
    """Return every word; of a long series windows of steps, where they were scored."""
    if explanation.tokens is None:
        rows = {tuple(span): row for row, span in enumerate(explanation.spans.tolist())}
        windows = [rows.get(tuple(span)) for span in split_steps(len(explanation)).tolist()]
        if None not in windows:
            return [explanation.phrase(row) for row in windows]
    return explanation.words()


def describe_outcome(explanation: Any) -> str:
    """Return the prediction in words: labels with probabilities, or values."""
    if explanation.output == "value":
        pairs = zip(explanation.labels, explanation.logits.tolist(), strict=True)
        return ", ".join(f"{label} {value:.4g}" for label, value in pairs)
    ranked = sorted(explanation.probabilities().items(), key=lambda pair: -pair[1])
    return ", ".join(f"{label} {probability:.1%}" for label, probability in ranked)


def describe_direction(explanation: Any) -> str:
    """Return the number that a person reads as a sum of labels' scores: "positive - negative"."""
    terms = []
    for label, weight in sorted(explanation.direction.items(), key=lambda pair: -pair[1]):
        if weight:
            size = "" if abs(weight) == 1 else f"{abs(weight):g} "
            terms.append(f"{'-' if weight < 0 else '+'} {size}{label}")
    return " ".join(terms).removeprefix("+ ")


def describe_unknown(known: Bool[np.ndarray, "t"]) -> str | None:
    """Return how many words a model does not know; None where they are few (`MANY_UNKNOWN`)."""
    unknown = len(known) - int(known.sum())
    if not len(known) or unknown < MANY_UNKNOWN * len(known):
        return None
    if unknown == len(known):
        return "the model knows none of the words; the scores mean little"
    return (
        f"{unknown:,} of {len(known):,} words are unknown to the model ({unknown / len(known):.0%})"
    )


def _shorten(text: str) -> str:
    return textwrap.shorten(text, WIDTH, placeholder=" ...")


def _wrap(items: list[str]) -> list[str]:
    """Return items on lines, none of them split, eight lines at most."""
    lines: list[str] = []
    for item in map(_shorten, items):
        if lines and len(lines[-1]) + 2 + len(item) <= WIDTH:
            lines[-1] += "  " + item
        elif len(lines) == 8:
            return [*lines[:7], "..."]
        else:
            lines.append(item)
    return lines
