"""Rows of files of word vectors, as text and in binary."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cdjax.files.packed import Bytes, FileError

WIDEST = 1 << 16
"""Numbers of a vector, at most."""
_LONGEST_LINE = 1 << 22  # bytes; a vector of the widest in full precision
_LONGEST_WORD = 2000  # bytes
_FASTTEXT = (793712314).to_bytes(4, "little")  # begins its binary models
_FRACTION = re.compile(rb"[+-]?\d+\.\d+(?:[eE][+-]?\d+)?")


class Row(NamedTuple):
    """A word and its vector, which is read where it is wanted."""

    location: str
    word: str
    values: Callable[[], Float[np.ndarray, "d"]]


def text_rows(file: Bytes, path: Path) -> Iterator[Row]:
    """Yield the rows of GloVe's text (a word and its numbers a line), or of word2vec's."""
    lines = _read_lines(file, path)
    ahead = [line for _, line in zip(range(2), lines, strict=False)]
    if not ahead:
        raise FileError(f"{path} is empty; expected word vectors.")
    tabs = ahead[-1].count(b"\t") > 0
    ahead = [_split(line, tabs) for line in ahead]
    promised, width = _read_head(ahead, path)
    rows = 0
    for number, fields in enumerate(_chain(ahead, lines, tabs), 1):
        if number == 1 and promised is not None:
            continue
        location = f"line {number}"
        if len(fields) <= width:
            raise FileError(
                f"{path}, {location}: {len(fields)} fields; expected a word and {width} numbers."
            )
        # A few words hold a space ("at name@domain.com"), so the numbers are counted from the end.
        word = b" ".join(fields[:-width])
        if len(fields) > width + 1:
            _check_spaced(word, fields, width, path, location)
        rows += 1
        if promised is not None and rows > promised:
            raise FileError(
                f"{path}: its first line promises {promised:,} words; {location} holds one more."
            )

        def values(fields=fields, location=location):
            try:
                with np.errstate(over="ignore"):
                    return np.array(fields[-width:], np.float32)
            except ValueError as error:
                raise FileError(f"{path}, {location}: {error}; expected numbers.") from error

        yield Row(location, word.decode("utf-8", "replace"), values)
    if promised is not None and rows < promised:
        raise FileError(
            f"{path}: its first line promises {promised:,} words; it ends after {rows:,}. Get it "
            f"again."
        )


def _read_lines(file: Bytes, path: Path) -> Iterator[bytes]:
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE or b"\0" in line:
            problem = "a NUL byte" if b"\0" in line else f"more than {_LONGEST_LINE:,} bytes"
            raise FileError(f"{path}, line {number}: {problem}; expected a word and its numbers.")
        yield line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _split(line: bytes, tabs: bool) -> list[bytes]:
    line = line.rstrip(b" \t\r\n")
    return (line.replace(b"\t", b" ") if tabs else line).split(b" ")


def _chain(ahead: list[list[bytes]], lines: Iterator[bytes], tabs: bool) -> Iterator[list[bytes]]:
    yield from ahead
    for line in lines:
        yield _split(line, tabs)


def _read_head(ahead: list[list[bytes]], path: Path) -> tuple[int | None, int]:
    """Return how many words the first line promises, if it is no word itself, and the width."""
    head = ahead[0]
    if len(head) == 2 and all(field.isdigit() for field in head):
        count, width = map(_to_int, head)
        # A word and one number look the same; what follows has as many numbers as it says.
        if len(ahead) == 1 or not (len(ahead[1]) == 2 and width != 1):
            _check_width(width, path)
            return count, width
    width = 0
    while width < len(head) - 1 and _is_number(head[-1 - width]):
        width += 1
    if not width:
        shown = b" ".join(head)[:40].decode("utf-8", "replace")
        between = next((s for s in ",;|" if s.encode() in head[0]), None)
        found = "fields" if between is None else f"fields separated by {between!r}"
        raise FileError(
            f"{path}, line 1: {shown!r}: found {found}; expected a word and its numbers, separated "
            f"by spaces."
        )
    _check_width(width, path)
    return None, width


def _to_int(digits: bytes) -> int:
    return int(digits) if len(digits) < 19 else 10**19


def _check_width(width: int, path: Path) -> None:
    if not 1 <= width <= WIDEST:
        raise FileError(f"{path}: vectors of {width:,} numbers; expected 1 to {WIDEST:,}.")


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _check_spaced(word: bytes, fields: list[bytes], width: int, path: Path, location: str) -> None:
    """Raise where a row has more fields, but not by a word of several parts."""
    if not word.strip():  # the space itself is a word of some files
        return
    if _FRACTION.fullmatch(fields[-width - 1]):
        found = f"more than {width} numbers"
    elif b"" in fields[:-width]:
        found = "two separators after one another"
    else:
        return
    raise FileError(f"{path}, {location}: {found}; expected a word and {width} numbers.")


def binary_rows(file: Bytes, path: Path, size: int | None) -> Iterator[Row]:
    """Yield the rows of word2vec's binary: a line of V and D; each word, a space, D float32.

    Args:
        file: The file.
        path: What messages call it.
        size: Bytes of the file, where they are known.
    """
    if file.peek(4)[:4] == _FASTTEXT:
        raise FileError(
            f"{path} is a model in fastText's own format; expected word2vec's .bin. Take the file "
            f"of vectors that is published with it, .vec."
        )
    line = file.readline(64)
    head = line.split()
    if len(head) != 2 or not all(field.isdigit() for field in head):
        raise FileError(f"{path}: found {line[:40]!r} first; expected word2vec's V and D.")
    count, width = map(_to_int, head)
    _check_width(width, path)
    if count * (4 * width + 1) > (size or count * (4 * width + 1)):
        _raise_if_text(file, path)
        raise FileError(
            f"{path} promises {count:,} words of {width:,} numbers, and has {size:,} bytes. Get it "
            f"again."
        )
    for number in range(1, count + 1):
        location = f"word {number}"
        if number == 1:
            _raise_if_text(file, path)
        word = bytearray()
        while (byte := file.read(1)) not in (b" ", b""):
            word += byte
            if len(word) > _LONGEST_WORD:
                raise FileError(
                    f"{path}, {location} of {count:,}: longer than {_LONGEST_WORD:,} bytes; the "
                    f"file is damaged. Get it again."
                )
        data = file.read(4 * width)
        if len(data) < 4 * width:
            raise FileError(f"{path}, {location} of {count:,}: the file ends; get it again.")
        name = word.lstrip(b"\n").decode("utf-8", "replace")
        yield Row(location, name, lambda data=data: np.frombuffer(data, "<f4").astype(np.float32))
    if file.read(2).strip(b"\n"):
        raise FileError(f"{path} promises {count:,} words, and more follow; it is damaged.")


def _raise_if_text(file: Bytes, path: Path) -> None:
    """Raise where what follows the first line is a word and numbers as text."""
    line = file.peek(1000)[:1000].split(b"\n")[0].split()
    if len(line) > 1 and all(map(_is_number, line[1:])):
        raise FileError(f"{path} holds text; name it .txt or .vec.")
