"""How much work one review may be: what its spans cost, and what is done about longer ones."""

import math
import re
from functools import lru_cache

from cdjax.spans import count_spans

MOST_STEPS = 200_000_000
"""Steps that scoring one review may take: a step is one time step of one span. All spans of 1,061
words; spans of up to 10 words of 6,034; single words of 14,142."""

# What the tokenizer always splits off, and what is between: each is at least one token.
_PIECE = re.compile(r"[][(){}<>;@#$%&?!]|[,:](?!\d)|(?:[^][(){}<>;@#$%&?!,:\s]|[,:](?=\d))+")
_MARGIN = 50  # words after a place that may bear on how it is split


def count_steps(length: int, max_len: int | None = None) -> int:
    """Return the time steps that scoring all spans of a sequence takes.

    A span of the steps `[start, stop)` is followed to the end of the sequence. Spans that start
    together share their steps up to `stop`: `length - start` steps for those, and `length - stop`
    for each of them. The sum grows with the cube of the length, with `max_len` with its square.

    Args:
        length: Steps of the sequence.
        max_len: Length of the longest span wanted; all when None.

    >>> count_steps(3), count_steps(20), count_steps(20, max_len=1)
    (10, 1540, 400)
    """
    longest = length if max_len is None else min(max_len, length)
    # The spans of k steps stop at k, ..., length: length - k, ..., 0 steps are left.
    alone = math.comb(length + 1, 3) - math.comb(length - longest + 1, 3)
    return math.comb(length + 1, 2) + alone


@lru_cache
def longest_length(max_len: int | None = None, most_steps: int = MOST_STEPS) -> int:
    """Return the length of the longest sequence that takes at most so many steps.

    >>> longest_length(), longest_length(10), longest_length(1)
    (1061, 6034, 14142)
    """
    low, high = 0, 1
    while count_steps(high, max_len) <= most_steps:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count_steps(middle, max_len) <= most_steps else (low, middle)
    return low


def check_length(
    length: int,
    max_len: int | None,
    name: str,
    most_steps: int = MOST_STEPS,
    about: str = "",
    remedy: str = "",
    unit: str = "words",
) -> None:
    """Raise where scoring all spans of a sequence takes more than `most_steps`.

    Args:
        length: Its steps.
        max_len: Length of the longest span wanted; all when None.
        name: What the message calls the sequence.
        most_steps: Steps that scoring it may take.
        about: What the message says before the number of words ("at least ").
        remedy: A further remedy, a sentence.
        unit: What the message calls its steps.

    Raises:
        ValueError: Where it is too long; gives the length that is not.
    """
    if longest_length(max_len, most_steps) >= length:
        return
    spans = "" if max_len is None else f" of up to {max_len:,}"
    least = max(1, min(10, (max_len or 11) - 1))
    longest, longer = (longest_length(n, most_steps) for n in (max_len, least))
    fewer = f" Limit the phrases: max_len={least} allows {longer:,} {unit}."
    fewer = fewer if longer > longest else ""
    raise ValueError(
        f"{name} has {about}{length:,} {unit}, so {count_spans(length, max_len):,} phrases{spans}, "
        f"which take {count_steps(length, max_len):,} steps; for one review at most "
        f"{most_steps:,} are made, {longest:,} {unit}.{fewer}{remedy}"
    )


def count_pieces(text: str) -> int:
    """Return the number of tokens that a text has at least, without splitting it.

    Args:
        text: As the tokenizer reads it (`cdjax.text.characters`).

    >>> count_pieces("It isn't a bad film, is it?")
    9
    """
    return sum(1 for _ in _PIECE.finditer(text))


def cut_text(text: str, words: int) -> str:
    """Return the beginning of a text that holds its first tokens, where it is longer.

    So that a text of megabytes of which few words are wanted is not split as a whole.

    Args:
        text: As the tokenizer reads it.
        words: How many tokens are wanted.
    """
    for number, piece in enumerate(_PIECE.finditer(text)):
        if number == words + _MARGIN:
            return text[: piece.start()]
    return text
