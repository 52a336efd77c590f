"""What a terminal obeys never comes from a text, a name or a message."""

import io
import json
import re
from pathlib import Path

import cdjax
import numpy as np
import pytest
from cdjax.cli import main
from cdjax.display import show
from cdjax.viz.console import Console
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from tests.conftest import random_classifier

EVIL = "bad\x1b]52;c;cm0=\x07\x9b2J\u202emlif\u2066\u200f\r"
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@given(st.text())
def test_nothing_that_is_shown_is_obeyed(text):
    shown = show(text)
    assert not OBEYED.search(shown)
    assert "\n" not in shown
    assert show(shown) == shown
    shown.encode("utf-8")


def test_what_can_be_seen_stays():
    for text in ("It isn't bad.", "café 💖👨\u200d👩\u200d👧 ❤️", "非常 好", "\u0633\u200c\u0647"):
        assert show(text) == text
    assert show("a\x1b[0m\tb\n") == r"a\x1b[0m\tb\n"


def test_the_console_shows_what_it_is_given():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="truecolor", width=60)
    table = Table.grid()
    table.add_row(Text(EVIL, "bold red"), EVIL)
    console.print(table)
    console.print(Text.assemble((EVIL, "dim")), EVIL, markup=False)
    console.print(Text("two\nlines"))
    out = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())  # rich's own colours
    assert not OBEYED.search(out)
    assert r"\x1b]52" in out
    assert "two\nlines\n" in out


@pytest.fixture
def folder(tmp_path):
    words = ["a", "film", EVIL.split("\r")[0], "bad"]
    cdjax.save(
        cdjax.Model(
            random_classifier(np.random.default_rng(0), words=5, dtype=np.float32),
            cdjax.Vocabulary.of(words, lowercase=False),
            (f"no{EVIL}", f"yes{EVIL}"),
            {},
        ),
        tmp_path / "model",
    )
    rows = [{"id": EVIL, "text": f"a {EVIL} film"}, {"id": "x", "text": None}]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["explain", f"a {EVIL} film"],
        ["explain", f"a {EVIL} film", "--tree"],
        ["explain", f"a {EVIL} film", "--method", "all"],
        ["explain", f"a {EVIL} film", "--class", EVIL],
        ["explain", "a film", "--model", EVIL],
        ["score", "r.jsonl", "--out", "out"],
        ["score", "r.jsonl", "--out", "out", "--log-json"],
        ["score", "r.jsonl", "--out", "out", "--text-column", EVIL],
        ["score", EVIL, "--out", "out"],
        ["neighbours", "a film", "--corpus", "r.jsonl", "--min-count", "1"],
        ["neighbours", EVIL, "--corpus", "r.jsonl"],
        [EVIL],
        ["score", f"--{EVIL}"],
    ],
)
@pytest.mark.filterwarnings("default")
def test_no_command_prints_what_is_obeyed(folder, words, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    main([*words, *([] if "--model" in words or len(words) < 2 else ["--model", "model"])])
    out, err = capsys.readouterr()
    assert out + err
    assert not OBEYED.search(out + err)


def test_an_explanation_in_a_notebook_is_shown(folder):
    assert not OBEYED.search(repr(cdjax.explain(f"a {EVIL} film", folder / "model")))


def test_every_console_is_ours():
    root = Path(cdjax.__file__).parent
    for path in root.rglob("*.py"):
        if path != root / "viz" / "console.py":
            assert not re.search(
                r"from rich(\.console)? import [^\n]*\b(Console|print)\b", path.read_text()
            )
