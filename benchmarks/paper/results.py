"""The result file of an experiment, and the records that it holds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.paper.statistics import Estimate

FORMAT = 1
MEAN = "mean"
"""Stands for a model's name in the means over models, whose interval is the least and greatest
model."""
PLAIN = "plain"
"""Name of the model that is trained by the paper's recipe; left out of means."""

Record = dict[str, Any]

METHOD_TITLES = {
    "cd": "CD",
    "gradient": "gradient",
    "ig": "integrated gradients",
    "ig_zero": "integrated gradients (zeros)",
    "loo": "leave one out",
    "cell": "cell decomposition",
    "cell_gamma": "cell decomposition (gamma)",
    "occlusion": "occlusion",
    "shapley": "Shapley values",
    "random": "random order",
}


def label(method: str, rule: str | None = None) -> str:
    """Return the title of a method in tables and figures.

    >>> label("cd", "paper"), label("loo")
    ('CD (paper)', 'leave one out')
    """
    name = METHOD_TITLES.get(method, method)
    return f"{name} ({rule})" if rule else name


def fields(statistics: Mapping[str, Any]) -> Record:
    """Return statistics as fields of a record: an estimate with its interval, others as they are.

    >>> fields({"ks": Estimate(0.74, 0.7, 0.8)})
    {'ks': 0.74, 'ks_low': 0.7, 'ks_high': 0.8}
    """
    record = {}
    for name, value in statistics.items():
        if isinstance(value, Estimate):
            record |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        else:
            record[name] = value
    return record


def with_means(rows: Sequence[Record], statistics: Sequence[str]) -> list[Record]:
    """Return records, and after them the means over models of those that differ in that alone.

    Args:
        rows: Records with the field `model`; those of `PLAIN` have no part in means.
        statistics: Names of the fields to average. Intervals are those of the models; the mean's
            are the least and greatest model.
    """
    together: dict[tuple, list[Record]] = {}
    measured = {f"{name}{end}" for name in statistics for end in ("", "_low", "_high")}
    for row in rows:
        if row["model"] == PLAIN:
            continue
        key = tuple((k, v) for k, v in row.items() if k not in measured and k != "model")
        together.setdefault(key, []).append(row)
    means = []
    for group in together.values():
        if len({row["model"] for row in group}) < 2:
            continue
        mean: Record = {**group[0], "model": MEAN}
        for name in sorted(measured & set(group[0])):
            mean[name] = None
        for name in statistics:
            values = [row[name] for row in group if row.get(name) is not None]
            if len(values) == len(group):
                mean[name] = float(np.mean(values))
                mean[f"{name}_low"], mean[f"{name}_high"] = min(values), max(values)
        means.append(mean)
    return [*rows, *means]


def with_interval(row: Mapping[str, Any], statistic: str) -> str:
    """Return a statistic of a record with its interval, where it has them.

    >>> with_interval({"ks": 0.5, "ks_low": 0.25, "ks_high": 0.75}, "ks")
    '0.500 [0.250, 0.750]'
    """
    value, low, high = (row.get(f"{statistic}{end}") for end in ("", "_low", "_high"))
    interval = "" if low is None or high is None else f" [{cell(low)}, {cell(high)}]"
    return f"{cell(value)}{interval}"


def cell(value: Any) -> str:
    """Return a value as the cell of a table, floats to three decimals.

    >>> cell(0.7391), cell(2000), cell(None), cell(True)
    ('0.739', '2,000', '', 'yes')
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.3f}"
    return str(value)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write plain data atomically, floats to six significant digits.

    Raises:
        ValueError: Where a number is not finite.
    """
    text = json.dumps(_rounded(document), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text atomically."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_rounded(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}")
    return value.item() if isinstance(value, np.generic) else value
