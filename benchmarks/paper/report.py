"""The report: every table and figure of the experiments, ours beside the paper's.

It is made from the result files alone, so that it can be written again at any time.
"""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cdjax.viz.page import (
    Block,
    Code,
    Fold,
    Heading,
    Items,
    Paragraph,
    Picture,
    Table,
    to_html,
    to_markdown,
)

from benchmarks.paper.findings import (
    CD,
    LAYOUTS,
    RULE,
    Comparison,
    ReportError,
    compare,
    describe,
    number,
    published_sentences,
    ranking_sentences,
    source_sentences,
    with_interval,
)
from benchmarks.paper.results import FORMAT, MEAN, PLAIN, Record, label

NAMES = (
    "unigrams",
    "dissent",
    "compositionality",
    "negation",
    "neighbours",
    "deletion",
    "phrase_labels",
)
TITLE = "The experiments of “Beyond Word Importance”, run again"
FIELDS = ("name", "title", "section", "command", "models", "methods", "protocol", "rows", "paper")
HEADS = {
    "auc": "AUC",
    "dev_accuracy": "accuracy, dev",
    "ks": "KS",
    "right_negative": "negative below 0",
    "right_positive": "positive above 0",
    "spearman": "Spearman",
    "test_accuracy": "accuracy, test",
}
ACCURACY = {"sst": 0.872, "yelp": 1 - 0.046}  # of the paper's LSTMs (section 4.1)
PLAIN_IS = (
    "The model “plain” is trained as the paper says (section 4.1): on phrases that are not "
    "neutral, as positive or negative, without dropout, averaged weights or a slower rate for word "
    "vectors. It is in no mean, and shows what the recipe of the others is worth."
)
FOLDED = 12  # a table of more rows is shown only when asked for


