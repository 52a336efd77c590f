"""The style of every figure, its files, and checks of the values to draw."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

try:
    from matplotlib import style
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"figures need {error.name}, which is not installed: pip install 'cdjax[plot]'.",
        name=error.name,
    ) from None

__all__ = [
    "Axes",
    "Figure",
    "FigureError",
    "Rectangle",
    "check_count",
    "finite",
    "save",
    "styled",
]

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
    "text.parse_math": False,  # a dollar sign is text
}


class FigureError(ValueError):
    """A figure cannot be drawn: names the part, what was found and what was expected."""


def styled() -> AbstractContextManager[None]:
    """Return a context with the style of our figures, independent of the user's settings."""
    return style.context(["default", STYLE])


def save(figure: Figure, stem: Path) -> None:
    """Write a figure as PNG and SVG: atomically, and the same bytes for the same figure."""
    for ending, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        picture = io.BytesIO()
        figure.savefig(picture, format=ending[1:], metadata=metadata)
        path = stem.with_name(stem.name + ending)
        part = path.with_name(path.name + ".part")
        part.write_bytes(picture.getvalue())
        part.replace(path)


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
