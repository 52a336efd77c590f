"""Heat maps of a text: scores of its words and phrases by several methods, on fixed scales."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cdjax.results.numbers import count_decimals
from cdjax.results.thresholds import Thresholds
from cdjax.viz.pictures.board import Board, Look
from cdjax.viz.pictures.figure import ENDINGS, write
from cdjax.viz.pictures.parts import SMALL, TEXT, arrange_legend, stack, write_number
from cdjax.viz.pictures.strips import Block, arrange_strips

from benchmarks.paper.values import FigureError, check_count, finite

COLUMN = 2.1
"""Inches of what is written beside a method's words."""
WIDTH = 10.5


class MethodScores(NamedTuple):
    """The scores of one method, a block of the heat map."""

    title: str
    units: str
    scale: float  # from once the scale a cell is coloured, from twice strongly
    segments: Sequence[tuple[int, int, float]]  # start, stop (half-open) and score


def draw_heat_map(
    stem: Path, tokens: Sequence[str], methods: Sequence[MethodScores], labels: tuple[str, str]
) -> None:
    """Draw the scores of the words and phrases of one text, a block for each method.

    Colours depend on the score over the method's scale, which should be the same for every text.

    Args:
        stem: Path of the files, without ending: a PNG and an SVG are written.
        tokens: The text.
        methods: The blocks, from the top down; each has a score of every word.
        labels: What scores below 0 speak for, and what those above 0 do.

    Raises:
        FigureError: Where there is nothing to draw, a word has no score, a segment is not within
            the text, a scale is not above 0 or a score is not finite.
    """
    check_count(tokens, "tokens")
    check_count(methods, "methods")
    for method in methods:
        _check_method(method, len(tokens))
    arrange = functools.partial(_arrange, tokens, methods, labels)
    texts = [*tokens, *labels, "\N{MINUS SIGN}…±"]
    for ending in ENDINGS:
        write(stem.with_name(stem.name + ending), arrange, texts, WIDTH)


def _arrange(
    tokens: Sequence[str],
    methods: Sequence[MethodScores],
    labels: tuple[str, str],
    width: float,
    look: Look,
) -> Board:
    boards = [(_arrange_block(tokens, method, width, look), 0.2) for method in methods]
    below, above = labels
    names = f"strongly {below}", below, "between", above, f"strongly {above}"
    return stack([*boards, (arrange_legend(names, width, look), 0.0)], width, look)


def _arrange_block(tokens: Sequence[str], method: MethodScores, width: float, look: Look) -> Board:
    board = Board(width, look)
    lines = method.units, f"steps at ±{method.scale:.2g}, ±{2 * method.scale:.2g}"
    board.write(0.0, 0.15, look.fonts.shorten(method.title, TEXT, COLUMN - 0.1), TEXT)
    for n, line in enumerate(lines):
        text = look.fonts.shorten(line, SMALL, COLUMN - 0.1)
        board.write(0.0, 0.29 + 0.13 * n, text, SMALL, look.ink.faint)
    words = {start: score for start, stop, score in method.segments if stop == start + 1}
    phrases = [segment for segment in method.segments if segment[1] > segment[0] + 1]
    decimals = max(1, count_decimals(np.array([method.scale]), 2))
    block = Block(
        tokens,
        [words[t] for t in range(len(tokens))],
        Thresholds(method.scale, 2 * method.scale),
        lambda score: write_number(score, decimals),
        phrases=phrases,
    )
    board.add(arrange_strips(block, width - COLUMN, look), COLUMN, 0.0)
    board.height = max(board.height, 0.45)
    return board


def _check_method(method: MethodScores, length: int) -> None:
    """Raise where the scores of a method can't be drawn."""
    title, _, scale, segments = method
    if not 0 < scale < np.inf:
        raise FigureError(f"the scale of {title!r} is {scale:g}; expected a number above 0.")
    check_count(segments, f"segments of {title!r}")
    for start, stop, _ in segments:
        if not 0 <= start < stop <= length:
            raise FigureError(
                f"a segment of {title!r} is {start} to {stop}; expected 0 <= start < stop <= "
                f"{length}, half-open."
            )
    finite([score for _, _, score in segments], title)
    missing = set(range(length)) - {start for start, stop, _ in segments if stop == start + 1}
    if missing:
        raise FigureError(
            f"{title!r} has no score of the word {min(missing)}; expected one of each of {length}."
        )
