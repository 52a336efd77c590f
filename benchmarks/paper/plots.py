"""Figures that several experiments have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdjax.methods.registry import make_methods

from benchmarks.paper.figures import (
    Bars,
    Distributions,
    Group,
    draw_bars,
    draw_distributions,
)
from benchmarks.paper.results import MEAN, Record, label
from benchmarks.paper.setting import Setting

POLARITIES = {"positive": "positive phrases", "negative": "negative phrases"}


def name_of(row: Mapping[str, Any]) -> str:
    """Return the title of a record's method."""
    return label(row["method"], row["rule"])


def find_row(record: Mapping[str, Any], rows: Sequence[Record]) -> Record:
    """Return the first row that agrees with a record in the fields of both that identify it."""

    def agrees(row: Record) -> bool:
        return all(
            record[key] == row[key]
            for key in record.keys() & row.keys()
            if record[key] is None or isinstance(record[key], str | bool)
        )

    return next(row for row in rows if agrees(row))


def draw_separations(
    setting: Setting,
    stem: str,
    distributions: Sequence[Record],
    rows: Sequence[Record],
    groups: Mapping[str, str] = POLARITIES,
) -> None:
    """Draw the distributions of each method, with the KS statistic and AUC of its row."""
    panels = []
    units = {method.name: method.units for method in make_methods().values()}
    for record in distributions:
        row = find_row(record, rows)
        panels.append(
            Distributions(
                title=name_of(record),
                x_label=f"score ({units[record['method']]})",
                series=[Group(name, record[group]) for group, name in groups.items()],
                note=f"KS = {row['ks']:.2f}, AUC = {row['auc']:.2f}",
            )
        )
    draw_distributions(setting.out / stem, panels)


def draw_bars_of_methods(
    setting: Setting,
    stem: str,
    rows: Sequence[Record],
    statistic: str,
    title: str,
    paper: Mapping[str, float] | None = None,
) -> None:
    """Draw a statistic of each method: a bar for each model, and the published figure."""
    methods = list(dict.fromkeys(map(name_of, rows)))
    models = list(dict.fromkeys(row["model"] for row in rows if row["model"] != MEAN))
    row_of = {(name_of(row), row["model"]): row for row in rows}
    series = []
    for model in models:
        of_model = [row_of.get((method, model), {}) for method in methods]
        values, low, high = (
            [row.get(f"{statistic}{end}") for row in of_model] for end in ("", "_low", "_high")
        )
        series.append(Bars(model, values, low, high))
    if paper:
        published = {name_of(row): paper.get(row["method"]) for row in rows}
        series.append(Bars("paper", [published[method] for method in methods]))
    draw_bars(setting.out / stem, methods, series, title)
