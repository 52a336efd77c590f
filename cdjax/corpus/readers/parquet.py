"""Parquet: a file at a time, a thousand rows of it in memory."""

from collections.abc import Iterator
from pathlib import Path

from cdjax.corpus.readers.files import Source
from cdjax.corpus.readers.records import REPEATED, ReadError, Record, RecordError, Report

ROWS = 1024
MOST_BYTES = 1 << 30
"""Of a group of rows, unpacked, where that is far more than the file has."""
MOST_SHARE = 1000
"""Rows, and bytes unpacked, for each byte of the file, at most."""


def read(source: Source, report: Report) -> Iterator[Record]:
    """Yield the rows of a file; of columns that hold strings, numbers, truth values or dates.

    Raises:
        ReadError: Where it is no Parquet file, damaged, or would unpack to far more than it is.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    damaged = pa.ArrowException, OSError, MemoryError, OverflowError, ValueError
    if not Path(source.path).is_file():
        raise ReadError(f"{source.name}: Parquet is read from files; expected the name of one.")
    try:
        file = pq.ParquetFile(source.path)
        schema = file.schema_arrow
    except damaged as error:
        raise ReadError(f"{source.name}: not a readable Parquet file: {error}") from error
    with file:
        _check_size(source, file)
        names = [name for name in schema.names if schema.names.count(name) == 1]
        repeated = dict.fromkeys(set(schema.names) - {*names}, REPEATED)
        row = 0
        batches = file.iter_batches(ROWS, columns=names)
        while True:
            try:
                batch = next(batches, None)
            except damaged as error:
                raise ReadError(f"{source.name}, after row {row}: damaged: {error}") from error
            if batch is None:
                return
            for index in range(len(batch)):
                location = f"{source.name}, row {row}"
                row += 1
                try:
                    fields = {name: batch[name][index].as_py() for name in names} | repeated
                except (UnicodeDecodeError, ValueError, OverflowError) as error:
                    report(RecordError(location, f"{error}; expected valid values."))
                else:
                    yield Record(location, fields)


def _check_size(source: Source, file) -> None:
    size = Path(source.path).stat().st_size
    metadata = file.metadata
    if metadata.num_rows > MOST_SHARE * size:
        raise ReadError(
            f"{source.name}: {metadata.num_rows:,} rows in {size:,} bytes; expected no more than "
            f"{MOST_SHARE:,} a byte."
        )
    # Not by column, each of which PyArrow reads without a guard: a damaged one ends the process.
    for group in range(metadata.num_row_groups):
        unpacked = metadata.row_group(group).total_byte_size
        if unpacked > MOST_BYTES and unpacked > MOST_SHARE * size:
            raise ReadError(
                f"{source.name}: {unpacked:,} bytes in {size:,} packed; expected no more than "
                f"{MOST_SHARE:,} times."
            )
