"""The right scores of all phrases of a text, from the values of its subsets."""

from collections.abc import Callable
from math import comb

import numpy as np
from cdjax.spans import enumerate_spans
from jaxtyping import Bool, Float, Int

TRUTHS = ("alone", "shapley")
"""The readings of what a phrase contributes; both give the whole text its value less the empty
one's."""


def right_scores(
    values: Callable[[Int[np.ndarray, "n t"], Bool[np.ndarray, "n t"]], Float[np.ndarray, "n"]],
    text: Int[np.ndarray, "t"],
) -> dict[str, Float[np.ndarray, "s"]]:
    """Return the right scores of all phrases of a text, in the order of `enumerate_spans`.

    Args:
        values: Returns the value of each of some texts, of which only some words are kept: a
            language's, or a network's.
        text: Word numbers, at most a dozen: every subset of the words is evaluated.

    Returns:
        `alone`: the value of the phrase as a text of its own. `shapley`: its Shapley value as one
        player among the other words. Both less the value of the empty text.
    """
    count = len(text)
    subsets = np.arange(2**count)
    kept = (subsets[:, None] >> np.arange(count)) & 1 == 1
    value = values(np.tile(text, (len(subsets), 1)), kept)
    sizes = kept.sum(axis=1)
    alone, shapley = [], []
    for start, stop in enumerate_spans(count).tolist():
        phrase = (1 << stop) - (1 << start)
        players = count - (stop - start) + 1
        others = subsets[(subsets & phrase) == 0]
        # A coalition of k others has the weight k! (players - 1 - k)! / players!
        weights = np.array([1 / (players * comb(players - 1, k)) for k in range(players)])
        alone.append(value[phrase] - value[0])
        shapley.append(weights[sizes[others]] @ (value[others | phrase] - value[others]))
    return {"alone": np.array(alone), "shapley": np.array(shapley)}


def cuts(count: int) -> Int[np.ndarray, "c 3"]:
    """Return every way to cut a phrase of a text in two: indices of the phrase and of both parts.

    They are indices into `enumerate_spans(count)`.

    >>> cuts(2).tolist()
    [[1, 0, 2]]
    """
    spans = enumerate_spans(count)
    index = {(int(start), int(stop)): n for n, (start, stop) in enumerate(spans)}
    rows = [
        (index[start, stop], index[start, middle], index[middle, stop])
        for start, stop in index
        for middle in range(start + 1, stop)
    ]
    return np.array(rows, int).reshape(-1, 3)


def interactions(scores: Float[np.ndarray, "s"], count: int) -> Float[np.ndarray, "c"]:
    """Return the score of each phrase less those of its two parts, for every cut."""
    whole, first, second = cuts(count).T
    return scores[whole] - scores[first] - scores[second]
