"""Scores of regions of a series: what the values of certain features at certain steps contribute.

Only of `PAPER` and `MERGED`: under the other rules the product of biases belongs to the phrase at
its steps, which has no meaning at a step that is partly inside.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike

from cdjax.core.network import Classifier
from cdjax.core.rules import PAPER, Rule
from cdjax.engine import recursion
from cdjax.model import Model
from cdjax.scoring.checks import check_finite, prepare_one


def score_regions(
    model: Classifier | Model,
    x: ArrayLike,
    regions: ArrayLike,
    rule: Rule = PAPER,
    *,
    step: int | None = None,
) -> Float[np.ndarray, "s k"]:
    """Score regions of one series: what each contributes to the logits.

    By the recursion itself. A region that holds all features of its steps scores as their set does.

    Args:
        model: The network, or a model that has one.
        x: The series `[T, D]`; of a network with an embedding, word vectors or word numbers `[T]`.
        regions: Which values belong to each region, bool `[S, T, D]`. An empty one scores 0.
        rule: Which reading of the method, `PAPER` or `MERGED`.
        step: Of a network with the pool "each", the step whose logits are wanted; negative ones
            count from the end.

    Returns:
        Logits `[S, K]`, in the float type of the classifier.

    Raises:
        TypeError: Where the series holds no numbers, or the regions no booleans.
        ValueError: Where shapes do not fit, a value is not finite, the rule knows no regions, or
            there is no such step.

    >>> import cdjax
    >>> layer = cdjax.GRUParams(W=np.ones((3, 2, 3)), V=np.ones((3, 2, 2)), b=np.zeros((3, 2)))
    >>> network = cdjax.Classifier(None, (layer,), np.ones((1, 2)), np.zeros(1))
    >>> second = np.zeros((1, 4, 3), bool)
    >>> second[:, :, 1] = True  # the second feature, at all steps
    >>> score_regions(network, np.ones((4, 3)), second).shape
    (1, 1)
    """
    network, series = _prepare(model, x, step)
    masks = np.asarray(regions)
    if masks.dtype != bool:
        raise TypeError(f"regions holds {masks.dtype}; expected booleans [S, T, D].")
    if masks.ndim != 3 or masks.shape[1:] != series.shape:
        steps, width = series.shape
        raise ValueError(
            f"regions has shape {list(masks.shape)}; expected [S, {steps}, {width}], for each "
            f"region which of the series' values belong to it."
        )
    return _score(network, series, len(masks), lambda first, stop: masks[first:stop], rule, step)


def score_entries(
    model: Classifier | Model, x: ArrayLike, rule: Rule = PAPER
) -> Float[np.ndarray, "t d k"]:
    """Score every single value of one series: each feature at each step, as a region of its own.

    Beyond the series and the result, a tile of fixed size is in memory. Arguments and errors are as
    for `score_regions`.

    Returns:
        Logits `[T, D, K]`, in the float type of the classifier.
    """
    network, series = _prepare(model, x)

    def masks(first: int, stop: int) -> Bool[np.ndarray, "s t d"]:
        alone = np.zeros((stop - first, series.size), bool)
        alone[np.arange(stop - first), np.arange(first, stop)] = True
        return alone.reshape(-1, *series.shape)

    scores = _score(network, series, series.size, masks, rule)
    return scores.reshape(*series.shape, scores.shape[1])


def _prepare(
    model: Classifier | Model, x: ArrayLike, step: int | None = None
) -> tuple[Classifier, Float[np.ndarray, "t d"]]:
    """Return the network in one float type, without an embedding, and what it reads."""
    classifier, ids = prepare_one(model, x, each=step is not None)
    if step is not None and not -len(ids) <= step < len(ids):
        raise ValueError(f"step is {step}; expected 0 to {len(ids) - 1}, or -1 to {-len(ids)}.")
    return classifier._replace(embedding=None), classifier.embedding[ids]


def _score(
    network: Classifier,
    series: Float[np.ndarray, "t d"],
    count: int,
    masks: Callable[[int, int], np.ndarray],
    rule: Rule,
    step: int | None = None,
) -> Float[np.ndarray, "s k"]:
    if not count or not len(series):
        return np.zeros((count, len(network.bias)), network.bias.dtype)
    at = None if step is None else np.array([step % len(series)])
    scores = recursion.score_masks(network, series, count, masks, rule, at)
    scores = scores if at is None else scores[:, 0]
    check_finite(scores, "scores", 0)
    return scores
