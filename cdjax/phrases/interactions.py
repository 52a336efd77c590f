"""What two phrases say together beyond what each says alone (section 5 of the paper)."""

import numpy as np
from jaxtyping import Float, Int


def pair_interactions(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s"]
) -> tuple[Int[np.ndarray, "p"], Float[np.ndarray, "p"]]:
    """Return the interaction of every pair of adjacent words.

        score([t, t + 2)) - score([t, t + 1)) - score([t + 1, t + 2))

    Args:
        spans: Half-open spans of one review, by start and then by stop, with all single words;
            words and pairs are read, others are passed over.
        scores: One number a span, in logits.

    Returns:
        Where each pair starts, and its interaction in logits.

    >>> spans = np.array([[0, 1], [0, 2], [1, 2]])
    >>> starts, values = pair_interactions(spans, np.array([-1.0, 2.0, -2.0]))
    >>> starts.tolist(), values.tolist()
    ([0], [5.0])
    """
    lengths = spans[:, 1] - spans[:, 0]
    words, pairs = scores[lengths == 1], scores[lengths == 2]
    starts = spans[lengths == 2, 0]
    return starts, pairs - words[starts] - words[starts + 1]
