import io

import cdjax
import numpy as np
import pytest
from cdjax.results import Explanation
from cdjax.viz import terminal
from cdjax.viz.console import Console


def show(print_it, *args, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_it(console, *args)
    return console.file.getvalue()


def make(tokens=("not", "bad"), scores=(-1.0, 2.5, -0.5), labels=("blame", "praise"), **changes):
    """An explanation of two tokens with the given scores of (0, 1), (0, 2), (1, 2)."""
    spans = cdjax.enumerate_spans(2)
    numbers = np.zeros((len(spans), len(labels)))
    numbers[:, -1] = scores
    direction = dict.fromkeys(labels, 0.0) | {labels[-1]: 1.0}
    if len(labels) == 2:
        direction[labels[0]] = -1.0
    fields = {
        "spans": spans,
        "scores": numbers,
        "logits": np.arange(len(labels), dtype=float),
        "output_bias": np.zeros(len(labels)),
        "labels": labels,
        "direction": direction,
        "tokens": tokens,
        "known": np.array([token != "???" for token in tokens or ()]),
    }
    return Explanation(**(fields | changes))


def test_words_with_scores_symbols_and_the_labels_own_names():
    out = show(terminal.print_explanation, make())
    assert out.splitlines()[0] == "Prediction: praise 73.1%  (blame 26.9%)"
    assert [line.split() for line in out.splitlines()[2:5]] == [
        ["not", "bad"],
        ["-1.00", "-0.50"],
        ["-", "-"],
    ]
    assert "for blame" in out.splitlines()[6]
    assert out.splitlines()[6].endswith("for praise")
    assert "positive" not in out
    assert "Phrases that speak for praise +2.50 ++ not bad" in " ".join(out.split())
    assert "+4.00 not bad  +2.50 together, -1.50 as the sum of the words" in out
    assert "?" not in out


def test_thresholds_stand_under_their_symbols():
    out = show(terminal.print_legend, make())
    symbols, edges, meaning = out.splitlines()
    for symbol, edge in (("--", "to -2"), ("++", "from 2")):
        assert abs(symbols.index(symbol) + 1 - (edges.index(edge) + len(edge) / 2)) <= 1
    assert meaning == "Scores are logits: above 0 for praise, below 0 for blame."


def test_unknown_words():
    out = show(terminal.print_words, make(("a", "???")))
    assert "? is a word the model does not know" in " ".join(out.split())
    assert "warning: 1 of 2 words are unknown to the model (50%)." in out
    out = show(terminal.print_words, make(("???", "???")))
    assert "warning: the model knows none of the words" in out


def test_long_labels_and_narrow_consoles():
    labels = ("a label of many words that goes on", "another one of as many words again")
    out = show(terminal.print_legend, make(labels=labels), width=60)
    assert max(map(len, out.splitlines()[:2])) <= 60
    assert "…" in out
    assert labels[1] in " ".join(out.split())


def test_series_and_values():
    series = make(
        tokens=None, known=None, series=np.zeros((2, 3)), labels=("price",), output="value"
    )
    out = show(terminal.print_explanation, series)
    assert out.startswith("Value: price 0\n")
    assert "step 1" in out
    assert "steps 0:2" in out
    assert "%" not in out


def test_tree():
    out = show(terminal.print_tree, make())
    rows = [line.split() for line in out.splitlines()[3:]]
    assert rows == [
        ["++", "+2.50", "+4.00", "not", "bad"],
        ["-", "-1.00", "├", "not"],
        ["-", "-0.50", "└", "bad"],
    ]


def test_side_by_side_wraps_columns_and_shows_what_has_no_number():
    methods = [make(method=f"m{n}", units="probability") for n in range(3)]
    missing = make(method="ig", units="deviations", scores=(np.nan, np.nan, 1.0))
    out = show(terminal.print_side_by_side, [*methods, missing], list("abcd"), width=50)
    lines = out.splitlines()
    assert lines[1].split() == ["m0", "m1"]
    assert lines[2].split() == ["not", "-1.00", "--", "-1.00", "--"]
    assert lines[5].split() == ["m2", "ig"]
    assert lines[6].split() == ["not", "-1.00", "--", "n/a"]
    assert "m0: a, in probability for praise (0.05, 0.2)" in out
    assert "n/a: the words' scores have no spread" in out


@pytest.mark.parametrize("labels", [("one", "two", "three"), ("spam",)])
def test_one_label_of_many_is_for_or_against(labels):
    out = show(terminal.print_explanation, make(labels=labels, output="sigmoid"))
    assert f"above 0 for {labels[-1]}, below 0 against {labels[-1]}." in out
    assert ("The labels do not exclude each other." in out) == (len(labels) > 1)
