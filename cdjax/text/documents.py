"""Reviews from files: text, CSV, TSV, JSON lines, Parquet, Stanford Sentiment Treebank trees.

One review at a time, so that a file may be larger than memory. Every record of the file is one
review, an empty one too: the n-th review is the n-th record. A record that is not as expected
raises `DocumentError`, which names the file and the line.
"""

import csv
import json
import os
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

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


class DocumentError(ValueError):
    """A file of reviews that is not as expected. The message says where, what and the remedy."""


class Record(NamedTuple):
    """One review as a file has it."""

    place: str  # for messages: "line 3"
    id: str | None
    text: str


def find_format(path: str | os.PathLike) -> str:
    """Return which of `FORMATS` a file has, by its name; trees in a `.txt` by its first line.

    Raises:
        DocumentError: Where there is no such file, or its ending stands for no format.
    """
    path = Path(path)
    if path.is_dir():
        raise DocumentError(f"{path} is a folder; expected a file of reviews.")
    if not path.exists():
        raise DocumentError(f"{path}: no such file.")
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise DocumentError(
            f"{path}: unknown file type {path.suffix!r}; expected {', '.join(SUFFIXES)}, or "
            f"--format with one of {', '.join(FORMATS)}."
        )
    if found == "txt":
        with path.open("rb") as file:
            head = file.readline(65536).decode("utf-8-sig", "replace")
        found = "trees" if _TREE.match(head) else "txt"
    return found


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
        format: One of `FORMATS`; found by `find_format` when None.
        text_column: The column (key, in JSON lines) of the text. When None, the column `text`, or
            the only one.
        id_column: The column of each review's id, if that is wanted.
        header: Whether the first row of a CSV or TSV file names its columns. When not, they are
            called `1`, `2` and so on.

    Raises:
        DocumentError: Where the file is missing, not UTF-8, malformed, or lacks the column; where a
            text is null or no text. Raised when the record is reached, not before.
    """
    path, format = _check(path, format, {"--text-column": text_column, "--id-column": id_column})
    if format == "trees":
        if not header:
            raise DocumentError(f"{path} is read as trees; only csv and tsv can lack a header.")
        yield from _read_trees(path)
        return
    records = read_records(
        path, format, text_column=text_column, id_column=id_column, header=header
    )
    for record in records:
        yield Document(record.id, tokenize(record.text))


def _check(
    path: str | os.PathLike, format: str | None, columns: dict[str, str | None]
) -> tuple[Path, str]:
    """Return the path of a file that is there, and its format."""
    path = Path(path)
    format = format or find_format(path)
    if format not in FORMATS:
        raise DocumentError(f"unknown format {format!r}; expected one of {', '.join(FORMATS)}.")
    if path.is_dir():
        raise DocumentError(f"{path} is a folder; expected a file of reviews.")
    if not path.exists():
        raise DocumentError(f"{path}: no such file.")
    if format in ("txt", "trees"):
        for name, given in columns.items():
            if given is not None:
                raise DocumentError(
                    f"{path} is read as {format}, which has no columns: {name} {given}."
                )
    return path, format


def _raise(error: "DocumentError") -> None:
    raise error


def read_records(
    path: str | os.PathLike,
    format: str | None = None,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    header: bool = True,
    id_option: str = "--id-column",
    report: Callable[[DocumentError], None] = _raise,
) -> Iterator[Record]:
    """Yield the records of a file that has texts, in its order, not tokenized.

    Arguments and errors are those of `read_documents`, and:

    Args:
        path: The file.
        format: One of `FORMATS` but trees.
        text_column: The column of the text.
        id_column: A column to read beside it.
        header: Whether a CSV or TSV file names its columns.
        id_option: What messages call the option of that column.
        report: Called with the error of a record by itself (a row with too few fields, a text that
            is null); the record is left out where it returns. What makes the rest of a file
            unreadable is raised.
    """
    path, format = _check(path, format, {"--text-column": text_column, id_option: id_column})
    if not header and format not in ("csv", "tsv"):
        raise DocumentError(f"{path} is read as {format}; only csv and tsv can lack a header.")
    names = _Names(text_column, id_column, id_option)
    if format == "txt":
        records = _read_lines(path)
    elif format == "jsonl":
        records = _read_json(path, names, report)
    elif format == "parquet":
        records = _read_parquet(path, names, report)
    elif format == "trees":
        raise DocumentError(f"{path} is read as trees, which hold no text by itself.")
    else:
        records = _read_csv(path, "," if format == "csv" else "\t", names, header, report)
    for record in records:
        try:  # JSON can spell half a character
            (record.text + (record.id or "")).encode()
        except UnicodeEncodeError as error:
            half = error.object[error.start]
            report(
                DocumentError(
                    f"{path}, {record.place}: {half!a} is half of a surrogate pair; "
                    f"expected valid Unicode."
                )
            )
        else:
            yield record


class _Names(NamedTuple):
    """The columns wanted."""

    text: str | None
    id: str | None
    id_option: str


def _read_trees(path: Path) -> Iterator[Document]:
    try:
        for tree in read_trees(path):
            yield Document(None, list(tree.tokens))
    except ValueError as error:
        where = "" if str(path) in str(error) else f"{path}: "
        raise DocumentError(
            f"{where}{error} (read as SST trees; --format txt reads it as plain text)"
        ) from error


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 file with their ends, split at LF only."""
    with path.open("rb") as file:
        offset = 0
        for number, line in enumerate(file, 1):
            start, offset = offset, offset + len(line)
            if number == 1:
                marked = line.removeprefix(b"\xef\xbb\xbf")
                start, line = start + len(line) - len(marked), marked
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise DocumentError(
                    f"{path}, line {number}: byte 0x{line[error.start]:02x} at offset "
                    f"{start + error.start} of the file is not UTF-8; expected a UTF-8 file "
                    f"(iconv -f latin1 -t utf-8 converts one)."
                ) from None
            if "\0" in text:
                raise DocumentError(
                    f"{path}, line {number}: a NUL byte at offset {start + line.index(0)} of the "
                    f"file; expected UTF-8 text."
                )
            yield text


