"""Which of a review's many overlapping phrases to show."""

import numpy as np
from jaxtyping import Float, Int


def strongest(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s"], count: int
) -> Int[np.ndarray, "p"]:
    """Return the places of the phrases with the highest scores above 0, none nearly another.

    From the highest down, a phrase is left out where it and one already chosen share at least half
    of the words that the two cover together.

    Args:
        spans: Half-open spans of one review.
        scores: One number a span. Negate them for the lowest.
        count: How many to return at most.

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
        either = (spans[:, 1] - spans[:, 0]) + (stop - start) - shared
        free &= 2 * shared < either
    return np.array(chosen, int)
