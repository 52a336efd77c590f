"""Records of one text each from files of lines, CSV, TSV, JSON lines and Parquet, one at a time.

The n-th record of a file is the n-th review, an empty one too. What makes the rest of a file
unreadable is raised; a record that is malformed by itself is reported, and left out where the
report returns.
"""

import csv
import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple


class DocumentError(ValueError):
    """A file of reviews that is not as expected. The message says where, what and the remedy."""


Report = Callable[[DocumentError], None]
"""Called with the error of a record that is malformed by itself."""


class Record(NamedTuple):
    """One review as a file has it."""

    location: str  # in its file: "line 3"
    id: str | None
    text: str


class Columns(NamedTuple):
    """The columns to read."""

    text: str | None
    id: str | None
    id_argument: str = "id_column"
    """What messages call the argument that names the column of ids."""


def raise_error(error: DocumentError) -> None:
    """Raise the error: the report of a caller that wants no record left out."""
    raise error


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


def read_lines(path: Path) -> Iterator[Record]:
    """Yield every line of a text file as a record."""
    for number, line in enumerate(_lines(path), 1):
        yield Record(f"line {number}", None, line.rstrip("\r\n"))


def read_csv(
    path: Path, delimiter: str, columns: Columns, header: bool, report: Report
) -> Iterator[Record]:
    """Yield the records of a file of delimited fields, quoted where they need it."""
    csv.field_size_limit(2**31 - 1)  # the module's own limit, 128 KB, is shorter than some texts
    rows = _csv_rows(path, delimiter)
    first = next(rows, None)
    if first is None:
        return
    names = first[1] if header else [str(n) for n in range(1, len(first[1]) + 1)]
    hint = " A file without a header is read with header=False; its columns are 1, 2, ..."
    text_index, id_index = _find_columns(path, names, columns, hint if header else "")
    if not header:
        rows = chain([first], rows)
    for number, row in rows:
        if len(row) != len(names):
            report(
                DocumentError(
                    f"{path}, line {number}: {len(row)} fields; expected {len(names)}, as in the "
                    f"first row. A field that holds a delimiter, quote or line break must be "
                    f"quoted."
                )
            )
            continue
        yield Record(f"line {number}", None if id_index is None else row[id_index], row[text_index])


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


def _find_columns(
    path: Path | str, names: list[str], columns: Columns, hint: str = ""
) -> tuple[int, int | None]:
    """Return the indices of the columns among a file's; the text's is `text` or the only one."""
    listed = ", ".join(repr(name) for name in names[:20]) + ", ..." * (len(names) > 20)

    def find(argument: str, name: str) -> int:
        if names.count(name) == 1:
            return names.index(name)
        number = "no column" if name not in names else "more than one column"
        raise DocumentError(
            f"{path}: {number} {name!r} ({argument}). Columns found: {listed}.{hint}"
        )

    if columns.text is not None:
        text = find("text_column", columns.text)
    elif len(names) == 1 or names.count("text") == 1:
        text = 0 if len(names) == 1 else names.index("text")
    else:
        raise DocumentError(
            f"{path}: which column holds the text? Name it by text_column. "
            f"Columns found: {listed}.{hint}"
        )
    return text, None if columns.id is None else find(columns.id_argument, columns.id)


def read_json(path: Path, columns: Columns, report: Report) -> Iterator[Record]:
    """Yield the records of a file of one JSON object a line."""
    blank = None
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            blank = blank or number
            continue
        if blank is not None:
            report(DocumentError(f"{path}, line {blank}: a blank line; expected a JSON object."))
            blank = None
        location = f"line {number}"
        try:
            text, id = _parse_json(f"{path}, {location}", line, columns)
        except DocumentError as error:
            report(error)
        else:
            yield Record(location, id, text)


def _parse_json(location: str, line: str, columns: Columns) -> tuple[str, str | None]:
    """Return the text and the id of one line of JSON."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise DocumentError(
            f"{location}: malformed JSON at column {error.colno}: {error.msg}. "
            f"Expected one object a line."
        ) from None
    except RecursionError:
        raise DocumentError(f"{location}: JSON nested too deep.") from None
    if not isinstance(value, dict):
        raise DocumentError(
            f"{location}: JSON {_json_type(value)}; expected an object with a text."
        )
    keys = list(value)
    text_index, id_index = _find_columns(location, keys, columns)
    text = value[keys[text_index]]
    if not isinstance(text, str):
        raise DocumentError(
            f'{location}: the text is {_json_type(text)}; expected a string ("" is an empty text).'
        )
    if id_index is None:
        return text, None
    id = value[keys[id_index]]
    if not isinstance(id, str | int | None) or isinstance(id, bool):
        kind = columns.id_argument.removesuffix("_column")
        raise DocumentError(
            f"{location}: the {kind} is {_json_type(id)}; expected a string or a number."
        )
    return text, None if id is None else str(id)


def _json_type(value) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a truth value"}
    return "null" if value is None else names.get(type(value), "a number")


def read_parquet(path: Path, columns: Columns, report: Report) -> Iterator[Record]:
    """Yield the records of a Parquet file; a thousand rows are in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise DocumentError(f"{path}: not a readable Parquet file: {error}") from error
    with file:
        schema = file.schema_arrow
        text_index, id_index = _find_columns(path, schema.names, columns)
        text_name = schema.names[text_index]
        id_name = None if id_index is None else schema.names[id_index]
        kind = schema.field(text_index).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (
            pa.types.is_string(plain)
            or pa.types.is_large_string(plain)
            or pa.types.is_string_view(plain)
        ):
            raise DocumentError(f"{path}: the column {text_name!r} holds {kind}; expected strings.")
        names = [text_name] if id_name is None else [text_name, id_name]
        batches = file.iter_batches(1024, columns=names)
        row = 0
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise DocumentError(f"{path}, after row {row}: damaged: {error}") from error
            if batch is None:
                return
            texts = batch[text_name].to_pylist()
            ids = [None] * len(texts) if id_name is None else batch[id_name].to_pylist()
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
