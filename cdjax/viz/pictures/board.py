"""What a picture is made of before there are axes: boxes, lines and texts, in inches.

A picture is arranged for a width, so that its texts wrap and nothing is on top of anything else,
and then drawn: into axes of its own that have just its size, or into given ones, smaller where they
are too small for it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from cdjax.viz.pictures.fonts import Fonts
from cdjax.viz.scale import DARK, NO_NUMBER, STEPS, Step

MANY = 1000
"""Boxes of one colour above which they are one picture within an SVG."""
SMALLEST = 0.4
"""The factor by which a picture is made smaller at most."""


class Ink(NamedTuple):
    """The colours of a picture beside those of scores."""

    text: str
    faint: str  # of what explains
    line: str
    total: str  # of bars that are no score of a phrase
    neutral: str  # the ground of a score that says nothing
    grounds: tuple[tuple[str, str], ...]  # of the steps of the scale, each with its text
    hatching: tuple[str, ...]  # of the two steps below zero


LIGHT = Ink(
    *("#1a1a1a", "#595959", "#8c8c8c", "#595959", "#f1f1f1"),
    tuple((step.background, step.foreground) for step in STEPS),
    ("#d9766a", "#d9795f"),
)
DARKNESS = Ink(
    *("#e8e8e8", "#b0b0b0", "#7a7a7a", "#b0b0b0", "#2c2c2c"),
    DARK,
    ("#f0909a", "#a05548"),
)


class Look(NamedTuple):
    """How a picture is written: its fonts and its colours."""

    fonts: Fonts
    ink: Ink = LIGHT

    def ground(self, step: Step) -> tuple[str, str, str | None]:
        """Return the ground of a step, the text on it and, below zero, the hatching in it."""
        index = STEPS.index(step) if step != NO_NUMBER else 2
        ground, text = self.ink.grounds[index]
        hatching = self.ink.hatching[index] if index < 2 else None
        return ground or self.ink.neutral, text or self.ink.text, hatching


class Axis(NamedTuple):
    """Where the data's 0 is on a board, and how many inches a unit of the data is."""

    origin: float = 0.0
    unit: float = 1.0

    def to_data(self, inches: Any) -> Any:
        """Return positions in inches as data."""
        return (inches - self.origin) / self.unit


class _Place(NamedTuple):
    """Where and how the marks of a board are drawn."""

    x: Axis
    y: Axis
    size: float  # factor of all sizes in points
    order: float  # what is on top of what
    fonts: Fonts


class _Boxes(NamedTuple):
    corners: Float[np.ndarray, "n 4"]  # left, upper, width, height
    fill: str
    hatching: str | None
    edge: str | None

    def move(self, x: float, y: float) -> "_Boxes":
        return self._replace(corners=self.corners + np.array([x, y, 0.0, 0.0]))

    def draw(self, axes: Axes, to: _Place) -> None:
        left, upper, width, height = self.corners.T
        left, right = to.x.to_data(left), to.x.to_data(left + width)
        upper, lower = to.y.to_data(upper), to.y.to_data(upper + height)
        style: dict[str, Any] = {"facecolor": self.fill, "linewidth": 0, "zorder": to.order}
        if self.hatching is not None:  # in the colour of the edge
            hatching = {"hatch": "//////", "hatch_linewidth": 0.6 * to.size}
            style |= {"edgecolor": self.hatching, **hatching}
        if len(self.corners) == 1:
            box = (left[0], lower[0]), right[0] - left[0], upper[0] - lower[0]
            axes.add_patch(Rectangle(*box, **style))
            if self.edge is not None:
                outline = {"facecolor": "none", "edgecolor": self.edge, "zorder": to.order}
                axes.add_patch(Rectangle(*box, linewidth=0.6 * to.size, **outline))
            return
        corners = [(left, upper), (right, upper), (right, lower), (left, lower)]
        shapes = np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)
        many = len(shapes) > MANY  # a picture within the SVG
        collection = PolyCollection(list(shapes), antialiased=False, rasterized=many, **style)
        axes.add_collection(collection, autolim=False)


class _Line(NamedTuple):
    x: tuple[float, ...]
    y: tuple[float, ...]
    colour: str
    width: float  # in points

    def move(self, x: float, y: float) -> "_Line":
        return self._replace(x=tuple(n + x for n in self.x), y=tuple(n + y for n in self.y))

    def draw(self, axes: Axes, to: _Place) -> None:
        x, y = to.x.to_data(np.array(self.x)), to.y.to_data(np.array(self.y))
        style: dict[str, Any] = {"linewidth": self.width * to.size, "zorder": to.order}
        axes.add_line(Line2D(x, y, color=self.colour, **style))


