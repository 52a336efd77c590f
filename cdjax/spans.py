"""Spans of steps, half-open `[start, stop)` from 0, and the lengths that arrays are padded to.

All spans of a sequence come in one order everywhere: by start, then by stop. Padded lengths are
few, so that few programs are compiled.
"""

import numpy as np
from jaxtyping import Array, Bool, Int


def enumerate_spans(
    length: int, max_len: int | None = None, starts: tuple[int, int] | None = None
) -> Int[np.ndarray, "s 2"]:
    """Return all non-empty spans of a text, by start and then by stop.

    Args:
        length: Number of words.
        max_len: Length of the longest span wanted; all when None.
        starts: Only spans whose start lies in this half-open range; all when None.

    >>> enumerate_spans(3, max_len=2).tolist()
    [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    """
    longest = length if max_len is None else min(max_len, length)
    start = np.arange(*(starts or (0, length)), dtype=np.int32)
    counts = np.minimum(length - start, longest)
    first = np.repeat(start, counts)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
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


def padded_length(length: int, least: int = 8) -> int:
    """Return the length a sequence is padded to: 2, 4, 8, 12, 16, 24, 32, 48, 64, 96 ...

    Powers of two, and from 8 on the middle between two of them: at most half is padding below 8
    steps, at most a third above.

    Args:
        length: Steps of the sequence.
        least: The shortest length wanted, one of the series.

    >>> [padded_length(length) for length in (0, 1, 8, 9, 13, 17, 25, 1000)]
    [8, 8, 8, 12, 16, 24, 32, 1024]
    >>> [padded_length(length, least=2) for length in (1, 3, 5)]
    [2, 4, 8]
    """
    power = max(least, 1 << (length - 1).bit_length())
    middle = power * 3 // 4
    return middle if power > 8 and max(least, length) <= middle else power
