import pytest
from cdjax.viz import terminal
from rich.cells import cell_len

from tests.results.explained import make_explanation
from tests.viz.terminal.printing import TEXTS, explain_text, show


def test_tree():
    scores = {(0, 1): -1.0, (1, 2): -0.5, (0, 2): 2.5}
    out = show(terminal.print_tree, make_explanation(["not", "bad"], scores))
    assert (
        out
        == """
How the words join, strongest interactions first
     score   interaction
++   +2.50         +4.00  not bad
 -   -1.00                ├ not
 -   -0.50                └ bad
"""
    )


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "long"])
def test_scores_stay_in_their_columns(name):
    for width in (40, 60, 80):
        out = show(terminal.print_tree, explain_text(name), width=width)
        lines = out.partition("interaction\n")[2].splitlines()
        assert len(lines) == 2 * len(TEXTS[name].split(" ")) - 1
        assert len({line.index(".") for line in lines}) == 1, lines
        assert max(cell_len(line.translate({0x2068: "", 0x2069: ""})) for line in lines) <= width


def test_instead_of_lists_of_phrases():
    out = show(terminal.print_explanation, explain_text("negation"), tree=True)
    assert "How the prediction adds up" in out
    assert "How the words join" in out
    assert "Phrases that speak" not in out
