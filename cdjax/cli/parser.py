"""What the command line takes: one parser with a parser a command; help in colours; near misses."""

import argparse
import difflib
import importlib
import importlib.util
import keyword
import os
import re
import shlex
import sys
from collections.abc import Collection, Sequence
from typing import Any

from cdjax.display import show

COMMANDS = {
    "score": "score every phrase of a file of reviews and write Parquet",
    "report": "write a page of what score made: phrases to search, and their reviews",
    "explain": "explain the prediction for one text, in the terminal",
    "neighbours": "find the phrases of a corpus that are most like a phrase to the model",
    "import": "read a model of Keras, PyTorch or ONNX, and save it for the other commands",
    "train": "train a model on your own labelled reviews, or the bundled one anew",
    "fetch": "get a public data set: treebank, Yelp reviews, word vectors",
    "completion": "print what makes a shell complete cdjax's commands: bash, zsh, tcsh",
}

_EPILOG = """\
examples:
  cdjax explain "It isn't a bad film."
  cdjax score --out scores                      (the bundled reviews)
  cdjax score reviews.csv --text-column body --out scores

Each command has its own help: cdjax score --help

Compiled programs are kept in the user's cache folder (CDJAX_CACHE=off: not).
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and say what was perhaps meant."""

    def __init__(self, **options: Any):
        super().__init__(formatter_class=make_formatter, **options)

    def error(self, message: str):
        """Exit with one line on stderr."""
        if choice := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)$", message):
            choices = re.findall(r"[^\s',]+", choice[2])
            message = message[: choice.start()] + tell_missing("", choice[1], choices)
        self.exit(2, f"{self.prog}: error: {one_line(message)} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    def __call__(self, parser, *_):
        from importlib.metadata import version  # takes as long as all else until here

        print(f"cdjax {version('cdjax')}")
        parser.exit()


def make_parser(wanted: Collection[str]) -> Parser:
    """Return the parser of the command line; of the commands wanted with their options."""
    parser = Parser(
        prog="cdjax",
        description="Explain LSTMs: what every phrase of a text contributes to the\n"
        "prediction, by contextual decomposition.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and end")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, prog="cdjax", parser_class=Parser
    )
    for name, summary in COMMANDS.items():
        path = f"cdjax.cli.{name}{'_' * keyword.iskeyword(name)}"
        if importlib.util.find_spec(path) is None:
            continue
        command = commands.add_parser(name, help=summary)
        if name in wanted:
            module = importlib.import_module(path)
            module.add_arguments(command)
            command.set_defaults(run=module.run, parser=command)
    return parser


def make_formatter(prog: str) -> argparse.HelpFormatter:
    """Return what writes help: in colours where it is read in a terminal that shows them."""
    plain = argparse.RawDescriptionHelpFormatter(prog)
    if sys.version_info >= (3, 14):  # argparse does it by itself
        return plain
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return plain
    from rich_argparse import RawDescriptionRichHelpFormatter

    class Formatter(RawDescriptionRichHelpFormatter):
        text_markup = help_markup = False  # brackets are brackets

    return Formatter(prog)


def check_command(word: str | None) -> str | None:
    """Return what is wrong with the word that should be a command; None where nothing is."""
    if word is None or word in COMMANDS:
        return None
    if len(word.split()) > 1:
        return f"there is no command {word!r}; to explain a text: cdjax explain {quote(word)}"
    return tell_missing("command", word, COMMANDS)


def check_rest(
    rest: Sequence[str], text: str | None, command: argparse.ArgumentParser
) -> str | None:
    """Return what is wrong with arguments that a command does not take.

    Args:
        rest: These arguments.
        text: The text that the command takes, if it takes one.
        command: Its parser.
    """
    flags = [word for word in rest if word.startswith("-") and len(word) > 1]
    if flags:
        name = flags[0].split("=")[0]
        known = [flag for action in command._actions for flag in action.option_strings]
        return tell_missing("option", name, known, "leave it out")
    if rest and text is not None:
        count = 1 + len(rest)
        return (
            f"the text is {count} arguments; quote it, as one: "
            f"{command.prog} {quote(' '.join([text, *rest]))}"
        )
    return f"unrecognized arguments: {' '.join(rest)}" if rest else None


def tell_missing(kind: str, word: str, known: Collection[str], remedy: str = "") -> str:
    """Return that there is no such word, and what was perhaps meant, or what is expected.

    >>> tell_missing("command", "explian", ["score", "explain"])
    "there is no command 'explian'; did you mean explain?"
    >>> tell_missing("command", "help", ["score", "explain"])
    "there is no command 'help'; expected one of score, explain"
    """
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.75)
    remedy = remedy or f"expected one of {', '.join(known)}"
    remedy = f"did you mean {near[0]}?" if near else remedy
    return f"there is no {kind}{' ' * bool(kind)}{word!r}; {remedy}"


def quote(text: str) -> str:
    """Return a text in quotes, as a shell takes it."""
    return f'"{text}"' if not re.search(r'["$`\\!]', text) else shlex.quote(text)


def one_line(message: str) -> str:
    """Return a message on one line that a terminal may show."""
    return show(" ".join(message.split()))
