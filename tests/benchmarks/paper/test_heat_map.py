"""Heat maps: both files hold every token and score; bad input is refused."""

import math

import pytest
from benchmarks.paper.heat_map import MethodScores, draw_heat_map
from benchmarks.paper.values import FigureError

from tests.pictures import check_picture, read_labels

TOKENS = ["not", "$5", "<bad> & worse"]
CELLS = [(0, 1, -2.5), (1, 2, 0.1), (2, 3, 7.25), (0, 2, -1.4)]
CD = MethodScores("CD (acd)", "logits", 1.3, CELLS)
LOO = MethodScores("leave one out", "log p", 0.2, CELLS[:3])
LABELS = "blame", "praise of many"
MINUS = "\N{MINUS SIGN}"


def test_tokens_scores_and_scales_are_written(tmp_path):
    draw_heat_map(tmp_path / "4.2-map", TOKENS, [CD, LOO], LABELS)
    assert {path.name for path in tmp_path.iterdir()} == {"4.2-map.png", "4.2-map.svg"}
    scores = [f"{MINUS}2.5", "+7.2", f"{MINUS}1.4", "+0.10"]
    scales = ["logits", "steps at ±1.3, ±2.6", "log p", "steps at ±0.2, ±0.4"]
    names = [CD.title, LOO.title, "strongly blame", "praise of many"]
    check_picture(tmp_path / "4.2-map", [*TOKENS, *scores, *scales, *names])


def test_a_long_text_is_wrapped_and_keeps_every_word(tmp_path):
    tokens = [f"word{n}" for n in range(60)]
    cells = [(n, n + 1, float(n)) for n in range(60)] + [(0, 60, 5.0)]
    draw_heat_map(tmp_path / "long", tokens, [CD._replace(segments=cells)], LABELS)
    written = read_labels(tmp_path / "long.svg")
    assert [text for text in written if text.startswith("word")] == tokens
    assert written.count("+5.0") > 2  # the word's own score, and the phrase in each strip


@pytest.mark.parametrize(
    ("tokens", "methods", "message"),
    [
        ([], [CD], "no tokens"),
        (TOKENS, [], "no methods"),
        (["a"], [CD], "1 to 2.*stop <= 1"),
        ([*TOKENS, "more"], [CD], "no score of the word 3"),
        (TOKENS, [CD._replace(scale=0.0)], r"scale of 'CD \(acd\)' is 0"),
        (TOKENS, [CD._replace(segments=[])], "no segments"),
        (TOKENS, [CD._replace(segments=[(0, 1, math.nan)])], "is nan at 0"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(tmp_path, tokens, methods, message):
    with pytest.raises(FigureError, match=message):
        draw_heat_map(tmp_path / "figure", tokens, methods, LABELS)
    assert not list(tmp_path.iterdir())
