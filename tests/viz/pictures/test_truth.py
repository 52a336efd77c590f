"""What pictures say is what the explanation says."""

import dataclasses

import cdjax
import numpy as np
import pytest
from cdjax.viz.scale import STEPS
from matplotlib.colors import to_hex

from tests.results.explained import make_explanation
from tests.viz.pictures.drawn import draw, draw_into, read_texts

TOKENS = ["It", "is", "n't", "bad", "film"]
SCORES = {(0, 1): 0.125, (2, 3): -0.75, (3, 4): -2.5, (4, 5): 0.5, (2, 4): 2.25, (0, 5): 3.0}
LOGITS = {"logits": np.array([0.25, 4.0]), "output_bias": np.array([0.0, 0.125])}


def explain(**changes):
    return make_explanation(TOKENS, SCORES, **(LOGITS | changes))


def read_number(text):
    return float(text.replace("\N{MINUS SIGN}", "-"))


def find_colour(axes, text, x=None):
    """The colour of the box that a text is in, and whether it is hatched."""
    (at,) = [t.get_position() for t in axes.texts if t.get_text() == text]
    (box,) = [
        patch
        for patch in axes.patches
        if patch.get_bbox().contains(*at) and to_hex(patch.get_facecolor(), True) != "#00000000"
    ]
    return to_hex(box.get_facecolor()), box.get_hatch() is not None


def test_words_have_the_colours_of_the_one_scale_and_are_hatched_below_zero():
    axes = draw("words", explain(), phrases=[(2, 4)])
    expected = {"bad": 0, "n't": 1, "film": 3, "+2.25": 4}
    for text, index in expected.items():
        assert find_colour(axes, text) == (STEPS[index].background, index < 2)
    assert find_colour(axes, "is") == ("#f1f1f1", False)
    assert {"+0.12", "0.00", "\N{MINUS SIGN}0.75", "praise 97.7%"} <= set(read_texts(axes))


def test_what_is_not_known_is_marked():
    texts = read_texts(draw("words", make_explanation(["???", "good"], {(1, 2): 1.0})))
    assert texts.count("0.00 ?") == 1
    assert any("?: a word that the model does not know" in text for text in texts)


def test_a_waterfall_adds_up_to_the_logit():
    explanation = explain()
    account = explanation.account()
    axes = draw("waterfall", explanation)
    texts = read_texts(axes)
    rows = [*TOKENS, "words together", "whole text", "remainder", "output bias", "= logit"]
    parts = [0.125, 0.0, -0.75, -2.5, 0.5, 3.0 + 2.625, 3.0, 0.625, 0.125, 3.75]
    assert sum(parts[:6]) == parts[6]
    assert sum(parts[6:9]) == parts[9] == account.total
    for name, part in zip(rows, parts, strict=True):
        number = read_number(texts[texts.index(name) + 1])
        assert number == pytest.approx(part, abs=0.0051), name
    # x are logits: each bar begins where the one before ended, sums at zero.
    bars = [patch for patch in axes.patches if 0 <= round(patch.get_bbox().y0) < len(rows)]
    ends = [(bar.get_bbox().x0, bar.get_bbox().x1) for bar in bars]
    sums = [max(pair, key=abs) for pair in ends if pytest.approx(0.0, abs=1e-6) in pair]
    for total in (3.0, 3.75):
        assert any(number == pytest.approx(total) for number in sums)
    assert any(pair == pytest.approx((-2.625, 3.0)) for pair in ends)  # words together


def test_a_waterfall_of_short_phrases_and_of_many_words():
    tokens = [f"word{n}" for n in range(30)]
    explanation = make_explanation(tokens, {(n, n + 1): n / 8 for n in range(30)}, max_len=2)
    texts = read_texts(draw("waterfall", explanation))
    assert "whole text" not in texts
    assert "words together" not in texts
    assert read_number(texts[texts.index("17 other words") + 1]) == sum(range(17)) / 8
    assert "word17" in texts
    assert any("what words say together" in text for text in texts)


def test_scores_that_do_not_add_up_have_no_waterfall():
    explanation = explain(units="probability", method="loo", rule=None)
    with pytest.raises(ValueError, match=r"in probability, and do not add up.*method='cd'"):
        draw("waterfall", explanation)
    assert "How the prediction adds up" not in read_texts(draw("overview", explanation))


def test_a_triangle_has_every_phrase_over_its_words():
    explanation = explain()
    axes = draw("triangle", explanation)
    places = {}
    for text in axes.texts:
        x, y = text.get_position()
        if text.get_text() == "+2.25":
            places["score"] = x, round(y)
        elif text.get_text() in TOKENS:
            places[text.get_text()] = x
    assert places["score"] == (pytest.approx(3.0), 2)  # in the middle of [2, 4), of two words
    assert [places[token] for token in TOKENS] == pytest.approx([0.5, 1.5, 2.5, 3.5, 4.5])
    texts = read_texts(draw("triangle", explanation, interaction=True))
    assert "+5.50" in texts  # 2.25 + 0.75 + 2.5
    assert "+2.25" not in texts


