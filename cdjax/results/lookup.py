"""Phrases by their words, by their characters in the text, or by their steps."""

import textwrap
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Int

Key = str | int | slice | tuple[int, int]
"""What asks for a span: its words, one step, a slice of steps, or `(start, stop)`."""


class PhraseError(KeyError):
    """A phrase that an explanation does not have, or has more than once."""

    def __str__(self) -> str:  # KeyError's own is the repr of the message
        return str(self.args[0])


def find_steps(key: int | slice | tuple[int, int], length: int) -> tuple[int, int]:
    """Return the half-open span of steps that a key other than a text asks for.

    Negative steps count from the end.

    Raises:
        IndexError: Where a step is out of range.

    >>> find_steps(slice(-3, None), 5), find_steps(-1, 5)
    ((2, 5), (4, 5))
    """
    if isinstance(key, slice):
        if key.step not in (None, 1):
            raise IndexError(f"a phrase is contiguous; expected no step {key.step} in a slice.")
        start = 0 if key.start is None else int(key.start)
        stop = length if key.stop is None else int(key.stop)
    elif isinstance(key, tuple):
        start, stop = key
    else:
        if not -length <= int(key) < length:
            raise IndexError(f"there is no step {key}; expected {-length} to {length - 1}.")
        start = int(key) % length
        stop = start + 1
    start, stop = (n + length if n < 0 else n for n in (start, stop))
    if not 0 <= start <= stop <= length:
        raise IndexError(
            f"{start}:{stop} is no span of {length} steps; expected 0 <= start <= stop <= "
            f"{length}, half-open."
        )
    return start, stop


def find_phrases(
    phrase: str,
    tokens: Sequence[str],
    text: str | None = None,
    offsets: Int[np.ndarray, "t 2"] | None = None,
) -> list[tuple[int, int]]:
    """Return the spans at which a phrase occurs, from left to right.

    Args:
        phrase: As it is in the text, "isn't bad", or as tokens joined by spaces, "is n't bad".
            Where it does not occur so, upper and lower case are not distinguished.
        tokens: The tokens.
        text: The text, with
        offsets: the first character of each token in it, and one past its last.

    >>> find_phrases("film", ("A", "film", "about", "film"))
    [(1, 2), (3, 4)]
    """
    if not phrase.strip():
        return []
    for fold in (str, str.lower):
        folded = [fold(token) for token in tokens]
        wanted = fold(phrase).split()
        last = len(folded) - len(wanted)
        by_tokens = {
            (t, t + len(wanted)) for t in range(last + 1) if folded[t : t + len(wanted)] == wanted
        }
        by_text = set()
        if text is not None and offsets is not None:
            by_text = _find_in_text(fold(phrase.strip()), text, offsets, fold)
        if spans := sorted(by_tokens | by_text):
            return spans
    return []


def _find_in_text(
    phrase: str, text: str, offsets: Int[np.ndarray, "t 2"], fold: Callable[[str], str]
) -> set[tuple[int, int]]:
    """Return the spans whose characters in the text are those of the phrase."""
    starts, stops = offsets[:, 0].tolist(), offsets[:, 1].tolist()
    spans = set()
    for t, first in enumerate(starts):
        if first < 0 or fold(text[first : first + len(phrase)]) != phrase:
            continue
        spans |= {(t, u + 1) for u in range(t, len(stops)) if stops[u] == first + len(phrase)}
    return spans


def find_phrase(
    phrase: str,
    tokens: Sequence[str],
    text: str | None = None,
    offsets: Int[np.ndarray, "t 2"] | None = None,
) -> tuple[int, int]:
    """Return the one span at which a phrase occurs. Arguments as `find_phrases`.

    Raises:
        PhraseError: Where it does not occur, or more than once; says where.
    """
    spans = find_phrases(phrase, tokens, text, offsets)
    if len(spans) == 1:
        return spans[0]
    if spans:
        start, stop = spans[0]
        raise PhraseError(
            f"{phrase!r} occurs {len(spans)} times, at "
            f"{', '.join(f'[{start}:{stop}]' for start, stop in spans)}; ask for one of them by "
            f"its steps: explanation[{start}:{stop}]."
        )
    words = textwrap.shorten(" ".join(tokens), 300, placeholder=" ...")
    raise PhraseError(
        f"there is no phrase {phrase!r} in these {len(tokens)} tokens: {words} - ask for adjacent "
        f"tokens joined by spaces, for whole tokens as they are in the text, or by number: "
        f"explanation[start:stop], explanation[step]."
    )
