"""The methods beside one another and beside the paper, and what moves the figures of CD."""

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.paper.experiment import Layout
from benchmarks.paper.results import MEAN, Record, label

CD, RULE = "cd", "paper"
"""The method and rule that the paper's figures of contextual decomposition are compared with."""


class ReportError(ValueError):
    """A result cannot be reported: names the file, what was found and what was expected."""


class Reading(NamedTuple):
    """The figure of one method, the main model's."""

    row: Record
    value: float
    low: float  # end of the interval; the value where there is none
    high: float
    mean: Record | None  # the mean over models
    published: float | None

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.row["method"]

    @property
    def label(self) -> str:
        """Title of the method, with its rule."""
        return label(self.method, self.row["rule"])

    @property
    def difference(self) -> float | None:
        """Ours less the paper's; None where the paper has none, or for another rule."""
        if self.published is None or not self.is_reference:
            return None
        return self.value - self.published

    @property
    def is_reference(self) -> bool:
        """Whether it is compared with the paper: of CD only the rule `RULE` is."""
        return self.row["rule"] in (None, RULE)


class Comparison(NamedTuple):
    """The methods under one protocol, for the main model."""

    panel: dict[str, Any]  # values of the layout's panels
    readings: list[Reading]
    primary: bool
    sign: int  # -1 where lower is better

    @property
    def cd(self) -> Reading | None:
        """The reading of contextual decomposition by `RULE`."""
        return next((r for r in self.readings if r.method == CD and r.is_reference), None)

    def rank(self, reading: Reading) -> int:
        """Return 1 and the number of other methods, CD by `RULE` included, that are as good."""
        others = (r for r in self.readings if r.method != reading.method and r.is_reference)
        return 1 + sum(self.sign * (r.value - reading.value) >= 0 for r in others)

    def published_rank(self, reading: Reading) -> int | None:
        """Return 1 and the number of methods with a better published figure."""
        figures = {r.method: r.published for r in self.readings if r.published is not None}
        own = figures.get(reading.method)
        return None if own is None else 1 + sum(self.sign * (x - own) > 0 for x in figures.values())

    def ordered_pairs(self) -> tuple[int, int]:
        """Return the number of pairs of methods in the order published, and of all pairs."""
        published = [r for r in self.readings if r.published is not None and r.is_reference]
        pairs = list(itertools.combinations(published, 2))
        agreeing = (
            (a.value - b.value) * (a.published - b.published) > 0
            for a, b in pairs
            if a.published is not None and b.published is not None
        )
        return sum(agreeing), len(pairs)


class Variation(NamedTuple):
    """The figures of CD as one choice varies and all others stay."""

    field: str
    rows: list[Record]  # from the least to the greatest figure
    spread: float


class Grid(NamedTuple):
    """The figures of CD over all settings of the protocol and models."""

    values: list[float]
    compared: int  # settings in which other methods are measured
    leading: int  # of these, settings in which CD is best


def compare(layout: Layout, result: Mapping[str, Any]) -> list[Comparison]:
    """Return the comparisons of methods in the rows of a result, primary ones first.

    Raises:
        ReportError: Where two rows of a method differ in no field of the layout.
    """
    mains = {model["name"] for model in result["models"] if model["main"]}
    measured = [row for row in result["rows"] if row.get(layout.statistic) is not None]
    means = {_key(row, layout): row for row in measured if row["model"] == MEAN}
    rows = [row for row in measured if row["model"] in mains]
    primary_choices = [{row.get(f) for row in rows if row["primary"]} for f in layout.factors]
    by_panel: dict[tuple, list[Record]] = {}
    for row in rows:
        by_panel.setdefault(tuple(row.get(field) for field in layout.panels), []).append(row)
    comparisons = []
    for values, of_panel in by_panel.items():
        primary = [row for row in of_panel if row["primary"]]
        chosen = primary or [
            row
            for row in of_panel
            if all(
                row.get(field) in choices
                for field, choices in zip(layout.factors, primary_choices, strict=True)
            )
        ]
        panel = dict(zip(layout.panels, values, strict=True))
        published = _published(result["paper"], panel)
        readings = [
            _reading(row, layout.statistic, means.get(_key(row, layout)), published)
            for row in chosen
        ]
        repeated = [name for name, n in Counter(r.label for r in readings).items() if n > 1]
        if repeated:
            raise ReportError(
                f"{result['name']} has several rows of {', '.join(repeated)} for {panel}; expected "
                f"rows that differ in {', '.join([*layout.panels, *layout.factors])}."
            )
        if readings:
            sign = -1 if set(layout.lower_is_better) & set(values) else 1
            comparisons.append(Comparison(panel, readings, bool(primary), sign))
    return sorted(comparisons, key=lambda comparison: not comparison.primary)


