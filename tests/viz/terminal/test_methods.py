import numpy as np
from cdjax.viz import terminal

from tests.results.explained import make_explanation
from tests.viz.terminal.printing import show

WORDS = {(0, 1): -1.0, (1, 2): 0.25}


def test_columns_wrap_and_what_has_no_number_is_named():
    methods = [
        make_explanation(["not", "bad"], WORDS, method=name) for name in ("loo", "cell", "shapley")
    ]
    missing = make_explanation(
        ["not", "bad"], np.array([np.nan, np.nan, 1.0]), method="ig", units="deviations"
    )
    out = show(terminal.print_side_by_side, [*methods, missing], width=50)
    lines = out.splitlines()
    assert lines[1].split() == ["loo", "cell"]
    assert lines[2].split() == ["not", "-1.00", "-", "-1.00", "-"]
    assert [line.split() for line in lines[4:8]] == [
        ["sum", "of", "words", "-0.75", "-0.75"],
        ["rest", "+1.75", "+1.75"],
        ["output", "bias", "0.00", "0.00"],
        ["=", "logit", "+1.00", "+1.00"],
    ]
    assert lines[9].split() == ["shapley", "ig"]
    assert lines[10].split() == ["not", "-1.00", "-", "n/a"]
    assert "cell decomposition, in logits for praise (0.5, 2)" in " ".join(out.split())
    assert "n/a: the words' scores have no spread" in out
    numbers = [line.index(".") for line in lines[2:8] if "." in line]
    assert len(set(numbers)) == 1


def test_long_words_are_cut():
    out = show(terminal.print_side_by_side, [make_explanation(["x" * 40, "é"], WORDS)])
    assert out.splitlines()[2].startswith("x" * 13 + "…")
