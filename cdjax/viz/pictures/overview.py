"""All of an explanation in one picture: its words, how they add up, and every phrase."""

from cdjax.results.explanation import Explanation
from cdjax.results.overview import Overview
from cdjax.viz.pictures.board import Board, Look
from cdjax.viz.pictures.parts import MARGIN, TEXT, arrange_foot, arrange_outcome, stack
from cdjax.viz.pictures.triangle import arrange_cells
from cdjax.viz.pictures.waterfall import arrange_bars, describe_rows
from cdjax.viz.pictures.windows import Series, arrange_rows
from cdjax.viz.pictures.words import arrange_text

SIDE_BY_SIDE = 9
"""Most words of a text whose waterfall and phrases are beside each other."""
MOST = 60
"""Most words of a text whose phrases are shown."""


def arrange_overview(
    explanation: Explanation, seen: Overview, width: float, look: Look, series: Series | None = None
) -> Board:
    """Return the picture; `series` where the explanation is of one."""
    inner, count = width - 2 * MARGIN, len(explanation)
    adds_up, windows = seen.account is not None, None if series is None else series.windows
    word = "word" if explanation.tokens is not None else "window"
    boards = [(arrange_outcome(explanation, seen, inner, look), 0.1)]
    if series is None:
        boards.append((arrange_text(explanation, seen, inner, look), 0.2))
    else:
        boards.append((arrange_rows(explanation, series, inner, look), 0.2))
    longest = int((explanation.spans[:, 1] - explanation.spans[:, 0]).max(initial=0))
    phrases = 1 < count <= MOST and longest > 1
    titles = "How the prediction adds up", f"Every {'phrase' if word == 'word' else 'window'}"
    if adds_up and phrases and count <= SIDE_BY_SIDE and width >= 7:
        half = (inner - 0.3) / 2
        both = Board(inner, look)
        both.add(
            _entitle(titles[0], arrange_bars(explanation, seen, half, look, windows)), 0.0, 0.0
        )
        both.add(_entitle(titles[1], arrange_cells(explanation, half, look)), half + 0.3, 0.0)
        boards.append((both, 0.2))
    else:
        if adds_up:
            bars = arrange_bars(explanation, seen, inner, look, windows)
            boards.append((_entitle(titles[0], bars), 0.2))
        if phrases:
            boards.append((_entitle(titles[1], arrange_cells(explanation, inner, look)), 0.2))
    lines = describe_rows(explanation, seen)
    boards.append((arrange_foot(explanation, seen, inner, look, lines), 0.0))
    return stack(boards, width, look)


def _entitle(title: str, board: Board) -> Board:
    """Return a board with a title above it."""
    titled = Board(board.width, board.look)
    titled.write(0.0, 0.14, title, TEXT, weight="bold")
    titled.add(board, 0.0, 0.24)
    return titled
