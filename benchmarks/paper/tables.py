"""The tables of the report: methods beside the paper, what moves a figure, all settings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cdjax.viz.document import Block, Fold, Heading, Paragraph, Table

from benchmarks.paper.comparison import CD, RULE, Comparison, Reading, compare, measure_grid, vary
from benchmarks.paper.experiment import Layout
from benchmarks.paper.results import MEAN, Record, cell, label, with_interval

REFERENCE = label(CD, RULE)
METHODS_NOTE = (
    "Difference: ours less the paper's. Rank: 1 and the number of other methods that are as good "
    f"or better; of CD only {REFERENCE} counts as another method. Mean of the models: with the "
    "least and the greatest model."
)
CHOICES_NOTE = (
    f"Figures of {REFERENCE}, main model. One choice varies, all others stay as in the comparison."
)
HEADINGS = {
    "area": "area under the curve",
    "auc": "AUC",
    "dev_accuracy": "accuracy, dev",
    "ks": "KS statistic",
    "label": "method",
    "least": "occurrences, at least",
    "lengths": "words of the phrase",
    "negative_quantile": "quantile of the negative",
    "pearson": "Pearson correlation",
    "positive_quantile": "quantile of the positive",
    "right_negative": "negative below 0",
    "right_positive": "positive above 0",
    "spearman": "Spearman correlation",
    "test_accuracy": "accuracy, test",
}
FOLDED = 12  # longer tables are folded


def comparison_blocks(layout: Layout, result: Record) -> list[Block]:
    """Return the tables of an experiment: each comparison, and all settings and models."""
    blocks: list[Block] = []
    for comparison in compare(layout, result):
        protocol = "Primary protocol" if comparison.primary else "Beside the primary protocol"
        title = ", ".join(filter(None, [protocol, describe_choices(comparison.panel)]))
        blocks += [Heading(title, 3), methods_table(layout, comparison)]
        if comparison.primary:
            blocks.append(Paragraph(METHODS_NOTE))
            blocks += _moves(layout, result, comparison)
            blocks += _models(layout, result, comparison)
    choices = [
        field
        for field in (*layout.panels, *layout.factors, "model", *layout.counts)
        if len({row.get(field) for row in result["rows"]}) > 1
    ]
    blocks.append(Heading("All settings and models", 3))
    for statistic in (layout.statistic, *layout.others):
        rows = [row for row in result["rows"] if row.get(statistic) is not None]
        if rows:
            table = _pivot(heading(statistic), rows, choices, "label", statistic)
            blocks.append(folded(table))
    return blocks


def methods_table(layout: Layout, comparison: Comparison) -> Table:
    """Return a comparison, a row a method; columns without any value are left out."""
    readings, cd = comparison.readings, comparison.cd
    counts = {field: {r.row.get(field) for r in readings} for field in layout.counts}
    common = [f"{field} {cell(*values)}" for field, values in counts.items() if len(values) == 1]
    published = [r.published for r in readings if r.published is not None]

    def statistic(field: str) -> Callable[[Reading], str]:
        return lambda reading: with_interval(reading.row, field)

    def difference(reading: Reading) -> str:
        gap = reading.difference
        return "" if gap is None else f"{gap:+.3f}"

    def inside(reading: Reading) -> str:
        if reading.difference is None or reading.published is None or reading.low == reading.high:
            return ""
        return cell(reading.low <= reading.published <= reading.high)

    def overlap(reading: Reading) -> str:
        if cd is None or cd is reading or cd.low == cd.high or reading.low == reading.high:
            return ""
        return cell(reading.low <= cd.high and cd.low <= reading.high)

    def auc_turned(reading: Reading) -> str:
        auc, high = (reading.row.get(field) for field in ("auc", "auc_high"))
        return "" if auc is None or high is None or high >= 0.5 else cell(1 - auc)

    columns: dict[str, Callable[[Reading], str]] = {
        "paper": lambda reading: cell(reading.published),
        f"{heading(layout.statistic)} [95% interval]": statistic(layout.statistic),
        "difference": difference,
        "paper's in our interval": inside,
        "rank": lambda reading: cell(comparison.rank(reading)),
        "paper's rank": lambda reading: cell(comparison.published_rank(reading)),
        f"interval overlaps {REFERENCE}": overlap,
        "mean of the models [least, greatest]": lambda reading: with_interval(
            reading.mean or {}, layout.statistic
        ),
        **{heading(field): statistic(field) for field in layout.others},
        "AUC with the sign turned": auc_turned,
        **{field: _field(field) for field, values in counts.items() if len(values) > 1},
    }
    if len(published) < 2:
        del columns["paper's rank"]
    cells = {head: [column(reading) for reading in readings] for head, column in columns.items()}
    cells = {head: column for head, column in cells.items() if any(column)}
    rows = zip(*([r.label for r in readings], *cells.values()), strict=True)
    caption = ", ".join(["Methods, main model", *common])
    return Table(caption, ["method", *cells], [list(row) for row in rows])


def _moves(layout: Layout, result: Record, comparison: Comparison) -> list[Block]:
    """Return what moves the figure of CD: each choice alone, and all settings of the protocol."""
    cd, statistic = comparison.cd, layout.statistic
    if cd is None:
        return []
    rows = []
    for field, levels, spread in vary(layout, result, comparison):
        values = ", ".join(f"{level.get(field)} {cell(level[statistic])}" for level in levels)
        least, greatest = levels[0][statistic], levels[-1][statistic]
        holds = "" if cd.published is None else cell(least <= cd.published <= greatest)
        rows.append([heading(field), cell(spread), values, holds])
    head = ["choice", "spread", "figures, least first", "paper's within"]
    blocks: list[Block] = []
    if rows:
        columns = len(head) - (cd.published is None)
        caption = f"What moves {REFERENCE}"
        blocks.append(Table(caption, head[:columns], [row[:columns] for row in rows]))
        blocks.append(Paragraph(CHOICES_NOTE))
    grid = measure_grid(layout, result, comparison)
    if len(grid.values) > 1:
        columns = {
            "settings": cell(len(grid.values)),
            "least": cell(min(grid.values)),
            "greatest": cell(max(grid.values)),
            "paper's reached in": ""
            if cd.published is None
            else cell(sum(value >= cd.published for value in grid.values)),
            "best of all methods in": f"{grid.leading} of {grid.compared}" if grid.compared else "",
        }
        columns = {name: value for name, value in columns.items() if value}
        caption = f"{REFERENCE} over all settings of the protocol and all models"
        blocks.append(Table(caption, list(columns), [list(columns.values())]))
    return blocks


def _models(layout: Layout, result: Record, comparison: Comparison) -> list[Block]:
    """Return a comparison by model, where there are several."""
    first = comparison.readings[0].row
    rows = [
        row
        for row in result["rows"]
        if row["model"] != MEAN
        and row.get(layout.statistic) is not None
        and all(row.get(field) == first.get(field) for field in (*layout.panels, *layout.factors))
    ]
    if len({row["model"] for row in rows}) < 2:
        return []
    return [_pivot("Methods by model", rows, ["label"], "model", layout.statistic)]


def _pivot(
    caption: str, rows: Sequence[Record], down: Sequence[str], across: str, statistic: str
) -> Table:
    """Return a statistic: a line for each combination of `down`, a column for each `across`."""
    columns = list(dict.fromkeys(row[across] for row in rows))
    lines: dict[tuple, dict[str, Record]] = {}
    for row in rows:
        lines.setdefault(tuple(row.get(field) for field in down), {})[row[across]] = row
    body = [
        [*map(_text, key), *(with_interval(line.get(c, {}), statistic) for c in columns)]
        for key, line in lines.items()
    ]
    return Table(caption, [*map(heading, down), *columns], body)


def records_table(caption: str, records: Sequence[Record]) -> Table:
    """Return a table of all fields of records."""
    flat = [_flatten(record) for record in records]
    fields = list(dict.fromkeys(field for record in flat for field in record))
    rows = [[cell(record.get(field)) for field in fields] for record in flat]
    return Table(caption, [heading(field) for field in fields], rows)


def folded(table: Table) -> Block:
    """Return a table, folded where it is long."""
    if len(table.rows) <= FOLDED:
        return table
    return Fold(f"{table.caption}: {len(table.rows)} rows", [table])


def describe_choices(values: Mapping[str, Any]) -> str:
    """Return the values of fields.

    >>> describe_choices({"context": "alone", "search": "opposite"})
    'context: alone, search: opposite'
    """
    return ", ".join(f"{heading(field)}: {value}" for field, value in values.items())


def heading(field: str) -> str:
    """Return the heading of a column.

    >>> heading("ks"), heading("right_positive"), heading("seed")
    ('KS statistic', 'positive above 0', 'seed')
    """
    return HEADINGS.get(field, field.replace("_", " "))


def _field(field: str) -> Callable[[Reading], str]:
    return lambda reading: cell(reading.row.get(field))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _flatten(record: Mapping[str, Any]) -> Record:
    """Return a record with the fields of the records within it.

    >>> _flatten({"phrase": "not bad", "interactions": {"cd": 2.0}})
    {'phrase': 'not bad', 'cd': 2.0}
    """
    flat: Record = {}
    for field, value in record.items():
        flat |= _flatten(value) if isinstance(value, Mapping) else {field: value}
    return flat
