"""Whatever a text is: no label is on another, and none leaves the picture."""

import pytest

from tests.results.explained import make_explanation
from tests.viz.pictures.drawn import draw, draw_into, find_outside, find_overlaps, read_texts
from tests.viz.terminal.printing import TEXTS, explain_text

TALL = ("zalgo", "Thai", "Hindi")  # marks above each other are as tall as two lines
PICTURES = ("words", "waterfall", "triangle", "tree", "compare")


def check_labels(axes, name=""):
    assert find_overlaps(axes, 0.06 if name in TALL else 0.01) == []
    assert find_outside(axes) == []
    return read_texts(axes)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.thorough if n % 3 else ())
        for n, name in enumerate(TEXTS)
    ],
)
def test_no_label_is_on_another(name):
    assert check_labels(draw("overview", explain_text(name)), name)
    assert check_labels(draw("tree", explain_text(name)), name)


@pytest.mark.thorough
@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("name", TEXTS)
def test_no_label_is_on_another_in_any_picture(name, picture):
    explanation = explain_text(name)
    for width in (12.0, 8.0, 3.5):
        check_labels(draw(picture, explanation, width=width), name)
    check_labels(draw_into((8.0, 60.0), picture, explanation), name)


@pytest.mark.parametrize("picture", PICTURES)
def test_long_labels_four_classes_and_little_room(picture):
    labels = ("politics", "business & <economy>", "a label of very many words that goes on", "d")
    explanation = explain_text("negation", labels)
    check_labels(draw(picture, explanation, width=3.0))
    check_labels(draw_into((5.0, 4.0), picture, explanation))


def test_words_are_written_in_full_where_there_is_room():
    words = TEXTS["long words"].split(" ")
    for width in (8.0, 3.5):
        texts = read_texts(draw("words", explain_text("long words"), width=width))
        assert [text for text in texts if text in words] == words


def test_words_are_in_full_beside_a_tree():
    explanation = explain_text("long words")
    words = explanation.tokens
    for width in (8.0, 3.5):
        texts = check_labels(draw("tree", explanation, width=width))
        assert [text for text in texts if text in words] == list(words)
    word = "honorificabilitudinitatibus" * 3
    lines = check_labels(draw("tree", make_explanation([word, "good"], 1.0), width=3.5))
    shown = [line for line in lines if line in word]
    assert len(shown) > 1
    assert "".join(shown) == word


def test_words_of_others_are_shown_and_not_obeyed():
    texts = read_texts(draw("words", explain_text("control")))
    assert "a\\x1b[2J" in texts
    assert not any(ord(character) < 32 for text in texts for character in text)
    assert {"[red]film[/]", "\\[x]"} <= set(read_texts(draw("words", explain_text("markup"))))
