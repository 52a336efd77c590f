"""Shared by the commands: errors shown without traceback, interruptions, numbers."""

import argparse
import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class UserError(Exception):
    """An error that the user can correct; shown as one line, without a traceback."""

    def __init__(self, message: str, code: int = 2):
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def as_user_error(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds, and of the operating system, into `UserError`."""
    try:
        yield
    except kinds as error:
        raise UserError(str(error)) from error
    except OSError as error:
        message = str(error)
        if error.strerror:  # "scores: Permission denied", not "[Errno 13] ..."
            message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        raise UserError(message) from error


def name_flags(message: str, arguments: Iterable[str]) -> str:
    """Return the message of a library error with its arguments named as the command's flags.

    The library writes an argument with its value, `overwrite=True`, or in words, `max_len` or
    "hidden is 0", where one word alone could be plain English.

    Args:
        message: The message.
        arguments: Names of the command's arguments, as argparse has them (`vars(args)`).

    >>> name_flags("out exists; give another folder or overwrite=True.", ["overwrite"])
    'out exists; give another folder or --overwrite.'
    >>> name_flags("no text_column 'max_len'; or format=trees", ["text_column", "format"])
    "no --text-column 'max_len'; or --format trees"
    >>> name_flags("expected rule='source'.", ["rule"])
    'expected --rule source.'
    """
    for name in arguments:
        flag = "--" + name.replace("_", "-")
        # Not inside of paths, quotes or longer names.
        before, after = r"(?<![\w'\"/.-])", r"(?![\w'\"/-]|\.\w)"
        word = f"{before}{re.escape(name)}{after}"
        message = re.sub(rf"{word}=True\b", flag, message)
        message = re.sub(rf"{word}=(['\"])([\w-]+)\1", rf"{flag} \2", message)
        message = re.sub(rf"{word}=(?=[\w'\"])", f"{flag} ", message)
        message = re.sub(word if "_" in name else rf"^{word}(?= is )", flag, message)
        if name.startswith("no_"):
            message = re.sub(rf"{before}{re.escape(name[3:])}=False\b", flag, message)
    return message


@contextlib.contextmanager
def interruptions() -> Iterator[Callable[[], None]]:
    """Yield a function that raises KeyboardInterrupt again if one was lost.

    JAX runs a callback at garbage collection, and Python drops exceptions raised in a callback,
    but for a traceback that it prints: some presses of Ctrl-C would have no effect.
    """
    pressed = False
    report = sys.unraisablehook

    def handle(*_):
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    def check():
        if pressed:
            raise KeyboardInterrupt

    def report_others(dropped: Any) -> None:
        if dropped.exc_type is not KeyboardInterrupt:
            report(dropped)

    with on_interrupt(handle):
        sys.unraisablehook = report_others
        try:
            yield check
        finally:
            sys.unraisablehook = report


@contextlib.contextmanager
def on_interrupt(handle: Callable[..., None]) -> Iterator[None]:
    """Call a function at Ctrl-C, unless that is ignored (as under nohup) or not ours to handle."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def leave_at_once(*_: object) -> None:
    """End the process: for where there is nothing to put in order, as while modules are imported.

    An exception may be lost or end in a crash there, and a traceback helps nobody.
    """
    os.write(2, b"cdjax: interrupted\n")
    os._exit(130)


def count(text: str) -> int:
    """Read a whole number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number")
    return int(text)


def positive(text: str) -> int:
    """Read a number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number of at least 1")
    return int(text)
