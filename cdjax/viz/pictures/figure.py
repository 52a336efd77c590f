"""Figures: their style, axes of their own, and files that are the same for the same numbers."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cdjax.files.atomic import write_atomically
from cdjax.viz.pictures.board import DARKNESS, Arrange, Look, draw_into, is_light
from cdjax.viz.pictures.fonts import Fonts

WIDTH = 8.0
"""Inches of a picture that has axes of its own; wider where it can't be narrower."""
ENDINGS = ".png", ".svg"
DPI = 150
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.5,
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8,
    "savefig.dpi": DPI,
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "svg.hashsalt": "cdjax",  # else the ids in the file differ from run to run
    "text.parse_math": False,  # a dollar sign is text
}


def styled() -> AbstractContextManager[None]:
    """Return a context with the style of our figures, independent of the user's settings."""
    return style.context(["default", STYLE])


def draw(arrange: Arrange, texts: Sequence[str], axes: Axes | None = None) -> Axes:
    """Draw a picture and return its axes.

    Args:
        arrange: Arranges it for a width.
        texts: All that is written in it.
        axes: Where to draw; a figure of the picture's own size, of pyplot, when None.
    """
    fonts = Fonts(texts)
    if axes is not None:
        return draw_into(axes, arrange, fonts)
    # As the user has figures, whose own settings of the backend must stay.
    from matplotlib import pyplot

    return _fill(pyplot.figure, arrange, fonts, WIDTH).axes[0]


def write(path: Path, arrange: Arrange, texts: Sequence[str], width: float = WIDTH) -> None:
    """Write a picture as a file, `.png` or `.svg`: whole or not at all."""
    with styled():
        save(make_figure(arrange, texts, width), path)


def make_figure(arrange: Arrange, texts: Sequence[str], width: float = WIDTH) -> Figure:
    """Return a figure, none of pyplot's, that is just as large as its picture."""
    return _fill(Figure, arrange, Fonts(texts), width)


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG or SVG, as the file's ending says."""
    picture = io.BytesIO()
    kind = path.suffix.removeprefix(".").lower()
    metadata = {"png": {"Software": None}, "svg": {"Date": None}}[kind]
    figure.savefig(picture, format=kind, metadata=metadata)
    with write_atomically(path) as new:
        new.write_bytes(picture.getvalue())


def _fill(make: Any, arrange: Arrange, fonts: Fonts, width: float) -> Figure:
    board = arrange(width, Look(fonts))
    figure = make(figsize=(board.width, board.height), layout="none")
    if not is_light(figure):
        board = arrange(width, Look(fonts, DARKNESS))
    board.draw(figure.add_axes((0, 0, 1, 1)), 1.0, board.height)
    return figure
