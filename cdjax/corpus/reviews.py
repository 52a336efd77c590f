"""Reviews from records: which fields are the text, the id, the label, and those to keep."""

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from cdjax.corpus.readers import hub, read_records
from cdjax.corpus.readers.delimited import TEXT_NAMES
from cdjax.corpus.readers.files import find_files
from cdjax.corpus.readers.json_lines import json_type
from cdjax.corpus.readers.records import (
    REPEATED,
    Dialect,
    ReadError,
    Record,
    RecordError,
    Report,
    raise_error,
)

_WHOLE = re.compile(r"([+-]?\d+)\.0+")


class Review(NamedTuple):
    """One review."""

    location: str
    """Where it is: "reviews.csv, line 3"."""
    text: str | None
    """As the file has it; None where the file holds tokens (trees)."""
    tokens: tuple[str, ...] | None
    """None where the file holds text."""
    id: str | None
    """What the file calls it; None where no column of ids was asked for."""
    label: str | None
    kept: dict[str, str | None]
    """Further columns, as strings; nested values as JSON."""


def read_reviews(
    paths: str | os.PathLike | Iterable[str | os.PathLike] | Any,
    format: str | None = None,
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    keep: Sequence[str] = (),
    header: bool = True,
    delimiter: str | None = None,
    quotes: bool | None = None,
    encoding: str | None = None,
    report: Report = raise_error,
) -> Iterator[Review]:
    """Yield the reviews of files, one at a time, so that they may be larger than memory.

    Every record is one review, an empty one too, unless it is malformed.

    Args:
        paths: Files, folders, patterns, "-" for standard input; or one dataset of Hugging Face, as
            an object or by its name, "hf:imdb:test".
        format: One of `cdjax.corpus.readers.FORMATS`; told by names and first lines when None.
        text_column: The column of the text. When None, `text`, or the only one beside those named
            below.
        id_column: The column of each review's id.
        label_column: The column of each review's label. A whole number is one label however it is
            written, "1" or "1.0"; a label that is missing, blank or not a number is an error.
        keep: Further columns to keep.
        header: Whether the first row of CSV and TSV names its columns. When not, they are called
            `1`, `2` and so on.
        delimiter: Between the fields of CSV and TSV; told by the file when None.
        quotes: Whether fields of CSV and TSV may stand in quotes; told by the file when None.
        encoding: Of text; UTF-8 or what a byte order mark says when None.
        report: Called in order with the error of each record that is left out.

    Raises:
        ReadError: Where a file is missing, can't be read on, or lacks a column.
        ImportError: Where a dataset is named and its library is not installed.
    """
    columns = _Columns(text_column, id_column, label_column, tuple(keep))
    dialect = Dialect(header, delimiter, quotes, encoding, text_column is not None)
    if hub.is_dataset(paths) or (isinstance(paths, str) and paths.startswith(hub.PREFIX)):
        yield from _select(hub.read(paths), columns, "", report)
        return
    for source in find_files(paths):
        hint = ""
        if header and (format or source.format) in ("csv", "tsv"):
            hint = " A file without a header is read with header=False; its columns are 1, 2, ..."
        records = read_records(source, format, dialect, report)
        yield from _select(records, columns, hint, report)


class _Columns(NamedTuple):
    text: str | None  # of a file, once it is found, never None
    id: str | None
    label: str | None
    keep: tuple[str, ...]


def _select(
    records: Iterator[Record], columns: _Columns, hint: str, report: Report
) -> Iterator[Review]:
    """Yield records as reviews; the columns are found by the first record of a file."""
    found: _Columns | None = None
    for record in records:
        try:
            if found is None:
                found = _find(record, columns, hint)
            yield _review(record, found, columns)
        except RecordError as error:
            report(error)