def _read_lines(path: Path) -> Iterator[Record]:
    for number, line in enumerate(_lines(path), 1):
        yield Record(f"line {number}", None, line.rstrip("\r\n"))


def _read_csv(
    path: Path,
    delimiter: str,
    names: _Names,
    header: bool,
    report: Callable[[DocumentError], None],
) -> Iterator[Record]:
    csv.field_size_limit(2**31 - 1)  # the module's own limit, 128 KB, is shorter than some texts
    rows = _csv_rows(path, delimiter)
    first = next(rows, None)
    if first is None:
        return
    columns = first[1] if header else [str(n) for n in range(1, len(first[1]) + 1)]
    hint = " A file without a header is read by --no-header; its columns are 1, 2, ..."
    text_at = _find_column(path, columns, names.text, "--text-column", hint if header else "")
    id_at = None
    if names.id is not None:
        id_at = _find_column(path, columns, names.id, names.id_option)
    if not header:
        rows = chain([first], rows)
    for number, row in rows:
        if len(row) != len(columns):
            report(
                DocumentError(
                    f"{path}, line {number}: {len(row)} fields; expected {len(columns)}, as in the "
                    f"first row. A field that holds a delimiter, quote or line break must be "
                    f"quoted."
                )
            )
            continue
        yield Record(f"line {number}", None if id_at is None else row[id_at], row[text_at])


