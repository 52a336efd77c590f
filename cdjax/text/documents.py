"""Reviews from files: text, CSV, TSV, JSON lines, Parquet, Stanford Sentiment Treebank trees.

One review at a time, so that a file may be larger than memory. Every record of the file is one
review, an empty one too: the n-th review is the n-th record. A record that is not as expected
raises `DocumentError`, which names the file and the line.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cdjax.text.readers import (
    Columns,
    DocumentError,
    Record,
    Report,
    raise_error,
    read_csv,
    read_json,
    read_lines,
    read_parquet,
)
from cdjax.text.tokenizer import tokenize
from cdjax.text.trees import read_trees

FORMATS = ("txt", "csv", "tsv", "jsonl", "parquet", "trees")
"""What can be read."""

SUFFIXES = {
    ".txt": "txt",
    ".text": "txt",
    ".ptb": "trees",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
"""Endings of file names, and the format each stands for."""

# A tree's line begins "(3 (2 ..." or is "(3 word)"; a review may begin "(5 stars)" and be none.
_TREE = re.compile(r"\(\d \(|\(\d [^ ()]+\)\s*$")


class Document(NamedTuple):
    """One review."""

    id: str | None
    """What the file calls it; None where no column of ids was asked for."""
    tokens: list[str]


def find_format(path: str | os.PathLike) -> str:
    """Return which of `FORMATS` a file has, by its name; trees in a `.txt` by its first line.

    Raises:
        DocumentError: Where there is no such file, or its ending stands for no format.
    """
    path = Path(path)
    _check_file(path)
    format = SUFFIXES.get(path.suffix.lower())
    if format is None:
        raise DocumentError(
            f"{path}: unknown file type {path.suffix!r}; expected {', '.join(SUFFIXES)}, or "
            f"format=NAME, one of {', '.join(FORMATS)}."
        )
    if format == "txt":
        with path.open("rb") as file:
            head = file.readline(65536).decode("utf-8-sig", "replace")
        format = "trees" if _TREE.match(head) else "txt"
    return format


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise DocumentError(f"{path} is a folder; expected a file of reviews.")
    if not path.exists():
        raise DocumentError(f"{path}: no such file.")


def read_documents(
    path: str | os.PathLike,
    format: str | None = None,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    header: bool = True,
) -> Iterator[Document]:
    """Yield the reviews of a file, in its order.

    Raw text is tokenized; trees keep the tokens they have. Files are UTF-8, with or without a byte
    order mark, with lines ended by LF or CRLF.

    Args:
        path: The file.
        format: One of `FORMATS`; `find_format` chooses when None.
        text_column: The column (key, in JSON lines) of the text. When None, the column `text`, or
            the only one.
        id_column: The column of each review's id, if that is wanted.
        header: Whether the first row of a CSV or TSV file names its columns. When not, they are
            called `1`, `2` and so on.

    Raises:
        DocumentError: Where the file is missing, not UTF-8, malformed, or lacks the column; where a
            text is null or no text. Raised when the record is reached, not before.
    """
    path, columns = Path(path), Columns(text_column, id_column)
    format = _check_format(path, format, columns)
    if format == "trees":
        if not header:
            raise DocumentError(f"{path} is read as trees; only csv and tsv can lack a header.")
        yield from _read_trees(path)
        return
    for record in _read_records(path, format, columns, header, raise_error):
        yield Document(record.id, tokenize(record.text))


def read_records(
    path: str | os.PathLike,
    format: str | None = None,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    header: bool = True,
    id_argument: str = "id_column",
    report: Report = raise_error,
) -> Iterator[Record]:
    """Yield the records of a file that has texts, in its order, not tokenized.

    Arguments and errors are those of `read_documents`, and:

    Args:
        path: The file.
        format: One of `FORMATS` but trees.
        text_column: The column of the text.
        id_column: A column to read beside it.
        header: Whether a CSV or TSV file names its columns.
        id_argument: What messages call the argument that names that column.
        report: Called with the error of a record by itself (a row with too few fields, a text that
            is null); the record is left out where it returns. What makes the rest of a file
            unreadable is raised.
    """
    path, columns = Path(path), Columns(text_column, id_column, id_argument)
    format = _check_format(path, format, columns)
    if format == "trees":
        raise DocumentError(f"{path} is read as trees, which hold no text by itself.")
    yield from _read_records(path, format, columns, header, report)


def _check_format(path: Path, format: str | None, columns: Columns) -> str:
    """Return the format of a file that is there."""
    format = format or find_format(path)
    if format not in FORMATS:
        raise DocumentError(f"format is {format!r}; expected one of {', '.join(FORMATS)}.")
    _check_file(path)
    if format in ("txt", "trees"):
        for argument, column in ("text_column", columns.text), (columns.id_argument, columns.id):
            if column is not None:
                raise DocumentError(
                    f"{path} is read as {format}, which has no columns; found "
                    f"{argument}={column!r}."
                )
    return format


def _read_records(
    path: Path, format: str, columns: Columns, header: bool, report: Report
) -> Iterator[Record]:
    """Yield the records whose text is valid Unicode."""
    if not header and format not in ("csv", "tsv"):
        raise DocumentError(f"{path} is read as {format}; only csv and tsv can lack a header.")
    if format == "txt":
        records = read_lines(path)
    elif format == "jsonl":
        records = read_json(path, columns, report)
    elif format == "parquet":
        records = read_parquet(path, columns, report)
    else:
        records = read_csv(path, "," if format == "csv" else "\t", columns, header, report)
    for record in records:
        try:  # JSON can spell half a character
            (record.text + (record.id or "")).encode()
        except UnicodeEncodeError as error:
            half = error.object[error.start]
            report(
                DocumentError(
                    f"{path}, {record.location}: {half!a} is half of a surrogate pair; "
                    f"expected valid Unicode."
                )
            )
        else:
            yield record


def _read_trees(path: Path) -> Iterator[Document]:
    try:
        for tree in read_trees(path):
            yield Document(None, list(tree.tokens))
    except ValueError as error:
        file = "" if str(path) in str(error) else f"{path}: "
        raise DocumentError(
            f"{file}{error} (read as SST trees; format='txt' reads it as plain text)"
        ) from error
