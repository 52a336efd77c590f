"""Beyond the paper: which rule, by the protocol of `PROTOCOL.md`."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cdjax
import numpy as np
from cdjax.core.rules import PAPER, RULES, Rule
from cdjax.methods.registry import make_methods

from benchmarks.paper import planted_rules, rules_report
from benchmarks.paper.experiment import Experiment
from benchmarks.paper.family import QUICK, describe, make_family
from benchmarks.paper.measures import MEASURES, PLANTED, Measure, is_defined, run_measure
from benchmarks.paper.results import PLAIN as PLAIN_RECIPE
from benchmarks.paper.results import Record, fields
from benchmarks.paper.setting import Scorer, Setting, Subject
from benchmarks.paper.statistics import Estimate
from benchmarks.paper.summary import (
    choose,
    choose_finalists,
    compare_rules,
    find_pareto,
    mean_range,
    rank,
)

EXPLORED = ("labels", "composition", "negation", "words")
"""Measures of the whole family; a rule may dominate another by the first three."""
PARETO_BY = 3
FINALISTS = 6  # besides the named rules
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
    family = make_family(QUICK, QUICK) if setting.quick else make_family()
    explored = explore(setting, main, family)
    figures = np.array([[row[name] for name in EXPLORED] for row in explored])
    names = [row["rule"] for row in explored]
    finalists = choose_finalists(names, figures, PARETO_BY, list(RULES), FINALISTS)
    for row, ranks, is_pareto in zip(
        explored, rank(figures), find_pareto(figures[:, :PARETO_BY]), strict=True
    ):
        row |= {"worst_rank": float(ranks.max()), "pareto": bool(is_pareto)}
    estimates = _measure_all(setting, [family[name] for name in finalists])
    rows = [
        {
            "measure": measure,
            "part": part,
            "model": model.name,
            **_describe_model(model),
            **scorer.key,
            "primary": part == "choices",
            **fields(statistics),
        }
        for (measure, part, model, scorer), statistics in estimates
    ]
    rows += planted_rules.measure(setting, [family[name] for name in finalists], OTHERS)
    return {
        "rows": rows,
        "family": explored,
        "finalists": finalists,
        "criterion": decide(rows, finalists),
        "contests": _contests(estimates, finalists),
        "moves": _moves(rows),
    }


def explore(setting: Setting, main: Subject, family: Mapping[str, Rule]) -> list[Record]:
    """Return the figures of every rule of the family, on the choices, without intervals."""
    rows = []
    setting.log(f"  the family: {len(family)} rules, {main.name}")
    for n, (name, rule) in enumerate(family.items()):
        scorer, row = setting.scorer(main, rule), {"rule": name, **rule._asdict()}
        row |= {"bias_product": rule.bias_product.value, "choices": describe(rule)}
        del row["name"]
        # Of so many rules, scores are kept for the measures of a rule alone.
        with tempfile.TemporaryDirectory() as folder:
            alone = replace(setting, scores=Path(folder), log=_say_nothing)
            for measure in map(MEASURES.__getitem__, EXPLORED):
                measured = run_measure(measure, alone, main, scorer, "choices", intervals=False)
                row[measure.name] = measured[measure.statistic].value
        rows.append(row)
        if n % 50 == 49:
            setting.log(f"  {n + 1} of {len(family)} rules")
    return rows


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


Estimates = list[tuple[tuple[str, str, Subject, Scorer], dict[str, Any]]]


def _measure_all(setting: Setting, finalists: Sequence[Rule]) -> Estimates:
    """Return every measure of the finalists by all models, and of other methods by the main one."""
    subjects = [s for data in ("sst", ARCHITECTURES, ELSEWHERE) for s in setting.of(data)]
    measured = []
    for subject in subjects:
        scorers = [setting.scorer(subject, rule) for rule in finalists]
        if subject.main and subject.data == "sst":
            others = make_methods(vocabulary=subject.model.vocabulary)
            possible = [name for name in OTHERS if name != "cell" or _is_lstm(subject)]
            scorers += [Scorer(others[name], None) for name in possible]
        for measure in MEASURES.values():
            for part in PARTS[: 1 if setting.quick else None]:
                if measure.split(part) is None or _is_left_out(setting, measure, subject):
                    continue
                setting.log(f"  {measure.name}, {measure.split(part)}, {subject.name}")
                for scorer in scorers:
                    if is_defined(measure, scorer):
                        key = measure.name, part, subject, scorer
                        measured.append((key, run_measure(measure, setting, subject, scorer, part)))
    return measured


def _is_left_out(setting: Setting, measure: Measure, subject: Subject) -> bool:
    """Return whether a measure is of the main model alone."""
    return measure.name == "cost" and not (subject.main and subject.data == "sst")


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


def _contests(estimates: Estimates, finalists: Sequence[str]) -> list[Record]:
    """Return the contest of each rule with the paper's, by every measure and part."""
    figures: dict[tuple, dict[str, Estimate]] = {}
    for (measure, part, subject, scorer), statistics in estimates:
        value = statistics[MEASURES[measure].statistic]
        if scorer.rule is not None and isinstance(value, Estimate):
            by_model = figures.setdefault((measure, part, scorer.rule.name), {})
            by_model[subject.name] = value
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
)
