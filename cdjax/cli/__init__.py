"""The command line: parse, call one function, print.

A command is a module of this package with `add_arguments(parser)` and `run(args)`, imported only
when it is asked for. Exit codes: 0 done; 1 the scores failed verification; 2 wrong use or input,
one line on stderr; 130 interrupted. A traceback is a bug in cdjax.
"""

import io
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
from cdjax.cli.parser import check_command, check_rest, make_parser, one_line


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
    if argv[:1] == ["help"]:
        argv = [*argv[1:2], "--help"]
    wanted = next((word for word in argv if not word.startswith("-")), None)
    if problem := check_command(wanted):
        print(f"cdjax: error: {one_line(problem)} (see cdjax --help)", file=sys.stderr)
        return 2
    parser = make_parser([wanted] if wanted else [])
    if not argv:
        parser.print_help()
        return 0
    try:
        args, rest = parser.parse_known_args(argv)
        command = vars(args).pop("parser")
        if problem := check_rest(rest, getattr(args, "text", None), command):
            command.error(problem)
    except SystemExit as error:  # argparse exits by itself: 0 after --help, 2 after an error
        return int(error.code or 0)
    args.argv = argv

    def warn(message, *_, **__):
        text = one_line(name_flags(str(message), vars(args)))
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
        message = one_line(name_flags(str(error), vars(args)))
        print(f"cdjax {args.command}: error: {message}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print(f"cdjax {args.command}: interrupted", file=sys.stderr)
        return 130
    return 0
