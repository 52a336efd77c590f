"""Where the output comes from, as a waterfall: words, words together, what no phrase owns."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cdjax.display import show
from cdjax.results.account import Account
from cdjax.results.explanation import Explanation
from cdjax.results.overview import Overview
from cdjax.results.thresholds import Thresholds
from cdjax.results.windows import list_windows
from cdjax.viz.pictures.board import Axis, Board, Look
from cdjax.viz.pictures.parts import (
    MARGIN,
    SMALL,
    TEXT,
    arrange_foot,
    arrange_outcome,
    stack,
    write_number,
)
from cdjax.viz.scale import step
from cdjax.viz.series import make_series

ROW, BAR = 0.235, 0.16
"""Inches of a row and of the bar in it."""
LINE = 0.15
"""Inches more of rows whose names take two lines."""
NAMES = 0.42
"""Share of the width that names take at most."""
MOST = 14
"""Most parts of a text in rows of their own."""


class Row(NamedTuple):
    """A row: a part of the output, or a sum of those before."""

    name: str
    number: float
    kind: str  # "part" in the colours of the scale, "other" of no phrase, "sum"


def arrange_waterfall(
    explanation: Explanation, seen: Overview, width: float, look: Look, windows: Any = None
) -> Board:
    """Return the picture, with the prediction, the legend and the notices.

    Args:
        explanation: What to show.
        seen: Its overview.
        width: In inches.
        look: Of the picture.
        windows: Of a series, the windows of time in rows of their own; 6 to 12 when None.

    Raises:
        ValueError: Where the scores are no parts of the output.
    """
    inner = width - 2 * MARGIN
    outcome, bars = (
        arrange_outcome(explanation, seen, inner, look),
        arrange_bars(explanation, seen, inner, look, windows),
    )
    foot = arrange_foot(explanation, seen, inner, look, describe_rows(explanation, seen))
    whole = stack([(outcome, 0.08), (bars, 0.16), (foot, 0.0)], width, look)
    whole.x = bars.x._replace(origin=bars.x.origin + MARGIN)
    whole.y = bars.y._replace(origin=bars.y.origin + MARGIN + outcome.height + 0.08)
    return whole


def arrange_bars(
    explanation: Explanation, seen: Overview, width: float, look: Look, windows: Any = None
) -> Board:
    """Return the bars alone; x is the output, in its units, y are rows."""
    account = _check_account(explanation, seen)
    rows = list_rows(explanation, seen, account, windows)
    board, fonts, ink = Board(width, look), look.fonts, look.ink
    numbers = [write_number(row.number, explanation.decimals) for row in rows]
    beside = max(fonts.measure(number, TEXT, "bold") for number in numbers) + 0.1
    widest = max(fonts.measure(row.name, TEXT, _weigh(row)) for row in rows)
    column = min(widest, NAMES * width, max(0.5, width - beside - 0.9))
    names = [_fold_name(row, column, look) for row in rows]
    high = ROW + LINE * (max(map(len, names)) - 1)
    ends = _find_ends(rows)
    low, top = min(0.0, *map(min, ends)), max(0.0, *map(max, ends))
    unit = (width - column - beside - 0.1) / ((top - low) or 1.0)
    x = Axis(column + 0.1 - low * unit, unit)
    zero, gap = x.origin, (high - BAR) / 2
    board.line([zero, zero], [-0.03, high * len(rows) + 0.03], ink.line, 0.7)
    for n, (row, (start, stop)) in enumerate(zip(rows, ends, strict=True)):
        y = n * high
        base = y + high / 2 + 0.045
        for m, line in enumerate(names[n]):
            shift = LINE * (m - (len(names[n]) - 1) / 2)
            board.write(column, base + shift, line, TEXT, side="right", weight=_weigh(row))
        left, right = sorted(x.origin + end * x.unit for end in (start, stop))
        _add_bar(board, row, (left, y + gap, max(right - left, 0.012), BAR), seen.thresholds)
        if n + 1 < len(rows):
            at = x.origin + stop * x.unit
            board.line([at, at], [y + gap + BAR, y + high + gap], ink.line, 0.7)
        board.write(width, base, numbers[n], TEXT, side="right", weight=_weigh(row))
    _add_axis(board, x, (low, top), high * len(rows) + 0.05, show(account.name))
    board.x, board.y = x, Axis(high / 2, high)
    return board


def _add_bar(
    board: Board, row: Row, box: tuple[float, float, float, float], edges: Thresholds
) -> None:
    look = board.look
    if row.kind == "sum":
        board.boxes([box], look.ink.total)
    elif row.kind == "other":
        board.boxes([box], look.ink.neutral, edge=look.ink.line)
    else:
        fill, _, hatching = look.ground(step(row.number, edges))
        board.boxes([box], fill, hatching, look.ink.line)


def _fold_name(row: Row, width: float, look: Look) -> list[str]:
    if row.kind == "sum":
        return [look.fonts.shorten(row.name, TEXT, width, "bold")]
    return look.fonts.wrap(row.name, TEXT, width, most=2)


def list_rows(
    explanation: Explanation, seen: Overview, account: Account, windows: Any = None
) -> list[Row]:
    """Return the rows from the top down: parts in their order, then what no phrase owns."""
    is_text = explanation.tokens is not None
    whole = "text" if is_text else "series"
    parts, what = _list_parts(explanation, seen, windows)
    rows, others = _choose(parts, MOST)
    if others:
        name = f"{len(others)} other {what}"
        rows.append(Row(name, sum(part.number for part in others), "other"))
    shown = sum(part.number for part in parts)
    if account.whole is not None and len(parts) > 1:
        together = account.whole - shown
        rows.append(Row(f"{what} together", together, "part"))
        rows.append(Row(f"whole {whole}", account.whole, "sum"))
        remainder = account.remainder
    else:
        remainder = account.total - account.output_bias - shown
    rows.append(Row("remainder", remainder, "other"))
    rows.append(Row("output bias", account.output_bias, "other"))
    rows.append(Row(f"= {account.name.partition(' ')[0]}", account.total, "sum"))
    return rows


def describe_rows(explanation: Explanation, seen: Overview) -> list[str]:
    """Return sentences on the rows that are of no phrase alone."""
    account, lines = seen.account, []
    words, whole = ("words", "text") if explanation.tokens is not None else ("steps", "series")
    if account is None:
        return lines
    if account.whole is not None:
        lines.append("Together: what they say beyond the sum of what each says.")
    reason = account.reason or "what belongs to no phrase"
    if account.whole is None:
        reason = f"what {words} say together, and what belongs to no phrase"
    lines.append(f"Remainder: {reason}. Output bias: the same for every {whole}.")
    return lines


def _list_parts(explanation: Explanation, seen: Overview, windows: Any) -> tuple[list[Row], str]:
    """Return the parts of the input that are told apart: words, sentences, windows of time."""
    if explanation.tokens is None:
        found = list_windows(explanation, make_series(explanation, windows).windows)
        what = "windows" if any(part.stop - part.start > 1 for part in found) else "steps"
    elif seen.sentences:
        found, what = list(seen.sentences), "sentences"
    else:
        found, what = explanation.words(), "words"
    return [Row(show(part.text), part.score, "part") for part in found], what


def _choose(parts: Sequence[Row], most: int) -> tuple[list[Row], list[Row]]:
    """Return the parts with rows of their own, in their order, and the others."""
    if len(parts) <= most:
        return list(parts), []
    sizes = [abs(part.number) for part in parts]
    chosen = set(np.argsort(-np.array(sizes), kind="stable")[: most - 1].tolist())
    return (
        [part for n, part in enumerate(parts) if n in chosen],
        [part for n, part in enumerate(parts) if n not in chosen],
    )


def _find_ends(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Return where each bar starts and stops: sums at 0, parts where the one before stopped."""
    ends, at = [], 0.0
    for row in rows:
        start = 0.0 if row.kind == "sum" else at
        at = row.number if row.kind == "sum" else at + row.number
        ends.append((start, at))
    return ends


