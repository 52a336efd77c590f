"""The figures of the experiments: plain numbers in, a PNG and an SVG out.

Every figure can be read without colour: groups differ by line style, hatching or marker as well.
Equal numbers give equal bytes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cdjax.viz.pictures.figure import ENDINGS, save, styled
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.stats import gaussian_kde

from benchmarks.paper.values import FigureError, check_count, finite

COLOURS = (
    *("#2166ac", "#b2182b", "#666666", "#1b7837", "#e08214", "#542788"),
    *("#01665e", "#8c510a", "#c51b7d", "#000000", "#7fbc41", "#4393c3"),
)
LINES = (
    *("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3))),
    *((0, (8, 2)), (0, (3, 3)), (0, (10, 1, 3, 1)), (0, (2, 1)), (0, (5, 5)), (0, (4, 1, 4, 4))),
)
MARKERS = "o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h"
FILLS = "#4d4d4d", "#d1e5f0", "#fddbc7", "#f7f7f7", "#d9f0d3", "#e7d4e8", "#c7eae5", "#f6e8c3"
HATCHES = "", "////", "....", "xxxx", "\\\\\\\\", "++++", "oooo", "----"
PUBLISHED_ROW = "paper"  # bars of this name are published numbers, drawn as marks
COLUMNS = 3  # of panels
OUTSIDE = 1.0  # percent of a group left out at either end of the axis of a distribution


class Scatter(NamedTuple):
    """A panel of points."""

    title: str
    x: ArrayLike
    y: ArrayLike
    x_label: str  # with units, as all labels of axes
    y_label: str
    note: str = ""  # such as "r = 0.758"
    words: Sequence[str] | None = None  # one a point; the outermost are written


class Group(NamedTuple):
    """The scores of a group."""

    name: str
    values: ArrayLike


class Distributions(NamedTuple):
    """A panel of the distributions of several groups' scores."""

    title: str
    x_label: str
    series: Sequence[Group]
    note: str = ""  # such as "KS = 0.74"


class Bars(NamedTuple):
    """A bar and its interval for each group; None where a number is missing."""

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] | None = None
    high: Sequence[float | None] | None = None


class Curve(NamedTuple):
    """A line, with an optional band around it."""

    name: str
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None


