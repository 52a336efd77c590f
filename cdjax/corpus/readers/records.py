"""Records: what a file of reviews holds, as named fields; and what can be wrong with it."""

from collections.abc import Callable
from typing import Any, NamedTuple

_LONGEST = 1000
"""Characters of a message, which may quote what a file holds."""


def _shorten(message: str) -> str:
    half = _LONGEST // 2
    return message if len(message) <= _LONGEST else f"{message[:half]} ... {message[-half:]}"


class ReadError(ValueError):
    """A file that is not as expected. The message says where, what was found and the remedy."""

    def __init__(self, message: str):
        super().__init__(_shorten(message))


class RecordError(ReadError):
    """A record that is malformed by itself; those after it can be read."""

    def __init__(self, location: str, reason: str):
        super().__init__(f"{location}: {reason}")
        self.location = location  # "reviews.csv, line 3"
        self.reason = _shorten(reason)


class Record(NamedTuple):
    """One record of a file."""

    location: str  # "reviews.csv, line 3"
    fields: dict[str, Any]
    """Values by column, as the file has them: strings; in JSON and Parquet also numbers, truth
    values, None, lists and dicts."""


Report = Callable[[RecordError], None]
"""Called with the error of a record, which is left out where the call returns."""


def raise_error(error: RecordError) -> None:
    """Raise the error: the report of a caller that wants no record left out."""
    raise error


class Dialect(NamedTuple):
    """How a file is written, where it does not tell."""

    header: bool = True
    """Whether the first row of delimited text names its columns; else they are 1, 2, ..."""
    delimiter: str | None = None
    """Between the fields of a row; told by the file when None."""
    quotes: bool | None = None
    """Whether fields may stand in double quotes; told by the file when None."""
    encoding: str | None = None
    """Of the text; UTF-8 or what a byte order mark says when None."""
    columns_are_named: bool = False
    """Whether the caller names the text's column, so that a header is meant to be one."""


REPEATED = object()
"""The value of a column whose name another has, too."""
