"""The names of a series' features and steps, as every view shows them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def write_times(times: Iterable[Any]) -> tuple[str, ...]:
    """Return times of any kind as texts: dates of NumPy with a space before the clock.

    >>> write_times(np.array(["2024-01-31T13:00", "2024-01-31T14:00"], "datetime64[s]"))
    ('2024-01-31 13:00:00', '2024-01-31 14:00:00')
    >>> write_times([1950, 1951])
    ('1950', '1951')
    """
    return tuple(
        str(time).replace("T", " ") if isinstance(time, np.datetime64) else str(time)
        for time in times
    )


def shorten_times(times: Sequence[str]) -> tuple[str, ...]:
    """Return times without what all of them end in and says nothing: zero seconds, midnight.

    >>> shorten_times(["2024-01-31 13:00:00", "2024-01-31 14:00:00"])
    ('2024-01-31 13:00', '2024-01-31 14:00')
    """
    shown = tuple(times)
    endings = (".000000000", 2), (".000000", 2), (":00", 2), (" 00:00", 1), ("T00:00", 1)
    for ending, colons in endings:
        if all(text.endswith(ending) and text.count(":") == colons for text in shown):
            shown = tuple(text.removesuffix(ending) for text in shown)
    return shown


def name_window(times: Sequence[str] | None, start: int, stop: int) -> str:
    """Return the name of a window: its first and last time, or its steps where there are no times.

    Of one day, the day only once.

    >>> name_window(["2024-01-31 13:00", "2024-01-31 14:00", "2024-02-01 00:00"], 0, 2)
    '2024-01-31 13:00 to 14:00'
    >>> name_window(None, 3, 4), name_window(None, 3, 6)
    ('step 3', 'steps 3:6')
    """
    if times is None or start >= stop:
        return f"step {start}" if stop == start + 1 else f"steps {start}:{stop}"
    first, last = times[start], times[stop - 1]
    if stop - start == 1:
        return first
    day, space, clock = last.rpartition(" ")
    return f"{first} to {clock if space and first.startswith(day + space) else last}"


def list_steps(explanation: Any) -> tuple[str, ...]:
    """Return the name of every step of an `Explanation` of a series."""
    return tuple(explanation.phrase_text(t, t + 1) for t in range(len(explanation)))


def list_features(explanation: Any) -> tuple[str, ...]:
    """Return the names of the features of an `Explanation` of a series, numbers where none are."""
    if explanation.features is not None:
        return explanation.features
    return tuple(f"feature {d + 1}" for d in range(explanation.series.shape[1]))
