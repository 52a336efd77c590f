"""Where the sentences of a text begin and end, by its tokens and by what is between them."""

import itertools
import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

LONG_TEXT = 40
"""Words of a text above which sentences come first and phrases are limited."""

# Quotes and brackets that close; ideographic, full-width, Arabic and Indic marks end sentences too.
_CLOSING = "\"')\\]}\u2019\u201d\u00bb\u203a\u300d\u300f\uff09"
_END = re.compile(rf"[.!?\u2026\u3002\uff01\uff1f\u061f\u06d4\u0964]+[{_CLOSING}]*")
_END_AND_SPACE = re.compile(rf"\W*?{_END.pattern}\W*?\s")
_ABBREVIATION = re.compile(r"(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Gen|vs|etc|No)\.?")
_BULLETS = ("-", "*", "\u2022")
_CLOSES = re.compile(rf"[{_CLOSING}]+")


def split_long_text(
    tokens: Sequence[str] | None,
    text: str | None = None,
    offsets: Int[np.ndarray, "t 2"] | None = None,
) -> Int[np.ndarray, "n 2"]:
    """Return the spans of the sentences of a text of more than `LONG_TEXT` words.

    None where there are not two, or no words (a series). Arguments as `split_sentences`.
    """
    if tokens is None or len(tokens) <= LONG_TEXT:
        return np.zeros((0, 2), np.int32)
    spans = split_sentences(tokens, text, offsets)
    return spans if len(spans) > 1 else spans[:0]


def split_sentences(
    tokens: Sequence[str],
    text: str | None = None,
    offsets: Int[np.ndarray, "t 2"] | None = None,
) -> Int[np.ndarray, "n 2"]:
    """Return the spans of the sentences, half-open, together all tokens.

    A sentence ends with a token of full stops, question or exclamation marks, or where such marks
    or an empty line are between two tokens of the text, or before an item of a list; quotes and
    brackets that close belong to it. It goes on where the next word begins in lower case ("Wait ...
    what?").

    Args:
        tokens: Of the text.
        text: The text, if it was given as one: marks may have been dropped from its tokens.
        offsets: Of each token its first character, and one past its last.

    >>> split_sentences("A dull film . I left ! And ... slept .".split()).tolist()
    [[0, 4], [4, 7], [7, 11]]
    >>> split_sentences(["It", "works", "Well"], "It works. Well", np.array([[0, 2], [3, 8],
    ...     [10, 14]])).tolist()
    [[0, 2], [2, 3]]
    """
    count = len(tokens)
    ends = [_END.fullmatch(token) is not None for token in tokens]
    if text is not None and offsets is not None:
        marks_are_tokens = any(ends)
        for t, between in enumerate(_gaps(text, offsets)):
            is_item = "\n" in between and tokens[t + 1] in _BULLETS
            ends[t] |= is_item or between.count("\n") > 1
            marks = _END_AND_SPACE.match(re.sub(r"^.*\w", "", tokens[t]) + between)
            if marks and not _ABBREVIATION.fullmatch(tokens[t]):
                # Where stops are tokens of their own, the one in "p.m." ends no sentence.
                ends[t] |= not marks_are_tokens or "." not in marks[0]
    stops = []
    for t in range(count - 1):
        if not ends[t] or not _opens(tokens[t + 1]):
            continue
        if _CLOSES.fullmatch(tokens[t + 1]):  # it belongs to the sentence, which ends after it
            ends[t + 1] = True
        elif not ends[t + 1]:
            stops.append(t + 1)
    bounds = [0, *stops, count] if count else [0]
    return np.array(list(itertools.pairwise(bounds)), np.int32).reshape(-1, 2)


def _gaps(text: str, offsets: Int[np.ndarray, "t 2"]) -> list[str]:
    """Return what is between each two tokens."""
    pairs = zip(offsets[:-1, 1].tolist(), offsets[1:, 0].tolist(), strict=True)
    return [text[stop:start] for stop, start in pairs]


def _opens(token: str) -> bool:
    """Return whether a sentence may begin with a token."""
    return not token[:1].islower()
