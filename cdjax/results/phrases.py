"""A phrase and its score, as a person reads them."""

from typing import NamedTuple


class Phrase(NamedTuple):
    """A span of an explanation, as a person reads it."""

    start: int  # half-open span of its steps
    stop: int
    text: str  # its tokens, joined by spaces; "steps 2:5" of a series
    score: float  # along the direction, in the units of the explanation


class Interaction(NamedTuple):
    """A span whose score is not the sum of the scores of its steps."""

    start: int  # half-open
    stop: int
    text: str
    score: float  # of the span
    interaction: float  # the score less the sum of the scores of its single steps

    @property
    def sum(self) -> float:
        """The sum of the scores of its single steps."""
        return self.score - self.interaction
