"""Delimited text: CSV and TSV, with and without header and quotes."""

import csv
from collections.abc import Iterator
from itertools import chain, islice

from cdjax.corpus.readers.files import LONGEST_LINE, Source, read_lines
from cdjax.corpus.readers.records import (
    REPEATED,
    Dialect,
    ReadError,
    Record,
    RecordError,
    Report,
)
from cdjax.text.trees import unescape

DELIMITERS = ",;\t|"
SAMPLE = 500

# What a file's only column is called. Another name may as well be the first review.
TEXT_NAMES = frozenset(
    {
        *("text", "texts", "review", "reviews", "review_text", "reviewtext", "sentence"),
        *("sentences", "comment", "comments", "content", "body", "tweet", "message", "document"),
        *("doc", "phrase", "title", "headline", "description", "utterance", "question", "answer"),
    }
)

_SENTENCES = ["sentence_index", "sentence"]
"""The columns of SST's datasetSentences.txt, whose brackets are written as in its trees."""


def read(source: Source, format: str, dialect: Dialect, report: Report) -> Iterator[Record]:
    """Yield the rows of a file.

    Args:
        source: The file.
        format: "csv" or "tsv".
        dialect: How it is written.
        report: Called with the error of a malformed row.

    Raises:
        ReadError: Where it is no text, a quote is never closed, or the only column has a name that
            may be a review.
    """
    lines = read_lines(source, dialect.encoding)
    sample = list(islice(lines, SAMPLE))
    delimiter = dialect.delimiter
    if sample and (first := sample[0][1].strip()).lower().startswith("sep=") and len(first) == 5:
        delimiter, sample = delimiter or first[4], sample[1:]  # Excel's own mark
    if delimiter is None:
        delimiter = "\t" if format == "tsv" else _find_delimiter([line for _, line in sample[:20]])
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise ReadError(f"delimiter is {delimiter!r}; expected one character, as ';'.")
    numbered = chain(sample, lines)
    quotes = dialect.quotes
    if quotes is None:
        quotes = delimiter != "\t" or _is_quoted(sample, delimiter)
    rows = _quoted_rows if quotes else _split_rows
    yield from _records(source, rows(source, numbered, delimiter, dialect, report), dialect, report)


def _records(source: Source, rows, dialect: Dialect, report: Report) -> Iterator[Record]:
    """Yield rows as records; check them against the first."""
    first = next(rows, None)
    if first is None:
        return
    number, row = first
    if dialect.header:
        names = [name.strip() for name in row]
        _check_header(source, number, names, dialect)
    else:
        names = [str(n) for n in range(1, len(row) + 1)]
        rows = chain([first], rows)
    sentences = names == _SENTENCES
    repeated = {name: REPEATED for name in names if names.count(name) > 1}
    for number, row in rows:
        location = f"{source.name}, line {number}"
        if not row:
            report(RecordError(location, 'a blank line; expected a row ("" is an empty text).'))
        elif len(row) != len(names):
            report(
                RecordError(
                    location,
                    f"{len(row)} fields; expected {len(names)}, as in the first row. A field that "
                    f"holds a delimiter, quote or line break must be quoted (quotes=True reads a "
                    f"file so, quotes=False reads one whose quotes are part of the text).",
                )
            )
        elif dialect.header and [name.strip() for name in row] == names:
            report(RecordError(location, "the header once more; expected a row of values."))
        else:
            fields = dict(zip(names, row, strict=True)) | repeated
            if sentences:
                fields[names[1]] = unescape(row[1])
            yield Record(location, fields)


def _check_header(source: Source, number: int, names: list[str], dialect: Dialect) -> None:
    if len(names) != 1 or dialect.columns_are_named or names[0].lower() in TEXT_NAMES:
        return
    name = repr(names[0][:60])
    raise ReadError(
        f"{source.name}, line {number}: {name} would be the name of the only column, and may be "
        f"the first review. header=False takes it as a review, text_column={name} as the name."
    )


def _find_delimiter(lines: list[str]) -> str:
    """Return what parts the fields of a CSV file: no comma where another character does so."""
    lines = [line.rstrip("\r\n") for line in lines if line.strip()]
    if not lines or "," in lines[0]:
        return ","
    for delimiter in DELIMITERS[1:]:
        try:
            counts = {len(row) for row in csv.reader(lines, delimiter=delimiter)}
        except csv.Error:
            continue
        if len(counts) == 1 and counts > {1}:
            return delimiter
    if any(delimiter in lines[0] for delimiter in DELIMITERS[1:]) and len(lines) > 1:
        for delimiter in DELIMITERS[1:]:  # some row is malformed; the header is not
            if delimiter in lines[0] and all(delimiter in line for line in lines):
                return delimiter
    return ","


