import io
import unicodedata

import pytest
from cdjax.viz.console import ISOLATED, NUMBER, Console
from rich.text import Text

from tests.viz.terminal.printing import TEXTS

OPEN, LEFT, CLOSE = "\u2068", "\u2066", "\u2069"


def written(text, **options):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(text, **options)
    return console.file.getvalue()


def test_only_what_is_marked_and_written_from_right_to_left_is_isolated():
    word = Text("ليس", ISOLATED)
    assert written(Text.assemble("+1.00 ", word, " -2.00")) == f"+1.00 {OPEN}ليس{CLOSE} -2.00\n"
    assert written(Text("ليس")) == "ليس\n"
    assert written(Text.assemble("a ", Text("bad", ISOLATED))) == "a bad\n"


def test_neighbours_are_one_run_with_the_numbers_within():
    text = Text.assemble(
        Text("جيد", ISOLATED),
        Text(" (+1.30)", NUMBER),
        Text(" فيلم", ISOLATED),
        " | ",
        ("x", "bold"),
    )
    assert written(text) == f"{OPEN}جيد{LEFT} (+1.30){CLOSE} فيلم{CLOSE} | x\n"


def test_marks_that_isolate_come_from_the_console_alone():
    assert written(Text(f"{CLOSE}\u05dc\u05d9{OPEN}", ISOLATED)) == (
        f"{OPEN}\\u2069\u05dc\u05d9\\u2068{CLOSE}\n"  # those of others are shown
    )


@pytest.mark.parametrize("name", TEXTS)
def test_every_line_closes_what_it_opens(name):
    for line in written(Text(TEXTS[name] * 3, ISOLATED)).splitlines():
        depth = 0
        for character in line:
            depth += (character in (OPEN, LEFT)) - (character == CLOSE)
            assert depth >= 0
            assert depth or unicodedata.bidirectional(character) not in ("R", "AL", "AN")
        assert depth == 0
