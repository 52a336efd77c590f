"""Beyond the paper: which rule, by the protocol of `PROTOCOL.md`."""

import itertools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cdjax
import numpy as np
from cdjax.core.rules import PAPER, RULES, Rule

from benchmarks.paper import faithfulness, planted_rules, rules_report
from benchmarks.paper.experiment import Experiment
from benchmarks.paper.family import QUICK, describe, make_family
from benchmarks.paper.measures import MEASURES, PLANTED, Measure, is_defined, run_measure
from benchmarks.paper.results import PLAIN as PLAIN_RECIPE
from benchmarks.paper.results import Record, fields
from benchmarks.paper.setting import Setting, Subject, Task
from benchmarks.paper.statistics import Estimate
from benchmarks.paper.summary import (
    choose,
    choose_finalists,
    compare_rules,
    find_pareto,
    mean_range,
    rank,
)
from benchmarks.paper.workers import work

EXPLORED = ("labels", "composition", "negation", "words")
"""Measures of the whole family; a rule may dominate another by the first three."""
PARETO_BY = 3
NAMED = ("paper", "acd", "released", "merged", "shared", "source")
"""The rules that were named when the protocol was written. `even` has its name by the result."""
FINALISTS, QUICK_FINALISTS = 6, 1  # besides these
OTHERS = ("ig", "cell", "loo", "gradient", "shapley", "occlusion", "alone")
"""The methods beside contextual decomposition."""
PARTS = ("choices", "confirmation")
ELSEWHERE = "yelp"  # data of models that are measured on another domain than theirs
ARCHITECTURES = "architectures"
"""Stands for the data of models of other architectures, which the other experiments leave out."""
PROTOCOL = (
    ("protocol", "`benchmarks/paper/PROTOCOL.md`, committed before any of these numbers; below."),
    ("choices and confirmation", "Choices on dev (c: train), confirmation on test (c: dev, test)."),
    (
        "named rules and finalists",
        "The named rules, and the best of the family's rules that nothing dominates.",
    ),
)


def run(setting: Setting) -> Record:
    """Go through the family, the finalists and the other methods."""
    main, *_ = setting.of("sst")
    family = make_family(*QUICK) if setting.quick else make_family()
    explored = explore(setting, main, family)
    figures = np.array([[row[name] for name in EXPLORED] for row in explored])
    names = [row["rule"] for row in explored]
    count = QUICK_FINALISTS if setting.quick else FINALISTS
    finalists = choose_finalists(names, figures, PARETO_BY, NAMED, count)
    for row, ranks, is_pareto in zip(
        explored, rank(figures), find_pareto(figures[:, :PARETO_BY]), strict=True
    ):
        row |= {"worst_rank": float(ranks.max()), "pareto": bool(is_pareto)}
    measured = _measure_all(setting, [family[name] for name in finalists])
    rows = [
        {
            "measure": one.measure,
            "part": one.part,
            "model": one.task.model,
            **_describe_model(setting.subject(one.task.model)),
            "method": one.task.method,
            "rule": one.task.rule and one.task.rule.name,
            "primary": one.part == "choices",
            **fields(one.statistics),
        }
        for one in measured
    ]
    rows += planted_rules.measure(setting, [family[name] for name in finalists], OTHERS)
    return {
        "rows": rows,
        "family": explored,
        "finalists": finalists,
        "criterion": decide(rows, finalists),
        "contests": _contests(measured, finalists),
        "moves": _moves(rows),
    }


def explore(setting: Setting, main: Subject, family: Mapping[str, Rule]) -> list[Record]:
    """Return the figures of every rule of the family, on the choices, without intervals."""
    setting.log(f"  the family: {len(family)} rules, {main.name}")
    # What all rules need is there after the first.
    list(work(_measure_explored, setting, [(main.name, PAPER)]))
    rows = []
    for row in work(_measure_explored, setting, [(main.name, rule) for rule in family.values()]):
        rows.append(row)
        if len(rows) % 50 == 0:
            setting.log(f"  {len(rows)} of {len(family)} rules")
    return rows


