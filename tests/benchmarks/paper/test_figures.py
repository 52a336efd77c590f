"""Figures: both files hold every label; equal numbers give equal bytes; bad input is refused."""

import math

import matplotlib
import numpy as np
import pytest
from benchmarks.paper.figures import (
    Bars,
    Curve,
    Curves,
    Distributions,
    Group,
    Scatter,
    draw_bars,
    draw_curves,
    draw_distributions,
    draw_scatter,
    estimate_density,
)
from benchmarks.paper.values import FigureError

from tests.pictures import check_picture, read_labels

RNG = np.random.default_rng(0)
X = RNG.normal(size=40)
WORDS = ["superb", *(f"word{n}" for n in range(39))]
SCATTER = Scatter("CD (paper)", [9.0, *X[1:]], X, "coefficient", "score (logits)", "r = 1", WORDS)
GROUPS = [Group("positive", X + 1), Group("negative", X[:30] - 1)]
DISTRIBUTIONS = Distributions("gradient", "score (probability)", GROUPS, "KS = 0.74")
BARS = [
    Bars("PAPER", [0.7, -0.2], [0.6, -0.3], [0.8, -0.1]),
    Bars("ACD", [0.5, None]),
    Bars("paper", [0.758, None]),
]
CURVE = Curve("leave one out", [0.0, 0.5, 1.0], [0.9, 0.6, 0.5], [0.8, 0.5, 0.4], [1.0, 0.7, 0.6])
CURVES = Curves("deletion", "share of words", "probability", [CURVE, CURVE._replace(name="CD")])
EVERY = [
    (draw_scatter, [[SCATTER]], "CD (paper)|r = 1|coefficient|score (logits)|superb"),
    (
        draw_distributions,
        [[DISTRIBUTIONS]],
        "gradient|score (probability)|KS = 0.74|positive (40)|negative (30)|density|median",
    ),
    (
        draw_bars,
        [["first", "second"], BARS, "Pearson correlation"],
        "first|second|PAPER|ACD|paper|Pearson correlation|0.70|-0.20",
    ),
    (draw_curves, [[CURVES]], "deletion|share of words|probability|leave one out|CD"),
]


@pytest.mark.parametrize(("draw", "arguments", "labels"), EVERY, ids=lambda a: str(a)[:25])
def test_both_files_hold_every_label(tmp_path, draw, arguments, labels):
    draw(tmp_path / "4.2-figure", *arguments)
    assert {path.name for path in tmp_path.iterdir()} == {"4.2-figure.png", "4.2-figure.svg"}
    check_picture(tmp_path / "4.2-figure", labels.split("|"))


def test_the_same_numbers_give_the_same_bytes_whatever_the_users_settings(tmp_path):
    draw_scatter(tmp_path / "one", [SCATTER])
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "svg.hashsalt": "x"}):
        draw_scatter(tmp_path / "two", [SCATTER])
    for ending in (".png", ".svg"):
        one, two = (tmp_path / (name + ending) for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_a_group_without_spread_and_scores_beyond_the_axis(tmp_path):
    many = np.concatenate([np.tile(X, 20), [1e6]])
    panels = [
        Distributions("cell", "score", [Group("same", [0.0, 0.0]), Group("one", [2.0])]),
        Distributions("ig", "score", [Group("many", many)]),
    ]
    draw_distributions(tmp_path / "d", panels)
    written = read_labels(tmp_path / "d.svg")
    assert {"same (2)", "one (1)", "many (801)", "1 beyond the axis"} <= set(written)


def test_a_density_is_not_flattened_by_a_score_far_away():
    grid = np.linspace(-4.0, 4.0, 401)
    near, far = (estimate_density(np.append(X, [end]), grid) for end in (X[0], 1e6))
    assert far.sum() * 0.02 == pytest.approx(40 / 41, abs=0.01)  # its share lies elsewhere
    assert abs(far - near).max() < 0.03
    exact = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    many = np.random.default_rng(1).normal(size=20_000)
    assert abs(estimate_density(many, grid) - exact).max() < 0.02


def test_a_curve_looks_the_same_in_every_panel(tmp_path):
    other = Curves("insertion", "share", "probability", [CURVE._replace(name="CD")])
    draw_curves(tmp_path / "c", [CURVES, other])
    assert read_labels(tmp_path / "c.svg").count("CD") == 1  # one legend for both


@pytest.mark.parametrize(
    ("draw", "arguments", "message"),
    [
        (draw_scatter, [[]], "no panels"),
        (draw_scatter, [[SCATTER._replace(y=X[:3])]], r"\[3, 40\] x, y and words"),
        (draw_scatter, [[SCATTER._replace(words=["a"])]], r"\[1, 40\] x, y and words"),
        (draw_scatter, [[SCATTER._replace(x=[math.nan] * 40)]], "'x' is nan at 0"),
        (draw_scatter, [[SCATTER._replace(x=np.ones((2, 2)))]], r"shape \[2, 2\]"),
        (draw_distributions, [[DISTRIBUTIONS._replace(series=[])]], "no groups in 'gradient'"),
        (
            draw_distributions,
            [[DISTRIBUTIONS._replace(series=[Group("none", [])])]],
            r"'gradient', 'none' has shape \[0\]",
        ),
        (draw_distributions, [[DISTRIBUTIONS._replace(series=GROUPS * 7)]], "14 groups"),
        (draw_bars, [[], BARS, "r"], "no groups"),
        (draw_bars, [["first"], BARS, "r"], "2 values.*each of 1 groups"),
        (draw_bars, [["a", "b"], [BARS[0], BARS[0]], "r"], "share a name"),
        (draw_bars, [["a"], [Bars("CD", [None])], "r"], "all None"),
        (draw_bars, [["a"], [Bars("paper", [0.5])], "r"], "no series of bars"),
        (draw_bars, [["a"], [Bars(str(n), [0.5]) for n in range(9)], "r"], "9 series of bars"),
        (draw_bars, [["a"], [Bars("CD", [0.5], [0.6], [0.7])], "r"], "0.5, its interval 0.6 to"),
        (draw_bars, [["a"], [Bars("CD", [math.inf])], "r"], "'CD' is inf"),
        (draw_curves, [[CURVES._replace(series=[])]], "no curves in 'deletion'"),
        (draw_curves, [[CURVES._replace(series=[CURVE._replace(y=[1.0])])]], r"\[1, 3\] points"),
        (draw_curves, [[CURVES._replace(series=[CURVE._replace(low=None)])]], "both or neither"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_written(tmp_path, draw, arguments, message):
    with pytest.raises(FigureError, match=message):
        draw(tmp_path / "figure", *arguments)
    assert not list(tmp_path.iterdir())