def _check_account(explanation: Explanation, seen: Overview) -> Account:
    if seen.account is None:
        raise ValueError(
            f"the scores of the method {explanation.method!r} are in {explanation.units}, and do "
            f"not add up to the prediction, so there is no waterfall of them; expected those of "
            f"method='cd'. plot.words() and plot.compare() show them."
        )
    if not len(explanation):
        raise ValueError("there are no words, so there is nothing to draw.")
    return seen.account


def _weigh(row: Row) -> str:
    return "bold" if row.kind == "sum" else "normal"


def _add_axis(board: Board, x: Axis, ends: tuple[float, float], y: float, name: str) -> None:
    """Add ticks below the bars, and what they are in."""
    ink, fonts = board.look.ink, board.look.fonts
    low, high = (x.origin + end * x.unit for end in ends)
    texts = [f"{number:g}".replace("-", "\N{MINUS SIGN}") for number in find_ticks(*ends)]
    needed = 0.1 + max(fonts.measure(text, SMALL) for text in texts)
    numbers = find_ticks(*ends, most=max(2, min(7, int((high - low) / needed))))
    board.line([low, high], [y, y], ink.line, 0.7)
    for number in numbers:
        at = x.origin + number * x.unit
        board.line([at, at], [y, y + 0.04], ink.line, 0.7)
        text = f"{number:g}".replace("-", "\N{MINUS SIGN}")
        board.write(at, y + 0.15, text, SMALL, ink.faint, "center")
    board.write(
        (low + high) / 2,
        y + 0.29,
        fonts.shorten(name, SMALL, board.width),
        SMALL,
        ink.faint,
        "center",
    )
    board.height = y + 0.32


def find_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers between two, at most so many.

    >>> find_ticks(-0.3, 1.6)
    [0.0, 0.5, 1.0, 1.5]
    """
    span = high - low
    if not span > 0:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(span / most))
    size = next(power * n for n in (1, 2, 5, 10, 20) if span / (power * n) <= most - 1)
    return [n * size + 0.0 for n in range(math.ceil(low / size), math.floor(high / size) + 1)]
