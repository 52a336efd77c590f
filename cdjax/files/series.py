"""Files of series: a row a step, a column a feature; CSV, TSV, Parquet or `.npy`.

Rows are numbered from 0, the header not counted.
"""

import contextlib
import csv
import io
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cdjax.files.packed import FileError, inner_suffix, open_packed
from cdjax.files.times import Times, read_times

ENDINGS = (".csv", ".tsv", ".parquet", ".npy")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-", "#n/a", "nil"})
"""Texts that say that there is no value, in lower case."""


class SeriesFile(NamedTuple):
    """The columns of a file that are wanted."""

    name: str
    columns: tuple[str, ...]
    values: Any  # an Arrow array a column, as the file has them; or one array [N, D]
    times: Times | None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values) if isinstance(self.values, np.ndarray) else len(self.values[0])

    def show_row(self, row: int) -> str:
        """Return the name of a row, with its time."""
        return f"row {row}" + ("" if self.times is None else f" ({self.times.show(row)})")

    def read_rows(self, first: int, stop: int) -> Float[np.ndarray, "t d"]:
        """Return the numbers of the rows from `first` to before `stop`, in float64.

        Raises:
            FileError: Where a value is missing, no number or not finite; names row and column.
        """
        rows = np.empty((stop - first, len(self.columns)))
        for d, column in enumerate(self.columns):
            given = self.values[first:stop, d] if isinstance(self.values, np.ndarray) else None
            given = (
                self.values[d].slice(first, stop - first).to_pylist() if given is None else given
            )
            for t, value in enumerate(given):
                rows[t, d] = self._read_number(value, first + t, column)
        return rows

    def _read_number(self, value: Any, row: int, column: str) -> float:
        where = f"{self.name}, {self.show_row(row)}: {column}"
        text = value.strip() if isinstance(value, str) else value
        if text is None or (isinstance(text, str) and text.lower() in MISSING):
            found = f" ({value!r})" if value else ""
            raise FileError(
                f"{where} is missing{found}; expected a number. Fill the gaps as in training, or "
                f"choose another window (at)."
            )
        try:
            number = float(text)
        except (TypeError, ValueError):
            try:  # a decimal comma
                number = float(text.replace(",", ".")) if text.count(",") == 1 else None
            except (AttributeError, ValueError):
                number = None
        if number is None or isinstance(value, bool):
            raise FileError(f"{where} is {value!r}; expected a number.")
        if math.isnan(number):
            raise FileError(f"{where} is missing (NaN); expected a number.")
        if math.isinf(number):
            raise FileError(f"{where} is {value!r}; expected a finite number.")
        return number


def read_series(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    time_column: str | None = None,
) -> SeriesFile:
    """Return the columns of a file of series, unread but for the times, which are checked.

    Args:
        path: The file, told by the ending of its name; text may be packed (`.csv.gz`).
        columns: The features, in the order in which the network reads them; all columns but the
            time when None. Those of a `.npy` array are "0", "1" ...
        time_column: The column of the times, numbers or dates in ascending order.

    Raises:
        FileError: Where it can't be read, a column is not there, or times are missing, out of order
            or twice. A ValueError.
        FileNotFoundError: Where there is no file.
    """
    path = Path(path)
    suffix = inner_suffix(path.name)
    if suffix not in ENDINGS:
        raise FileError(f"{path} is of no known kind; expected a file of {', '.join(ENDINGS)}.")
    if suffix == ".npy":
        array = _load_array(path)
        names = [str(d) for d in range(array.shape[1])]
        chosen = _choose(path.name, names, columns, time_column)
        times = None
        if time_column is not None:
            import pyarrow as pa

            times = read_times(pa.array(array[:, int(time_column)]), f"column {time_column}")
        return SeriesFile(path.name, chosen, array[:, [int(name) for name in chosen]], times)
    with _told_by_name(path.name):
        names, load = _open_parquet(path) if suffix == ".parquet" else _open_text(path, suffix)
        chosen = _choose(path.name, names, columns, time_column)
        table = load([*chosen, *(() if time_column is None else (time_column,))])
    times = None
    if time_column is not None:
        try:
            times = read_times(table[time_column], time_column)
        except FileError as error:
            raise FileError(f"{path.name}, {error}") from error
    return SeriesFile(path.name, chosen, [table[name] for name in chosen], times)


