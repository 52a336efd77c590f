"""JSON: one object a line, or one array of objects."""

import json
from collections.abc import Iterator
from itertools import chain

from cdjax.corpus.readers.files import LONGEST_LINE, Source, read_lines
from cdjax.corpus.readers.records import Dialect, ReadError, Record, RecordError, Report


def read(source: Source, dialect: Dialect, report: Report) -> Iterator[Record]:
    """Yield the objects of a file.

    Raises:
        ReadError: Where it is no text, or an array that is no JSON.
    """
    lines = read_lines(source, dialect.encoding)
    blank = []
    for number, line in lines:
        location = f"{source.name}, line {number}"
        if not line.strip():
            blank.append(location)
            continue
        for earlier in blank:
            report(RecordError(earlier, "a blank line; expected a JSON object."))
        blank.clear()
        if number == 1 and _is_array(line):
            yield from _array(source, chain([(number, line)], lines), report)
            return
        try:
            fields = _object(json.loads(line))
        except (ValueError, RecursionError) as error:
            report(RecordError(location, _explain(error)))
        else:
            yield Record(location, fields)


def _is_array(line: str) -> bool:
    """Return whether a file whose first line this is holds an array of objects."""
    return line.lstrip().startswith("[") and line.strip()[1:].lstrip()[:1] in ("", "{")


def _array(source: Source, lines: Iterator[tuple[int, str]], report: Report) -> Iterator[Record]:
    parts, size = [], 0
    for _, line in lines:
        parts.append(line)
        size += len(line)
        if size > LONGEST_LINE:
            raise ReadError(
                f"{source.name}: an array of more than {LONGEST_LINE:,} characters; it is read as "
                f"a whole; expected one object a line: jq -c '.[]' converts it."
            )
    try:
        values = json.loads("".join(parts))
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{source.name}: {_explain(error)}") from None
    for number, value in enumerate(values):
        location = f"{source.name}, element {number}"
        try:
            yield Record(location, _object(value))
        except ValueError as error:
            report(RecordError(location, str(error)))


def _object(value) -> dict:
    if not isinstance(value, dict):
        raise ValueError(f"JSON {json_type(value)}; expected an object with a text.")
    return value


def _explain(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return (
            f"malformed JSON at column {error.colno}: {error.msg}. Expected one object a line, or "
            f"one array of objects."
        )
    if isinstance(error, RecursionError):
        return "JSON nested too deep."
    if "digits" in str(error):  # of Python's integers
        return "a number of more than 4,300 digits; expected it as a string."
    return str(error)


def json_type(value) -> str:
    """Return what a value is called in JSON."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a truth value"}
    names |= {type(None): "null", int: "a number", float: "a number"}
    return names.get(type(value), f"of type {type(value).__name__}")
