"""The figure of the family of rules: agreement with labels against composition and negation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cdjax.viz.pictures.figure import ENDINGS, save, styled
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.paper.figures import COLOURS, MARKERS
from benchmarks.paper.values import FigureError, check_count

Point = tuple[float, float]
NEAR = 0.045  # share of an axis


class Surface(NamedTuple):
    """Rules that differ in their shares inside and outside alone: a mesh."""

    name: str
    points: Mapping[tuple[float, float], Point]  # by the shares inside and outside


class Plane(NamedTuple):
    """A panel: two measures."""

    x_label: str
    y_label: str
    family: Sequence[Point]
    surfaces: Sequence[Surface]
    named: Mapping[str, Point]
    others: Mapping[str, Point]  # other methods; those without one of the measures are left out


def draw_planes(stem: Path, panels: Sequence[Plane]) -> None:
    """Draw the panels side by side: the family as points, some of it as meshes.

    Args:
        stem: Path of the files, without ending.
        panels: The panels.

    Raises:
        FigureError: Where there is nothing to draw.
    """
    check_count(panels, "panels")
    if not all(panel.family for panel in panels):
        raise FigureError("a panel has no rules; expected the family.")
    with styled():
        figure = Figure(figsize=(5.2 * len(panels), 5.6), layout="constrained")
        others = list(dict.fromkeys(name for panel in panels for name in panel.others))
        for n, panel in enumerate(panels):
            axes = figure.add_subplot(1, len(panels), n + 1)
            _draw_plane(axes, panel, others)
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
        for ending in ENDINGS:
            save(figure, stem.with_name(stem.name + ending))


def _draw_plane(axes: Axes, panel: Plane, others: Sequence[str]) -> None:
    """Draw a panel; other methods have the markers of their order in `others`."""
    axes.plot(*zip(*panel.family, strict=True), ".", color="0.75", ms=3, label="the family")
    for n, surface in enumerate(panel.surfaces):
        for line in _mesh_lines(surface):
            xs, ys = zip(*line, strict=True)
            axes.plot(xs, ys, "-", color=COLOURS[n], linewidth=0.8, alpha=0.7, label=surface.name)
        zero = surface.points.get((0.0, 0.0))
        if zero is not None:
            axes.plot(*zero, "o", color=COLOURS[n], ms=5, fillstyle="none")
    above = {"linestyle": "none", "ms": 6, "zorder": 4}
    for n, (name, point) in enumerate(panel.named.items()):
        axes.plot(*point, MARKERS[n], color="black", label=f"CD ({name})", **above)
    for name, point in panel.others.items():
        marker = MARKERS[others.index(name)]
        axes.plot(*point, marker, color=COLOURS[1], fillstyle="none", label=name, **above)
    axes.margins(x=0.35)  # room for labels, on the side that looks away from the family
    middle = np.mean([x for x, _ in panel.family])
    for names, (x, y) in _join_near({**panel.named, **panel.others}, axes):
        left = x < middle
        axes.annotate(
            "\n".join(names),
            (x, y),
            xytext=(-8 if left else 8, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0},
        )
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    _label_once(axes)


def _join_near(points: Mapping[str, Point], axes: Axes) -> list[tuple[list[str], Point]]:
    """Return the names of points that are too near to each other for labels of their own."""
    widths = [abs(high - low) * NEAR for low, high in (axes.get_xlim(), axes.get_ylim())]
    groups: list[tuple[list[str], Point]] = []
    for name, point in points.items():
        for names, at in groups:
            if all(abs(a - b) < w for a, b, w in zip(point, at, widths, strict=True)):
                names.append(name)
                break
        else:
            groups.append(([name], point))
    return groups


def _mesh_lines(surface: Surface) -> list[list[Point]]:
    """Return the lines of a mesh: of equal shares inside, and of equal shares outside."""
    lines = []
    for axis in (0, 1):
        for level in sorted({shares[axis] for shares in surface.points}):
            on_line = sorted(shares for shares in surface.points if shares[axis] == level)
            lines.append([surface.points[shares] for shares in on_line])
    return lines


def _label_once(axes: Axes) -> None:
    """Keep one entry of each name in the legend."""
    seen = set()
    for line in axes.get_lines():
        name = str(line.get_label())
        if name in seen:
            line.set_label(f"_{name}")
        seen.add(name)