def _measure_explored(setting: Setting, what: tuple[str, Rule]) -> Record:
    """Return the figures of a rule by the main model."""
    name, rule = what
    main = setting.subject(name)
    row: Record = {"rule": rule.name, **rule._asdict()}
    row |= {"bias_product": rule.bias_product.value, "choices": describe(rule)}
    del row["name"]
    # Of so many rules, scores are kept for the measures of a rule alone.
    with tempfile.TemporaryDirectory() as folder:
        alone = replace(setting, scores=Path(folder), log=_say_nothing)
        for measure in map(MEASURES.__getitem__, EXPLORED):
            scorer = setting.scorer(main, rule)
            measured = run_measure(measure, alone, main, scorer, "choices", intervals=False)
            row[measure.name] = measured[measure.statistic].value
    return row


def _say_nothing(text: str) -> None:
    pass


def decide(rows: Sequence[Record], finalists: Sequence[str]) -> Record:
    """Return the ranks of the finalists by the measures that decide, and the winner.

    Args:
        rows: Records of measures.
        finalists: Names of the rules.
    """
    decision: Record = {}
    for part in PARTS:
        table, titles = [], []
        for name in (*(m.name for m in MEASURES.values() if m.decides), PLANTED):
            values = [mean_over_models(rows, name, part, rule) for rule in finalists]
            if None not in values:
                table.append(values)
                titles.append(name)
        if table:
            figures = np.array(table).T
            winner = finalists[choose(figures)]
            decision[part] = {
                "measures": titles,
                "figures": dict(zip(finalists, figures.tolist(), strict=True)),
                "ranks": dict(zip(finalists, rank(figures).tolist(), strict=True)),
                "winner": winner,
            }
    winner = decision["choices"]["winner"]
    confirmed = decision.get("confirmation")
    worst = {name: max(r) for name, r in confirmed["ranks"].items()} if confirmed else {}
    decision["winner"] = winner
    decision["default"] = winner if worst and worst[winner] < worst[PAPER.name] else PAPER.name
    return decision


def mean_over_models(
    rows: Sequence[Record], measure: str, part: str, rule: str, method: str = "cd"
) -> float | None:
    """Return the mean of a primary statistic over the models that means are of, None without any.

    The measure of planted truth has no split: it is the same in both parts.
    """
    statistic = "agreement" if measure == PLANTED else MEASURES[measure].statistic
    values = [
        row[statistic]
        for row in rows
        if (row["measure"], row["method"], row["rule"]) == (measure, method, rule)
        and (row["part"] == part or measure == PLANTED)
        and row["in_mean"]
    ]
    return float(np.mean(values)) if values else None


class Measured(NamedTuple):
    """What a measure has found."""

    measure: str
    part: str
    task: Task
    statistics: Mapping[str, Any]


def _measure_all(setting: Setting, finalists: Sequence[Rule]) -> list[Measured]:
    """Return every measure of the finalists by all models, and of other methods by the main one."""
    subjects = [s for data in ("sst", ARCHITECTURES, ELSEWHERE) for s in setting.of(data)]
    tasks = []
    for subject in subjects:
        tasks += [Task(subject.name, "cd", rule) for rule in finalists]
        if _is_main(subject):
            possible = [name for name in OTHERS if name != "cell" or _is_lstm(subject)]
            tasks += [Task(subject.name, name, None) for name in possible]
    # Games are played before methods need them: two processes would play the same.
    splits = sorted({split for _, split in _parts(setting, MEASURES["faithfulness"])})
    list(work(_play, setting, itertools.product([s.name for s in subjects], splits)))
    measured = [one for some in work(_measure_task, setting, tasks) for one in some]
    # Times are taken when nothing else runs.
    return measured + [one for task in tasks for one in _measure(setting, task, [MEASURES["cost"]])]


def _play(setting: Setting, what: tuple[str, str]) -> None:
    name, split = what
    faithfulness.play(setting, setting.subject(name), split)


def _measure_task(setting: Setting, task: Task) -> list[Measured]:
    return _measure(setting, task, [m for name, m in MEASURES.items() if name != "cost"])