class Curves(NamedTuple):
    """A panel of lines."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Curve]


def draw_scatter(stem: Path, panels: Sequence[Scatter]) -> None:
    """Draw points, a panel a method.

    Args:
        stem: Path of the files, without ending.
        panels: One a method.

    Raises:
        FigureError: Where there is nothing to draw, lengths differ or a value is not finite.
    """
    check_count(panels, "panels")
    points = []
    for panel in panels:
        x, y = finite(panel.x, panel.title, "x"), finite(panel.y, panel.title, "y")
        lengths = {len(x), len(y), len(x if panel.words is None else panel.words)}
        if len(lengths) > 1:
            raise FigureError(
                f"{panel.title!r} has {sorted(lengths)} x, y and words; expected equally many."
            )
        points.append((x, y))

    def draw(axes: Axes, n: int) -> None:
        (x, y), panel = points[n], panels[n]
        axes.axhline(0, color="0.75", linewidth=0.6)
        axes.axvline(0, color="0.75", linewidth=0.6)
        # Thousands of points: a picture within the SVG.
        axes.plot(x, y, "o", color=COLOURS[0], ms=2.6, mew=0, alpha=0.45, rasterized=True)
        axes.margins(0.1)
        words = [] if panel.words is None else panel.words
        for index in _farthest(x, y) if words else ():
            side = -1 if x[index] > np.median(x) else 1  # towards the middle
            look = {"ha": "left" if side > 0 else "right", "va": "center", "fontsize": 7}
            offset = {"xytext": (3 * side, 0), "textcoords": "offset points"}
            axes.annotate(words[index], (x[index], y[index]), **offset, **look)
        axes.set(xlabel=panel.x_label, ylabel=panel.y_label)
        axes.set_title("\n".join(filter(None, [panel.title, panel.note])))

    _draw_panels(stem, draw, len(panels), height=2.9)


def draw_distributions(stem: Path, panels: Sequence[Distributions]) -> None:
    """Draw the densities of groups of scores, a panel a method, each in its own units.

    The axis leaves out the outermost percent of each group at either end; the panel states the
    number of scores beyond it. The density is a kernel estimate (Gaussian, Scott's rule) of the
    scores on the axis, times their share; a vertical line where they are all equal. A triangle
    marks the median of each group.

    Args:
        stem: Path of the files, without ending.
        panels: One a method; its legend names the groups, their sizes and the note.

    Raises:
        FigureError: Where there is nothing to draw or a value is not finite.
    """
    check_count(panels, "panels")
    samples = []
    for panel in panels:
        check_count(panel.series, f"groups in {panel.title!r}", len(LINES))
        samples.append([finite(g.values, panel.title, g.name) for g in panel.series])

    def draw(axes: Axes, n: int) -> None:
        panel, groups = panels[n], samples[n]
        low, high = _range(groups)
        grid = np.linspace(low, high, 201)
        axes.axvline(0, color="0.75", linewidth=0.6)
        styles = zip(panel.series, groups, COLOURS, LINES, strict=False)
        beyond = 0
        for k, ((name, _), values, colour, line) in enumerate(styles):
            label = f"{name} ({len(values):,})"
            near = values[(low <= values) & (values <= high)]
            beyond += len(values) - len(near)
            if np.ptp(near) > 0:
                density = estimate_density(values, grid)
                axes.plot(grid, density, color=colour, ls=line, lw=1.6, label=label)
                if k < 2:
                    hatch = "////" if k else None
                    look = {"facecolor": "none" if k else colour, "hatch": hatch, "lw": 0}
                    axes.fill_between(grid, density, edgecolor=colour, alpha=0.2, **look)
            else:
                axes.axvline(near[0], color=colour, ls=line, lw=1.6, label=label)
            below = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 3}
            face = "white" if k else colour
            axes.plot(np.median(values), -0.025, "^", color=colour, mfc=face, ms=5, **below)
        axes.plot([], [], "^", color="black", markerfacecolor="white", ms=5, label="median")
        axes.set(xlim=(low, high), yticks=[], xlabel=panel.x_label, ylabel="density")
        axes.tick_params(axis="x", pad=6)
        axes.spines["left"].set_visible(False)
        # The legend stands above the curves.
        axes.set_ylim(0, axes.get_ylim()[1] * (1.45 + 0.12 * len(groups)))
        axes.set_title(panel.title)
        frame = {"loc": "upper left", "framealpha": 1, "edgecolor": "none", "borderaxespad": 0}
        axes.legend(title=panel.note or None, title_fontsize=8, alignment="left", **frame)
        if beyond:
            right = {"ha": "right", "va": "top", "fontsize": 7, "color": "0.35"}
            axes.text(1, 1, f"{beyond:,} beyond the axis", transform=axes.transAxes, **right)

    _draw_panels(stem, draw, len(panels), height=2.7)


def draw_bars(stem: Path, groups: Sequence[str], series: Sequence[Bars], label: str) -> None:
    """Draw bars with their intervals, a row of bars for each group.

    Args:
        stem: Path of the files, without ending.
        groups: Names of the groups, from the top down.
        series: The bars of one kind in every group; the kind named "paper" is drawn as diamonds.
        label: What the bars show, with units.

    Raises:
        FigureError: Where there is nothing to draw, two kinds have one name, lengths differ, an
            interval does not hold its value or a value is not finite.
    """
    check_count(groups, "groups")
    check_count(series, "series")
    table = {bars.name: _check_bars(bars, groups) for bars in series}
    if len(table) < len(series) or not any(numbers.size for numbers in table.values()):
        raise FigureError(
            f"the bars {[bars.name for bars in series]} are all None or share a name; expected "
            f"numbers, and a name for each kind."
        )
    names = [name for name in table if name != PUBLISHED_ROW]
    check_count(names, "series of bars", len(FILLS))
    present = [[name for name in names if row in table[name][0]] for row in range(len(groups))]
    most = max(map(len, present))
    thick = 0.8 / most

    def draw(axes: Axes, _: int) -> None:
        axes.axvline(0, color="black", linewidth=0.8)
        handles: list[Any] = []
        for name, fill, hatch in zip(names, FILLS, HATCHES, strict=False):
            rows, values, low, high = table[name]
            # Missing bars leave no gap.
            bars_of_rows = [present[int(row)] for row in rows]
            shift = [bars.index(name) - (len(bars) - 1) / 2 for bars in bars_of_rows]
            y = rows + thick * np.array(shift)
            look = {"color": fill, "hatch": hatch, "edgecolor": "black", "linewidth": 0.6}
            handles.append(axes.barh(y, values, thick * 0.92, label=name, **look))
            interval: dict[str, Any] = {
                "xerr": np.stack([values - low, high - values]),
                "fmt": "none",
                "zorder": 3,
            }
            for ink, width, cap in (("white", 3, 0), ("black", 1, 2)):  # visible on dark bars
                axes.errorbar(values, y, **interval, ecolor=ink, elinewidth=width, capsize=cap)
            edge = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
            for height, value in zip(y, values, strict=True):
                axes.text(1, height, f"{value:.2f}", fontsize=7, **edge)
        if PUBLISHED_ROW in table:
            rows, values = table[PUBLISHED_ROW][:2]
            look = {"color": "white", "mec": "black", "mew": 1.2, "ms": 6, "zorder": 4}
            handles += axes.plot(values, rows, "D", label=PUBLISHED_ROW, **look)
        ends = np.concatenate([[0.0], *(numbers[1:].ravel() for numbers in table.values())])
        room = 0.1 * np.ptp(ends)
        axes.set_xlim(ends.min() - room * bool(ends.min() < 0) / 3, ends.max() + room)
        axes.set(yticks=range(len(groups)), yticklabels=list(groups), xlabel=label)
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        if len(table) > 1:
            look = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "frameon": False}
            axes.legend(handles=handles, **look)

    _draw_panels(stem, draw, 1, height=0.8 + (0.12 + 0.2 * most) * len(groups), width=7.5)


def draw_curves(stem: Path, panels: Sequence[Curves]) -> None:
    """Draw lines and the bands around them.

    Args:
        stem: Path of the files, without ending.
        panels: Side by side, with one legend: a name looks the same in all.

    Raises:
        FigureError: Where there is nothing to draw, lengths differ or a value is not finite.
    """
    check_count(panels, "panels")
    for panel in panels:
        check_count(panel.series, f"curves in {panel.title!r}", len(LINES))
        for curve in panel.series:
            arrays = [finite(a, panel.title, curve.name) for a in curve[1:] if a is not None]
            lengths = sorted({len(a) for a in arrays})
            if len(lengths) > 1 or (curve.low is None) != (curve.high is None):
                raise FigureError(
                    f"the curve {curve.name!r} of {panel.title!r} has {lengths} points; expected "
                    f"equally many x and y, and low and high both or neither."
                )

    names = list(dict.fromkeys(curve.name for panel in panels for curve in panel.series))
    check_count(names, "names of curves", len(LINES))
    looks = dict(zip(names, zip(COLOURS, LINES, MARKERS, strict=True), strict=False))

    def draw(axes: Axes, n: int) -> None:
        for curve in panels[n].series:
            colour, line, marker = looks[curve.name]
            x = np.asarray(curve.x, float)
            every = max(1, len(x) // 6)
            marked = slice(names.index(curve.name) % every, None, every)  # staggered
            look = {"color": colour, "ls": line, "marker": marker, "ms": 4.5, "mfc": "white"}
            axes.plot(x, curve.y, lw=1.5, markevery=marked, label=curve.name, **look)
            if curve.low is not None and curve.high is not None:
                axes.fill_between(x, curve.low, curve.high, color=colour, alpha=0.12, lw=0)
        axes.set(xlabel=panels[n].x_label, ylabel=panels[n].y_label)
        axes.set_title(panels[n].title)

    _draw_panels(stem, draw, len(panels), height=3.0, width=3.6, legend=len(names) > 1)


def estimate_density(
    values: Float[np.ndarray, "n"], grid: Float[np.ndarray, "g"]
) -> Float[np.ndarray, "g"]:
    """Return the density on a grid of the values within its ends, times their share.

    Outliers would widen the kernel and flatten the estimate.
    """
    near = values[(grid[0] <= values) & (values <= grid[-1])]
    return gaussian_kde(near)(grid) * len(near) / len(values)


def _check_bars(bars: Bars, groups: Sequence[str]) -> np.ndarray:
    """Return rows, values, lows and highs of the bars that are not None, `[4, N]`."""
    low = bars.values if bars.low is None else bars.low
    high = bars.values if bars.high is None else bars.high
    if not len(groups) == len(bars.values) == len(low) == len(high):
        raise FigureError(
            f"{bars.name!r} has {len(bars.values)} values, {len(low)} low and {len(high)} high; "
            f"expected one for each of {len(groups)} groups."
        )
    present = [
        (row, value, value if a is None else a, value if b is None else b)
        for row, (value, a, b) in enumerate(zip(bars.values, low, high, strict=True))
        if value is not None
    ]
    table = np.array(present, float).reshape(-1, 4).T
    if table.size:
        finite(table.ravel(), bars.name)
    _, values, lows, highs = table
    if not ((lows <= values) & (values <= highs)).all():
        wrong = int(np.argmin((lows <= values) & (values <= highs)))
        raise FigureError(
            f"{bars.name!r} is {values[wrong]:g}, its interval {lows[wrong]:g} to "
            f"{highs[wrong]:g}; expected an interval that holds the value."
        )
    return table


def _farthest(x: np.ndarray, y: np.ndarray, count: int = 8) -> list[int]:
    """Return the indices of the points farthest from the median, no two close together."""
    offsets = np.stack([x, y], axis=1) - [np.median(x), np.median(y)]
    offsets = offsets / np.maximum(np.ptp(offsets, axis=0), np.finfo(float).tiny)
    chosen: list[int] = []
    for index in np.argsort(-np.square(offsets).sum(axis=1), kind="stable"):
        apart = np.abs(offsets[chosen] - offsets[index])  # labels are wider than tall
        if len(chosen) < count and ((apart[:, 0] > 0.3) | (apart[:, 1] > 0.06)).all():
            chosen.append(int(index))
    return chosen


def _range(groups: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the ends of an axis that shows nearly all of each group."""
    ends = np.concatenate([np.percentile(g, [OUTSIDE, 100 - OUTSIDE]) for g in groups])
    low, high = ends.min(), ends.max()
    room = 0.05 * (high - low) or max(1.0, abs(high)) / 10
    return float(low - room), float(high + room)


def _draw_panels(
    stem: Path,
    draw: Callable[[Axes, int], None],
    count: int,
    height: float,
    width: float = 3.2,
    legend: bool = False,
) -> None:
    """Draw panels on a grid, with an optional common legend at the right, and write the files."""
    with styled():
        columns = 2 if count == 4 else min(COLUMNS, count)
        rows = -(-count // columns)
        size = width * columns + 1.6 * legend, height * rows
        figure = Figure(figsize=size, layout="constrained")
        panels = [figure.add_subplot(rows, columns, n + 1) for n in range(count)]
        for n, axes in enumerate(panels):
            draw(axes, n)
        if legend:
            entries: dict[str, Artist] = {}
            for axes in panels:
                handles, names = axes.get_legend_handles_labels()
                entries |= dict(zip(names, handles, strict=True))
            figure.legend(
                list(entries.values()), list(entries), loc="outside right upper", frameon=False
            )
        for ending in ENDINGS:
            save(figure, stem.with_name(stem.name + ending))