def _csv_rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row and the line it begins at; blank lines may only end the file."""
    reader = csv.reader(_lines(path), delimiter=delimiter, strict=True)
    blank = None
    while True:
        begins = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            unclosed = "unexpected end of data" in str(error)
            what = "a quote is opened and never closed" if unclosed else str(error)
            raise DocumentError(f"{path}, line {begins}: malformed row: {what}.") from None
        if not row:
            blank = blank or begins
            continue
        if blank is not None:
            raise DocumentError(
                f'{path}, line {blank}: a blank line; expected a row ("" is an empty text).'
            )
        yield begins, row


def _find_column(path: Path, columns: list[str], name: str | None, option: str, hint="") -> int:
    """Return the place of a column by its name; without one, of `text` or of the only column."""
    found = ", ".join(repr(column) for column in columns[:20]) + ", ..." * (len(columns) > 20)
    if name is None:
        if columns.count("text") != 1 and len(columns) != 1:
            raise DocumentError(
                f"{path}: which column holds the text? Name it by {option}. "
                f"Columns found: {found}.{hint}"
            )
        return 0 if len(columns) == 1 else columns.index("text")
    if columns.count(name) != 1:
        what = "no column" if name not in columns else "more than one column"
        raise DocumentError(f"{path}: {what} {name!r} ({option}). Columns found: {found}.{hint}")
    return columns.index(name)


def _read_json(
    path: Path, names: _Names, report: Callable[[DocumentError], None]
) -> Iterator[Record]:
    blank = None
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            blank = blank or number
            continue
        if blank is not None:
            report(DocumentError(f"{path}, line {blank}: a blank line; expected a JSON object."))
            blank = None
        try:
            record = _read_object(f"{path}, line {number}", line, names)
        except DocumentError as error:
            report(error)
        else:
            yield record._replace(place=f"line {number}")


def _read_object(place: str, line: str, names: _Names) -> Record:
    """Return the record of one line of JSON."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise DocumentError(
            f"{place}: malformed JSON at column {error.colno}: {error.msg}. "
            f"Expected one object a line."
        ) from None
    except RecursionError:
        raise DocumentError(f"{place}: JSON nested too deep.") from None
    if not isinstance(value, dict):
        raise DocumentError(f"{place}: JSON {_json_type(value)}; expected an object with a text.")
    keys = list(value)
    text = value[keys[_find_column(Path(place), keys, names.text, "--text-column")]]
    if not isinstance(text, str):
        raise DocumentError(
            f'{place}: the text is {_json_type(text)}; expected a string ("" is an empty text).'
        )
    id = None
    if names.id is not None:
        id = value[keys[_find_column(Path(place), keys, names.id, names.id_option)]]
        what = names.id_option.removeprefix("--").removesuffix("-column")
        if not isinstance(id, str | int | None) or isinstance(id, bool):
            raise DocumentError(
                f"{place}: the {what} is {_json_type(id)}; expected a string or a number."
            )
    return Record(place, None if id is None else str(id), text)


def _json_type(value) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a truth value"}
    return "null" if value is None else names.get(type(value), "a number")


def _read_parquet(
    path: Path, names: _Names, report: Callable[[DocumentError], None]
) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise DocumentError(f"{path}: not a readable Parquet file: {error}") from error
    with file:
        schema = file.schema_arrow
        wanted = [schema.names[_find_column(path, schema.names, names.text, "--text-column")]]
        if names.id is not None:
            at = _find_column(path, schema.names, names.id, names.id_option)
            wanted.append(schema.names[at])
        kind = schema.field(wanted[0]).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (
            pa.types.is_string(plain)
            or pa.types.is_large_string(plain)
            or pa.types.is_string_view(plain)
        ):
            raise DocumentError(f"{path}: the column {wanted[0]!r} holds {kind}; expected strings.")
        batches = file.iter_batches(1024, columns=wanted)
        row = 0
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise DocumentError(f"{path}, after row {row}: damaged: {error}") from error
            if batch is None:
                return
            texts = batch[wanted[0]].to_pylist()
            ids = batch[wanted[-1]].to_pylist() if names.id is not None else [None] * len(texts)
            for text, id in zip(texts, ids, strict=True):
                if text is None:
                    report(
                        DocumentError(
                            f"{path}, row {row}: the text is null; "
                            f'expected a string ("" is an empty text).'
                        )
                    )
                else:
                    yield Record(f"row {row}", None if id is None else str(id), text)
                row += 1
