"""Files as lines of text: found, opened, unpacked and decoded, whatever their size."""

import bz2
import codecs
import contextlib
import glob
import gzip
import io
import lzma
import os
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cdjax.corpus.readers.records import ReadError

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

PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Endings of packed files; what is in them is told by the ending before."""

Bytes = Any  # a binary file that has peek() as well, for which there is no type

LONGEST_LINE = 1 << 26
"""Bytes of a line, and characters of a record of several lines, at most."""

_MARKS = (  # UTF-32's begin as UTF-16's do
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHERS = (
    (b"version https://git-lfs", "a Git LFS pointer and not the data; get it by: git lfs pull"),
    (b"\xd0\xcf\x11\xe0", "a document of Microsoft Office; save it as CSV (UTF-8)"),
    (b"%PDF", "a PDF; expected a file of reviews"),
    (b"\x89HDF", "an HDF5 file; expected a file of reviews"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it"),
    (b"ARROW1", "an Arrow file; write it as Parquet"),
)
_SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods")


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
        path = Path(self.path)
        if path.suffix.lower() in PACKED:
            path = path.with_suffix("")
        return SUFFIXES.get(path.suffix.lower())


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
    with contextlib.ExitStack() as stack:
        if source.path == STANDARD_INPUT:
            file: Bytes = sys.stdin.buffer
        else:
            file = stack.enter_context(open(source.path, "rb"))
        head = file.peek(64)[:64]
        others = [what for mark, what in _OTHERS if head.startswith(mark)]
        if Path(source.path).suffix.lower() in _SPREADSHEETS:
            others.append("a spreadsheet; save it as CSV (UTF-8)")
        if others:
            raise ReadError(f"{source.name} is {others[0]}.")
        if head.startswith(b"\x1f\x8b"):
            yield stack.enter_context(gzip.GzipFile(fileobj=file))
        elif head.startswith(b"BZh"):
            yield stack.enter_context(bz2.BZ2File(file))
        elif head.startswith(b"\xfd7zXZ"):
            yield stack.enter_context(lzma.LZMAFile(file))
        elif head.startswith(b"\x28\xb5\x2f\xfd"):
            import pyarrow as pa

            unpacked = pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")
            yield io.BufferedReader(_Arrow(unpacked))
        elif head.startswith(b"PK\x03\x04"):
            yield stack.enter_context(_open_zip(source, file))
        else:
            yield file


class _Arrow(io.RawIOBase):
    """An Arrow stream as a file of Python's, which counts in bytes and not in objects."""

    def __init__(self, stream):
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


@contextlib.contextmanager
def _open_zip(source: Source, file: Bytes) -> Iterator[Bytes]:
    if source.path == STANDARD_INPUT:
        raise ReadError("standard input is a zip archive; unpack it.")
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(file))
        except zipfile.BadZipFile as error:
            raise ReadError(f"{source.name} is a damaged zip archive: {error}.") from None
        names = [
            name
            for name in archive.namelist()
            if not name.endswith("/") and not name.startswith("__MACOSX/")
        ]
        if any(name in ("xl/workbook.xml", "content.xml") for name in names):
            raise ReadError(f"{source.name} is a spreadsheet; save it as CSV (UTF-8).")
        if len(names) != 1 or Source(names[0]).format in (None, "parquet"):
            listed = ", ".join(names[:5]) + ", ..." * (len(names) > 5)
            raise ReadError(f"{source.name} is an archive of {listed or 'nothing'}; unpack it.")
        try:
            member = stack.enter_context(archive.open(names[0]))
        except (RuntimeError, NotImplementedError) as error:  # encrypted, oddly packed
            raise ReadError(f"{source.name}: {error}; unpack it.") from None
        yield member


DAMAGED = (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError)
"""What reading a packed file may raise: all but the first where it is damaged or encrypted."""


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
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ReadError(f"{source.name} is damaged: {error}. Get it again.") from error
    except zipfile.zlib.error as error:  # pyright: ignore[reportAttributeAccessIssue]
        raise ReadError(f"{source.name} is damaged: {error}. Get it again.") from error


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