def _find(record: Record, columns: _Columns, hint: str) -> _Columns:
    """Return the columns by the names that the file has for them."""
    fields = record.fields
    file = record.location.rpartition(", ")[0]
    listed = _list_names(fields)

    def find(argument: str, name: str) -> str:
        alike = [f for f in fields if f.strip().lower() == name.strip().lower()]
        chosen = name if name in fields else alike[0] if len(alike) == 1 else None
        if chosen is None or fields[chosen] is REPEATED:
            number = "no column" if chosen is None and not alike else "more than one column"
            raise ReadError(
                f"{file}: {number} {name!r} ({argument}). Columns found: {listed}.{hint}"
            )
        return chosen

    ids = None if columns.id is None else find("id_column", columns.id)
    if columns.label is not None and list(fields) == ["text"] and not hint:
        raise ReadError(
            f"{file} is read as lines of text, which have no labels; expected CSV, TSV, JSON lines "
            f"or Parquet (format=...)."
        )
    label = None if columns.label is None else find("label_column", columns.label)
    keep = tuple(find("keep", name) for name in columns.keep)
    others = [name for name in fields if name not in (ids, label, *keep)]
    if "tokens" in fields and isinstance(fields["tokens"], tuple):
        if columns.text is not None:
            raise ReadError(
                f"{file} is read as trees, which have no columns; found "
                f"text_column={columns.text!r}."
            )
        text = "tokens"
    elif columns.text is not None:
        text = find("text_column", columns.text)
    elif any(name.strip().lower() == "text" for name in fields):
        text = find("text_column", "text")
    elif len(others) == 1 and (len(fields) == 1 or others[0].lower() in TEXT_NAMES):
        text = others[0]
    elif known := [name for name in others if name.lower() in ("sentence", "review")]:
        text = known[0] if len(known) == 1 else None
    else:
        text = None
    if text is None:
        raise ReadError(
            f"{file}: which column holds the text? Name it by text_column. Columns found: "
            f"{listed}.{hint}"
        )
    return _Columns(text, ids, label, keep)


def _list_names(fields: dict[str, Any]) -> str:
    names = [name if len(name) <= 60 else f"{name[:60]}..." for name in list(fields)[:20]]
    return ", ".join(map(repr, names)) + ", ..." * (len(fields) > 20)


def _review(record: Record, found: _Columns, columns: _Columns) -> Review:
    fields, location = record.fields, record.location
    for name in (found.text, found.id, found.label, *found.keep):
        if name is not None and name not in fields:
            found_names = _list_names(fields)
            raise RecordError(
                location, f"it lacks {name!r}, which those before it have; found: {found_names}."
            )
    assert found.text is not None  # `_find` has found it
    value = fields[found.text]
    text, tokens = (value, None) if isinstance(value, str) else (None, value)
    if not isinstance(value, str | tuple):
        raise RecordError(
            location, f'the text is {json_type(value)}; expected a string ("" is an empty text).'
        )
    label = None if found.label is None else _label(location, fields[found.label])
    id = None if found.id is None else _string(location, "the id", fields[found.id], nested=False)
    kept = {
        name: _string(location, name, fields[own])
        for name, own in zip(columns.keep, found.keep, strict=True)
    }
    for part in (text, id, *(tokens or ()), *kept.values()):
        if part is not None:
            _check_unicode(location, part)
    return Review(location, text, tokens, id, label, kept)


def _string(location: str, name: str, value: Any, nested: bool = True) -> str | None:
    """Return a value of a column as a string, as JSON writes it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        try:
            return json.dumps(value)
        except ValueError as error:  # a number of more than 4,300 digits
            raise RecordError(location, f"{name} is a number of too many digits.") from error
    if not nested and isinstance(value, dict | list):
        raise RecordError(location, f"{name} is {json_type(value)}; expected a string or a number.")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _label(location: str, value: Any) -> str:
    label = (_string(location, "the label", value, nested=False) or "").strip()
    if not label:
        raise RecordError(location, "there is no label; expected one for every review.")
    if label.lower() == "nan" or (isinstance(value, float) and not math.isfinite(value)):
        raise RecordError(location, f"the label is {label}, not a number; expected a label.")
    _check_unicode(location, label)
    whole = _WHOLE.fullmatch(label)
    return whole[1] if whole else label


def _check_unicode(location: str, text: str) -> None:
    if "\0" in text:
        raise RecordError(location, "it holds a NUL character; expected text.")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # JSON can spell half a character
        half = error.object[error.start]
        raise RecordError(
            location, f"{half!a} is half of a surrogate pair; expected valid Unicode."
        ) from None
