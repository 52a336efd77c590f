"""Figures: both files hold every label, the same every time; bad input is refused."""

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks.paper.canvas import FigureError
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
from benchmarks.paper.heat_map import draw_heat_map
from matplotlib.image import imread

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
CELLS = [[0, 1, -2.5], [1, 2, 0.1], [2, 3, 7.25], [0, 2, -1.4]]
ROW = {"method": "cd", "rule": "acd", "units": "logits", "scale": 1.3, "segments": CELLS}
LOO = {"method": "loo", "rule": None, "units": "log p", "scale": 0.2, "segments": CELLS[:3]}
HEAT = {"tokens": ["not", "$5", "<bad> & worse"], "rows": [ROW, LOO]}
TITLES = {"cd/acd": "CD (acd)", "loo": "leave one out"}

m = "\N{MINUS SIGN}"
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
    (
        draw_heat_map,
        [HEAT, TITLES],
        f"CD (acd)|leave one out|not|$5|<bad> & worse|{m}2.5|+7.2|{m}1.4|+0.10|very negative|"
        "very positive|steps at ±1.3, ±2.6|log p|steps at ±0.2, ±0.4",
    ),
]


def texts(path):
    """The texts of an SVG, which must be well-formed."""
    return ["".join(e.itertext()) for e in ElementTree.parse(path).iter() if e.tag.endswith("text")]


@pytest.mark.parametrize(("draw", "arguments", "labels"), EVERY, ids=lambda a: str(a)[:25])
def test_both_files_hold_every_label_and_are_the_same_again(tmp_path, draw, arguments, labels):
    draw(tmp_path / "4.2-once", *arguments)
    draw(tmp_path / "again", *arguments)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"4.2-once.png", "4.2-once.svg", "again.png", "again.svg"}
    for ending in (".png", ".svg"):
        one, other = (tmp_path / (name + ending) for name in ("4.2-once", "again"))
        assert one.read_bytes() == other.read_bytes()
    written = texts(tmp_path / "again.svg")
    assert not set(labels.split("|")) - set(written)
    picture = imread(tmp_path / "again.png")[..., :3]
    assert picture.std() > 0.05  # something is drawn


def test_looks_do_not_depend_on_the_users_settings(tmp_path):
    import matplotlib

    draw_curves(tmp_path / "one", [CURVES])
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "svg.hashsalt": "x"}):
        draw_curves(tmp_path / "two", [CURVES])
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_long_text_is_wrapped_and_loses_no_word(tmp_path):
    tokens = [f"word{n}" for n in range(60)]
    cells = [[n, n + 1, float(n)] for n in range(60)] + [[0, 60, 5.0]]
    draw_heat_map(
        tmp_path / "long", {"tokens": tokens, "rows": [ROW | {"segments": cells}]}, TITLES
    )
    written = texts(tmp_path / "long.svg")
    assert [text for text in written if text.startswith("word")] == tokens
    assert len([text for text in written if text == "+5.0"]) > 2  # the phrase, in each strip
    height, width, _ = imread(tmp_path / "long.png").shape
    assert height < width < 1700


def test_a_group_without_spread_and_scores_beyond_the_axis(tmp_path):
    many = np.concatenate([np.tile(X, 20), [1e6]])
    panels = [
        Distributions("cell", "score", [Group("same", [0.0, 0.0]), Group("one", [2.0])]),
        Distributions("ig", "score", [Group("many", many)]),
    ]
    draw_distributions(tmp_path / "d", panels)
    written = texts(tmp_path / "d.svg")
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
    assert texts(tmp_path / "c.svg").count("CD") == 1  # one legend for both


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
        (draw_heat_map, [HEAT | {"tokens": []}, TITLES], "no tokens"),
        (draw_heat_map, [HEAT, {}], "'cd/acd' has no title"),
        (draw_heat_map, [{"tokens": ["a"], "rows": [ROW]}, TITLES], "1 to 2.*stop <= 1"),
        (
            draw_heat_map,
            [HEAT | {"rows": [ROW | {"scale": 0.0}]}, TITLES],
            "scale of 'cd/acd' is 0",
        ),
        (
            draw_heat_map,
            [HEAT | {"rows": [ROW | {"segments": [[0, 1, math.nan]]}]}, TITLES],
            "scores 0 to 1 nan",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_written(tmp_path, draw, arguments, message):
    with pytest.raises(FigureError, match=message):
        draw(tmp_path / "figure", *arguments)
    assert not list(tmp_path.iterdir())
