"""The few strongest of many overlapping spans."""

import numpy as np
from jaxtyping import Float, Int


def strongest(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s"], count: int
) -> Int[np.ndarray, "p"]:
    """Return the indices of the spans with the highest scores above 0, without near duplicates.

    From the highest down, a span is left out where it and one already chosen share at least half
    of the steps that the two cover together.

    Args:
        spans: Half-open spans `[S, 2]` of one sequence.
        scores: One number a span; negated for the lowest.
        count: The largest number of spans to return.

    >>> spans = np.array([[0, 3], [0, 4], [2, 4], [5, 6]])
    >>> strongest(spans, np.array([3.0, 4.0, 2.0, -1.0]), 3).tolist()
    [1]
    >>> strongest(spans, np.array([4.0, 3.0, 2.0, 1.0]), 3).tolist()
    [0, 2, 3]
    """
    chosen: list[int] = []
    free = scores > 0
    while len(chosen) < count and free.any():
        best = int(np.argmax(np.where(free, scores, -np.inf)))
        chosen.append(best)
        start, stop = spans[best]
        shared = np.minimum(spans[:, 1], stop) - np.maximum(spans[:, 0], start)
        union = (spans[:, 1] - spans[:, 0]) + (stop - start) - shared
        free &= 2 * shared < union
    return np.array(chosen, int)
