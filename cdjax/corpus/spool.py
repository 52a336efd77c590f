"""The records of a corpus as a job takes them: one Parquet file, a row group for each part.

All of the input is read before anything is scored, so an error in it shows at once, standard input
can be read again, and any process can take any part.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from cdjax.corpus.readers.records import RecordError
from cdjax.corpus.reviews import Review
from cdjax.scoring.limits import count_pieces
from cdjax.spans import count_spans

PART_SPANS = 1 << 19  # in a part, by a rough count of words, unless one review has more
FIRST_SPANS = 1 << 16  # in the first, doubled in each further one: scoring waits for its tokens
PART_REVIEWS = 1 << 11  # words take memory, however few spans are asked for
PART_CHARACTERS = 1 << 25


class Spooled(NamedTuple):
    """What was read."""

    records: int  # rejected ones too
    parts: int
    sha256: str  # of ids, texts, tokens and kept columns of all records, in order


def spool_schema(keep: Sequence[str]) -> pa.Schema:
    """Return the columns: kept ones as strings."""
    return pa.schema(
        [("doc", pa.int64()), ("location", pa.string()), ("id", pa.string())]
        + [("text", pa.string()), ("tokens", pa.list_(pa.string())), ("rejected", pa.string())]
        + [(name, pa.string()) for name in keep]
    )


def write_spool(
    records: Iterable[Review | RecordError],
    path: Path | None,
    keep: Sequence[str] = (),
    max_len: int | None = None,
    report: Callable[[int], None] = lambda count: None,
) -> Spooled:
    """Write records as a spool.

    Args:
        records: Reviews, and the errors of records that hold none; a record's number is its index.
        path: The file; when None nothing is written, and the hash alone is of use.
        keep: Columns kept.
        max_len: Words of the longest span that will be scored; parts hold about the same work.
        report: Called now and then with the number of records read.
    """
    schema = spool_schema(keep)
    digest = hashlib.sha256()
    writer = None if path is None else pq.ParquetWriter(path, schema, compression="zstd")
    rows: list[tuple] = []
    spans = characters = parts = count = 0

    def write() -> None:
        nonlocal spans, characters, parts
        if writer is not None:
            columns = zip(*rows, strict=True)
            arrays = [pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
        parts += 1
        rows.clear()
        spans = characters = 0
        report(count)

    try:
        for record in records:
            if isinstance(record, RecordError):
                here = size = 0
                content = None, None, None, record.reason, *[None] * len(keep)
            else:
                tokens = None if record.tokens is None else list(record.tokens)
                words = count_pieces(record.text or "") if tokens is None else len(tokens)
                here, size = count_spans(words, max_len), len(record.text or "")
                kept = [record.kept.get(name) for name in keep]
                content = record.id, record.text, tokens, None, *kept
            most = min(PART_SPANS, FIRST_SPANS << min(parts, 30))
            full = spans + here > most or characters + size > PART_CHARACTERS
            if rows and (full or len(rows) == PART_REVIEWS):
                write()
            rows.append((count, record.location, *content))
            digest.update(json.dumps(content).encode())
            spans, characters, count = spans + here, characters + size, count + 1
        if rows:
            write()
    finally:
        if writer is not None:
            writer.close()
    return Spooled(count, parts, digest.hexdigest())


def read_part(path: Path, number: int) -> pa.RecordBatch:
    """Read the records of one part."""
    with pq.ParquetFile(path) as file:
        table = file.read_row_group(number)
    (batch,) = table.combine_chunks().to_batches()
    return batch
