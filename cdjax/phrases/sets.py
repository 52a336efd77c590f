"""Interactions of sets of steps, contiguous or not, by the recursion itself."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from cdjax.core.network import Classifier
from cdjax.core.rules import PAPER, Rule
from cdjax.model import Model
from cdjax.scoring.batch import score_sets


def set_interactions(
    classifier: Classifier | Model,
    sequences: Sequence[ArrayLike],
    parts: Sequence[ArrayLike],
    rule: Rule = PAPER,
) -> list[Float[np.ndarray, "s k"]]:
    """Return the score of each union of disjoint sets less the sum of the sets' scores.

        score(A_1 and ... and A_n) - sum over m of score(A_m)

    Args:
        classifier: The model.
        sequences: Word numbers `[T]` of each sequence.
        parts: For each sequence, bool `[S, n, T]`: `S` groups of `n` sets of its steps. No step may
            be in two sets of a group. A set without steps scores 0.
        rule: The rule of the decomposition.

    Returns:
        For each sequence, logits `[S, K]`.

    Raises:
        TypeError, ValueError: As `score_sets`; ValueError also where sets share a step.
    """
    arrays = [np.asarray(array) for array in parts]
    for n, array in enumerate(arrays):
        if array.dtype != bool:
            raise TypeError(f"parts {n} holds {array.dtype}; expected booleans [S, n, T].")
        if array.ndim != 3:
            raise ValueError(f"parts {n} has shape {list(array.shape)}; expected [S, n, T].")
        shared = array.sum(axis=1) > 1
        if shared.any():
            row, step = np.argwhere(shared)[0].tolist()
            raise ValueError(
                f"parts {n}, row {row}: step {step} is in more than one set; expected each in at "
                f"most one, or it would be counted twice."
            )
    # Of each row the union, then its parts.
    sets = [np.concatenate([array.any(axis=1, keepdims=True), array], axis=1) for array in arrays]
    flat = [array.reshape(array.shape[0] * array.shape[1], array.shape[2]) for array in sets]
    result = []
    for array, scores in zip(sets, score_sets(classifier, sequences, flat, rule), strict=True):
        scores = scores.reshape(*array.shape[:2], scores.shape[1])
        result.append(scores[:, 0] - scores[:, 1:].sum(axis=1))
    return result
