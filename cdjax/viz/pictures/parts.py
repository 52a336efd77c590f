"""What pictures share: numbers on the colour of their step, the prediction, the legend, notices."""

import unicodedata
from collections.abc import Iterator, Sequence

from cdjax.display import show
from cdjax.results.explanation import Explanation
from cdjax.results.numbers import write_output, write_score
from cdjax.results.overview import Overview
from cdjax.results.thresholds import Thresholds
from cdjax.results.wording import describe_scores
from cdjax.viz.pictures.board import Board, Look
from cdjax.viz.scale import STEPS, Step

TITLE, TEXT, NUMBER, SMALL = 11.0, 9.5, 7.5, 7.5
"""Points of what is written."""
MARGIN = 0.12
"""Inches between the edge of a picture and what it holds."""
LINE = 0.14
"""Inches of a line of small text."""
LABELS = 3
"""Most labels of the prediction."""
MOST_NOTICES = 3


def write_number(score: float, decimals: int) -> str:
    """Return a score with its sign, a minus as long as the plus."""
    return write_score(score, decimals).replace("-", "\N{MINUS SIGN}")


def add_cell(
    board: Board, box: tuple[float, float, float, float], at: Step, text: str, size: float = NUMBER
) -> None:
    """Add a box in the colour of a step of the scale, and what is written in its middle."""
    left, upper, width, height = box
    fill, colour, hatching = board.look.ground(at)
    board.boxes([box], fill, hatching)
    middle, base = left + width / 2, upper + height / 2 + size * 0.36 / 72
    board.write(middle, base, text, size, colour, "center", ground=fill if hatching else None)


def arrange_outcome(explanation: Explanation, seen: Overview, width: float, look: Look) -> Board:
    """Return the prediction: the predicted label with the others, or the values.

    Of one of several outputs, which it is above.
    """
    board = Board(width, look)
    fonts, room = look.fonts, width
    top = 0.17
    if seen.step:
        board.write(0.0, 0.13, fonts.shorten(show(seen.step), TEXT, width), TEXT)
        top += 0.2
    texts = [f"{show(label)} {write_output(n, explanation.output)}" for label, n in seen.outcome]
    first = fonts.shorten(texts[0], TITLE, room, "bold")
    board.write(0.0, top, first, TITLE, weight="bold")
    used = fonts.measure(first, TITLE, "bold") + 0.12
    others = texts[1 : LABELS + 1]
    if len(texts) > LABELS + 1:
        others.append(f"{len(texts) - 1 - LABELS} more")
    if others and used + 0.5 < room:
        text = fonts.shorten(", ".join(others), TEXT, room - used)
        board.write(used, top, text, TEXT, look.ink.faint)
    board.height = top + 0.07
    return board


def arrange_foot(
    explanation: Explanation, seen: Overview, width: float, look: Look, lines: Sequence[str] = ()
) -> Board:
    """Return the legend, what scores are and do, and what to know before believing them.

    Args:
        explanation: What is shown.
        seen: Its overview.
        width: In inches.
        look: Of the picture.
        lines: Further sentences.
    """
    board = arrange_legend(name_steps(seen.thresholds), width, look)
    sentences = [describe_scores(explanation), *lines]
    known = explanation.known
    if known is not None and not known.all():
        sentences.append("?: a word that the model does not know.")
    notices = [notice.text for notice in seen.notices[:MOST_NOTICES]]
    y = board.height + 0.05
    for text, colour in ((" ".join(sentences), look.ink.faint), (" ".join(notices), look.ink.text)):
        for line in look.fonts.wrap(show(text), SMALL, width):
            y += LINE
            board.write(0.0, y, line, SMALL, colour)
    board.height = y + 0.04
    return board


def name_steps(edges: Thresholds) -> list[str]:
    """Return the steps of the scale by their thresholds."""
    clear, strong = (f"{edge:g}" for edge in edges)
    below = (f"\N{MINUS SIGN}{edge} or less" for edge in (strong, clear))
    return [*below, "between", f"{clear} or more", f"{strong} or more"]


def arrange_legend(names: Sequence[str], width: float, look: Look) -> Board:
    """Return the steps of the scale with their names, in as many lines as it takes."""
    board = Board(width, look)
    x, y, chip, height = 0.0, 0.0, 0.3, 0.17
    for at, name in zip(STEPS, names, strict=True):
        name = look.fonts.shorten(name, SMALL, width - chip - 0.06)
        needed = chip + 0.06 + look.fonts.measure(name, SMALL)
        if x and x + needed > width:
            x, y = 0.0, y + height + 0.05
        symbol = at.symbol.replace("-", "\N{MINUS SIGN}")
        add_cell(board, (x, y, chip, height), at, symbol)
        board.write(x + chip + 0.06, y + 0.12, name, SMALL)
        x += needed + 0.16
    board.height = y + height
    return board


def stack(boards: Sequence[tuple[Board, float]], width: float, look: Look) -> Board:
    """Return boards below each other within the margin, each with the space below it."""
    whole = Board(max(width, *(board.width + 2 * MARGIN for board, _ in boards)), look)
    y = MARGIN
    for board, space in boards:
        whole.add(board, MARGIN, y)
        y += board.height + space
    whole.height = y - boards[-1][1] + MARGIN
    return whole


def list_texts(explanation: Explanation, seen: Overview) -> Iterator[str]:
    """Yield all that a picture of an explanation may write, for its fonts."""
    yield from map(show, explanation.labels)
    yield from map(show, explanation.tokens or ())
    yield show(explanation.text or "")
    yield from map(show, explanation.features or ())
    yield from map(show, explanation.times or ())
    yield from (show(notice.text) for notice in seen.notices)
    yield "\N{MINUS SIGN}\N{MIDDLE DOT}…"


def is_right_to_left(texts: Sequence[str]) -> bool:
    """Return whether the first letter that has a direction is written from right to left.

    >>> is_right_to_left(["!", "\u0641\u064a\u0644\u0645", "film"])
    True
    """
    kinds = map(unicodedata.bidirectional, "".join(texts))
    return next((kind != "L" for kind in kinds if kind in ("L", "R", "AL")), False)