def _choose(
    name: str, names: Sequence[str], columns: Sequence[str] | None, time_column: str | None
) -> tuple[str, ...]:
    """Return the columns wanted, all of which are there, once."""
    if columns is None:
        columns = [column for column in names if column != time_column]
    elif time_column in columns:
        raise FileError(f"columns holds the time_column {time_column!r}; leave it out of them.")
    for column in (*columns, *(() if time_column is None else (time_column,))):
        if names.count(column) != 1:
            found = "no column" if column not in names else "more than one column"
            raise FileError(f"{name} has {found} {column!r}; its columns are {', '.join(names)}.")
    if len(set(columns)) < len(columns):
        raise FileError(f"columns names one twice: {', '.join(columns)}.")
    if not columns:
        raise FileError(f"{name} has no column but {time_column!r}; expected features.")
    return tuple(columns)


@contextlib.contextmanager
def _told_by_name(name: str) -> Iterator[None]:
    """Turn what Arrow raises into `FileError`."""
    import pyarrow as pa

    try:
        yield
    except (FileError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (pa.ArrowException, OSError, UnicodeError, csv.Error) as error:
        message = str(error).removeprefix("CSV parse error: ")
        raise FileError(f"{name} can't be read: {message}") from error


def _load_array(path: Path) -> np.ndarray:
    """Return the array `[N, D]` of a file; pickled objects are never read."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            raise
        raise FileError(f"{path.name} can't be read: {error}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise FileError(
            f"{path.name} holds {getattr(array, 'dtype', 'no array')}; expected numbers."
        )
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2:
        raise FileError(
            f"{path.name} has shape {list(array.shape)}; expected [N, D], a row a step."
        )
    return array


def _open_parquet(path: Path) -> tuple[list[str], Any]:
    import pyarrow.parquet as pq

    with path.open("rb"):  # a missing file is told as such
        schema = pq.read_schema(path)
    return list(schema.names), lambda columns: pq.read_table(path, columns=columns)


def _open_text(path: Path, suffix: str) -> tuple[list[str], Any]:
    """Return the names of the columns, and a function that reads some of them as texts."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    with path.open("rb") as file, open_packed(file, path.name, _choose_member) as data:
        content = data.read()
    encoding = _find_encoding(content)
    header = content[: 1 << 16].decode(encoding, "ignore").removeprefix("\ufeff")
    line = next(filter(str.strip, io.StringIO(header)), "")
    if not line:
        raise FileError(f"{path.name} is empty; expected a header and a row a step.")
    delimiter = "\t" if suffix == ".tsv" else max(",;\t|", key=line.count)
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    if names and all(map(_is_number, names)):
        raise FileError(f"{path.name} has no header; expected one, with the columns' names.")
    if encoding != "utf-8":
        content = content.decode(encoding).encode()
    unique = [name if names.count(name) == 1 else f"{name}\0{n}" for n, name in enumerate(names)]

    def load(columns: list[str]) -> Any:
        return arrow.read_csv(
            pa.BufferReader(content.removeprefix(b"\xef\xbb\xbf")),
            arrow.ReadOptions(column_names=unique, skip_rows=1),
            arrow.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            arrow.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=columns,
                strings_can_be_null=False,
            ),
        )

    return names, load


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _find_encoding(content: bytes) -> str:
    """Return UTF-16 where its mark is there, UTF-8, or else that of old Windows."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _choose_member(members: Sequence[str]) -> str | None:
    texts = [member for member in members if member.lower().endswith((".csv", ".tsv"))]
    return texts[0] if len(texts) == 1 else None
