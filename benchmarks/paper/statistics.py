"""Correlation, separation of two groups, and bootstrap intervals of both.

A resample is represented by weights, the number of times it holds each item, so that values are
sorted once and not for each resample. Of few items, several resamples are computed at a time:
weights `[R, n]`. Items of one group, such as the phrases of one review, are drawn together.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.stats
from jaxtyping import Bool, Float, Int
from sklearn.metrics import roc_auc_score

RESAMPLES = 1000
LEVEL = 0.95

TOGETHER = 2**17
"""Weights at a time: about what a processor's cache holds."""

Values = Float[np.ndarray, "n"]
Weights = Float[np.ndarray, "r n"]
Statistic = Callable[[Weights], Float[np.ndarray, "r"]]


class Estimate(NamedTuple):
    """A statistic with its interval, which it has none of without resamples."""

    value: float
    low: float | None
    high: float | None
    resampled: Sequence[float] = ()
    """Its value in every resample, NaN where it has none. Resamples of the same groups are the same
    whatever the values are: differences of two estimates are paired."""


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Return the paired difference of a statistic of the same items by two sets of values.

    Raises:
        ValueError: Where they do not have the same number of resamples.
    """
    if len(one.resampled) != len(other.resampled):
        raise ValueError(
            f"found {len(one.resampled)} and {len(other.resampled)} resamples; a paired "
            f"difference needs those of the same items."
        )
    resampled = np.subtract(one.resampled, other.resampled)
    return make_estimate(one.value - other.value, resampled)


def average(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean of statistics of the same items."""
    resampled = np.mean([estimate.resampled for estimate in estimates], axis=0)
    return make_estimate(float(np.mean([e.value for e in estimates])), resampled)


def pearson(x: Values, y: Values) -> float:
    """Return Pearson's correlation.

    Raises:
        ValueError: Where there are fewer than 3 pairs, or either is constant.
    """
    _check_pairs(x, y)
    result: Any = scipy.stats.pearsonr(x, y)
    return float(result.statistic)


def spearman(x: Values, y: Values) -> float:
    """Return Spearman's rank correlation; equal values share the mean of their ranks.

    Raises:
        ValueError: Where there are fewer than 3 pairs, or either is constant.
    """
    _check_pairs(x, y)
    result: Any = scipy.stats.spearmanr(x, y)
    return float(result.statistic)


def ks(positive: Float[np.ndarray, "p"], negative: Float[np.ndarray, "q"]) -> float:
    """Return the one-sided KS distance of positive above negative values, 0 to 1.

    The statistic of the one-sided two-sample Kolmogorov-Smirnov test (section 4.4): the maximum
    over x of F_negative(x) - F_positive(x), of the empirical distribution functions; at least 0.

    Raises:
        ValueError: Where either is empty.
    """
    _check_two(positive, negative)
    result: Any = scipy.stats.ks_2samp(negative, positive, "greater", "asymp")
    return float(result.statistic)


def auc(positive: Float[np.ndarray, "p"], negative: Float[np.ndarray, "q"]) -> float:
    """Return the probability that a positive value is above a negative one; ties count half.

    Raises:
        ValueError: Where either is empty.
    """
    _check_two(positive, negative)
    is_positive = np.arange(len(positive) + len(negative)) < len(positive)
    return float(roc_auc_score(is_positive, np.concatenate([positive, negative])))


def correlations(
    x: Values,
    y: Values,
    groups: Int[np.ndarray, "n"] | None = None,
    resamples: int = RESAMPLES,
    names: Sequence[str] = ("pearson", "spearman"),
) -> dict[str, Estimate]:
    """Return correlations with intervals.

    Args:
        x: One value an item.
        y: One value an item.
        groups: Group of each item; a group is drawn as a whole. Each item on its own when None.
        resamples: Number of bootstrap resamples.
        names: Which ones.
    """
    x_ranks, y_ranks = _Ranks(x), _Ranks(y)
    exact = {name: {"pearson": pearson, "spearman": spearman}[name](x, y) for name in names}
    of_weights: dict[str, Statistic] = {
        "pearson": lambda w: _weighted_pearson(x, y, w),
        "spearman": lambda w: _weighted_pearson(x_ranks(w), y_ranks(w), w),
    }
    statistics = {name: of_weights[name] for name in names}
    return _with_intervals(exact, statistics, len(x), groups, resamples, _varying(x, y))


