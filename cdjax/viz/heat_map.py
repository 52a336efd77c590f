"""Heat maps of a text: scores of its words and phrases by several methods, on fixed scales."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cdjax.viz.canvas import Axes, Figure, FigureError, Rectangle, check_count, save, styled
from cdjax.viz.scale import STEPS, Step, step, thresholds

HATCHING = {STEPS[0]: "#e0897d", STEPS[1]: "#cf5f4a"}  # of negative scores, to be read in grey
NEUTRAL = "#f7f7f7"
NAME = 12  # characters of a label in the legend
MULTIPLES = "multiples of the method's scale"  # the units in which scores have a step


class MethodScores(NamedTuple):
    """The scores of one method, a block of the heat map."""

    title: str
    units: str
    scale: float  # from once the scale a cell is coloured, from twice strongly
    segments: Sequence[tuple[int, int, float]]  # start, stop (half-open) and score


def draw_heat_map(
    stem: Path,
    tokens: Sequence[str],
    methods: Sequence[MethodScores],
    labels: tuple[str, str],
) -> None:
    """Draw the scores of the words and phrases of one text, a block for each method.

    Colours depend on the score over the method's scale, which should be the same for every text.
    Each cell shows its score. Words make the first row of a block; phrases of several words stand
    below.

    Args:
        stem: Path of the files, without ending: a PNG and an SVG are written.
        tokens: The text.
        methods: The blocks, from the top down.
        labels: What scores below 0 speak for, and what those above 0 do.

    Raises:
        FigureError: Where there is nothing to draw, a segment is not within the text, a scale is
            not above 0 or a score is not finite.
    """
    check_count(tokens, "tokens")
    check_count(methods, "methods")
    blocks = [_check_method(method, len(tokens)) for method in methods]
    with styled():
        save(_heat_map(list(tokens), blocks, labels), stem)


class _Block(NamedTuple):
    """A block of a heat map, checked."""

    title: str
    units: str
    scale: float
    levels: list[list[tuple[int, int, float]]]  # rows of cells that do not overlap


# Inches. CHARACTER: the width of a character at 9 points in a monospaced font.
CHARACTER, MARGIN, LABEL, ACROSS = 0.0752, 0.1, 2.0, 8.4
WORD, PHRASE, GAP, LEGEND = 0.36, 0.2, 0.14, 0.25
MONO = ["DejaVu Sans Mono", "monospace"]


def _heat_map(tokens: list[str], blocks: list[_Block], labels: tuple[str, str]) -> Figure:
    """Draw a heat map, the text wrapped into strips."""
    # A word's cell has room for its score as well.
    widths = [CHARACTER * (max(len(token), 4) + 1.2) for token in tokens]
    strips = _wrap(widths, ACROSS)
    across = max(3.8, *(sum(widths[n] for n in strip) for strip in strips))
    lines = [WORD + PHRASE * (len(block.levels) - 1) + GAP / 2 for block in blocks]
    height = sum(GAP + len(strips) * line for line in lines)
    size = 2 * MARGIN + LABEL + across, 2 * MARGIN + height + LEGEND
    figure = Figure(figsize=size)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, size[0]), ylim=(size[1], 0))
    axes.set_axis_off()
    clear, strong = thresholds(MULTIPLES)
    y = MARGIN
    for block, line in zip(blocks, lines, strict=True):
        steps = f"steps at ±{clear * block.scale:.2g}, ±{strong * block.scale:.2g}"
        axes.text(MARGIN, y + 0.12, block.title, va="center")
        for below, text in ((0.27, block.units), (0.38, steps)):
            axes.text(MARGIN, y + below, text, va="center", fontsize=6.5, color="0.3")
        for strip in strips:
            _draw_strip(axes, block, tokens, widths, strip, y)
            y += line
        y += GAP
    for n, look in enumerate(STEPS):
        left, right = (MARGIN + LABEL + edge * across / len(STEPS) for edge in (n, n + 1))
        _draw_cell(axes, (left, right), (y, y + LEGEND), look)
        name = _shorten(labels[n > 2], NAME) if look.background else "between"
        text = f"{look.symbol} {name}".replace("-", "\N{MINUS SIGN}", look.symbol.count("-"))
        _write(axes, (left + right) / 2, y + LEGEND / 2, text, look, fontsize=7)
    return figure


def _draw_strip(
    axes: Axes, block: _Block, tokens: list[str], widths: list[float], strip: range, y: float
) -> None:
    """Draw a method's cells for a strip of words, its upper edge at `y`."""
    x = MARGIN + LABEL + np.cumsum([0.0, *(widths[n] for n in strip)])
    looks = dict.fromkeys(strip, STEPS[2])  # of each word
    for depth, level in enumerate(block.levels):
        bottom = y + (PHRASE if depth else WORD)
        for start, stop, score in level:
            here = range(max(start, strip.start), min(stop, strip.stop))
            if not here:
                continue
            left, right = x[here.start - strip.start], x[here.stop - strip.start]
            look = step(score / block.scale, thresholds(MULTIPLES))
            _draw_cell(axes, (left, right), (y, bottom), look)
            number = f"{score:+z.{_decimals(block.scale)}f}".replace("-", "\N{MINUS SIGN}")
            _write(axes, (left + right) / 2, bottom - 0.1, number, look, fontsize=6.5)
            if depth == 0:
                looks |= dict.fromkeys(here, look)
        if depth == 0:
            for left, right, n in zip(x, x[1:], strip, strict=False):
                _write(axes, (left + right) / 2, y + 0.12, tokens[n], looks[n], family=MONO)
        y = bottom


