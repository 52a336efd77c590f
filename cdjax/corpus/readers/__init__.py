"""Readers, one file a format; all yield records of named fields with where they are.

To read another format, write a module with a function that yields `Record`s, reports a malformed
record as a `RecordError`, raises `ReadError` for what can't be read on, and name it in
`read_records` and its endings in `files.SUFFIXES`.
"""

import re
from collections.abc import Iterator

from cdjax.corpus.readers import delimited, json_lines, lines, parquet, trees
from cdjax.corpus.readers.files import SUFFIXES, Source, open_bytes
from cdjax.corpus.readers.records import Dialect, ReadError, Record, Report

FORMATS = ("txt", "csv", "tsv", "jsonl", "parquet", "trees")
"""What can be read."""

# A tree's line begins "(3 (2 ..." or is "(3 word)", or "(3" where it goes on in the next line; a
# review may begin "(5 stars)" and be none.
_TREE = re.compile(r"\(\d \(|\(\d [^ ()]+\)\s*$|\(\d\s*\n\s*\(\d ")


def find_format(source: Source) -> str:
    """Return which of `FORMATS` a file has, by its name; trees in a `.txt` by its first lines.

    Raises:
        ReadError: Where its ending stands for no format.
    """
    format = source.format
    if source.path == "-":
        return "txt"
    if format is None:
        with open_bytes(source) as file:  # it may be something that has a name
            file.read(1)
        raise ReadError(
            f"{source.name}: unknown file type; expected {', '.join(SUFFIXES)}, also packed (.gz, "
            f".bz2, .xz, .zst), or format=NAME, one of {', '.join(FORMATS)}."
        )
    if format == "txt":
        try:
            with open_bytes(source) as file:
                head = file.read(4096).decode("utf-8-sig", "replace")
        except Exception:  # the reader says what it is
            return format
        format = "trees" if _TREE.match(head) else "txt"
    return format


def read_records(
    source: Source, format: str | None, dialect: Dialect, report: Report
) -> Iterator[Record]:
    """Yield the records of one file, in its order.

    Args:
        source: The file.
        format: One of `FORMATS`; `find_format` chooses when None.
        dialect: How it is written.
        report: Called with the error of each record that is left out.

    Raises:
        ReadError: Where the file can't be read, or not to its end.
    """
    chosen = format or find_format(source)
    if chosen not in FORMATS:
        raise ReadError(f"format is {chosen!r}; expected one of {', '.join(FORMATS)}.")
    if not dialect.header and chosen not in ("csv", "tsv"):
        raise ReadError(f"{source.name} is read as {chosen}; only csv and tsv can lack a header.")
    if chosen == "txt":
        yield from lines.read(source, dialect, told=format is not None)
    elif chosen == "jsonl":
        yield from json_lines.read(source, dialect, report)
    elif chosen == "parquet":
        yield from parquet.read(source, report)
    elif chosen == "trees":
        yield from trees.read(source)
    else:
        yield from delimited.read(source, chosen, dialect, report)