def separation(
    values: Values,
    positive: Bool[np.ndarray, "n"],
    groups: Int[np.ndarray, "n"] | None = None,
    resamples: int = RESAMPLES,
    names: Sequence[str] = ("ks", "auc"),
) -> dict[str, Estimate]:
    """Return `ks` and `auc` of positive items' values above the others', with intervals.

    Args:
        values: One an item.
        positive: Which items are positive.
        groups: Group of each item; a group is drawn as a whole. Each item on its own when None.
        resamples: Number of bootstrap resamples.
        names: Which ones.
    """
    two = values[positive], values[~positive]
    exact = {name: {"ks": ks, "auc": auc}[name](*two) for name in names}
    ranks = _Ranks(values)
    of_weights: dict[str, Statistic] = {
        "ks": lambda w: _weighted_ks(ranks, positive, w),
        "auc": lambda w: _weighted_auc(ranks, positive, w),
    }
    statistics = {name: of_weights[name] for name in names}

    def usable(w: Weights) -> Bool[np.ndarray, "r"]:
        return np.all([w[:, group].any(axis=1) for group in (positive, ~positive)], axis=0)

    return _with_intervals(exact, statistics, len(values), groups, resamples, usable)


def concordance(
    x: Values, y: Values, groups: Int[np.ndarray, "n"] | None = None, resamples: int = RESAMPLES
) -> Estimate:
    """Return Lin's concordance correlation coefficient (Lin 1989), 1 where x = y throughout.

        2 cov(x, y) / (var(x) + var(y) + (mean(x) - mean(y))^2)

    Args:
        x: One value an item.
        y: One value an item.
        groups: Group of each item; a group is drawn as a whole. Each item on its own when None.
        resamples: Number of bootstrap resamples.

    Raises:
        ValueError: As `pearson`.
    """
    _check_pairs(x, y)
    statistics: dict[str, Statistic] = {"concordance": lambda w: _weighted_concordance(x, y, w)}
    exact = {"concordance": float(_weighted_concordance(x, y, np.ones((1, len(x))))[0])}
    usable = _varying(x, y)
    return _with_intervals(exact, statistics, len(x), groups, resamples, usable)["concordance"]


def mean(
    values: Values, groups: Int[np.ndarray, "n"] | None = None, resamples: int = RESAMPLES
) -> Estimate:
    """Return the mean with its interval.

    Args:
        values: One an item.
        groups: Group of each item; a group is drawn as a whole. Each item on its own when None.
        resamples: Number of bootstrap resamples.
    """
    statistics: dict[str, Statistic] = {"mean": lambda w: w @ values / w.sum(axis=1)}
    exact = {"mean": float(values.mean())}

    def usable(w: Weights) -> Bool[np.ndarray, "r"]:
        return np.ones(len(w), bool)

    return _with_intervals(exact, statistics, len(values), groups, resamples, usable)["mean"]


class _Ranks:
    """Ranks of values under any weights; the values are sorted once."""

    def __init__(self, values: Values):
        _, self.rank, counts = np.unique(values, return_inverse=True, return_counts=True)
        self.order = np.argsort(self.rank, kind="stable")
        self.last = np.cumsum(counts) - 1  # last position of each distinct value

    def up_to(self, weights: Weights) -> Float[np.ndarray, "r u"]:
        """Return the weight at or below each distinct value."""
        return np.cumsum(weights.take(self.order, axis=1), axis=1).take(self.last, axis=1)

    def below(self, weights: Weights) -> Float[np.ndarray, "r n"]:
        """Return the weight below each item, that of its equals by half."""
        up_to = self.up_to(weights)
        before = np.pad(up_to[:, :-1], [(0, 0), (1, 0)])
        return ((up_to + before) / 2).take(self.rank, axis=1)

    __call__ = below  # mean ranks, but for a constant