def vary(layout: Layout, result: Mapping[str, Any], comparison: Comparison) -> list[Variation]:
    """Return what each choice alone does to the figure of CD, the greatest spread first.

    The choices are the fields of the layout, the model and the rule.
    """
    start = comparison.cd
    if start is None:
        return []
    fields = [*_choices(layout), "model", "rule"]
    fixed_always = [field for field in layout.panels if field not in fields]
    rows = [row for row in _measured(layout, result) if row["method"] == CD]
    variations = []
    for varied in fields:
        fixed = [field for field in (*fixed_always, *fields) if field != varied]
        levels = [row for row in rows if all(row.get(f) == start.row.get(f) for f in fixed)]
        levels.sort(key=lambda row: row[layout.statistic])
        if len(levels) > 1:
            spread = levels[-1][layout.statistic] - levels[0][layout.statistic]
            variations.append(Variation(varied, levels, spread))
    return sorted(variations, key=lambda variation: -variation.spread)


def measure_grid(layout: Layout, result: Mapping[str, Any], comparison: Comparison) -> Grid:
    """Return the figures of CD by `RULE` over all settings and models on the same data and task."""
    fixed = [field for field in layout.panels if field not in _choices(layout)]
    settings: dict[tuple, list[Record]] = {}
    for row in _measured(layout, result):
        if all(row.get(field) == comparison.panel[field] for field in fixed):
            key = tuple(row.get(field) for field in ("model", *layout.panels, *layout.factors))
            settings.setdefault(key, []).append(row)
    values, compared, leading = [], 0, 0
    for rows in settings.values():
        figures = {(row["method"], row["rule"]): row[layout.statistic] for row in rows}
        cd = figures.get((CD, RULE))
        if cd is None:
            continue
        values.append(cd)
        others = [value for (method, _), value in figures.items() if method != CD]
        compared += bool(others)
        leading += bool(others) and all(comparison.sign * (cd - value) > 0 for value in others)
    return Grid(values, compared, leading)


def _choices(layout: Layout) -> list[str]:
    """Return the fields that are choices of ours: neither the data set nor the task."""
    return [field for field in (*layout.panels, *layout.factors) if field not in ("data", "task")]


def _measured(layout: Layout, result: Mapping[str, Any]) -> list[Record]:
    """Return the rows of single models that have the statistic."""
    return [
        row
        for row in result["rows"]
        if row["model"] != MEAN and row.get(layout.statistic) is not None
    ]


def _reading(
    row: Record, statistic: str, mean: Record | None, published: Mapping[str, float]
) -> Reading:
    value = float(row[statistic])
    low, high = (row.get(f"{statistic}{end}") for end in ("_low", "_high"))
    return Reading(
        row=row,
        value=value,
        low=value if low is None else low,
        high=value if high is None else high,
        mean=mean,
        published=published.get(row["method"]),
    )


def _key(row: Record, layout: Layout) -> tuple:
    """Return the values that identify a row among those of its model."""
    return tuple(row.get(f) for f in ("method", "rule", *layout.panels, *layout.factors))


def _published(paper: Mapping[str, Any], panel: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the paper's figures by method, where they are numbers."""
    of_data = paper.get(panel.get("data", ""), paper)
    return {key: float(x) for key, x in of_data.items() if isinstance(x, int | float)}