def _measure(setting: Setting, task: Task, measures: Sequence[Measure]) -> list[Measured]:
    """Return the given measures of a method, where they are defined."""
    subject, scorer = setting.find(task)
    return [
        Measured(measure.name, part, task, run_measure(measure, setting, subject, scorer, part))
        for measure in measures
        if is_defined(measure, scorer) and (measure.name != "cost" or _is_main(subject))
        for part, _ in _parts(setting, measure)
    ]


def _parts(setting: Setting, measure: Measure) -> list[tuple[str, str]]:
    """Return the parts that are measured, with their splits."""
    parts = PARTS[:1] if setting.quick else PARTS
    return [(part, split) for part in parts if (split := measure.split(part)) is not None]


def _is_main(subject: Subject) -> bool:
    return subject.main and subject.data == "sst"


def _is_lstm(subject: Subject) -> bool:
    layers = subject.model.classifier.layers
    return len(layers) == 1 and isinstance(layers[0], cdjax.LSTMParams)


def _describe_model(subject: Subject) -> Record:
    """Return the architecture and the recipe of a model, and whether it is in means."""
    layers = subject.model.classifier.layers
    first = layers[0].forward if isinstance(layers[0], cdjax.Bidirectional) else layers[0]
    parts = ["LSTM" if isinstance(first, cdjax.LSTMParams) else "GRU"]
    parts += ["both directions"] * isinstance(layers[0], cdjax.Bidirectional)
    parts += [f"{len(layers)} layers"] * (len(layers) > 1)
    recipe = ELSEWHERE if subject.data == ELSEWHERE else "usual"
    recipe = PLAIN_RECIPE if subject.name == PLAIN_RECIPE else recipe
    return {"architecture": ", ".join(parts), "recipe": recipe, "in_mean": recipe == "usual"}


def _contests(measured: Sequence[Measured], finalists: Sequence[str]) -> list[Record]:
    """Return the contest of each rule with the paper's, by every measure and part."""
    figures: dict[tuple, dict[str, Estimate]] = {}
    for measure, part, task, statistics in measured:
        value = statistics[MEASURES[measure].statistic]
        if task.rule is not None and isinstance(value, Estimate):
            figures.setdefault((measure, part, task.rule.name), {})[task.model] = value
    records = []
    for (measure, part, rule), by_model in figures.items():
        if rule != PAPER.name and rule in finalists:
            base = figures[measure, part, PAPER.name]
            contest = compare_rules(by_model, base, MEASURES[measure].sign)
            records.append(
                {
                    "measure": measure,
                    "part": part,
                    "rule": rule,
                    "models": len(contest.differences),
                    "wins": contest.wins,
                    "losses": contest.losses,
                    "mean": float(np.mean(contest.values)),
                    "least": min(contest.values),
                    "greatest": max(contest.values),
                    **{f"by {m}": fields({"d": d}) for m, d in contest.differences.items()},
                }
            )
    return records


def _moves(rows: Sequence[Record]) -> list[Record]:
    """Return by how much rule, seed, architecture, recipe and split move each primary figure."""
    moves = []
    for measure in MEASURES.values():
        of_rules = [
            {**row, "value": row[measure.statistic]}
            for row in rows
            if row["measure"] == measure.name and row["rule"] in RULES
        ]
        usual = [row for row in of_rules if row["recipe"] == "usual"]
        lstms = [row for row in of_rules if row["architecture"] == "LSTM"]
        seeds = [row for row in lstms if row["recipe"] == "usual"]
        moves.append(
            {
                "measure": measure.name,
                "rule": mean_range(of_rules, "rule", ("model", "part")),
                "seed": mean_range(seeds, "model", ("rule", "part")),
                "architecture": mean_range(usual, "architecture", ("rule", "part")),
                "recipe or data": mean_range(lstms, "recipe", ("rule", "part")),
                "split": mean_range(of_rules, "part", ("rule", "model")),
            }
        )
    return moves


EXPERIMENT = Experiment(
    name="rules",
    title="Which rule",
    section="",
    data=("sst",),
    protocol=PROTOCOL,
    run=run,
    draw=rules_report.draw,
    blocks=rules_report.blocks,
    also=(ARCHITECTURES, ELSEWHERE),
    starts_processes=True,
)