def write_report(out: Path) -> list[Path]:
    """Write the report of the experiments in a folder: `report.html` and `report.md`.

    Args:
        out: The folder of the result files, with their figures.

    Returns:
        The two files. The page holds its pictures; the Markdown shows those beside it.

    Raises:
        ReportError: Where there is no result, one is not whole or a figure is missing.
    """
    results = [read_result(path) for name in NAMES if (path := out / f"{name}.json").is_file()]
    if not results:
        raise ReportError(
            f"{out} holds none of {', '.join(f'{name}.json' for name in NAMES)}; expected at "
            f"least one. python -m benchmarks.paper all --out {out} makes them."
        )
    blocks = _report(out, results)
    written = []
    for path, text in (
        (out / "report.html", to_html(TITLE, blocks)),
        (out / "report.md", to_markdown(TITLE, blocks)),
    ):
        part = path.with_name(path.name + ".part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
        written.append(path)
    return written


def read_result(path: Path) -> Record:
    """Return a result file.

    Raises:
        ReportError: Where it is not JSON of our format, a field is missing or a figure is.
    """
    again = f"python -m benchmarks.paper {path.stem} makes it anew."
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReportError(f"{path} is not JSON: {error}. {again}") from None
    found = result.get("format") if isinstance(result, dict) else None
    if found != FORMAT:
        raise ReportError(f"{path} has the format {found}; expected {FORMAT}. {again}")
    missing = [field for field in FIELDS if field not in result]
    if missing or result["name"] != path.stem:
        raise ReportError(
            f"{path} lacks {', '.join(missing) or 'its own name'}; expected all of "
            f"{', '.join(FIELDS)}. {again}"
        )
    for figure in result.get("figures", []):
        for ending in (".png", ".svg"):
            picture = path.with_name(figure["file"] + ending)
            if not picture.is_file():
                raise ReportError(f"{picture} is missing, which {path.name} names. {again}")
    result["rows"] = [{"primary": True, **row} for row in result["rows"]]
    return result


def _report(out: Path, results: Sequence[Record]) -> list[Block]:
    blocks: list[Block] = [
        Paragraph(
            "What Murdoch, Liu and Yu (ICLR 2018) measured of contextual decomposition (CD) and of "
            "other methods, measured again with the models below, by each rule of CD, and further "
            "measurements of our own. Each experiment has one primary protocol, printed with it; "
            "beside it stands what other choices give. Every sentence on results is made from the "
            "numbers in the result files."
        )
    ]
    missing = [name for name in NAMES if name not in {result["name"] for result in results}]
    if missing:
        blocks.append(Paragraph(f"Not in this folder: {', '.join(missing)}."))
    blocks += [Heading("At a glance"), _overview(results)]
    for result in results:
        blocks += _experiment(out, result)
    return [*blocks, *_making(results)]


def _overview(results: Sequence[Record]) -> Table:
    """Return the main figure of each primary comparison."""
    rows = []
    for result in results:
        for comparison in compare(result) if result["name"] in LAYOUTS else []:
            mine = [r for r in comparison.ranked if r.method == CD]
            others = [r for r in comparison.ranked if r.method != CD]
            if not comparison.primary or not mine:
                continue
            ours = next((r for r in mine if r.rule == RULE), mine[0])
            better = sum(comparison.sign * (r.value - ours.value) >= 0 for r in others)
            rows.append(
                [
                    ", ".join(filter(None, [result["title"], comparison.name])),
                    comparison.layout.name,
                    number(ours.published),
                    f"{ours}",
                    f"{mine[0].label} {mine[0]}",
                    f"{others[0].label} {others[0]}" if others else "",
                    f"{better + 1} of {len(others) + 1}" if others else "",
                ]
            )
    head = [
        "experiment",
        "statistic",
        "paper's CD",
        f"ours, {label(CD, RULE)}",
        "our best rule",
        "our best other method",
        "place of CD",
    ]
    return Table("The main model's figures, with 95% intervals", head, rows)


def _experiment(out: Path, result: Record) -> list[Block]:
    section = f" (section {result['section']})" if result["section"] else ""
    blocks: list[Block] = [Heading(f"{result['title']}{section}")]
    blocks.append(Items([f"{_sentence(head)}: {text}" for head, text in result["protocol"]]))
    if result["name"] in LAYOUTS:
        blocks += _compared(result)
    elif result["name"] == "neighbours":
        blocks += _neighbours(result)
    notes = result.get("notes", [])
    if notes:
        blocks += [Heading("What differs from the paper", 3), Items(notes)]
    figures = result.get("figures", [])
    if figures:
        blocks.append(Heading("Figures", 3))
        blocks += [Picture(out / figure["file"], figure["caption"]) for figure in figures]
    examples = result.get("examples", [])
    if examples:
        blocks += [Heading("Examples", 3), _folded(_records("Examples found", examples))]
    return blocks


def _compared(result: Record) -> list[Block]:
    comparisons = compare(result)
    blocks: list[Block] = []
    for comparison in comparisons:
        blocks += [Heading(_name(comparison), 3), _comparison_table(comparison)]
        if comparison.primary:
            for said in (ranking_sentences(comparison), published_sentences(comparison)):
                if said:
                    blocks.append(Paragraph(" ".join(said)))
            sources = source_sentences(result, comparison)
            if sources:
                blocks += [Paragraph("What moves these figures:"), Items(sources)]
    models = _models_table(result, [c for c in comparisons if c.primary])
    if models:
        blocks += [Heading("Each trained model", 3), *models]
        if any(model["name"] == PLAIN for model in result["models"]):
            blocks.append(Paragraph(PLAIN_IS))
    return [*blocks, *_grid_tables(result)]


def _name(comparison: Comparison) -> str:
    primary = "primary protocol" if comparison.primary else "beside the primary protocol"
    return _sentence(", ".join(filter(None, [comparison.name, primary])))


def _comparison_table(comparison: Comparison) -> Table:
    layout, readings = comparison.layout, comparison.readings
    statistic = layout.statistic
    published = any(r.published is not None for r in readings)
    means = any(r.mean for r in readings)
    counts = {field: {r.row.get(field) for r in readings} for field in layout.counts}
    varied = [field for field, found in counts.items() if len(found) > 1]
    others = [f for f in layout.others if any(r.row.get(f) is not None for r in readings)]
    head = [
        "method",
        *(["paper"] if published else []),
        "ours [95% interval]",
        *(["mean of the models [least, greatest]"] if means else []),
        *(_head(field) for field in (*others, *varied)),
    ]
    rows = []
    for r in readings:
        mean = r.mean or {}
        spread = (mean.get(f"{statistic}{end}") for end in ("", "_low", "_high"))
        rows.append(
            [
                r.label,
                *([number(r.published)] if published else []),
                f"{r}",
                *([with_interval(*spread)] if means else []),
                *(_interval(r.row, field) for field in others),
                *(_cell(r.row.get(field)) for field in varied),
            ]
        )
    same = [f"{_cell(found.pop())} {f}" for f, found in counts.items() if len(found) == 1]
    caption = _sentence(", ".join([layout.name, *filter(None, [comparison.name]), *same]))
    return Table(caption, head, rows)


def _models_table(result: Record, comparisons: Sequence[Comparison]) -> list[Block]:
    """Return each primary comparison by model, where there are several."""
    tables: list[Block] = []
    for comparison in comparisons:
        layout = comparison.layout
        fields = (*layout.panels, *layout.factors)
        by_model: dict[str, dict[tuple, Record]] = {}
        for row in result["rows"]:
            here = comparison.readings[0].row
            if row["model"] != MEAN and all(row.get(f) == here.get(f) for f in fields):
                key = (row["method"], row["rule"])
                by_model.setdefault(row["model"], {})[key] = row
        if len(by_model) < 2:
            continue
        rows = [
            [
                r.label,
                *(
                    number(some.get((r.method, r.rule), {}).get(layout.statistic))
                    for some in by_model.values()
                ),
            ]
            for r in comparison.readings
        ]
        caption = _sentence(", ".join(filter(None, [layout.name, comparison.name, "by model"])))
        tables.append(Table(caption, ["method", *by_model], rows))
    return tables


def _grid_tables(result: Record) -> list[Block]:
    """Return all settings of the protocol for the main model, a column for the last choice."""
    layout = LAYOUTS[result["name"]]
    mains = {model["name"] for model in result["models"] if model["main"]}
    rows = [row for row in result["rows"] if row["model"] in mains]
    fields = [
        field
        for field in (*layout.panels, *layout.factors)
        if len({row.get(field) for row in rows}) > 1
    ]
    if not set(fields) & set(layout.factors):
        return []
    across = max(layout.factors, key=lambda f: (len({row.get(f) for row in rows}), f == "least"))
    down = [field for field in fields if field != across]
    columns = list(dict.fromkeys(row.get(across) for row in rows))
    if all(isinstance(column, int | float) for column in columns):
        columns.sort()
    lines: dict[tuple, dict[Any, Record]] = {}
    for row in rows:
        key = (*(row.get(f) for f in down), row["method"], row["rule"])
        lines.setdefault(key, {})[row.get(across)] = row
    table = Table(
        _sentence(f"{layout.name} by every setting, main model"),
        ["method", *map(_head, down), *(describe(across, column) for column in columns)],
        [
            [
                label(method, rule),
                *(describe(f, v) for f, v in zip(down, key, strict=True)),
                *(number(line.get(column, {}).get(layout.statistic)) for column in columns),
            ]
            for (*key, method, rule), line in lines.items()
        ],
    )
    return [Heading("The whole grid", 3), _folded(table)]


def _neighbours(result: Record) -> list[Block]:
    """Return the nearest phrases beside the paper's, and how many of those are found again."""
    mains = {model["name"] for model in result["models"] if model["main"]}
    rows = [row for row in result["rows"] if row["model"] in mains]
    first = [row for row in rows if row["rule"] in (None, RULE)]
    said, table = [], []
    for row in first:
        query, found = row["query"], [phrase for phrase, _ in row["neighbours"]]
        theirs = [phrase for phrase, _ in row["ranks"]]
        table.append(
            [
                query,
                row["kind"],
                ", ".join(f"{phrase} ({cosine:.2f})" for phrase, cosine in row["neighbours"]),
                ", ".join(f"{phrase} ({rank or 'none'})" for phrase, rank in row["ranks"]),
            ]
        )
        if theirs:
            again = [phrase for phrase in theirs if phrase in found]
            named = f" ({', '.join(again)})" if again else ""
            ranks = [rank for _, rank in row["ranks"] if rank]
            median = f", median rank {statistics.median(ranks):,.0f}" if ranks else ""
            said.append(f"“{query}”: {len(again)} of {len(theirs)}{named}{median}")
    blocks: list[Block] = [
        Heading("Nearest phrases", 3),
        Table(
            f"Nearest phrases by cosine, {label(CD, RULE)}",
            ["phrase", "kind", "ours (cosine)", "the paper's (rank among ours)"],
            table,
        ),
    ]
    if said:
        blocks.append(
            Paragraph(f"Of the paper's neighbours these are among ours. {'; '.join(said)}.")
        )
    others = [row for row in rows if row not in first]
    if others:
        table = [
            [
                row["query"],
                label(CD, row["rule"]),
                ", ".join(f"{phrase} ({cosine:.2f})" for phrase, cosine in row["neighbours"]),
            ]
            for row in others
        ]
        blocks.append(
            Fold(
                "Nearest phrases by the other rules",
                [Table("Nearest phrases by the other rules", ["phrase", "rule", "ours"], table)],
            )
        )
    return blocks


def _making(results: Sequence[Record]) -> list[Block]:
    """Return which models, commands and versions the report is made from."""
    models = {model["name"]: model for result in results for model in result["models"]}
    commands = dict.fromkeys(result["command"] for result in results)
    seconds = [
        [result["title"], f"{result['seconds']:,.0f}"] for result in results if "seconds" in result
    ]
    versions = {k: v for result in results for k, v in result.get("versions", {}).items()}
    blocks: list[Block] = [
        Heading("How this was made"),
        _records("Models", list(models.values())),
        *_accuracies(models.values()),
        *(Code(command) for command in commands if command),
    ]
    if seconds:
        blocks.append(Table("Time of each experiment", ["experiment", "seconds"], seconds))
    if versions:
        blocks.append(Table("Versions", ["package", "version"], [*map(list, versions.items())]))
    return blocks


def _accuracies(models: Iterable[Record]) -> list[Block]:
    """Return how well the main models predict beside the paper's."""
    said = [
        f"On the {describe('data', model['data'])} test reviews {model['name']} is right in "
        f"{model['test_accuracy']:.1%}, the paper's LSTM in {ACCURACY[model['data']]:.1%}."
        for model in models
        if model["main"] and model.get("test_accuracy") is not None and model["data"] in ACCURACY
    ]
    return [Paragraph(" ".join(said))] if said else []


def _records(caption: str, records: Sequence[Record]) -> Table:
    """Return flat records as a table of all their fields."""
    flat = [_flat(record) for record in records]
    fields = list(dict.fromkeys(field for record in flat for field in record))
    rows = [[_cell(record.get(field)) for field in fields] for record in flat]
    return Table(caption, [_head(field) for field in fields], rows)


def _flat(record: Mapping[str, Any]) -> Record:
    """Return a record whose values are not records.

    >>> _flat({"phrase": "not bad", "interactions": {"cd": 2.0}})
    {'phrase': 'not bad', 'cd': 2.0}
    """
    flat: Record = {}
    for field, value in record.items():
        flat |= _flat(value) if isinstance(value, Mapping) else {field: value}
    return flat


def _folded(table: Table) -> Block:
    """Return a table, folded where it is long."""
    if len(table.rows) <= FOLDED:
        return table
    return Fold(f"{table.caption}: {len(table.rows)} rows", [table])


def _interval(row: Record, field: str) -> str:
    return with_interval(*(row.get(f"{field}{end}") for end in ("", "_low", "_high")))


def _head(field: str) -> str:
    """Return the heading of a column.

    >>> _head("ks"), _head("right_positive"), _head("seed")
    ('KS', 'positive above 0', 'seed')
    """
    return HEADS.get(field, field.replace("_", " "))


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return number(value)
        case list():
            return ", ".join(map(_cell, value))
    return str(value)


def _sentence(text: str) -> str:
    """Return a text that begins with a capital."""
    return text[:1].upper() + text[1:]
