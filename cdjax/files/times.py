"""Times of a file's rows: numbers or dates, as they are written."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped

from cdjax.files.packed import FileError

_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
_MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%b-%Y")
FORMATS = (*(day + clock for day, clock in itertools.product(_DAYS, _CLOCKS)), *_MONTHS)
"""How dates are written, beside ISO 8601."""

Read = Callable[[Any], Any]  # an Arrow array of texts -> its times; raises or gives nulls


class Times(NamedTuple):
    """Times in ascending order."""

    values: Shaped[np.ndarray, "n"]  # what can be compared
    texts: Any  # Arrow array of what the file holds
    read: Read

    def show(self, row: int) -> str:
        """Return a row's time as it is in the file."""
        return str(self.texts[row].as_py())

    def find(self, text: str) -> int:
        """Return the row of a time, written as in the file or as an ISO date.

        Raises:
            FileError: Where there is none.
        """
        import pyarrow as pa

        wanted = _try(self.read, pa.array([text])) or _try(_read_dates, pa.array([text]))
        if wanted is None or wanted.null_count:
            raise FileError(f"at is {text!r}, which is no time; expected as {self.show(0)!r}.")
        value = _as_numpy(wanted.cast(_arrow_type(self.values), safe=False))[0]
        row = int(np.searchsorted(self.values, value))
        if row == len(self.values) or self.values[row] != value:
            near = [self.show(n) for n in (row - 1, row) if 0 <= n < len(self.values)]
            raise FileError(f"at is {text!r}, and no row has that time; near: {', '.join(near)}.")
        return row


def read_times(texts: Any, column: str) -> Times:
    """Return the times of a column, each later than the one before.

    Args:
        texts: An Arrow array: of texts, numbers or dates.
        column: What messages call it.

    Raises:
        FileError: Where a time is missing, cannot be read, or is not later than the one before;
            says in which row.
    """
    import pyarrow as pa

    compute = _compute()
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    is_text = pa.types.is_string(texts.type)
    missing = compute.is_null(texts)
    if is_text:
        texts = compute.utf8_trim_whitespace(texts)
        missing = compute.or_(missing, compute.equal(texts, ""))
    if (first := compute.index(missing, True).as_py()) >= 0:
        raise FileError(f"row {first}: {column} is missing; expected a time in every row.")
    if not is_text:
        if not (pa.types.is_temporal(texts.type) or pa.types.is_integer(texts.type)) and (
            not pa.types.is_floating(texts.type)
        ):
            raise FileError(f"{column} holds {texts.type}; expected numbers or dates.")
        times = Times(_as_numpy(texts), texts, lambda given: given.cast(texts.type))
        _check_order(times, column)
        return times
    found = []
    for read in (_read_numbers, _read_dates, *(_reader(form) for form in FORMATS)):
        if (values := _try(read, texts)) is not None and not values.null_count:
            found.append(Times(_as_numpy(values), texts, read))
            if _first_unsorted(found[-1].values) is None:
                return found[-1]
    if not found:
        row = _first_unreadable(texts)
        raise FileError(
            f"row {row}: {column} is {texts[row].as_py()!r}; expected numbers, or dates such as "
            f"2024-01-31 13:00 or 31.01.2024 13:00."
        )
    _check_order(found[0], column)
    return found[0]


def _compute() -> Any:
    """Return Arrow's functions, which it makes while it is imported."""
    import pyarrow.compute

    return pyarrow.compute


def _read_numbers(texts: Any) -> Any:
    import pyarrow as pa

    return texts.cast(pa.float64())


def _read_dates(texts: Any) -> Any:
    """Return ISO dates; those with a zone in UTC."""
    import pyarrow as pa

    try:
        return texts.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return texts.cast(pa.timestamp("us", "UTC"))


def _reader(form: str) -> Read:
    return lambda texts: _compute().strptime(texts, format=form, unit="us", error_is_null=True)


def _try(read: Read, texts: Any) -> Any:
    import pyarrow as pa

    try:
        return read(texts)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _first_unreadable(texts: Any) -> int:
    """Return the first row that is not as the rows before: the one to be named."""
    readers = [_read_numbers, _read_dates, *(_reader(form) for form in FORMATS)]
    for row in range(len(texts)):
        one = texts.slice(row, 1)
        readers = [r for r in readers if (v := _try(r, one)) is not None and not v.null_count]
        if not readers:
            return row
    return 0


def _as_numpy(array: Any) -> np.ndarray:
    values = array.to_numpy(zero_copy_only=False)
    return values.astype("datetime64[us]").astype(np.int64) if values.dtype.kind in "MO" else values


def _arrow_type(values: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.timestamp("us") if values.dtype.kind == "i" else pa.from_numpy_dtype(values.dtype)


def _first_unsorted(values: np.ndarray) -> int | None:
    """Return the first row that is not later than the one before."""
    later = values[1:] > values[:-1]
    return None if later.all() else int(np.argmin(later)) + 1


def _check_order(times: Times, column: str) -> None:
    if (row := _first_unsorted(times.values)) is None:
        return
    same = times.values[row] == times.values[row - 1]
    what = "the same time as" if same else "earlier than"
    raise FileError(
        f"row {row}: {column} is {times.show(row)}, {what} row {row - 1} ({times.show(row - 1)}); "
        f"expected each row later than the one before. Sort the file by {column}, a row a time."
    )
