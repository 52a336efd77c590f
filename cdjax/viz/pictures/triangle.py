"""Every phrase of a text at once: a cell a phrase, short ones at the foot, the whole at the top."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from cdjax.display import show
from cdjax.results.explanation import Explanation
from cdjax.results.interactions import interactions
from cdjax.results.overview import Overview
from cdjax.results.thresholds import Thresholds
from cdjax.results.times import list_steps
from cdjax.viz.pictures.board import Axis, Board, Look
from cdjax.viz.pictures.parts import (
    MARGIN,
    NUMBER,
    SMALL,
    TEXT,
    arrange_foot,
    arrange_outcome,
    is_right_to_left,
    stack,
    write_number,
)
from cdjax.viz.scale import STEPS, step

WIDEST, HIGHEST = 0.72, 0.22
"""Inches of a cell at most."""
DEEPEST = 1.1
"""Inches of a word that is written upwards."""


def arrange_triangle(
    explanation: Explanation, seen: Overview, width: float, look: Look, interaction: bool = False
) -> Board:
    """Return the picture, with the prediction, the legend and the notices."""
    inner = width - 2 * MARGIN
    line = (
        "A cell is a phrase of the words below it, the whole text at the top, in the colour of "
        + ("its interaction: its score less those of its words." if interaction else "its score.")
    )
    if explanation.tokens is None:
        line = line.replace("words", "steps").replace("text", "series").replace("phrase", "window")
    cells = arrange_cells(explanation, inner, look, interaction)
    outcome = arrange_outcome(explanation, seen, inner, look)
    foot = arrange_foot(explanation, seen, inner, look, [line])
    whole = stack([(outcome, 0.1), (cells, 0.16), (foot, 0.0)], width, look)
    whole.x = cells.x._replace(origin=cells.x.origin + MARGIN)
    whole.y = cells.y._replace(origin=cells.y.origin + MARGIN + outcome.height + 0.1)
    return whole


def arrange_cells(
    explanation: Explanation, width: float, look: Look, interaction: bool = False
) -> Board:
    """Return the cells over their words; x are steps, y is the length of a phrase.

    Raises:
        ValueError: Where there are no steps.
    """
    count = len(explanation)
    if not count:
        raise ValueError("there are no words, so there is nothing to draw.")
    board = Board(width, look)
    spans, numbers = explanation.spans, explanation.numbers.astype(float)
    lengths = spans[:, 1] - spans[:, 0]
    if interaction:
        numbers = np.where(lengths == 1, 0.0, interactions(spans, numbers))
    # Of a long text some longer phrases were scored: no rows.
    rows = np.bincount(lengths, minlength=count + 1)[1:] == np.arange(count, 0, -1)
    longest = count if rows.all() else int(np.argmin(rows))
    spans, numbers = spans[lengths <= longest], numbers[lengths <= longest]
    unit = min(WIDEST, width / count)
    high = min(HIGHEST, max(0.55 * unit, 0.01))
    rtl = explanation.tokens is not None and is_right_to_left(explanation.tokens)
    left = (width - unit * count) / 2 if unit == WIDEST else 0.0
    x = Axis(left + unit * count, -unit) if rtl else Axis(left, unit)
    foot = longest * high
    where = x, foot, high
    _add_cells(board, explanation.thresholds, spans, numbers, where)
    texts = [write_number(number, explanation.decimals) for number in numbers.tolist()]
    widest = max(look.fonts.measure(text, NUMBER) for text in _longest(texts))
    if unit >= widest + 0.05 and high >= 0.15:
        _add_numbers(board, explanation.thresholds, spans, numbers, texts, where)
    board.height = foot
    _add_words(board, explanation, x, foot + 0.03)
    board.x, board.y = x, Axis(foot + high / 2, -high)
    return board


def _longest(texts: Sequence[str]) -> list[str]:
    """Return the few texts that may be the widest."""
    return sorted(set(texts), key=len)[-20:]


def _place(
    spans: Int[np.ndarray, "s 2"], where: tuple[Axis, float, float]
) -> Float[np.ndarray, "s 4"]:
    """Return the box of each span: in the middle above its steps, as high as it is long."""
    x, foot, high = where
    start, stop = spans.T.astype(float)
    middle, unit = x.origin + x.unit * (start + stop) / 2, abs(x.unit)
    gap = 0.012 if unit > 0.15 else 0.0
    upper = foot - high * (stop - start)
    size = np.full(len(start), unit - gap), np.full(len(start), high - gap)
    return np.stack([middle - unit / 2 + gap / 2, upper, *size], axis=1)


def _add_cells(
    board: Board,
    edges: Thresholds,
    spans: Int[np.ndarray, "s 2"],
    numbers: Float[np.ndarray, "s"],
    where: tuple[Axis, float, float],
) -> None:
    """Add the cells, those of a step of the scale together."""
    boxes = _place(spans, where)
    finite = np.nan_to_num(numbers)
    size = (abs(finite) >= edges.clear).astype(int) + (abs(finite) >= edges.strong)
    index = 2 + np.where(finite > 0, size, -size)
    for n, at in enumerate(STEPS):
        fill, _, hatching = board.look.ground(at)
        board.boxes(boxes[index == n], fill, hatching)


def _add_numbers(
    board: Board,
    edges: Thresholds,
    spans: Int[np.ndarray, "s 2"],
    numbers: Float[np.ndarray, "s"],
    texts: Sequence[str],
    where: tuple[Axis, float, float],
) -> None:
    for (left, upper, across, high), number, text in zip(
        _place(spans, where).tolist(), numbers.tolist(), texts, strict=True
    ):
        fill, colour, hatching = board.look.ground(step(number, edges))
        base = upper + high / 2 + NUMBER * 0.36 / 72
        ground = fill if hatching else None
        board.write(left + across / 2, base, text, NUMBER, colour, "center", ground=ground)


def _add_words(board: Board, explanation: Explanation, x: Axis, y: float) -> None:
    """Add the words below their cells: side by side, upwards, or the strongest of very many."""
    fonts, unit = board.look.fonts, abs(x.unit)
    count = len(explanation)
    if explanation.tokens is None:
        return _add_steps(board, explanation, x, y)
    words = [show(token) for token in explanation.tokens]
    middles = [x.origin + x.unit * (t + 0.5) for t in range(count)]
    if max(fonts.measure(word, TEXT) for word in words) <= unit - 0.06:
        for word, middle in zip(words, middles, strict=True):
            board.write(middle, y + 0.15, word, TEXT, side="center")
        board.height = y + 0.2
        return None
    size = TEXT if unit > 0.17 else SMALL
    line = size * 1.25 / 72
    shown = range(count)
    if unit < line:  # the strongest first, each where there is still room
        strongest = sorted(shown, key=lambda t: -abs(np.nan_to_num(explanation[t])))
        shown = []
        for t in strongest:
            if all(abs(middles[t] - middles[other]) >= line for other in shown):
                shown.append(t)
    deepest = 0.0
    for t in sorted(shown):
        word = fonts.shorten(words[t], size, DEEPEST)
        deepest = max(deepest, fonts.measure(word, size))
        # An upright text stands with its right side at x.
        board.write(middles[t] - size * 0.62 / 72, y + 0.02, word, size, side="top", upright=True)
    board.height = y + 0.06 + deepest
    return None


def _add_steps(board: Board, explanation: Explanation, x: Axis, y: float) -> None:
    """Add the times of steps where their cells begin, or their numbers; as many as have room."""
    count, names = len(explanation), list_steps(explanation)
    numbers = explanation.times is None
    texts = [str(t) if numbers else show(name) for t, name in enumerate(names)]
    widest = max(board.look.fonts.measure(text, SMALL) for text in texts) + 0.12
    sizes = (n * 10**power for power in range(7) for n in (1, 2, 5))
    every = next(size for size in sizes if size * abs(x.unit) >= min(widest, board.width))
    shift, side = (0.5, "center") if numbers else (0.0, "left")
    for t in range(0, count, every):
        left = x.origin + x.unit * (t + shift)
        if numbers or not t or left + widest - 0.12 <= board.width:
            text = board.look.fonts.shorten(texts[t], SMALL, board.width)
            board.write(left, y + 0.13, text, SMALL, side=side)
    board.height = y + 0.18