def _draw_cell(
    axes: Axes, across: tuple[float, float], down: tuple[float, float], look: Step
) -> None:
    corner, size = (across[0], down[0]), (across[1] - across[0], down[1] - down[0])
    colour = HATCHING.get(look)
    hatching = {"hatch": "////" if colour else None, "edgecolor": colour, "linewidth": 0}
    axes.add_patch(Rectangle(corner, *size, facecolor=look.background or NEUTRAL, **hatching))
    axes.add_patch(Rectangle(corner, *size, facecolor="none", edgecolor="0.4", linewidth=0.5))


def _write(axes: Axes, x: float, y: float, text: str, look: Step, **font: Any) -> None:
    """Write into a cell, over its hatching."""
    ground = {"facecolor": look.background or NEUTRAL, "edgecolor": "none", "pad": 0.6}
    middle = {"ha": "center", "va": "center"}
    axes.text(x, y, text, color=look.foreground or "black", bbox=ground, **middle, **font)


def _wrap(widths: Sequence[float], across: float) -> list[range]:
    """Return the words of each strip, filled greedily.

    >>> _wrap([2.0, 3.0, 4.0, 9.0, 1.0], 5.0)
    [range(0, 2), range(2, 3), range(3, 4), range(4, 5)]
    """
    strips, used = [range(0)], 0.0
    for n, width in enumerate(widths):
        if strips[-1] and used + width > across:
            strips.append(range(n, n))
            used = 0.0
        strips[-1] = range(strips[-1].start, n + 1)
        used += width
    return strips


def _shorten(text: str, most: int) -> str:
    """Return a text of at most so many characters.

    >>> _shorten("positive", 12), _shorten("one of many words", 12)
    ('positive', 'one of many…')
    """
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _decimals(scale: float) -> int:
    """Return the number of decimals for scores of a scale.

    >>> [_decimals(scale) for scale in (12.0, 1.3, 0.2, 0.004)]
    [1, 1, 2, 4]
    """
    return max(1, 1 - math.floor(math.log10(scale)))


def _levels(segments: Iterable[tuple[int, int, float]]) -> list[list[tuple[int, int, float]]]:
    """Lay segments out in rows, short ones first, each in the first row with room.

    >>> _levels([(0, 2, 3.0), (0, 1, 1.0), (1, 2, 2.0)])
    [[(0, 1, 1.0), (1, 2, 2.0)], [(0, 2, 3.0)]]
    """
    levels: list[list[tuple[int, int, float]]] = []
    for start, stop, score in sorted(segments, key=lambda s: (s[1] - s[0], s[0])):
        free = (level for level in levels if all(stop <= a or b <= start for a, b, _ in level))
        level = next(free, None)
        if level is None:
            levels.append(level := [])
        level.append((start, stop, score))
    return levels


def _check_method(method: MethodScores, length: int) -> _Block:
    """Return a method's block, its cells laid out in rows."""
    title, units, scale, segments = method
    if not 0 < scale < math.inf:
        raise FigureError(f"the scale of {title!r} is {scale:g}; expected a number above 0.")
    check_count(segments, f"segments of {title!r}")
    for start, stop, score in segments:
        if not 0 <= start < stop <= length:
            raise FigureError(
                f"a segment of {title!r} is {start} to {stop}; expected 0 <= start < stop <= "
                f"{length}, half-open."
            )
        if not math.isfinite(score):
            raise FigureError(f"{title!r} scores {start} to {stop} {score}; expected a number.")
    return _Block(title, units, scale, _levels(segments))
