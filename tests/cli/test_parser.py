"""What is said about commands, options and texts that are nearly right."""

import os
import pty
import re
import subprocess
import sys

import pytest
from cdjax.cli import main
from cdjax.cli.parser import COMMANDS, make_parser

from tests.conftest import ROOT


def complain(argv, capsys):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["explian", "x"], "cdjax: error: there is no command 'explian'; did you mean explain?"),
        (["neighbors"], "cdjax: error: there is no command 'neighbors'; did you mean neighbours?"),
        (
            ["zzz"],
            "cdjax: error: there is no command 'zzz'; expected one of score, report, explain,",
        ),
        (["It is good"], 'to explain a text: cdjax explain "It is good"'),
        (["explain", "It", "is", "good"], 'quote it, as one: cdjax explain "It is good" (see'),
        (["explain", "It", "cost", "$5"], "cdjax explain 'It cost $5' (see cdjax explain --help)"),
        (["explain", "x", "--treee"], "there is no option '--treee'; did you mean --tree?"),
        (["explain", "x", "--mdoel=y"], "there is no option '--mdoel'; did you mean --model?"),
        (["explain", "x", "--zzz"], "cdjax explain: error: there is no option '--zzz'; leave it"),
        (["explain", "x", "--rule", "papr"], "--rule: there is no 'papr'; did you mean paper?"),
        (["explain", "x", "--rule", "zz"], "expected one of paper, acd, released, merged,"),
        (["explain", "\x1b[2J"], "\\x1b[2J"),
        (["\x1b[2J"], "\\x1b[2J"),
        (["--tree"], "arguments are required: COMMAND"),
    ],
)
def test_near_misses(argv, message, capsys):
    if argv[-1] == "\x1b[2J" and argv[0] == "explain":
        argv = [*argv, "--class", "\x1b[2J"]
    assert message in complain(argv, capsys)


def test_cdjax_alone_shows_its_help(capsys):
    assert main([]) == 0
    alone = capsys.readouterr()
    assert main(["--help"]) == 0
    assert alone == capsys.readouterr()
    assert "examples:" in alone.out
    assert main(["help"]) == 0
    assert capsys.readouterr() == alone


def test_help_of_a_command(capsys):
    assert main(["help", "explain"]) == 0
    asked = capsys.readouterr().out
    assert main(["explain", "--help"]) == 0
    assert asked == capsys.readouterr().out
    assert "--against" in asked


def read_in_a_terminal(environment):
    """What `cdjax --help` writes to a terminal."""
    master, slave = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"} | environment
    process = subprocess.Popen(
        [sys.executable, "-m", "cdjax", "--help"], env=environment, stdout=slave
    )
    os.close(slave)
    shown = b""
    try:
        while read := os.read(master, 4096):
            shown += read
    except OSError:  # the other side is closed
        pass
    os.close(master)
    assert process.wait(timeout=60) == 0
    return shown.decode()


def test_help_in_a_terminal_is_coloured():
    coloured = read_in_a_terminal({})
    plain = read_in_a_terminal({"NO_COLOR": "1"})
    assert "\x1b[" in coloured
    assert "\x1b" not in plain
    assert read_in_a_terminal({"TERM": "dumb"}) == plain
    words = re.sub(r"\x1b\[[\d;]*m", "", coloured).lower().split()
    assert set(plain.lower().split()) <= {*words, "usage:", "arguments:"}


def test_every_command_has_its_options():
    (commands,) = make_parser(COMMANDS)._subparsers._group_actions
    assert list(commands.choices) == list(COMMANDS)
    assert all(command.get_default("run") for command in commands.choices.values())
