"""The words of a text on the colours of their scores: strips, or the sentences of a long text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cdjax.display import show
from cdjax.results.explanation import Explanation
from cdjax.results.overview import Overview
from cdjax.results.windows import list_windows
from cdjax.viz.original import read_words
from cdjax.viz.pictures.board import Board, Look
from cdjax.viz.pictures.parts import (
    MARGIN,
    NUMBER,
    SMALL,
    TEXT,
    add_cell,
    arrange_foot,
    arrange_outcome,
    is_right_to_left,
    stack,
    write_number,
)
from cdjax.viz.pictures.strips import WIDEST, Block, arrange_strips
from cdjax.viz.scale import Step, step
from cdjax.viz.series import make_series

Spans = Sequence[tuple[int, int]]
ROW = 0.23
"""Inches of a line of a long text."""


def arrange_words(
    explanation: Explanation, seen: Overview, width: float, look: Look, phrases: Spans | None = None
) -> Board:
    """Return the picture of the words, with the prediction, the legend and the notices.

    Args:
        explanation: Of a text.
        seen: Its overview.
        width: In inches.
        look: Of the picture.
        phrases: Spans to show below the words; when None, the strongest word as the words before
            it join.
    """
    inner = width - 2 * MARGIN
    boards = [
        (arrange_outcome(explanation, seen, inner, look), 0.08),
        (arrange_text(explanation, seen, inner, look, phrases), 0.16),
        (arrange_foot(explanation, seen, inner, look), 0.0),
    ]
    return stack(boards, width, look)


def arrange_text(
    explanation: Explanation, seen: Overview, width: float, look: Look, phrases: Spans | None = None
) -> Board:
    """Return the words alone."""
    if seen.sentences and phrases is None:
        return _arrange_sentences(explanation, seen, width, look)
    if phrases is None:
        phrases = [(phrase.start, phrase.stop) for phrase in seen.growth[1:]]
    return arrange_strips(make_block(explanation, phrases), width, look)


def make_block(explanation: Explanation, phrases: Spans = (), windows: Any = None) -> Block:
    """Return the words of an explanation with their scores; of a series its windows of time."""
    decimals = explanation.decimals
    if explanation.tokens is None:
        parts = list_windows(explanation, make_series(explanation, windows).windows)
        return Block(
            [show(part.text) for part in parts],
            [part.score for part in parts],
            explanation.thresholds,
            lambda score: write_number(score, decimals),
        )
    tokens = list(map(show, explanation.tokens))
    known = explanation.known
    return Block(
        tokens,
        [word.score for word in explanation.words()],
        explanation.thresholds,
        lambda score: write_number(score, decimals),
        () if known is None else ["" if is_known else "?" for is_known in known],
        [(start, stop, explanation[start:stop]) for start, stop in phrases],
        is_right_to_left(tokens),
    )


def _arrange_sentences(explanation: Explanation, seen: Overview, width: float, look: Look) -> Board:
    """Return a long text as it is, a sentence a paragraph beside its score, clear words tinted."""
    board = Board(width, look)
    rtl = is_right_to_left(explanation.tokens or ())
    column = 0.56
    y = 0.0
    for sentence in seen.sentences:
        text = write_number(sentence.score, explanation.decimals)
        left = width - column + 0.08 if rtl else 0.0
        add_cell(
            board,
            (left, y + 0.01, column - 0.08, 0.18),
            step(sentence.score, seen.thresholds),
            text,
        )
        flow = _Flow(board, (0.0 if rtl else column, width - column * rtl), y, rtl)
        words = read_words(explanation, sentence.start, sentence.stop)
        for t, (between, word) in enumerate(words, sentence.start):
            flow.add_word(explanation, t, between, word)
        y = flow.y + ROW + 0.05
    board.height = y - 0.05
    return board


class _Flow:
    """Words that follow each other in lines."""

    def __init__(self, board: Board, between: tuple[float, float], y: float, rtl: bool):
        self.board, (self.left, self.right), self.y, self.rtl = board, between, y, rtl
        self.x = 0.0  # from the side where lines begin
        self.space = board.look.fonts.measure("a a", TEXT) - board.look.fonts.measure("aa", TEXT)

    def add_word(self, explanation: Explanation, t: int, between: str, word: str) -> None:
        """Add a word as it is in the text; with its score where that is clear."""
        fonts = self.board.look.fonts
        before = show("".join(between.split()))
        word = fonts.shorten(before, TEXT, 1.0) + fonts.shorten(show(word), TEXT, WIDEST)
        score, edges = explanation[t], explanation.thresholds
        clear = not np.isnan(score) and abs(score) >= edges.clear
        known = explanation.known
        note = write_number(score, explanation.decimals) if clear else ""
        if known is not None and not known[t]:
            note = f"{note} ?".strip()
        width = fonts.measure(word, TEXT) + (0.06 if clear else 0.0)
        beside = fonts.measure(note, NUMBER) + 0.05 if note else 0.0
        if any(map(str.isspace, between)):
            self.x += self.space
        if self.x and self.x + width + beside > self.right - self.left:
            self.x, self.y = 0.0, self.y + ROW
        self._write(word, note, (width, beside), step(score, edges) if clear else None)
        self.x += width + beside

    def _write(
        self, word: str, note: str, widths: tuple[float, float], at_step: Step | None
    ) -> None:
        width, beside = widths
        left = self.left + self.x
        if self.rtl:
            left = self.right - self.x - width - beside
        at = left + (beside if self.rtl else 0.0)
        look, base = self.board.look, self.y + 0.145
        colour, ground = look.ink.text, None
        if at_step is not None:
            fill, colour, hatching = look.ground(at_step)
            self.board.boxes([(at, self.y + 0.005, width, 0.19)], fill, hatching)
            ground = fill if hatching else None
        self.board.write(at + width / 2, base, word, TEXT, colour, "center", ground=ground)
        where = left if self.rtl else left + width + 0.02
        self.board.write(where, base, note, SMALL, look.ink.faint)
