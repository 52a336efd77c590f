"""What follows from figures of rules: ranks, the Pareto set, who beats whom, what moves what."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.stats
from jaxtyping import Bool, Float

from benchmarks.paper.results import Record
from benchmarks.paper.statistics import Estimate, difference

Figures = Float[np.ndarray, "r m"]
"""A row a rule, a column a measure; NaN where it has none. More is better."""


def rank(figures: Figures) -> Figures:
    """Return the rank of each rule by each measure, 1 the best; equals share the mean of theirs.

    >>> rank(np.array([[0.5, 3.0], [0.7, 3.0], [0.6, 1.0]])).tolist()
    [[3.0, 1.5], [1.0, 1.5], [2.0, 3.0]]
    """
    return scipy.stats.rankdata(-figures, axis=0, nan_policy="omit")


def find_pareto(figures: Figures) -> Bool[np.ndarray, "r"]:
    """Return which rules no other dominates: is as good by every measure, and better by one.

    >>> find_pareto(np.array([[1.0, 3.0], [2.0, 2.0], [1.0, 2.0], [2.0, 2.0]])).tolist()
    [True, True, False, True]
    """
    as_good = (figures[:, None] >= figures[None]).all(axis=2)
    better = (figures[:, None] > figures[None]).any(axis=2)
    return np.logical_not(np.any(as_good & better, axis=0))


def choose(figures: Figures) -> int:
    """Return the rule with the best worst rank, of equals that with the best mean rank.

    >>> choose(np.array([[1.0, 9.0, 9.0], [3.0, 1.0, 1.0], [2.0, 5.0, 5.0]]))
    2
    """
    ranks = rank(figures)
    return min(range(len(ranks)), key=lambda n: (ranks[n].max(), ranks[n].mean()))


def choose_finalists(
    names: Sequence[str], figures: Figures, pareto_by: int, named: Sequence[str], count: int
) -> list[str]:
    """Return the named rules and the best of those that nothing dominates.

    Args:
        names: Of the rules.
        figures: Of the family.
        pareto_by: The number of measures, the first ones, by which a rule may dominate.
        named: The rules that are chosen in any case.
        count: How many others.
    """
    ranks, pareto = rank(figures), find_pareto(figures[:, :pareto_by])
    others = [n for n, name in enumerate(names) if pareto[n] and name not in named]
    others.sort(key=lambda n: (ranks[n].max(), ranks[n].mean()))
    return [*named, *(names[n] for n in others[:count])]


class Contest(NamedTuple):
    """One rule against another by one measure, model by model."""

    differences: Mapping[str, Estimate]  # by model; above 0 where the first is better

    @property
    def wins(self) -> list[str]:
        """The models by which the first rule beats the other."""
        return [name for name, d in self.differences.items() if d.low is not None and d.low > 0]

    @property
    def losses(self) -> list[str]:
        """The models by which the other rule beats the first."""
        return [name for name, d in self.differences.items() if d.high is not None and d.high < 0]

    @property
    def values(self) -> list[float]:
        """The differences."""
        return [estimate.value for estimate in self.differences.values()]


def compare_rules(
    one: Mapping[str, Estimate], other: Mapping[str, Estimate], sign: int = 1
) -> Contest:
    """Return the contest of two rules, of which each has a figure by model.

    Args:
        one: The first rule's figures.
        other: The other's.
        sign: -1 where less is better.
    """
    models = [name for name in one if name in other]
    pairs = {m: (one[m], other[m]) if sign > 0 else (other[m], one[m]) for m in models}
    return Contest({model: difference(*pair) for model, pair in pairs.items()})


def mean_range(rows: Sequence[Record], along: str, fixed: Sequence[str]) -> float | None:
    """Return the range of `value` along a field, all else the same, on average; None without one.

    Args:
        rows: Records with the field `value`.
        along: The field that varies. Records that agree in it and in `fixed` are averaged.
        fixed: The fields that stay.

    >>> rows = [{"x": n % 2, "y": n // 2, "value": float(n * n)} for n in range(4)]
    >>> mean_range(rows, "x", ["y"]), mean_range(rows, "y", ["x"])
    (3.0, 6.0)
    """
    groups: dict[tuple, dict[Any, list[float]]] = {}
    for row in rows:
        levels = groups.setdefault(tuple(row[field] for field in fixed), {})
        levels.setdefault(row[along], []).append(row["value"])
    ranges = [
        float(np.ptp([np.mean(values) for values in levels.values()]))
        for levels in groups.values()
        if len(levels) > 1
    ]
    return float(np.mean(ranges)) if ranges else None
