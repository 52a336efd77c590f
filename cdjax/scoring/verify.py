"""Scores checked against the definition: the recursion of `core` in float64, span by span."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from cdjax.core.decomposition import split_logits
from cdjax.core.network import Classifier
from cdjax.core.rules import PAPER, Rule
from cdjax.spans import padded_length, span_mask

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
    differences = [0.0]
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda weight: np.asarray(weight, np.float64), classifier)
        network = exact._replace(embedding=None)
        for check in checks:
            x = np.zeros((padded_length(len(check.ids)), exact.embedding.shape[1]))
            x[: len(check.ids)] = exact.embedding[check.ids]
            at = check.start, check.stop, len(check.ids)
            score = np.asarray(_score(network, x, *at, rule))
            differences.append(np.max(np.abs(check.score - score) / np.maximum(1, np.abs(score))))
    return float(np.max(differences))


@functools.partial(jax.jit, static_argnames="rule")
def _score(
    network: Classifier,
    x: Float[Array, "t d"],
    start: Int[Array, ""],
    stop: Int[Array, ""],
    length: Int[Array, ""],
    rule: Rule,
):
    """Return the score of one span of a sequence that is padded at its end."""
    steps = jnp.arange(len(x))
    return split_logits(network, x, span_mask(start, stop, steps), rule, steps < length).beta
