"""The part of the report on the study of rules: every sentence and table is made of results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cdjax.core.rules import PAPER, RULES, SHARED
from cdjax.viz.document import Block, Fold, Heading, Items, Paragraph, Table

from benchmarks.paper.measures import MEASURES, PLANTED
from benchmarks.paper.planted.measure import NETWORK
from benchmarks.paper.results import Record, cell, label, with_interval
from benchmarks.paper.rules_figure import Plane, Surface, draw_planes
from benchmarks.paper.setting import Setting

TITLES = {measure.name: measure.title for measure in MEASURES.values()}
TITLES[PLANTED] = "agreement with planted truth"
STATISTICS = {measure.name: measure.statistic for measure in MEASURES.values()}
STATISTICS[PLANTED] = "agreement"
SIGNS = {measure.name: measure.sign for measure in MEASURES.values()}
PARTS = ("confirmation", "choices")
NAMES = {
    "choices": "choices (dev; c: train)",
    "confirmation": "confirmation (test; c: dev and test)",
}


def blocks(result: Record) -> list[Block]:
    """Return the summary: worse than other methods, shared against paper, ranks, the family."""
    parts: list[Block] = [Heading("Where CD is behind another method", 3)]
    parts += _behind(result)
    parts += [Heading("The shared rule against the paper's", 3), *_against_paper(result)]
    parts += [Heading("The criterion", 3), *_criterion(result)]
    parts += [Heading("The family", 3), *_family(result)]
    parts += [Heading("What moves each figure most", 3), _moves(result)]
    parts += [Heading("By length and by distance from the end", 3), *_bins(result)]
    parts += [Heading("All figures", 3), *_all_figures(result)]
    protocol = Path(__file__).with_name("PROTOCOL.md").read_text(encoding="utf-8")
    return [*parts, Fold("The protocol", [*_text_of(protocol)])]


def draw(setting: Setting, result: Record) -> list[Record]:
    """Draw agreement with labels against composition and negation, on the choices."""
    family = {row["rule"]: row for row in result["family"]}
    main = next(r["model"] for r in result["rows"] if r["measure"] == "cost")
    others: dict[str, dict[str, float]] = {}
    for row in result["rows"]:
        of_main = row["part"] == "choices" and row["model"] == main and row["rule"] is None
        if of_main and row["measure"] in MEASURES:
            name = label(row["method"])
            others.setdefault(name, {})[row["measure"]] = row[STATISTICS[row["measure"]]]
    panels = []
    for measure in ("composition", "negation"):

        def at(row: Any, measure: str = measure) -> tuple[float, float]:
            return row["labels"], row[measure]

        both = {n: at(of) for n, of in others.items() if {"labels", measure} <= set(of)}
        panels.append(
            Plane(
                f"{TITLES['labels']} (Spearman, dev)",
                f"{TITLES[measure]} (KS, {MEASURES[measure].choices})",
                [at(row) for row in family.values()],
                [
                    Surface(
                        name,
                        {
                            (row["context_inside"], row["context_outside"]): at(row)
                            for row in family.values()
                            if row["choices"].startswith(start)
                            and row["choices"].endswith(f"gate {gate}")
                        },
                    )
                    for name, start, gate in (
                        ("bias product to the phrase", "merged, phrase", "0"),
                        ("to the rest", "merged, rest", "0"),
                        ("to the phrase, gate 1/2", "merged, phrase", "0.5"),
                    )
                ],
                {name: at(family[name]) for name in RULES},
                both,
            )
        )
    draw_planes(setting.out / "rules-family", panels)
    caption = (
        f"Every rule of the family, {main}, on the choices. Lines join rules with equal shares "
        "inside, or outside; circles are the share 0."
    )
    return [{"file": "rules-family", "caption": caption}]


def _behind(result: Record) -> list[Block]:
    """Return the best rule and the best other method by each measure, those behind first."""
    lines = []
    main = next(r["model"] for r in result["rows"] if r["measure"] == "cost")
    for part in PARTS:
        for measure, statistic in STATISTICS.items():
            rows = [
                row
                for row in result["rows"]
                if row["measure"] == measure
                and row["part"] in (part, None)
                and row["model"] in (main, PLANTED)
            ]
            sign = SIGNS.get(measure, 1)
            rules = sorted((r for r in rows if r["rule"]), key=lambda r: -sign * r[statistic])
            others = [r for r in rows if not r["rule"] and r["method"] != NETWORK]
            others.sort(key=lambda r: -sign * r[statistic])
            if not rules or not others or (measure == PLANTED and part == PARTS[1]):
                continue
            gap = sign * (rules[0][statistic] - others[0][statistic])
            ahead = sum(sign * (others[0][statistic] - r[statistic]) > 0 for r in rules)
            lines.append(
                (
                    gap,
                    [
                        TITLES[measure],
                        "no split" if measure == PLANTED else NAMES[part],
                        f"{rules[0]['rule']}: {with_interval(rules[0], statistic)}",
                        f"{label(others[0]['method'])}: {with_interval(others[0], statistic)}",
                        "yes" if gap < 0 else "no",
                        f"{ahead} of {len(rules)}",
                    ],
                )
            )
    if not lines:
        return [Paragraph("No other method was measured.")]
    lines.sort(key=lambda line: line[0])
    head = ["measure", "part", "best rule", "best other method", "every rule is behind"]
    head.append("rules that are behind it")
    return [Table(f"Rules and other methods, {main}", head, [line for _, line in lines])]


def _against_paper(result: Record) -> list[Block]:
    """Return in a sentence and a table each: where `shared` beats `paper` and where it loses."""
    decided = result["criterion"]["winner"]
    texts, rows = [], []
    for rule in dict.fromkeys([SHARED.name, decided]):
        for part in PARTS:
            of_part = [c for c in result["contests"] if (c["rule"], c["part"]) == (rule, part)]
            if not of_part:
                continue
            won = [_count(c, "wins") for c in of_part if c["wins"]]
            lost = [_count(c, "losses") for c in of_part if c["losses"]]
            texts.append(
                f"On the {part}, {label('cd', rule)} beats {label('cd', PAPER.name)} by: "
                f"{'; '.join(won) or 'no measure on any model'}."
            )
            texts.append(
                f"On the {part}, it loses by: {'; '.join(lost) or 'no measure on any model'}."
            )
            rows += [
                [
                    label("cd", rule),
                    TITLES[c["measure"]],
                    NAMES[part],
                    f"{len(c['wins'])} of {c['models']}",
                    f"{len(c['losses'])} of {c['models']}",
                    f"{c['mean']:+.3f}",
                    f"{c['least']:+.3f}",
                    f"{c['greatest']:+.3f}",
                    ", ".join(c["losses"]),
                ]
                for c in of_part
            ]
    head = ["rule", "measure", "part", "beats paper on", "loses on", "mean difference"]
    head += ["least", "greatest", "models it loses on"]
    note = (
        "Beats, loses: the 95% interval of the paired difference of the primary statistic, by "
        "bootstrap over sentences, is on one side of 0. Mean, least and greatest are over models, "
        "those of another recipe and domain included."
    )
    return [Items(texts), Table("Against the paper's rule", head, rows), Paragraph(note)]


def _count(contest: Record, which: str) -> str:
    return (
        f"{TITLES[contest['measure']]} on {len(contest[which])} of {contest['models']} models "
        f"(mean difference {contest['mean']:+.3f}, {contest['least']:+.3f} to "
        f"{contest['greatest']:+.3f})"
    )


def _criterion(result: Record) -> list[Block]:
    """Return the ranks of the finalists by the measures that decide."""
    decision, tables = result["criterion"], []
    for part in reversed(PARTS):
        if part not in decision:
            continue
        of_part = decision[part]
        head = ["rule", *(TITLES[m] for m in of_part["measures"]), "worst rank", "mean rank"]
        rows = [
            [
                rule,
                *(
                    f"{value:.3f} ({rank:g})"
                    for value, rank in zip(of_part["figures"][rule], ranks, strict=True)
                ),
                f"{max(ranks):g}",
                f"{np.mean(ranks):.2f}",
            ]
            for rule, ranks in of_part["ranks"].items()
        ]
        rows.sort(key=lambda row: (float(row[-2]), float(row[-1])))
        tables.append(Table(f"Means over models (ranks), {NAMES[part]}", head, rows))
    text = (
        f"By the declared criterion, the best worst rank on the choices, the rule is "
        f"{decision['winner']}. The rule that `cdjax explain` should show is "
        f"{decision['default']}."
    )
    return [Paragraph(text), *tables]


def _family(result: Record) -> list[Block]:
    """Return the rules that nothing dominates, and all of them."""
    names = [name for name in STATISTICS if name in result["family"][0]]
    head = ["rule", "choices", *(TITLES[name] for name in names), "worst rank"]

    def line(row: Record) -> list[str]:
        figures = [cell(float(row[name])) for name in names]
        return [row["rule"], row["choices"], *figures, f"{row['worst_rank']:g}"]

    ordered = sorted(result["family"], key=lambda row: row["worst_rank"])
    pareto = [line(row) for row in ordered if row["pareto"]]
    named = [line(row) for row in ordered if row["rule"] in RULES]
    count = len(ordered)
    return [
        Table(f"The named rules among {count}", head, named),
        Fold(
            f"The {len(pareto)} rules that nothing dominates by the first three measures",
            [Table("Not dominated", head, pareto)],
        ),
        Fold(f"All {count} rules", [Table("The family", head, list(map(line, ordered)))]),
    ]


def _moves(result: Record) -> Table:
    fields = [name for name in result["moves"][0] if name != "measure"]
    rows = [[TITLES[row["measure"]], *(cell(row[f]) for f in fields)] for row in result["moves"]]
    return Table(
        "Mean range of the primary statistic as one thing varies, named rules",
        ["measure", *fields],
        rows,
    )


def _bins(result: Record) -> list[Block]:
    """Return tables of the main model's figures by length and distance, named rules and others."""
    tables = []
    main = next(r["model"] for r in result["rows"] if r["measure"] == "cost")
    for measure, bins, statistic in (
        ("labels", "length", "spearman"),
        ("labels", "distance", "spearman"),
        ("faithfulness", "distance", "shapley"),
        ("faithfulness", "distance", "left_out"),
    ):
        rows = [
            row
            for row in result["rows"]
            if (row["measure"], row["model"]) == (measure, main) and row["part"] == PARTS[0]
        ] or [
            row
            for row in result["rows"]
            if (row["measure"], row["model"]) == (measure, main) and row["part"] == PARTS[1]
        ]
        within = list(dict.fromkeys(name for row in rows for name in row[bins]))
        body = [
            [
                label(row["method"], row["rule"]),
                *(cell(row[bins].get(name, {}).get(statistic)) for name in within),
            ]
            for row in rows
        ]
        what = "words of the phrase" if bins == "length" else "words after the phrase"
        caption = f"{TITLES[measure]} ({statistic}), by {what}, {main}"
        tables.append(Table(caption, ["method", *within], body))
    return tables


