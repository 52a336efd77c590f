"""Files as their bytes, unpacked where their first bytes say that they are packed."""

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Endings of packed files; what is in them is told by the ending before."""

Bytes = Any  # a binary file that has peek() as well, for which there is no type

_OTHERS = (
    (b"version https://git-lfs", "a Git LFS pointer and not the data; get it by: git lfs pull"),
    (b"\xd0\xcf\x11\xe0", "a document of Microsoft Office; save it as CSV (UTF-8)"),
    (b"%PDF", "a PDF; expected data"),
    (b"\x89HDF", "an HDF5 file; expected data as text"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"ARROW1", "an Arrow file; write it as Parquet"),
)
_SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods")


class FileError(ValueError):
    """A file that can't be read; says which, what was found and the remedy."""


def inner_suffix(name: str) -> str:
    """Return the ending of what a file holds, in lower case: that before the one of its packing.

    >>> inner_suffix("reviews.CSV.gz"), inner_suffix("a/reviews.csv")
    ('.csv', '.csv')
    """
    path = Path(name)
    if path.suffix.lower() in PACKED:
        path = path.with_suffix("")
    return path.suffix.lower()


@contextlib.contextmanager
def open_packed(
    file: Bytes, name: str, choose: Callable[[Sequence[str]], str | None]
) -> Iterator[Bytes]:
    """Yield a file's bytes, unpacked.

    Args:
        file: The file, at its beginning.
        name: What messages call it.
        choose: Returns which member of a zip archive to read; None where there is no such.

    Raises:
        FileError: Where it is something else than data, or damaged; also inside of the block.
    """
    head = file.peek(64)[:64]
    others = [what for mark, what in _OTHERS if head.startswith(mark)]
    if Path(name).suffix.lower() in _SPREADSHEETS:
        others.append("a spreadsheet; save it as CSV (UTF-8)")
    if others:
        raise FileError(f"{name} is {others[0]}.")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_told_as_damaged(name))
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
            yield stack.enter_context(_open_zip(file, name, choose))
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
def _open_zip(
    file: Bytes, name: str, choose: Callable[[Sequence[str]], str | None]
) -> Iterator[Bytes]:
    if not file.seekable():
        raise FileError(f"{name} is a zip archive; unpack it.")
    with zipfile.ZipFile(file) as archive:
        members = [
            member
            for member in archive.namelist()
            if not member.endswith("/") and not member.startswith("__MACOSX/")
        ]
        if any(member in ("xl/workbook.xml", "content.xml") for member in members):
            raise FileError(f"{name} is a spreadsheet; save it as CSV (UTF-8).")
        if (chosen := choose(members)) is None:
            listed = ", ".join(members[:5]) + ", ..." * (len(members) > 5)
            raise FileError(f"{name} is an archive of {listed or 'nothing'}; unpack it.")
        with archive.open(chosen) as member:
            yield member


@contextlib.contextmanager
def _told_as_damaged(name: str) -> Iterator[None]:
    """Turn what reading a packed file may raise into `FileError`.

    `RuntimeError` is encryption, `NotImplementedError` an unusual packing.
    """
    try:
        yield
    except (RuntimeError, NotImplementedError) as error:
        if isinstance(error, RecursionError):
            raise
        raise FileError(f"{name}: {error}; unpack it.") from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # EINVAL: an archive names a place before its beginning
        raise FileError(f"{name} is damaged: {error}. Get it again.") from error
