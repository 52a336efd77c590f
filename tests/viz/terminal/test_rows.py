import pytest
from cdjax.viz.scale import STEPS
from cdjax.viz.terminal.rows import print_rows, quote, say, style
from rich.text import Text

from tests.viz.terminal.printing import show

ROWS = [
    (("-10.00", "+1.00"), Text("a phrase of words that go on and on until they have to wrap")),
    (("+2.00", "-0.25"), Text("电影" * 30)),
]


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_only_the_text_wraps(width):
    out = show(print_rows, ROWS, ("one", "two columns"), width=width)
    head, *lines = out.splitlines()
    assert head == "   one  two columns"
    numbered = [line for line in lines if line[:19].strip()]
    assert [line[:19] for line in numbered] == ["-10.00        +1.00", " +2.00        -0.25"]
    joined = "".join(line[21:] for line in lines)
    assert joined.replace(" ", "") == ROWS[0][1].plain.replace(" ", "") + ROWS[1][1].plain
    assert len(lines) == 2 or width < 100


def test_text_beside_numbers_has_room_however_narrow():
    lines = show(print_rows, [(("+1.00",), Text("word " * 9))], width=8).splitlines()
    assert lines[0] == "+1.00  word word"


def test_sentences_are_not_too_wide_to_read():
    out = show(say, "word " * 100, width=200)
    assert 90 < max(map(len, out.splitlines())) <= 100
    assert all(line == line.rstrip() for line in out.splitlines())


@pytest.mark.parametrize("system", ["truecolor", "256", "standard", None])
def test_the_four_colours_differ_in_every_system(system):
    def print_steps(console):
        for at in STEPS:
            console.print(Text("x", style(console, at)))

    out = show(print_steps, color_system=system)
    assert len(set(out.splitlines())) == (5 if system else 1), out
    if system == "standard":
        assert "\x1b[97;41m" in out  # white on red


def test_quoted_text_is_shown_as_it_is():
    assert quote("[bold]x\x1b[0m").plain == "[bold]x\\x1b[0m"
