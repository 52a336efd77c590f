"""A series in windows of time: their scores, and below them the features with their values."""

import numpy as np
from jaxtyping import Float

from cdjax.display import show
from cdjax.results.explanation import Explanation
from cdjax.results.overview import Overview
from cdjax.viz.pictures.board import Axis, Board, Look
from cdjax.viz.pictures.parts import (
    MARGIN,
    NUMBER,
    SMALL,
    TEXT,
    add_cell,
    arrange_foot,
    arrange_outcome,
    stack,
    write_number,
)
from cdjax.viz.scale import step
from cdjax.viz.series import Series

ROW, CELL = 0.42, 0.24
"""Inches of a feature and of the windows' scores."""
MOST = 12
"""Most features."""


def arrange_windows(
    explanation: Explanation, seen: Overview, width: float, look: Look, series: Series
) -> Board:
    """Return the picture, with the prediction, the legend and the notices."""
    inner = width - 2 * MARGIN
    lines = ["Windows: what the input of their steps contributes. Lines: values of the features."]
    if series.by_feature is not None:
        lines.append("Colours below lines: what the feature contributes within the window.")
    rows = arrange_rows(explanation, series, inner, look)
    outcome = arrange_outcome(explanation, seen, inner, look)
    foot = arrange_foot(explanation, seen, inner, look, lines)
    whole = stack([(outcome, 0.1), (rows, 0.16), (foot, 0.0)], width, look)
    whole.x, whole.y = rows.x._replace(origin=rows.x.origin + MARGIN), Axis()
    return whole


def arrange_rows(explanation: Explanation, series: Series, width: float, look: Look) -> Board:
    """Return the windows and the features alone; x are steps."""
    board, fonts, ink = Board(width, look), look.fonts, look.ink
    chosen = _choose_features(series)
    names = [show(series.features[d]) for d in chosen]
    column = min(max(fonts.measure(name, TEXT) for name in ["all", *names]), 0.25 * width) + 0.1
    ranges = [_show_range(series.values[:, d]) for d in chosen]
    beside = max(fonts.measure(text, SMALL) for text in ranges) + 0.08
    steps, windows = len(series.values), series.windows.tolist()
    x = Axis(column, (width - column - beside) / steps)

    def outline(window: list[int], y: float, height: float) -> tuple[float, float, float, float]:
        start, stop = window
        return x.origin + start * x.unit, y, (stop - start) * x.unit - 0.015, height

    board.write(column - 0.1, CELL / 2 + 0.045, "all", TEXT, side="right")
    for window in windows:
        score = explanation[window[0] : window[1]]
        box = outline(window, 0.0, CELL)
        text = write_number(score, explanation.decimals)
        text = text if fonts.measure(text, NUMBER) <= box[2] else ""
        add_cell(board, box, step(score, explanation.thresholds), text)
    y = CELL + 0.08
    for d, name, text in zip(chosen, names, ranges, strict=True):
        base = y + ROW / 2 + 0.045
        board.write(column - 0.1, base, fonts.shorten(name, TEXT, column - 0.1), TEXT, side="right")
        board.write(width, base, text, SMALL, ink.faint, "right")
        for n, window in enumerate(windows):
            score = np.nan if series.by_feature is None else float(series.by_feature[n, d])
            fill, _, hatching = look.ground(step(score, explanation.thresholds))
            board.boxes([outline(window, y, ROW - 0.03)], fill, hatching)
        values = series.values[:, d].astype(float)
        span = float(np.ptp(values)) or 1.0
        height = (values.max() - values) / span * (ROW - 0.11) + 0.04
        at = x.origin + (np.arange(steps) + 0.5) * x.unit
        board.line(at.tolist(), (y + height).tolist(), ink.text, 1.0)
        y += ROW
    board.height = y
    _add_times(board, series, x, y)
    if len(chosen) < len(series.features):
        more = f"{len(series.features) - len(chosen)} more features are not shown"
        board.write(0.0, board.height + 0.12, more, SMALL, ink.faint)
        board.height += 0.16
    board.x = x
    return board


def _choose_features(series: Series) -> list[int]:
    """Return the features with the largest scores, or the first, in their order."""
    count = len(series.features)
    if count <= MOST or series.by_feature is None:
        return list(range(min(count, MOST)))
    sizes = np.nansum(np.abs(series.by_feature), axis=0)
    return sorted(np.argsort(-sizes, kind="stable")[:MOST].tolist())


def _show_range(values: Float[np.ndarray, "t"]) -> str:
    texts = (f"{end:.3g}".replace("-", "\N{MINUS SIGN}") for end in (values.min(), values.max()))
    return " to ".join(texts)


def _add_times(board: Board, series: Series, x: Axis, y: float) -> None:
    """Add the time at which each window begins, as many as have room."""
    free = 0.0
    for start, _ in series.windows.tolist():
        text, left = show(series.times[start]), x.origin + start * x.unit
        width = board.look.fonts.measure(text, SMALL)
        if left >= free and left + width <= board.width:
            board.line([left, left], [y, y + 0.04], board.look.ink.line, 0.7)
            board.write(left, y + 0.15, text, SMALL, board.look.ink.faint)
            free = left + width + 0.1
    board.height = y + 0.18
