"""What follows from figures of rules, on cases with known answers."""

import numpy as np
import pytest
from benchmarks.paper.statistics import Estimate, correlations

from benchmarks.paper import rules, summary

NAMES = ["paper", "a", "b", "c", "d"]
FIGURES = np.array([[0.5, 0.5], [0.9, 0.1], [0.6, 0.6], [0.1, 0.9], [0.4, 0.4]])


def test_finalists_are_the_named_and_the_best_of_those_that_nothing_dominates():
    assert summary.find_pareto(FIGURES).tolist() == [False, True, True, True, False]
    # Worst ranks of a, b, c: 5, 2, 5; a and c have the mean rank 3 both, and a is first.
    assert summary.choose_finalists(NAMES, FIGURES, 2, ["paper"], 2) == ["paper", "b", "a"]
    # By the first measure alone a dominates all.
    assert summary.choose_finalists(NAMES, FIGURES, 1, ["paper"], 2) == ["paper", "a"]


def test_the_criterion_is_the_best_worst_rank_and_then_the_mean():
    assert NAMES[summary.choose(FIGURES)] == "b"
    tied = np.array([[3.0, 1.0, 1.0], [1.0, 3.0, 3.0]])  # ranks 1 2 2 and 2 1 1
    assert summary.choose(tied) == 1
    assert summary.rank(np.array([[1.0], [1.0], [0.0]])).ravel().tolist() == [1.5, 1.5, 3.0]


def test_who_beats_whom_is_said_by_paired_intervals():
    """Two figures with wide intervals differ surely where they differ alike in every resample."""
    rng = np.random.default_rng(0)
    labels = rng.normal(size=300)
    noise = rng.normal(size=300)
    near, far = labels + noise, labels + 1.3 * noise
    one, other = (correlations(x, labels, resamples=200)["pearson"] for x in (near, far))
    assert one.low < other.high  # by themselves they overlap
    contest = summary.compare_rules({"m": one, "only": one}, {"m": other})
    assert (contest.wins, contest.losses) == (["m"], [])
    assert contest.values == [pytest.approx(one.value - other.value)]
    turned = summary.compare_rules({"m": one}, {"m": other}, sign=-1)
    assert (turned.wins, turned.losses) == ([], ["m"])
    same = summary.compare_rules({"m": one}, {"m": one})
    assert (same.wins, same.losses, same.values) == ([], [], [0.0])


def test_a_figure_without_resamples_beats_nothing():
    contest = summary.compare_rules(
        {"m": Estimate(2.0, None, None)}, {"m": Estimate(1.0, None, None)}
    )
    assert (contest.wins, contest.losses, contest.values) == ([], [], [1.0])


def record(measure, part, rule, value, **more):
    statistic = {"planted": "agreement", "composition": "ks", "words": "pearson"}
    statistic |= {"labels": "spearman", "negation": "ks", "faithfulness": "shapley"}
    key = {"measure": measure, "part": part, "rule": rule, "method": "cd", "in_mean": True}
    return {**key, statistic[measure]: value, **more}


def figures_of(part, paper, shared):
    measures = "labels", "composition", "negation", "words", "faithfulness"
    for rule, values in (("paper", paper), ("shared", shared)):
        for measure, value in zip(measures, values, strict=True):
            yield record(measure, part, rule, value)
            yield record(measure, part, rule, -9.0, in_mean=False)  # another recipe or domain


@pytest.mark.parametrize(
    ("confirmed", "default"), [([0.6] * 5, "shared"), ([0.4, 0.6, 0.6, 0.6, 0.6], "paper")]
)
def test_the_default_is_the_winner_where_the_confirmation_agrees(confirmed, default):
    rows = [*figures_of("choices", [0.5] * 5, [0.6] * 5)]
    rows += figures_of("confirmation", [0.5] * 5, confirmed)
    rows += [record("planted", None, rule, 0.1) for rule in ("paper", "shared")]
    decision = rules.decide(rows, ["paper", "shared"])
    assert decision["winner"] == "shared"
    # Shared has the worst rank 1.5 of planted truth, both equal; where it loses one, it has 2.
    assert decision["choices"]["ranks"]["shared"] == [1.0] * 5 + [1.5]
    assert decision["default"] == default
