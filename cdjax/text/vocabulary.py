"""The words a model knows, and their numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

UNKNOWN = "<unk>"
"""The word that stands for all the others; always number 0."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of a model in the order of the rows of its embedding.

    Attributes:
        words: All words; the first is `UNKNOWN`, which every other text's word becomes.
        lowercase: Whether a token is looked up in lower case.

    Raises:
        ValueError: Where the first word is not `UNKNOWN`, or a word occurs twice.

    >>> vocabulary = Vocabulary((UNKNOWN, "a", "bad", "film"))
    >>> vocabulary.encode(["A", "bad", "pun"]).tolist()
    [1, 2, 0]
    """

    words: tuple[str, ...]
    lowercase: bool = True

    def __post_init__(self):
        if not self.words or self.words[0] != UNKNOWN:
            found = self.words[:1] or "no word"
            raise ValueError(f"the vocabulary begins with {found}; expected {UNKNOWN!r} first.")
        if len(self._numbers) != len(self.words):
            seen: set[str] = set()
            twice = next(word for word in self.words if word in seen or seen.add(word))
            raise ValueError(f"the vocabulary holds {twice!r} twice; expected each word once.")

    @classmethod
    def of(cls, words: Iterable[str], lowercase: bool = True) -> "Vocabulary":
        """Return the vocabulary of the given words, each once, in order of appearance."""
        keys = (word.lower() if lowercase else word for word in words)
        return cls(tuple(dict.fromkeys((UNKNOWN, *keys))), lowercase)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, tokens: Sequence[str]) -> Int[np.ndarray, "t"]:
        """Return the numbers of a review's tokens, 0 for those the vocabulary lacks."""
        keys = (token.lower() for token in tokens) if self.lowercase else tokens
        return np.fromiter((self._numbers.get(key, 0) for key in keys), np.int32, len(tokens))
