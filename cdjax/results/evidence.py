"""The phrases of an explanation that say something, and the few of them worth a look."""

import re
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from cdjax.results.interactions import interactions
from cdjax.results.selection import strongest
from cdjax.results.sentences import LONG_TEXT, split_long_text

LONGEST_PHRASE = 10
"""Words of the longest phrase listed of such a text."""

_CLOSING = re.compile(r"[.,;:!?)\]}'\"\u2026\u2019\u201d\u060c\u061f\u3001\u3002]+")
"""Marks that belong to what is before them."""


def find_evidence(explanation: Any, sign: int, count: int) -> Int[np.ndarray, "p"]:
    """Return the rows of the strongest phrases of two steps or more, strongest first.

    Only phrases whose score is clear (`thresholds`), none nearly another, that begin and end with a
    word the model knows and do not begin with a mark that belongs to the word before. Of a text of
    more than `LONG_TEXT` words, only phrases of up to `LONGEST_PHRASE` words within a sentence.

    Args:
        explanation: An `Explanation`.
        sign: 1 for scores above 0, -1 for scores below.
        count: How many to return at most.
    """
    numbers = sign * np.nan_to_num(explanation.numbers.astype(float))
    rows = np.flatnonzero(_is_listed(explanation) & (numbers >= explanation.thresholds.clear))
    return rows[strongest(explanation.spans[rows], numbers[rows], count)]


def find_interactions(
    explanation: Any, count: int, *, pairs: bool
) -> tuple[Int[np.ndarray, "p"], int]:
    """Return the rows of the phrases that interact most, strongest first, and how many interact.

    Only those whose interaction is clear and that `find_evidence` may list.

    Args:
        explanation: An `Explanation`.
        count: How many to return at most.
        pairs: Whether to return pairs of adjacent steps, or longer phrases, none nearly another.
    """
    if not len(explanation):
        return np.zeros(0, int), 0
    size = abs(np.nan_to_num(interactions(explanation.spans, explanation.numbers.astype(float))))
    lengths = explanation.spans[:, 1] - explanation.spans[:, 0]
    wanted = (lengths == 2) if pairs else (lengths > 2)
    rows = np.flatnonzero(wanted & _is_listed(explanation) & (size >= explanation.thresholds.clear))
    if pairs:
        return rows[np.argsort(-size[rows], kind="stable")][:count], len(rows)
    return rows[strongest(explanation.spans[rows], size[rows], count)], len(rows)


def find_sentences(explanation: Any) -> Int[np.ndarray, "n 2"]:
    """Return the spans of the sentences of a long text; none where there are not two."""
    return split_long_text(explanation.tokens, explanation.text, explanation.offsets)


def find_beginnings(explanation: Any) -> Bool[np.ndarray, "t"]:
    """Return with which steps a phrase may begin that is listed."""
    begins = np.ones(len(explanation), bool)
    if explanation.tokens is not None:
        begins = np.array([not _CLOSING.fullmatch(token) for token in explanation.tokens], bool)
    return begins if explanation.known is None else begins & explanation.known


def find_repeated(explanation: Any) -> Bool[np.ndarray, "s"]:
    """Return which spans go on after the step that is explained, and say what they did by then.

    Of a network that reads forward all that go on do; none where the output is one of the whole.
    """
    start, stop = explanation.spans.T
    if explanation.step is None:
        return np.zeros(len(start), bool)
    until = np.full(len(explanation) + 1, np.nan)
    at_step = stop == explanation.step + 1
    until[start[at_step]] = explanation.numbers[at_step]
    return (stop > explanation.step + 1) & (explanation.numbers == until[start])


def _is_listed(explanation: Any) -> Bool[np.ndarray, "s"]:
    """Return which spans a list of phrases may have."""
    start, stop = explanation.spans.T
    listed = (stop - start > 1) & ~find_repeated(explanation)
    last = np.maximum(stop - 1, 0)
    if len(explanation):
        listed &= find_beginnings(explanation)[np.minimum(start, len(explanation) - 1)]
    if explanation.known is not None:
        listed &= explanation.known[last]
    if explanation.tokens is not None and len(explanation) > LONG_TEXT:
        listed &= stop - start <= LONGEST_PHRASE
        sentence = np.zeros(len(explanation) + 1, int)
        sentence[find_sentences(explanation)[1:, 0]] = 1
        sentence = np.cumsum(sentence)
        listed &= sentence[start] == sentence[last]
    return listed
