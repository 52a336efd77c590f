"""Tables and figures that several experiments have in common."""

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
from benchmarks.paper.results import MEAN, Record, label, markdown_table, with_interval
from benchmarks.paper.setting import Setting

HEADINGS = {
    "ks": "KS",
    "auc": "AUC",
    "right_positive": "positive above 0",
    "right_negative": "negative below 0",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "area": "area",
    "positive_quantile": "quantile of the positive",
    "negative_quantile": "quantile of the negative",
}
TWO = {"positive": "positive phrases", "negative": "negative phrases"}


def name_of(row: Mapping[str, Any]) -> str:
    """Return what the method of a record is called."""
    return label(row["method"], row["rule"])


def same(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two records agree in all fields that both have and that name something."""
    return all(
        row[key] == other[key]
        for key in row.keys() & other.keys()
        if row[key] is None or isinstance(row[key], str | bool)
    )


def draw_separations(
    setting: Setting,
    stem: str,
    distributions: Sequence[Record],
    rows: Sequence[Record],
    groups: Mapping[str, str] = TWO,
) -> None:
    """Draw the distributions of each method, the statistics of `rows` beside them."""
    panels = []
    units = {method.name: method.units for method in make_methods().values()}
    for found in distributions:
        row = next(row for row in rows if same(found, row))
        panels.append(
            Distributions(
                title=name_of(found),
                x_label=f"score ({units[found['method']]})",
                series=[Group(name, found[group]) for group, name in groups.items()],
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
    """Draw a statistic of each method, a bar a model, the published number beside it."""
    methods = list(dict.fromkeys(map(name_of, rows)))
    models = list(dict.fromkeys(row["model"] for row in rows if row["model"] != MEAN))
    find = {(name_of(row), row["model"]): row for row in rows}
    series = []
    for model in models:
        mine = [find.get((method, model), {}) for method in methods]
        values, low, high = (
            [row.get(f"{statistic}{end}") for row in mine] for end in ("", "_low", "_high")
        )
        series.append(Bars(model, values, low, high))
    if paper:
        published = {name_of(row): paper.get(row["method"]) for row in rows}
        series.append(Bars("paper", [published[method] for method in methods]))
    draw_bars(setting.out / stem, methods, series, title)


def table_of_methods(
    rows: Sequence[Record],
    statistics: Sequence[str],
    compared: str = "",
    paper: Mapping[str, float] | None = None,
) -> str:
    """Return a table with a row for each method and model.

    Args:
        rows: Records of one search and split.
        statistics: Fields to show, with their intervals where they have some.
        compared: The statistic that the paper gives.
        paper: Its published value for each method.
    """
    header = ["method", "model"]
    for name in statistics:
        header.append(HEADINGS.get(name, name))
        if name == compared and paper:
            header.append(f"the paper's {HEADINGS.get(name, name)}")
    body = []
    for row in rows:
        line: list[Any] = [name_of(row), row["model"]]
        for name in statistics:
            value = with_interval(row, name) if f"{name}_low" in row else row.get(name)
            line.append(value)
            if name == compared and paper:
                line.append(paper.get(row["method"]))
        body.append(line)
    return markdown_table(header, body)
