"""The one text that a command is given: as an argument, in a file, or on standard input."""

import sys
from pathlib import Path

from cdjax.cli.options import UserError, as_user_error
from cdjax.cli.parser import quote

LARGEST = 4_000_000
"""Bytes of the largest text that is read; of 14,142 words, the most that are explained, it is 280
bytes a word."""


def check_source(text: str | None, file: str | None) -> None:
    """Raise unless there is either a text or a file.

    Raises:
        UserError: Where there is neither, or both.
    """
    if text is not None and file is not None:
        raise UserError("there is a text and a --file; expected one of them.")
    if text is None and file is None:
        raise UserError('there is no text; expected "TEXT" in quotes, - or --file FILE.')


def read_text(text: str | None, file: str | None) -> str:
    """Return the text that a command is given, as an argument or in a file.

    Args:
        text: The argument; `-` for standard input.
        file: The path of a file, UTF-8.

    Raises:
        UserError: Where it is empty, too large, or not UTF-8; where the text is the name of a file.
    """
    if file is not None:
        if Path(file).is_dir():
            raise UserError(f"{file} is a folder; expected the file of one text.")
        with as_user_error(), Path(file).open("rb") as stream:
            text = _decode(stream.read(LARGEST + 1), file)
    elif text == "-":
        if sys.stdin.isatty():
            print("The text, then Ctrl-D on a line of its own:", file=sys.stderr)
        text = _decode(sys.stdin.buffer.read(LARGEST + 1), "standard input")
    elif _is_text_file(text or ""):
        raise UserError(f"{text} is a file; to explain what is in it: --file {quote(text or '')}.")
    if not text or not text.strip():
        raise UserError(
            f"{'the text' if file is None else file} is empty; expected at least one word."
        )
    return text


def _decode(content: bytes, name: str) -> str:
    if len(content) > LARGEST:
        raise UserError(
            f"{name} has more than {LARGEST:,} bytes; expected one text. cdjax score reads files "
            f"of many."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{name} is not UTF-8 (byte {error.start:,}); expected a text in UTF-8."
        ) from error


def _is_text_file(text: str) -> bool:
    """Return whether a text is the path of a file that holds text, so that it is no text itself."""
    try:
        return Path(text).suffix in (".txt", ".text", ".md") and Path(text).is_file()
    except (OSError, ValueError):  # too long for a name
        return False