def _all_figures(result: Record) -> list[Block]:
    """Return every statistic of every model."""
    tables: list[Block] = []
    for measure in MEASURES.values():
        rows = [row for row in result["rows"] if row["measure"] == measure.name]
        statistics = (measure.statistic, *measure.others)
        body = [
            [
                label(row["method"], row["rule"]),
                row["model"],
                row["architecture"],
                row["part"],
                *(with_interval(row, name) for name in statistics),
            ]
            for row in rows
        ]
        head = ["method", "model", "architecture", "part", *statistics]
        tables.append(
            Fold(f"{measure.letter}: {measure.title}", [Table(measure.title, head, body)])
        )
    planted = [row for row in result["rows"] if row["measure"] == PLANTED]
    if planted:
        columns = list(dict.fromkeys(name for row in planted for name in row["networks"]))
        body = [
            [
                label(row["method"], row["rule"]),
                with_interval(row, "agreement"),
                *(cell(row["networks"].get(name)) for name in columns),
            ]
            for row in planted
        ]
        table = Table(TITLES[PLANTED], ["method", "mean", *columns], body)
        tables.append(Fold(f"f: {TITLES[PLANTED]}", [table]))
    return tables


def _text_of(markdown: str) -> Sequence[Block]:
    """Return headings, lists and paragraphs of the protocol, which has nothing else.

    >>> _text_of("# A\\n\\nSome\\ntext.\\n\\n- one\\n  more\\n- two\\n")
    [Heading(text='A', level=3), Paragraph(text='Some text.'), Items(items=['one more', 'two'])]
    """
    found: list[Block] = []
    for part in markdown.strip().split("\n\n"):
        lines = part.split("\n")
        if part.startswith("#"):
            found.append(Heading(part.lstrip("# "), 3))
        elif part[:2] in ("- ", "1."):
            items: list[str] = []
            for line in lines:
                begins = line[:2] == "- " or line[:1].isdigit()
                text = line.lstrip("- 0123456789.") if begins else line.strip()
                items = [*items, text] if begins else [*items[:-1], f"{items[-1]} {text}"]
            found.append(Items(items))
        else:
            found.append(Paragraph(" ".join(lines)))
    return found
