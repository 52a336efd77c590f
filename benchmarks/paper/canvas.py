"""What every figure has in common: its style, its files, and the checks of what is to be drawn."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.5,
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8,
    "savefig.dpi": 150,
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "svg.hashsalt": "cdjax",  # else the ids in the file differ from run to run
    "text.parse_math": False,  # a dollar sign is a word of a review
}


class FigureError(ValueError):
    """What was to be drawn cannot be: says which part, what was found and what was expected."""


def styled() -> AbstractContextManager[None]:
    """Return a context in which figures look the same, whatever the user has configured."""
    return style.context(["default", STYLE])


def save(figure: Figure, stem: Path) -> None:
    """Write a figure as PNG and SVG, each whole or not at all, the same bytes every time."""
    for ending, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        picture = io.BytesIO()
        figure.savefig(picture, format=ending[1:], metadata=metadata)
        path = stem.with_name(stem.name + ending)
        part = path.with_name(path.name + ".part")
        part.write_bytes(picture.getvalue())
        part.replace(path)


def check_some(things: Sequence[object], name: str, most: int | None = None) -> None:
    """Refuse nothing at all, and too much of it.

    Raises:
        FigureError: Names what there is too little or too much of.
    """
    if not len(things):
        raise FigureError(f"there are no {name}; expected at least one.")
    if most is not None and len(things) > most:
        raise FigureError(f"there are {len(things)} {name}; expected at most {most}.")


def finite(values: ArrayLike, *names: str) -> np.ndarray:
    """Return values as an array of finite numbers, at least one."""
    array = np.asarray(values, float)
    name = ", ".join(map(repr, names))
    if array.ndim != 1 or not len(array):
        raise FigureError(f"{name} has shape {list(array.shape)}; expected [N], N at least 1.")
    if not np.isfinite(array).all():
        place = int(np.argmin(np.isfinite(array)))
        raise FigureError(f"{name} is {array[place]} at {place}; expected finite numbers.")
    return array
