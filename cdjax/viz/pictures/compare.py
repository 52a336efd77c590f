"""The words of a text, or the windows of a series, by several methods or rules: a row a method."""

from collections.abc import Sequence
from typing import Any

from cdjax.display import show
from cdjax.methods.registry import make_methods
from cdjax.results.check import check_same_input
from cdjax.results.explanation import Explanation
from cdjax.results.wording import sides
from cdjax.viz.pictures.board import Board, Look
from cdjax.viz.pictures.parts import (
    MARGIN,
    SMALL,
    TEXT,
    add_cell,
    arrange_legend,
    arrange_outcome,
    stack,
)
from cdjax.viz.pictures.strips import BETWEEN, SPACE, fill_strips, measure_words, write_cell
from cdjax.viz.pictures.words import make_block
from cdjax.viz.scale import step

ROW = 0.2
"""Inches of a method's row."""


def arrange_comparison(
    explanations: Sequence[Explanation], width: float, look: Look, windows: Any = None
) -> Board:
    """Return the picture, with the prediction, the legend and what each method measures.

    Args:
        explanations: By several methods or rules, each shown on its own fixed scale.
        width: In inches.
        look: Of the picture.
        windows: Of a series, the windows of time; 6 to 12 when None.

    Raises:
        ValueError: Where the explanations are of different inputs or labels, or speak for another
            label, or where there are no words.
    """
    check_comparable(explanations)
    inner = width - 2 * MARGIN
    first = explanations[0]
    seen = first.overview()
    below, above = (show(side) for side in sides(first.labels, first.direction))
    names = f"strongly {below}", below, "between", above, f"strongly {above}"
    boards = [
        (arrange_outcome(first, seen, inner, look), 0.08),
        (arrange_table(explanations, inner, look, windows), 0.16),
        (arrange_legend(names, inner, look), 0.08),
        (_describe(explanations, inner, look), 0.0),
    ]
    return stack(boards, width, look)


def check_comparable(explanations: Sequence[Explanation]) -> None:
    """Raise unless the explanations can stand side by side."""
    first, *others = explanations
    check_same_input(first, others)
    if not len(first):
        raise ValueError("there are no words, so there is nothing to draw.")
    _, above = sides(first.labels, first.direction)
    for n, other in enumerate(others):
        _, other_above = sides(other.labels, other.direction)
        if other_above != above:
            raise ValueError(
                f"scores above 0 of others[{n}] speak {other_above}, those of the first {above}; "
                f"expected explanations of the same label, explain(label=...)."
            )


def name_method(explanation: Explanation) -> str:
    """Return the method's name, with a rule other than the paper's."""
    rule = explanation.rule
    return explanation.method if rule in (None, "paper") else f"{explanation.method}:{rule}"


def arrange_table(
    explanations: Sequence[Explanation], width: float, look: Look, windows: Any = None
) -> Board:
    """Return words in strips, and below them a row of scores a method."""
    board = Board(width, look)
    fonts = look.fonts
    blocks = [make_block(explanation, windows=windows) for explanation in explanations]
    names = [name_method(explanation) for explanation in explanations]
    column = min(max(fonts.measure(name, TEXT) for name in names) + 0.12, 0.3 * width)
    texts, widths = measure_words(blocks, width - column, look)
    right_to_left = blocks[0].right_to_left
    y = 0.0
    for strip in fill_strips(widths, width - column):
        x = width if right_to_left else column
        for t in strip:
            left = x - widths[t] if right_to_left else x
            across = widths[t] - SPACE
            board.write(left + across / 2, y + 0.15, texts[t], TEXT, side="center")
            for n, block in enumerate(blocks):
                box = left, y + 0.21 + n * ROW, across, ROW - SPACE
                score = block.scores[t]
                add_cell(board, box, step(score, block.thresholds), write_cell(block, t))
            x = left if right_to_left else left + widths[t]
        for n, name in enumerate(names):
            base = y + 0.21 + n * ROW + ROW / 2 + 0.03
            board.write(0.0, base, fonts.shorten(name, TEXT, column - 0.08), TEXT)
        y += 0.21 + len(blocks) * ROW + BETWEEN
    board.height = y - BETWEEN
    return board


def _describe(explanations: Sequence[Explanation], width: float, look: Look) -> Board:
    """Return what each method is, what its scores are in, and its thresholds."""
    board = Board(width, look)
    titles = {method.name: method.title for method in make_methods().values()}
    y = 0.0
    for explanation in explanations:
        clear, strong = explanation.thresholds
        _, above = sides(explanation.labels, explanation.direction)
        title = titles.get(explanation.method, explanation.method)
        text = (
            f"{name_method(explanation)}: {title}, in {explanation.units} {show(above)}; clear "
            f"from {clear:g}, strong from {strong:g}."
        )
        for line in look.fonts.wrap(text, SMALL, width):
            y += 0.14
            board.write(0.0, y, line, SMALL, look.ink.faint)
    board.height = y + 0.04
    return board
