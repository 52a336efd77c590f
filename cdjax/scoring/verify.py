"""Scores checked against the definition: the recursion of `core` in float64, span by span."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from cdjax.core.network import Classifier
from cdjax.core.rules import PAPER, Rule
from cdjax.engine.recursion import score_sets

BOUND = 1e-5
"""How far a score may be from the float64 recursion: in logits where the score is below 1 logit, as
a share of the score above."""


class Check(NamedTuple):
    """A span and its score to check."""

    ids: Int[np.ndarray, "t"]  # the whole review
    start: int
    stop: int
    score: Float[np.ndarray, "k"]  # logits, one a class


def largest_difference(
    classifier: Classifier, checks: Sequence[Check], rule: Rule = PAPER
) -> float:
    """Return the largest difference between scores and the float64 recursion.

        |score - exact| / max(1, |exact|),    the largest over spans and classes

    Args:
        classifier: The model; its weights are taken as they are, in float64.
        checks: The spans.
        rule: The rule they were scored under.

    Returns:
        The difference, to compare with `BOUND`; NaN where a score is NaN. 0 without spans.
    """
    with jax.enable_x64(True):
        network = classifier._replace(embedding=None)
        network = jax.tree.map(lambda weight: np.asarray(weight, np.float64), network)
        vectors = [np.asarray(classifier.embedding[c.ids], np.float64) for c in checks]
        steps = [np.arange(len(c.ids)) for c in checks]
        sets = [((c.start <= t) & (t < c.stop))[None] for c, t in zip(checks, steps, strict=True)]
        exact = score_sets(network, vectors, sets, rule, both=True)
    differences = [
        np.max(np.abs(check.score - score) / np.maximum(1, np.abs(score)))
        for check, (score,) in zip(checks, exact, strict=True)
    ]
    return float(np.max(differences, initial=0.0))
