"""Files as lines of text: found, opened, unpacked and decoded, whatever their size."""

import codecs
import contextlib
import glob
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cdjax.corpus.readers.records import ReadError
from cdjax.files.packed import Bytes, FileError, inner_suffix, open_packed

STANDARD_INPUT = "-"

SUFFIXES = {
    ".txt": "txt",
    ".text": "txt",
    ".ptb": "trees",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
"""Endings of file names, and the format each stands for."""

LONGEST_LINE = 1 << 26
"""Bytes of a line, and characters of a record of several lines, at most."""

_MARKS = (  # UTF-32's begin as UTF-16's do
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Source(NamedTuple):
    """A file to read."""

    path: str  # or `STANDARD_INPUT`

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.path == STANDARD_INPUT else self.path

    @property
    def format(self) -> str | None:
        """The format that the ending of its name stands for; None where it stands for none."""
        return SUFFIXES.get(inner_suffix(self.path))


def find_files(paths: str | os.PathLike | Iterable[str | os.PathLike]) -> list[Source]:
    """Return the files that paths stand for: files, folders, patterns, standard input.

    Of a folder, all files whose endings stand for a format, by name; hidden ones are passed over.

    Raises:
        ReadError: Where there is no such file, a pattern matches nothing, or a folder holds none.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    sources = []
    for name in paths:
        given = os.fspath(name)
        path = Path(given)
        if given == STANDARD_INPUT or path.is_file():
            sources.append(Source(given))
        elif path.is_dir():
            files = [
                source
                for file in sorted(path.rglob("*"))
                if file.is_file()
                and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
                and (source := Source(str(file))).format
            ]
            if not files:
                raise ReadError(
                    f"{path} is a folder without a file of reviews ({', '.join(SUFFIXES)})."
                )
            sources += files
        elif path.exists():
            sources.append(Source(given))  # a pipe
        elif glob.has_magic(given) and (found := sorted(glob.glob(given, recursive=True))):
            sources += find_files([file for file in found if Path(file).is_file()])
        else:
            what = "no file matches" if glob.has_magic(given) else "no such file"
            raise ReadError(f"{path}: {what}.")
    return sources


@contextlib.contextmanager
def open_bytes(source: Source) -> Iterator[Bytes]:
    """Open a file, unpacked where its first bytes say that it is packed.

    Raises:
        ReadError: Where it is something else than data, or damaged.
    """
    try:
        with _open(source) as file, open_packed(file, source.name, _choose) as unpacked:
            yield unpacked
    except FileError as error:
        raise ReadError(str(error)) from error


@contextlib.contextmanager
def _open(source: Source) -> Iterator[Bytes]:
    if source.path == STANDARD_INPUT:
        yield sys.stdin.buffer
    else:
        with open(source.path, "rb") as file:
            yield file


def _choose(members: Sequence[str]) -> str | None:
    """Return the only file of an archive, where it is text."""
    one = len(members) == 1 and Source(members[0]).format not in (None, "parquet")
    return members[0] if one else None


def read_lines(source: Source, encoding: str | None = None) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file with their ends and numbers, split at LF only.

    Args:
        source: The file.
        encoding: Its encoding; UTF-8, or what a byte order mark says, when None.

    Raises:
        ReadError: Where it is not text in that encoding, a line is too long, lines end in CR alone,
            or the file is damaged. Names the line.
    """
    try:
        with open_bytes(source) as file:
            yield from _decode(source, file, encoding)
    except UnicodeError as error:
        raise ReadError(f"{source.name} is not {encoding or 'text'}: {error}.") from None


def _decode(source: Source, file: Bytes, encoding: str | None) -> Iterator[tuple[int, str]]:
    head = file.peek(4)[:4]
    mark, told = next(((m, e) for m, e in _MARKS if head.startswith(m)), (b"", None))
    chosen = encoding or told or "utf-8"
    try:
        name = codecs.lookup(chosen).name
        "a".encode(name)
    except (LookupError, TypeError):
        raise ReadError(
            f"encoding is {chosen!r}; expected the name of an encoding, as windows-1252."
        ) from None
    if name.startswith(("utf-16", "utf-32")):
        text = io.TextIOWrapper(file, name, newline="\n")
        number = 0
        while line := text.readline(LONGEST_LINE):
            number += 1
            last = number == 1 and not line.endswith("\n")
            yield number, _check_line(source, number, line, last)
        text.detach()
        return
    offset = number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        start, offset = offset, offset + len(line)
        if number == 1 and line.startswith(mark) and mark == codecs.BOM_UTF8:
            start, line = start + len(mark), line[len(mark) :]
        try:
            text = line.decode(name)
        except UnicodeDecodeError as error:
            raise _not_text(source, number, line, start, error, name) from None
        if "\0" in text:
            wide = line[:200].count(0) * 3 > len(line[:200])
            remedy = "; it looks like UTF-16: encoding='utf-16-le'" if wide else ""
            raise ReadError(
                f"{source.name}, line {number}: a NUL byte at offset {start + line.index(0)} of "
                f"the file; expected text{remedy}."
            )
        ended = line.endswith(b"\n")
        yield number, _check_line(source, number, text, last=number == 1 and not ended)


def _check_line(source: Source, number: int, line: str, last: bool) -> str:
    if len(line) >= LONGEST_LINE and not line.endswith("\n"):
        raise ReadError(
            f"{source.name}, line {number}: longer than {LONGEST_LINE:,} bytes; expected a record "
            f"a line."
        )
    if last and "\r" in line.rstrip("\r\n") + line[-1:]:
        raise ReadError(
            f"{source.name}: its lines end in a carriage return (CR) alone; expected "
            rf"LF or CRLF: tr '\r' '\n' < FILE converts one."
        )
    return line


def _not_text(
    source: Source, number: int, line: bytes, start: int, error: UnicodeDecodeError, name: str
) -> ReadError:
    where = f"byte 0x{line[error.start]:02x} at offset {start + error.start} of the file"
    if name != "utf-8":
        return ReadError(
            f"{source.name}, line {number}: {where} is not {name}; expected another encoding."
        )
    return ReadError(
        f"{source.name}, line {number}: {where} is not UTF-8. Files written on Windows are often "
        f"in windows-1252: encoding='windows-1252' reads it, and iconv -f windows-1252 -t utf-8 "
        f"converts it."
    )
