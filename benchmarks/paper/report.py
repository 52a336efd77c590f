"""The report: tables and figures of all experiments, ours beside the paper's.

It is made from the result files alone and can be written again at any time.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from cdjax.viz.document import (
    Block,
    Code,
    Heading,
    Items,
    Paragraph,
    Picture,
    Table,
    to_html,
    to_markdown,
)

from benchmarks.paper.comparison import CD, ReportError, compare
from benchmarks.paper.registry import EXPERIMENTS
from benchmarks.paper.results import FORMAT, PLAIN, Record, cell, label, with_interval, write_text
from benchmarks.paper.tables import (
    REFERENCE,
    comparison_blocks,
    describe_choices,
    folded,
    heading,
    records_table,
)

TITLE = "The experiments of “Beyond Word Importance”, run again"
INTRODUCTION = (
    "What Murdoch, Liu and Yu (ICLR 2018) measured of contextual decomposition (CD) and of other "
    "methods, measured again with the models below, by each rule of CD, and further measurements "
    "of our own. Each experiment has one primary protocol, printed with it; other choices stand "
    "beside it. Intervals are of 95%."
)
PLAIN_NOTE = (
    "The model “plain” is trained as the paper says (section 4.1): on phrases that are not "
    "neutral, as positive or negative, without dropout, averaged weights or a lower learning rate "
    "of the word vectors. It is in no mean, and shows the effect of the others' recipe."
)
FIELDS = ("name", "title", "section", "command", "models", "methods", "protocol", "rows", "paper")
PUBLISHED_ACCURACY = {"sst": 0.872, "yelp": 1 - 0.046}  # test, of the paper's LSTMs (section 4.1)


def write_report(out: Path) -> list[Path]:
    """Write `report.html` and `report.md` of the experiments in a folder.

    Args:
        out: The folder of the result files and their figures.

    Returns:
        The two files. The page contains its pictures; the Markdown links to them.

    Raises:
        ReportError: Where there is no result, one is not complete or a figure is missing.
    """
    paths = {name: out / f"{name}.json" for name in EXPERIMENTS}
    results = [read_result(path) for path in paths.values() if path.is_file()]
    if not results:
        raise ReportError(
            f"{out} holds none of {', '.join(path.name for path in paths.values())}; expected at "
            f"least one. python -m benchmarks.paper all --out {out} makes them."
        )
    blocks = [Paragraph(INTRODUCTION), Heading("At a glance"), _overview(results)]
    for result in results:
        blocks += [Heading(title_of(result)), *describe(out, result)]
    blocks += _provenance(results)
    written = [out / "report.html", out / "report.md"]
    for path, convert in zip(written, (to_html, to_markdown), strict=True):
        write_text(path, convert(TITLE, blocks))
    return written


def write_section(path: Path) -> Path:
    """Write the part of the report on one result file, as Markdown beside it.

    Raises:
        ReportError: As `read_result`.
    """
    result, section = read_result(path), path.with_suffix(".md")
    write_text(section, to_markdown(title_of(result), describe(path.parent, result)))
    return section


def read_result(path: Path) -> Record:
    """Return a result file.

    Raises:
        ReportError: Where it is not JSON of our format, or a field or a figure is missing.
    """
    remedy = f"python -m benchmarks.paper {path.stem} makes it anew."
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReportError(f"{path} is not JSON: {error}. {remedy}") from None
    format_ = result.get("format") if isinstance(result, dict) else None
    if format_ != FORMAT:
        raise ReportError(f"{path} has the format {format_}; expected {FORMAT}. {remedy}")
    missing = [field for field in FIELDS if field not in result]
    if missing or result["name"] != path.stem:
        raise ReportError(
            f"{path} lacks {', '.join(missing) or 'its own name'}; expected all of "
            f"{', '.join(FIELDS)}. {remedy}"
        )
    for figure in result.get("figures", []):
        for ending in (".png", ".svg"):
            picture = path.with_name(figure["file"] + ending)
            if not picture.is_file():
                raise ReportError(f"{picture} is missing, which {path.name} names. {remedy}")
    result["rows"] = [
        {"primary": True, **row, "label": label(row["method"], row["rule"])}
        for row in result["rows"]
    ]
    return result


def title_of(result: Record) -> str:
    """Return the heading of an experiment.

    >>> title_of({"title": "Negation", "section": "4.5"})
    'Section 4.5: Negation'
    """
    section = f"Section {result['section']}: " if result["section"] else ""
    return f"{section}{result['title']}"


def describe(out: Path, result: Record) -> list[Block]:
    """Return the part of the report on one experiment.

    Args:
        out: The folder of its figures.
        result: As `read_result` returns it.
    """
    experiment = EXPERIMENTS[result["name"]]
    blocks: list[Block] = [Items([f"{name}: {text}" for name, text in result["protocol"]])]
    if experiment.layout:
        blocks += comparison_blocks(experiment.layout, result)
    if any(model["name"] == PLAIN for model in result["models"]):
        blocks.append(Paragraph(PLAIN_NOTE))
    blocks += experiment.blocks(result)
    notes = result.get("notes", [])
    if notes:
        blocks += [Heading("What differs from the paper", 3), Items(notes)]
    figures = result.get("figures", [])
    if figures:
        blocks.append(Heading("Figures", 3))
        blocks += [Picture(out / figure["file"], figure["caption"]) for figure in figures]
    examples = result.get("examples", [])
    if examples:
        blocks += [Heading("Examples", 3), folded(records_table("Examples", examples))]
    return blocks


def _overview(results: Sequence[Record]) -> Table:
    """Return a row for each primary comparison."""
    rows = []
    for result in results:
        layout = EXPERIMENTS[result["name"]].layout
        if layout is None:
            continue
        for comparison in compare(layout, result):
            cd = comparison.cd
            if not comparison.primary or cd is None:
                continue
            ranked = sorted(comparison.readings, key=lambda r: -comparison.sign * r.value)
            rule = next(r for r in ranked if r.method == CD)
            other = next((r for r in ranked if r.method != CD), None)
            ordered, pairs = comparison.ordered_pairs()
            figures = [r and with_interval(r.row, layout.statistic) for r in (cd, rule, other)]
            rows.append(
                [
                    result["title"],
                    describe_choices(comparison.panel),
                    heading(layout.statistic),
                    cell(cd.published),
                    figures[0] or "",
                    f"{rule.label} {figures[1]}",
                    f"{other.label} {figures[2]}" if other else "",
                    f"{comparison.rank(cd)} of {len({r.method for r in ranked})}" if other else "",
                    f"{ordered} of {pairs}" if pairs else "",
                ]
            )
    head = [
        *("experiment", "setting", "statistic", "paper's CD", f"ours, {REFERENCE}"),
        *("our best rule", "our best other method", "rank of CD", "pairs in the paper's order"),
    ]
    return Table("Primary comparisons, main model", head, rows)


def _provenance(results: Sequence[Record]) -> list[Block]:
    """Return the models, commands, times and versions behind the report."""
    models = {model["name"]: model for result in results for model in result["models"]}
    described = [
        model | {"paper's accuracy, test": PUBLISHED_ACCURACY.get(model["data"])}
        for model in models.values()
    ]
    seconds = {result["name"]: cell(round(result.get("seconds", 0))) for result in results}
    versions = {k: v for result in results for k, v in result.get("versions", {}).items()}
    return [
        Heading("How this was made"),
        records_table("Models", described),
        *map(Code, dict.fromkeys(result["command"] for result in results)),
        Table(
            "Experiments",
            ["experiment", "title", "seconds"],
            [[e.name, e.title, seconds.get(e.name, "not run")] for e in EXPERIMENTS.values()],
        ),
        Table("Versions", ["package", "version"], [[name, v] for name, v in versions.items()]),
    ]
