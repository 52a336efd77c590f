import re

import numpy as np
import pytest
from cdjax.viz import terminal
from rich.cells import cell_len

from tests.results.explained import make_explanation
from tests.viz.terminal.printing import TEXTS, explain_text, show

LONG = "A dull film .\nI  left\tbefore it got good . " + "It went on and on . " * 7


def print_words(explanation, width=80, **options):
    return show(terminal.print_words, explanation, explanation.overview(), width=width, **options)


def test_words_with_scores_and_symbols():
    scores = {(0, 1): -1.0, (1, 2): -0.004, (2, 3): 2.5}
    out = print_words(make_explanation(["not", "???", "good"], scores)).splitlines()
    assert out[1] == "What each word contributes"
    assert [line.split() for line in out[2:5]] == [
        ["not", "???", "good"],
        ["-1.00", "0.00", "+2.50"],
        ["-", "·?", "++"],
    ]
    assert "?  a word the model does not know" in out[7]
    assert out[8] == "Scores are in logits: above 0 they speak for praise, below 0 for blame."


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("name", [name for name in TEXTS if name != "long"])
def test_scores_stand_below_their_words(name, width):
    explanation = explain_text(name)
    out = print_words(explanation, width).split("\n\n")
    strips = [strip.splitlines()[-3:] for strip in out if strip.splitlines()][:-1]
    words = explanation.words()
    numbers = [float(number) for strip in strips for number in strip[1].split()]
    assert numbers == pytest.approx([word.score for word in words], abs=0.005)
    for top, middle, bottom in strips:
        assert max(map(cell_len, (top, middle, bottom))) <= width
        assert len(middle.split()) == len(bottom.split())


def test_the_legend_folds():
    explanation = explain_text("half unknown")
    for width, lines in ((200, 1), (80, 2), (60, 3), (30, 5)):
        out = show(terminal.print_legend, explanation, explanation.overview(), width=width)
        chips, _, sentence = out.strip("\n").rpartition("Scores are")
        assert len(chips.splitlines()) == lines, out
        assert max(map(cell_len, out.splitlines())) <= max(width, 38)
        for chip in ("--  -2 or less", "-  -0.5 or less", "·  between", "+  0.5 or more"):
            assert any(chip in line for line in chips.splitlines()), out
        assert sentence


def test_long_labels():
    labels = ("a label of many words that goes on", "another one of as many words again")
    explanation = explain_text("one word", labels)
    out = show(terminal.print_legend, explanation, explanation.overview(), width=50)
    assert max(map(len, out.splitlines())) <= 50
    assert labels[1] in " ".join(out.split())


def test_sentences_of_a_long_text_as_they_are_in_the_text():
    from cdjax.text.tokenizer import tokenize_with_offsets

    tokens, offsets = tokenize_with_offsets(LONG)
    scores = {(1, 2): -1.5, (9, 10): 0.75, (0, 4): -2.5}
    known = np.array([token != "film" for token in tokens])
    explanation = make_explanation(tokens, scores, text=LONG, offsets=offsets, known=known)
    out = print_words(explanation)
    assert out.splitlines()[1] == "What each sentence contributes, and its clearest words"
    assert out.splitlines()[2] == " -2.50   --  A dull (-1.50) film (?) ."
    assert out.splitlines()[3] == " +0.75   +   I left before it got good (+0.75) ."
    assert out.count(" 0.00   ·   It went on and on .") == 7


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_sentences_wrap_beside_their_scores(width):
    out = print_words(explain_text("long"), width)
    body = out.partition(" words\n")[2].split("\n\n")[0].splitlines()
    assert max(map(cell_len, out.splitlines())) <= width
    heads = [line for line in body if re.match(r" [+-]\d", line)]
    assert len(heads) == 10
    assert all(line.startswith(" " * 13) for line in body if line not in heads)


def test_right_to_left_words_are_isolated_one_by_one():
    out = print_words(explain_text("Arabic"))
    words = out.splitlines()[2]
    assert words.count("\u2068") == words.count("\u2069") == 5  # but the comma
    assert "\u2068" not in print_words(explain_text("Chinese"))


@pytest.mark.parametrize(("system", "code"), [("truecolor", "48;2;"), ("256", "48;5;")])
def test_colours_are_those_of_the_terminal(system, code):
    assert code in print_words(explain_text("negation"), color_system=system)
    assert "\x1b" not in print_words(explain_text("negation"))
