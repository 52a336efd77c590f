"""Labelled reviews from files: CSV, TSV, JSON lines, Parquet, and Yelp Review Polarity."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from cdjax.text.documents import find_format, read_records
from cdjax.text.readers import DocumentError, Report, raise_error

FORMATS = ("csv", "tsv", "jsonl", "parquet", "yelp")
"""What can be read. `yelp` is Zhang, Zhao & LeCun's: a CSV file without a header, of the class and
the text, where a line break is written as the two characters \\n."""


class Labelled(NamedTuple):
    """One labelled review."""

    text: str
    label: str
    location: str  # in its file: "line 3"


def read_labelled(
    path: str | os.PathLike,
    format: str | None = None,
    *,
    text_column: str | None = None,
    label_column: str = "label",
    report: Report = raise_error,
) -> Iterator[Labelled]:
    """Yield the labelled reviews of a file, one at a time, so that it may be larger than memory.

    Args:
        path: The file, in UTF-8.
        format: One of `FORMATS`; chosen by the file's name when None (never `yelp`).
        text_column: The column (key, in JSON lines) of the text; the column `text` when None. None
            for `yelp`, as is that of the label.
        label_column: The column of the label.
        report: Called with the error of a malformed record, which is left out where it returns.

    Raises:
        DocumentError: Where the file is missing, not UTF-8, or lacks a column; where a record is
            malformed, has no label, or a text that is blank.
    """
    format = format or find_format(path)
    if format not in FORMATS:
        raise DocumentError(
            f"{os.fspath(path)} is read as {format}, which has no labels; expected one of "
            f"{', '.join(FORMATS)}."
        )

    yelp = format == "yelp"
    records = read_records(
        path,
        "csv" if yelp else format,
        text_column="2" if yelp else text_column,
        id_column="1" if yelp else label_column,
        header=not yelp,
        id_argument="label_column",
        report=report,
    )
    for location, label, text in records:
        record = f"{os.fspath(path)}, {location}"
        if not label or not label.strip():
            report(DocumentError(f"{record}: there is no label; expected one for every review."))
        elif not text.strip():
            report(DocumentError(f"{record}: the text is blank; expected a review."))
        else:
            text = text.replace("\\n", "\n").replace('\\"', '"') if yelp else text
            yield Labelled(text, label.strip(), location)
