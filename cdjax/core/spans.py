"""Spans of words: half-open `[start, stop)`, counted from 0.

All spans of a text of `length` words come in one order everywhere: by start, then by stop.
"""

import numpy as np
from jaxtyping import Array, Bool, Int


def enumerate_spans(length: int, max_len: int | None = None) -> Int[np.ndarray, "s 2"]:
    """Return all non-empty spans of a text, by start and then by stop.

    Args:
        length: Number of words.
        max_len: Length of the longest span wanted; all when None.

    >>> enumerate_spans(3, max_len=2).tolist()
    [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    """
    longest = length if max_len is None else min(max_len, length)
    starts = np.arange(length, dtype=np.int32)
    counts = np.minimum(length - starts, longest)
    first = np.repeat(starts, counts)
    offset = np.arange(len(first), dtype=np.int32) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.stack([first, first + offset + 1], axis=1).astype(np.int32)


def count_spans(length: int, max_len: int | None = None) -> int:
    """Return how many spans `enumerate_spans` gives.

    >>> count_spans(20), count_spans(20, max_len=1)
    (210, 20)
    """
    longest = length if max_len is None else min(max_len, length)
    return longest * length - longest * (longest - 1) // 2


def span_mask(
    start: Int[Array, ""], stop: Int[Array, ""], steps: Int[Array, "t"]
) -> Bool[Array, "t"]:
    """Return which of the time steps lie in `[start, stop)`."""
    return (start <= steps) & (steps < stop)
