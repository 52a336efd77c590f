"""The command line: parse, call one function, print.

A command is a module of this package with `add_arguments(parser)` and `run(args)`, imported only
when it is asked for. Exit codes: 0 done; 1 the scores failed verification; 2 wrong use or input,
one line on stderr; 130 interrupted. A traceback is a bug in cdjax.
"""

import argparse
import importlib
import importlib.util
import io
import keyword
import signal
import sys
import warnings
from collections.abc import Sequence

from cdjax.cli.options import (
    UserError,
    as_user_error,
    leave_at_once,
    name_flags,
    on_interrupt,
)
from cdjax.display import show

COMMANDS = {
    "score": "score every phrase of a file of reviews and write Parquet",
    "explain": "explain the prediction for one text, in the terminal",
    "neighbours": "find the phrases of a corpus that are most like a phrase to the model",
    "import": "read a model of Keras, PyTorch or ONNX, and save it for the other commands",
    "train": "train a model on your own labelled reviews, or the bundled one anew",
    "fetch": "get a public data set: treebank, Yelp reviews, word vectors",
}

_EPILOG = """\
examples:
  cdjax explain "It isn't a bad film."
  cdjax score --out scores                      (the bundled reviews)
  cdjax score reviews.csv --text-column body --out scores

Each command has its own help: cdjax score --help

Compiled programs are kept in the user's cache folder (CDJAX_CACHE=off: not).
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def __init__(self, **options):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str):
        self.exit(2, f"{self.prog}: error: {_one_line(message)} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    def __call__(self, parser, *_):
        from importlib.metadata import version  # takes as long as all else until here

        print(f"cdjax {version('cdjax')}")
        parser.exit()


def start() -> None:
    """Run the command line and exit; Ctrl-C prints no traceback while Python exits either."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, leave_at_once)
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    with on_interrupt(leave_at_once):  # commands that have something to put in order say so
        return _main(argv)


def _main(argv: Sequence[str] | None) -> int:
    argv = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):  # of any encoding; a word of SST is "café"
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if any("\0" in word for word in argv):  # no shell can give one
        print("cdjax: error: an argument holds a NUL character; expected text.", file=sys.stderr)
        return 2
    wanted = next((word for word in argv if not word.startswith("-")), None)
    parser = _Parser(
        prog="cdjax",
        description="Explain LSTMs: what every phrase of a text contributes to the\n"
        "prediction, by contextual decomposition.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        path = f"cdjax.cli.{name}{'_' * keyword.iskeyword(name)}"
        if importlib.util.find_spec(path) is None:
            continue
        command = commands.add_parser(name, help=summary)
        if name == wanted:
            module = importlib.import_module(path)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    try:
        args = parser.parse_args(argv)
    except SystemExit as error:  # argparse exits by itself: 0 after --help, 2 after an error
        return int(error.code or 0)
    args.argv = argv

    def warn(message, *_, **__):
        text = _one_line(name_flags(str(message), vars(args)))
        print(f"cdjax {args.command}: warning: {text}", file=sys.stderr)

    try:
        with as_user_error(), warnings.catch_warnings():
            warnings.showwarning = warn
            # A disk that is full, or not ours: programs are compiled anew, then.
            warnings.filterwarnings(
                "ignore", "Error (reading|writing) persistent compilation cache"
            )
            args.run(args)
    except UserError as error:
        message = _one_line(name_flags(str(error), vars(args)))
        print(f"cdjax {args.command}: error: {message}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print(f"cdjax {args.command}: interrupted", file=sys.stderr)
        return 130
    return 0


def _one_line(message: str) -> str:
    return show(" ".join(message.split()))