def _varying(x: Values, y: Values) -> Callable[[Weights], Bool[np.ndarray, "r"]]:
    """Return what tells whether a resample holds two values of `x` and two of `y`."""

    def usable(w: Weights) -> Bool[np.ndarray, "r"]:
        held = w > 0
        return np.array([_vary(x[row]) and _vary(y[row]) for row in held])

    return usable


def _vary(values: Values) -> bool:
    return bool(len(values)) and bool((values != values[0]).any())


def _weighted_pearson(x: np.ndarray, y: np.ndarray, w: Weights) -> Float[np.ndarray, "r"]:
    """Return the correlations of values `[n]`, or of `[R, n]` that depend on the resample."""
    x, y = _centred(x, w), _centred(y, w)
    variances = np.vecdot(w * x, x) * np.vecdot(w * y, y)
    return np.vecdot(w * x, y) / np.sqrt(variances)


def _weighted_concordance(x: Values, y: Values, w: Weights) -> Float[np.ndarray, "r"]:
    total = w.sum(axis=1)
    shift = w @ (x - y) / total
    x, y = _centred(x, w), _centred(y, w)
    variances = np.vecdot(w * x, x) + np.vecdot(w * y, y)
    return 2 * np.vecdot(w * x, y) / (variances + total * shift**2)


def _centred(x: np.ndarray, w: Weights) -> Float[np.ndarray, "r n"]:
    """Return values less their weighted mean."""
    return x - (np.vecdot(w, x) / w.sum(axis=1))[:, None]


def _weighted_ks(
    ranks: _Ranks, positive: Bool[np.ndarray, "n"], w: Weights
) -> Float[np.ndarray, "r"]:
    above, below = (ranks.up_to(np.where(group, w, 0)) for group in (positive, ~positive))
    return np.maximum(0, np.max(below / below[:, -1:] - above / above[:, -1:], axis=1))


def _weighted_auc(
    ranks: _Ranks, positive: Bool[np.ndarray, "n"], w: Weights
) -> Float[np.ndarray, "r"]:
    above, below = np.where(positive, w, 0), np.where(positive, 0, w)
    return np.vecdot(above, ranks.below(below)) / (above.sum(axis=1) * below.sum(axis=1))


def _with_intervals(
    exact: dict[str, float],
    statistics: dict[str, Statistic],
    count: int,
    groups: Int[np.ndarray, "n"] | None,
    resamples: int,
    usable: Callable[[Weights], Bool[np.ndarray, "r"]],
) -> dict[str, Estimate]:
    """Return each statistic with the percentiles of its values over resamples."""
    groups = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
    size = int(groups.max()) + 1
    rng = np.random.default_rng(0)
    resampled: dict[str, list[np.ndarray]] = {name: [np.zeros(0)] for name in exact}
    together = max(1, TOGETHER // count)
    for first in range(0, resamples, together):
        several = range(first, min(first + together, resamples))
        draws = (rng.integers(size, size=size) for _ in several)
        drawn = np.stack([np.bincount(draw, minlength=size) for draw in draws])
        weights = drawn.astype(np.float64).take(groups, axis=1)
        can = usable(weights)
        for name, statistic in statistics.items():
            with np.errstate(invalid="ignore", divide="ignore"):  # of those that are not usable
                resampled[name].append(np.where(can, statistic(weights), np.nan))
    return {
        name: make_estimate(value, np.concatenate(resampled[name])) for name, value in exact.items()
    }


def make_estimate(value: float, resampled: Values) -> Estimate:
    """Return a statistic with the percentiles of its values over resamples."""
    if not np.isfinite(resampled).any():
        return Estimate(value, None, None)
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    # Widened to hold the value: resamples of a statistic that is bounded by 0 lie above it.
    low, high = float(min(low, value)), float(max(high, value))
    return Estimate(value, low, high, tuple(resampled.tolist()))


def _check_pairs(x: Values, y: Values) -> None:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError(
            f"found {len(x)} pairs, of {len(np.unique(x))} and {len(np.unique(y))} values; a "
            f"correlation needs at least 3 pairs and 2 values on either side."
        )


def _check_two(positive: np.ndarray, negative: np.ndarray) -> None:
    if not len(positive) or not len(negative):
        raise ValueError(
            f"found {len(positive)} positive and {len(negative)} negative values; expected at "
            f"least one of each."
        )
