"""What words say together beyond what each says alone (section 5 of the paper)."""

import numpy as np
from jaxtyping import Float, Int


def interactions(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s"]
) -> Float[np.ndarray, "s"]:
    """Return what each span's score has beyond the sum of its words' scores.

        score([start, stop)) - sum over t in [start, stop) of score([t, t + 1))

    For two adjacent words that is their interaction; for a single word it is 0.

    Args:
        spans: Half-open spans of one review, by start and then by stop, with all single words.
        scores: One number a span, in logits.

    >>> spans = np.array([[0, 1], [0, 2], [1, 2]])
    >>> interactions(spans, np.array([-1.0, 2.0, -2.0])).tolist()
    [0.0, 5.0, 0.0]
    """
    words = scores[spans[:, 1] - spans[:, 0] == 1]
    sums = np.concatenate([[0.0], np.cumsum(words, dtype=np.float64)])
    together = scores - (sums[spans[:, 1]] - sums[spans[:, 0]])
    return np.where(spans[:, 1] - spans[:, 0] == 1, 0, together)
