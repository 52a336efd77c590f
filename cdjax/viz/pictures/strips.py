"""Words in strips: each over its score, and phrases as bars below the words that they are of."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cdjax.results.thresholds import Thresholds
from cdjax.viz.pictures.board import Board, Look
from cdjax.viz.pictures.parts import NUMBER, TEXT, add_cell
from cdjax.viz.scale import step

CELL, BAR, SPACE = 0.38, 0.18, 0.02
"""Inches: the heights of a word with its score and of a phrase, and the space between two."""
WIDEST = 2.4
"""Inches of a word at most."""
BETWEEN = 0.14
"""Inches between two strips."""


class Block(NamedTuple):
    """Words with their scores by one method, and some phrases of them."""

    texts: Sequence[str]
    scores: Sequence[float]
    thresholds: Thresholds
    write: Callable[[float], str]  # a score as it is shown
    marks: Sequence[str] = ()  # beside the scores of words: "?"
    phrases: Sequence[tuple[int, int, float]] = ()  # half-open, and their scores
    right_to_left: bool = False


def arrange_strips(block: Block, width: float, look: Look) -> Board:
    """Return words in strips of at most a width; a phrase goes on in the next strip."""
    board = Board(width, look)
    rows = lay_rows(block.phrases)
    y = 0.0
    texts, widths = measure_words([block], width, look)
    for strip in fill_strips(widths, width):
        edges = _find_edges(widths, strip, width, block.right_to_left)
        for t in strip:
            left, right = edges[t]
            _add_word(board, block, t, texts[t], (left, y, right - left))
        y += CELL
        for row in rows:
            if _add_phrases(board, block, row, strip, edges, y + SPACE):
                y += BAR + SPACE
        y += BETWEEN
    board.height = y - BETWEEN if widths else 0.0
    return board


def measure_words(
    blocks: Sequence[Block], width: float, look: Look
) -> tuple[list[str], list[float]]:
    """Return what is shown of each word, and the widths of its cells with all its scores."""
    fonts = look.fonts
    texts = [fonts.shorten(text, TEXT, min(WIDEST, width - 0.1)) for text in blocks[0].texts]
    widths = []
    for t, text in enumerate(texts):
        numbers = [fonts.measure(write_cell(block, t), NUMBER) for block in blocks]
        widths.append(max(fonts.measure(text, TEXT), *numbers) + 0.12)
    return texts, widths


def fill_strips(widths: Sequence[float], across: float) -> list[range]:
    """Return the words of each strip, filled greedily.

    >>> fill_strips([2.0, 3.0, 4.0, 9.0, 1.0], 5.0)
    [range(0, 2), range(2, 3), range(3, 4), range(4, 5)]
    """
    strips: list[range] = []
    used = 0.0
    for n, width in enumerate(widths):
        if not strips or used + width > across + 1e-9:
            strips.append(range(n, n))
            used = 0.0
        strips[-1] = range(strips[-1].start, n + 1)
        used += width
    return strips


def lay_rows(
    phrases: Sequence[tuple[int, int, float]],
) -> list[list[tuple[int, int, float]]]:
    """Lay phrases out in rows, short ones first, each in the first row with room.

    >>> lay_rows([(0, 2, 3.0), (0, 1, 1.0), (1, 2, 2.0)])
    [[(0, 1, 1.0), (1, 2, 2.0)], [(0, 2, 3.0)]]
    """
    rows: list[list[tuple[int, int, float]]] = []
    for start, stop, score in sorted(phrases, key=lambda p: (p[1] - p[0], p[0])):
        free = (row for row in rows if all(stop <= a or b <= start for a, b, _ in row))
        row = next(free, None)
        if row is None:
            rows.append(row := [])
        row.append((start, stop, score))
    return rows


def _find_edges(
    widths: Sequence[float], strip: range, width: float, right_to_left: bool
) -> dict[int, tuple[float, float]]:
    """Return left and right of each word of a strip."""
    edges, x = {}, 0.0
    for t in strip:
        edges[t] = (x, x + widths[t])
        x += widths[t]
    if right_to_left:
        edges = {t: (width - right, width - left) for t, (left, right) in edges.items()}
    return edges


def _add_word(
    board: Board, block: Block, t: int, text: str, where: tuple[float, float, float]
) -> None:
    left, upper, width = where
    score = block.scores[t]
    fill, colour, hatching = board.look.ground(step(score, block.thresholds))
    board.boxes([(left, upper, width - SPACE, CELL)], fill, hatching)
    ground, middle = fill if hatching else None, left + (width - SPACE) / 2
    number = write_cell(block, t)
    board.write(middle, upper + 0.165, text, TEXT, colour, "center", ground=ground)
    board.write(middle, upper + 0.315, number, NUMBER, colour, "center", ground=ground)


def _add_phrases(
    board: Board,
    block: Block,
    row: Sequence[tuple[int, int, float]],
    strip: range,
    edges: dict[int, tuple[float, float]],
    upper: float,
) -> bool:
    """Add those phrases of a row that are in a strip; return whether there are any."""
    there = False
    for start, stop, score in row:
        inside = [edges[t] for t in range(max(start, strip.start), min(stop, strip.stop))]
        if inside:
            there = True
            left, right = min(a for a, _ in inside), max(b for _, b in inside)
            box = left, upper, right - left - SPACE, BAR
            add_cell(board, box, step(score, block.thresholds), block.write(score))
    return there


def write_cell(block: Block, t: int) -> str:
    """Return the score of a word with its mark."""
    mark = f" {block.marks[t]}" if block.marks and block.marks[t] else ""
    return block.write(block.scores[t]) + mark
