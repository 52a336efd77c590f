"""Languages in which every text has a value by definition."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

NEUTRAL = ("<unk>", ".", "so")
OPINIONS = {"good": 0.5, "great": 1.0, "bad": -0.5, "awful": -1.0}
EVEN, ODD = -1.5, 1.5  # values of parity
LONGEST = 10  # words of a text

Texts = Int[np.ndarray, "n t"]
"""Word numbers of texts of one length."""
Kept = Bool[np.ndarray, "n t"]
"""Which words of a text are there; the others are removed."""


class Language(NamedTuple):
    """A language: its words, how often they are said, and the values of texts."""

    name: str
    words: tuple[str, ...]  # the neutral ones first
    shares: tuple[float, ...]  # of each word in random texts
    values: Callable[[Texts, Kept], Float[np.ndarray, "n"]]

    def value(self, text: str) -> float:
        """Return the value of a text, its words separated by spaces.

        >>> LANGUAGES["negation"].value("so not bad . good")
        1.0
        """
        ids = np.array([[self.words.index(word) for word in text.split()]], int).reshape(1, -1)
        return float(self.values(ids, np.ones(ids.shape, bool))[0])

    def draw(self, count: int, length: int, rng: np.random.Generator) -> Texts:
        """Return random texts of one length."""
        return rng.choice(len(self.words), (count, length), p=self.shares)


def _make(name: str, operator: str, shares: tuple[float, float], values) -> Language:
    """Return a language of neutral words, opinion words and an operator, with these shares of the
    opinion words and the operator in random texts.
    """
    words = (*NEUTRAL, *(OPINIONS if shares[0] else ()), operator)
    opinions = [shares[0] / len(OPINIONS)] * (len(words) - len(NEUTRAL) - 1)
    neutral = [(1 - sum(shares)) / len(NEUTRAL)] * len(NEUTRAL)
    weights = np.array([OPINIONS.get(word, 0.0) for word in words])

    def values_of(texts: Texts, kept: Kept) -> Float[np.ndarray, "n"]:
        return values(np.where(kept, weights[texts], 0), kept & (texts == len(words) - 1))

    return Language(name, words, (*neutral, *opinions, shares[1]), values_of)


def _sum_turned(opinions, operates, *, factor: float, repeats: bool) -> Float[np.ndarray, "n"]:
    """Return the sum of opinions, each times the factor where the operator is pending before it.

    The operator is pending until the next opinion. Said again before that, it counts once, or, if
    it `repeats`, anew.
    """
    total, pending = np.zeros(len(opinions)), np.ones(len(opinions))
    for opinion, operator in zip(opinions.T, operates.T, strict=True):
        total += pending * opinion
        after = pending * factor if repeats else factor
        pending = np.where(operator, after, np.where(opinion != 0, 1.0, pending))
    return total


def _negate(opinions, operates):
    return _sum_turned(opinions, operates, factor=-1.0, repeats=True)


def _intensify(opinions, operates):
    return _sum_turned(opinions, operates, factor=2.0, repeats=False)


def _reset(opinions, operates):
    total = np.zeros(len(opinions))
    for opinion, operator in zip(opinions.T, operates.T, strict=True):
        total = np.where(operator, 0.0, total + opinion)
    return total


def _parity(opinions, operates):
    return np.where(operates.sum(axis=1) % 2, ODD, EVEN)


LANGUAGES = {
    language.name: language
    for language in (
        _make("negation", "not", (0.4, 0.25), _negate),
        _make("intensifier", "very", (0.4, 0.25), _intensify),
        _make("reset", "but", (0.5, 0.15), _reset),
        _make("parity", "flip", (0.0, 0.4), _parity),
    )
}
"""The languages by name."""
