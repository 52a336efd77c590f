"""Checks of what is to be drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


class FigureError(ValueError):
    """A figure cannot be drawn: names the part, what was found and what was expected."""


def check_count(items: Sequence[object], name: str, most: int | None = None) -> None:
    """Refuse an empty sequence, and one of more than `most` items.

    Raises:
        FigureError: Names the items and their number.
    """
    if not len(items):
        raise FigureError(f"there are no {name}; expected at least one.")
    if most is not None and len(items) > most:
        raise FigureError(f"there are {len(items)} {name}; expected at most {most}.")


def finite(values: ArrayLike, *names: str) -> np.ndarray:
    """Return values as an array of at least one finite number."""
    array = np.asarray(values, float)
    name = ", ".join(map(repr, names))
    if array.ndim != 1 or not len(array):
        raise FigureError(f"{name} has shape {list(array.shape)}; expected [N], N at least 1.")
    if not np.isfinite(array).all():
        index = int(np.argmin(np.isfinite(array)))
        raise FigureError(f"{name} is {array[index]} at {index}; expected finite numbers.")
    return array
