"""Windows of time that do not overlap."""

import math
from typing import Any

import numpy as np
from jaxtyping import Int

from cdjax.results.phrases import Phrase

MOST_WINDOWS = 12


def split_steps(length: int, steps: int | None = None) -> Int[np.ndarray, "w 2"]:
    """Return windows that together are all steps; the last is full, the first may be shorter.

    Args:
        length: The steps of the series.
        steps: Steps of a window. When None, so many that there are at most `MOST_WINDOWS`: of all
            sizes that divide the length into 6 or more the smallest, else whatever is needed.

    >>> split_steps(7, 3).tolist()
    [[0, 1], [1, 4], [4, 7]]
    >>> [int(np.diff(split_steps(length)[-1])[0]) for length in (5, 12, 24, 37, 168)]
    [1, 1, 2, 4, 14]
    """
    if steps is None:
        least = max(1, math.ceil(length / MOST_WINDOWS))
        even = (n for n in range(least, length // 6 + 1) if length % n == 0)
        steps = next(even, least)
    stops = np.arange(length, 0, -steps)[::-1]
    return np.stack([np.maximum(stops - steps, 0), stops], axis=1).astype(np.int32)


def choose_windows(explanation: Any) -> Int[np.ndarray, "w 2"]:
    """Return windows of an `Explanation` that were scored, of the default steps or as many."""
    windows, length = split_steps(len(explanation)), len(explanation)
    if all(explanation.is_scored(slice(*window)) for window in windows.tolist()):
        return windows
    lengths = explanation.spans[:, 1] - explanation.spans[:, 0]
    return split_steps(length, int(lengths[lengths <= length // 2].max()))


def list_windows(explanation: Any, windows: Int[np.ndarray, "w 2"]) -> list[Phrase]:
    """Return windows of an `Explanation` of a series with their names and scores."""
    return [
        Phrase(start, stop, explanation.phrase_text(start, stop), explanation[start:stop])
        for start, stop in windows.tolist()
    ]