def _is_quoted(sample: list[tuple[int, str]], delimiter: str) -> bool:
    """Return whether fields of a TSV file stand in quotes, by its first lines.

    Reviews in TSV are mostly not quoted, and may begin with a quote. They are where all rows have
    as many fields if read so, unless that joins lines that are rows by themselves.
    """
    lines = [line for _, line in sample if line.strip()]
    if not any('"' in line for line in lines):
        return False
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row]
    except csv.Error:
        return False
    alike = len({len(row) for row in rows}) == 1
    lines_alike = len({line.count(delimiter) for line in lines}) == 1
    return alike and not (lines_alike and len(rows) < len(lines))


def _quoted_rows(
    source: Source,
    lines: Iterator[tuple[int, str]],
    delimiter: str,
    dialect: Dialect,
    report: Report,
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row and the line it begins at; blank lines may end the file."""
    csv.field_size_limit(2**31 - 1)  # the module's own limit, 128 KB, is shorter than some texts
    begins = last = 0
    size = 0

    def feed() -> Iterator[str]:
        nonlocal begins, last, size
        for number, line in lines:
            last, size = number, size + len(line)
            begins = begins or number
            if size > LONGEST_LINE:
                raise ReadError(
                    f"{source.name}, line {begins}: a row of over {LONGEST_LINE:,} characters: a "
                    f"quote is opened and not closed. Where quotes are part of the text, "
                    f"quotes=False reads it."
                )
            yield line

    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    blank: list[int] = []
    while True:
        begins = size = 0
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ReadError(_explain(source, begins, last, delimiter, str(error))) from None
        if not row:
            blank.append(begins)
            continue
        yield from ((number, []) for number in blank)
        blank.clear()
        if delimiter == "\t" and not dialect.quotes and any("\n" in f and "\t" in f for f in row):
            raise ReadError(
                f"{source.name}, line {begins} to {last}: a field in quotes that holds lines with "
                f"tabs, which may be rows. quotes=True reads it as one field, quotes=False takes "
                f"quotes as a part of the text."
            )
        yield begins, row


def _explain(source: Source, begins: int, last: int, delimiter: str, error: str) -> str:
    """Return what is wrong with a row that can't be read, in our words."""
    where = f"{source.name}, line {begins}"
    unquoted = " Where quotes are part of the text and quote no field, quotes=False reads it."
    if "unexpected end of data" in error:
        return f"{where}: malformed row: a quote is opened and never closed.{unquoted}"
    if "new-line character" in error:
        return (
            f"{where}: a carriage return (CR) in the middle of a field; expected LF or CRLF at the "
            f"end of a row, and a field that holds breaks in quotes."
        )
    if "expected after" in error:
        lines = f"{where}" if begins == last else f"{where} to {last}"
        return (
            f"{lines}: malformed row: a quote in a quoted field is followed by text; expected "
            f"{'a tab' if delimiter == chr(9) else repr(delimiter)} after it. Quotes in a field "
            f'are written twice (""); where they are written \\", as MySQL and Yelp do, convert '
            f'them: sed \'s/\\\\"/""/g\'.{unquoted}'
        )
    return f"{where}: malformed row: {error}."


def _split_rows(
    source: Source,
    lines: Iterator[tuple[int, str]],
    delimiter: str,
    dialect: Dialect,
    report: Report,
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a file that is not quoted, a row a line.

    Unless quotes are ruled out, a field in quotes with quotes written twice in it loses them: so
    writers quote that do it only where they need.
    """
    blank: list[int] = []
    for number, line in lines:
        line = line.rstrip("\r\n")
        if not line:
            blank.append(number)
            continue
        yield from ((n, []) for n in blank)
        blank.clear()
        row = line.split(delimiter)
        yield number, row if dialect.quotes is False else [_unquote(field) for field in row]


def _unquote(field: str) -> str:
    if len(field) > 3 and field[0] == field[-1] == '"' and '""' in field[1:-1]:
        inner = field[1:-1].replace('""', "")
        if '"' not in inner:
            return field[1:-1].replace('""', '"')
    return field