class _Text(NamedTuple):
    x: float
    y: float  # of the line that its letters stand on
    text: str
    size: float  # in points
    colour: str
    side: str  # of the text that is at x: "left", "center", "right"
    weight: str
    ground: str | None  # a box behind it, on hatching
    upright: bool

    def move(self, x: float, y: float) -> "_Text":
        return self._replace(x=self.x + x, y=self.y + y)

    def draw(self, axes: Axes, to: _Place) -> None:
        families, weight = to.fonts.choose(self.text, self.weight)
        font = FontProperties(family=list(families), size=self.size * to.size, weight=weight)
        box = {"facecolor": self.ground, "edgecolor": "none", "pad": 0.8 * to.size}
        upright: dict[str, Any] = {"rotation": 90, "va": self.side, "ha": "left"}
        level: dict[str, Any] = {"va": "baseline", "ha": self.side}
        axes.text(
            to.x.to_data(self.x),
            to.y.to_data(self.y),
            self.text,
            color=self.colour,
            fontproperties=font,
            zorder=to.order,
            parse_math=False,  # a dollar sign is text
            bbox=None if self.ground is None else box,
            **(upright if self.upright else level),
        )


class Board:
    """Boxes, lines and texts, in inches from the upper left corner, y downwards."""

    def __init__(self, width: float, look: Look):
        """Begin an empty board of a width."""
        self.width, self.height, self.look = width, 0.0, look
        self.x, self.y = Axis(), Axis()
        self._marks: list[_Boxes | _Line | _Text] = []

    def boxes(
        self,
        corners: Sequence[Sequence[float]] | Float[np.ndarray, "n 4"],
        fill: str,
        hatching: str | None = None,
        edge: str | None = None,
    ) -> None:
        """Add boxes of one colour: left, upper, width and height of each."""
        if len(corners):
            self._marks.append(_Boxes(np.array(corners, float), fill, hatching, edge))

    def line(
        self,
        x: Sequence[float],
        y: Sequence[float],
        colour: str,
        width: float = 0.8,
    ) -> None:
        """Add a line through points; its width is in points."""
        self._marks.append(_Line(tuple(x), tuple(y), colour, width))

    def write(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str | None = None,
        side: str = "left",
        weight: str = "normal",
        ground: str | None = None,
        upright: bool = False,
    ) -> None:
        """Add a text that stands on y; an upright one begins there (side "bottom") or ends."""
        if text:
            colour = colour or self.look.ink.text
            self._marks.append(_Text(x, y, text, size, colour, side, weight, ground, upright))

    def add(self, other: "Board", x: float, y: float) -> None:
        """Add what is on another board."""
        self._marks += [mark.move(x, y) for mark in other._marks]
        self.height = max(self.height, y + other.height)
        self.width = max(self.width, x + other.width)

    def draw(self, axes: Axes, size: float, height: float) -> None:
        """Draw into axes that are empty; `height` is theirs, in the inches of the board."""
        axes.set_axis_off()
        axes.set_xlim(self.x.to_data(0.0), self.x.to_data(self.width))
        axes.set_ylim(self.y.to_data(height), self.y.to_data(0.0))
        for n, mark in enumerate(self._marks):
            order = 2 + n / len(self._marks)
            mark.draw(axes, _Place(self.x, self.y, size, order, self.look.fonts))


Arrange = Callable[[float, Look], Board]
"""Arranges a picture for a width in inches."""


def draw_into(axes: Axes, arrange: Arrange, fonts: Fonts) -> Axes:
    """Draw a picture into given axes, smaller where they are too small for it.

    Raises:
        ValueError: Where they are much too small; says how large the picture is.
    """
    figure = axes.figure.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes are in no figure; expected axes of one, or none.")
    figure.draw_without_rendering()  # a layout engine moves them
    box = axes.get_window_extent()
    width, height = box.width / figure.dpi, box.height / figure.dpi
    look = Look(fonts, LIGHT if is_light(figure) else DARKNESS)
    size = 1.0
    while size >= SMALLEST:
        fonts.slack = 1.0 + 0.08 / size  # the smaller the letters, the coarser the grid
        board = arrange(width / size, look)
        across = max(board.width, width / size)
        if board.height * size <= height * 1.001 and across * size <= width * 1.001:
            board.width = across
            board.draw(axes, size, height / size)
            return axes
        size *= 0.94
    board = arrange(max(width, 6.0), look)
    raise ValueError(
        f"the axes are {width:.1f} x {height:.1f} inches, too small for this picture, which is "
        f"{board.width:.1f} x {board.height:.1f}; give larger ones, or none (ax=None)."
    )


def is_light(figure: Any) -> bool:
    """Return whether the ground that is drawn on is light; the axes have none of their own."""
    red, green, blue, alpha = to_rgba(figure.get_facecolor())
    return alpha < 0.5 or math.sqrt(0.3 * red**2 + 0.59 * green**2 + 0.11 * blue**2) > 0.5