def test_a_text_from_right_to_left_begins_at_the_right():
    axes = draw("triangle", make_explanation(["فيلم", "جيد"], 0.0))
    steps = {text.get_text(): text.get_window_extent().x0 for text in axes.texts}
    assert steps["فيلم"] > steps["جيد"]


def test_a_tree_has_the_scores_and_interactions_of_its_groups():
    explanation = explain()
    tree = explanation.tree()
    texts = read_texts(draw("tree", explanation))
    numbers = sorted(
        read_number(text)
        for text in texts
        if text[0] in "+0123456789\N{MINUS SIGN}" and text[-1].isdigit()
    )
    expected = [
        float(part @ tree.direction)
        for group in tree.groups
        for part in (group.scores, group.interaction)[: 1 + bool(group.children)]
    ]
    assert numbers == pytest.approx(sorted(expected), abs=0.0051)


def test_a_long_tree_shows_what_interacts():
    tokens = [f"word{n}" for n in range(50)]
    explanation = make_explanation(tokens, {(20, 22): 3.0, (0, 50): 3.0})
    texts = read_texts(draw("tree", explanation))
    assert "word20" in texts
    assert "word21" in texts
    assert any(text.startswith("word0 word1 ") for text in texts)
    assert any("interacts by 0.5 or more" in text for text in texts)


def test_methods_side_by_side():
    first, other = explain(), make_explanation(TOKENS, SCORES, rule="acd", **LOGITS)
    texts = read_texts(draw("compare", first, other))
    assert texts.count("bad") == 1
    assert texts.count("\N{MINUS SIGN}2.50") == 2
    assert {"cd", "cd:acd"} <= set(texts)
    another = make_explanation(["other"], 0.0, **LOGITS)
    with pytest.raises(ValueError, match=r"others\[0\] explains another text"):
        draw("compare", first, another)
    direction = {"blame": 1.0, "praise": -1.0}
    with pytest.raises(ValueError, match=r"others\[0\] speak for blame, those of the first for pr"):
        draw("compare", first, explain(direction=direction))


def explain_series(steps=24):
    rng = np.random.default_rng(0)
    layer = cdjax.GRUParams(*(rng.normal(size=s) for s in ((3, 4, 2), (3, 4, 4), (3, 4), (4,))))
    network = cdjax.Classifier(None, (layer,), rng.normal(size=(1, 4)), np.zeros(1))
    model = cdjax.Model(network, None, ("load",), {}, "value")
    return cdjax.explain(rng.normal(size=(steps, 2)), model)


def test_windows_of_a_series():
    names, times = ("wind", "sun"), tuple(f"day {t}" for t in range(24))
    explanation = dataclasses.replace(explain_series(), features=names, times=times)
    by_feature = np.full((12, 2), explanation.thresholds.strong)
    axes = draw("windows", explanation, by_feature=by_feature)
    texts = read_texts(axes)
    assert {*names, "day 0", "day 12"} <= set(texts)
    numbers = [read_number(text) for text in texts if text[1:].replace(".", "").isdigit()][:12]
    scores = [explanation[t : t + 2] for t in range(0, 24, 2)]
    assert numbers == pytest.approx(scores, abs=10.0**-explanation.decimals)
    strong = [p for p in axes.patches if to_hex(p.get_facecolor()) == STEPS[4].background]
    assert len(strong) >= 24
    assert {round(p.get_bbox().width) for p in strong if p.get_bbox().width > 1.5} == {2}  # steps
    for name in ("overview", "waterfall", "triangle", "tree"):
        assert any(text.startswith("day ") for text in read_texts(draw(name, explanation)))
    windows = np.array([[0, 20], [20, 24]])
    for name in ("waterfall", "tree", "compare"):
        drawn = read_texts(draw(name, explanation, windows=windows))
        assert {"day 0 to 19", "day 20 to 23"} <= set(drawn)
    with pytest.raises(ValueError, match=r"no words to draw.*plot\.windows\(\)"):
        draw("words", explanation)
    with pytest.raises(ValueError, match="windows holds 0:25; expected half-open spans of the 24"):
        draw("windows", explanation, windows=[[0, 25]])
    with pytest.raises(ValueError, match="windows are of a series, and the explanation is of a"):
        draw("waterfall", explain(), windows=windows)
    with pytest.raises(ValueError, match="of a text, which has no windows"):
        draw("windows", explain())


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="there are no words"):
        draw("words", make_explanation([], known=None))


def test_on_a_dark_ground_text_is_light():
    axes = draw_into((8, 5), "words", explain(), ground="#111111")
    colours = {text.get_text(): to_hex(text.get_color()) for text in axes.texts}
    assert colours["is"] == colours["praise 97.7%"] == "#e8e8e8"
