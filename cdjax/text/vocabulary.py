"""The words a model knows, and their numbers."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np
from jaxtyping import Bool, Int

from cdjax.text.characters import Characters
from cdjax.text.splitting import Frame, Splitting

TREEBANK = Splitting()
UNKNOWN = "<unk>"
"""The word that stands for all the others, where no other is named."""


@dataclass(frozen=True, init=False, repr=False)
class Vocabulary:
    """The words of a model in the order of the rows of its embedding.

    Words are kept exactly as given, each at the row of its position. Two rows are special, and may
    be anywhere; nothing is guessed about them from how their words are written.

    Attributes:
        words: All words.
        lowercase: Whether tokens and words are compared in lower case.
        unknown: Row of the unknown word, which every token without a row of its own becomes; None
            where there is none and such a token is an error.
        padding: Row that fills up a batch of reviews of different lengths, if there is one.
        splitting: How texts are split into tokens.
        skips_unknown: Whether a token without a row is left out of a text, where there is no
            unknown word, as Keras's `Tokenizer` does.
        frame: How texts are padded where the network reads padding like a word; None where it does
            not.

    >>> vocabulary = Vocabulary(["<pad>", "bad", "film", "<unk>"], padding="<pad>")
    >>> vocabulary.encode(["Bad", "pun"]).tolist()
    [1, 3]
    """

    words: tuple[str, ...]
    lowercase: bool
    unknown: int | None
    padding: int | None
    splitting: Splitting
    skips_unknown: bool
    frame: Frame | None

    def __init__(
        self,
        words: Iterable[str],
        lowercase: bool = True,
        *,
        unknown: str | int | None = UNKNOWN,
        padding: str | int | None = None,
        splitting: Splitting = TREEBANK,
        skips_unknown: bool = False,
        frame: Frame | None = None,
    ):
        """Take the words of a model.

        Args:
            words: The words, one for each row of the embedding, in its order.
            lowercase: Whether tokens and words are compared in lower case.
            unknown: The unknown word, or its row. The default is the word `<unk>`, which has to be
                there; where there is no such row say so, `unknown=None`.
            padding: The word that fills up batches, or its row, if there is one.
            splitting: How texts are split into tokens.
            skips_unknown: Whether to leave tokens without a row out of a text; `unknown` is None
                then.
            frame: How texts are padded, if the network reads padding like a word.

        Raises:
            TypeError: Where `words` is a string, or a word is not one.
            ValueError: Where a word occurs twice (in lower case, if that is how they are compared),
                or there is no such word or row as `unknown`, `padding` or `frame` names; where
                there is an unknown word and tokens are to be left out.
        """
        if isinstance(words, str):
            raise TypeError(f"words is the string {words[:40]!r}; expected a list of words.")
        words = tuple(words)
        for row, word in enumerate(words):
            if not isinstance(word, str):
                raise TypeError(f"word {row} is {word!r}; expected a string.")
        vars(self).update(words=words, lowercase=lowercase)
        self._check_distinct()
        vars(self).update(
            unknown=self._find_row("unknown", unknown), padding=self._find_row("padding", padding)
        )
        if self.unknown is not None and self.unknown == self.padding:
            raise ValueError(
                f"unknown and padding are the same row, {self.unknown}; expected different ones."
            )
        vars(self).update(splitting=splitting, skips_unknown=skips_unknown, frame=frame)
        if problem := splitting.problem():
            raise ValueError(problem)
        if skips_unknown and self.unknown is not None:
            raise ValueError(
                f"skips_unknown is set, and the unknown word is row {self.unknown}; expected "
                f"unknown=None, or skips_unknown=False."
            )
        if frame is not None and not (frame.length > 0 and 0 <= frame.row < len(self.words)):
            raise ValueError(
                f"frame is {frame}; expected a length of at least 1 and a row from 0 to "
                f"{len(self.words) - 1}."
            )

    @classmethod
    def of(cls, tokens: Iterable[str], lowercase: bool = True) -> "Vocabulary":
        """Return the vocabulary of a text: each token once, in order of appearance.

        `<unk>` becomes row 0 where the tokens do not hold it.
        """
        distinct = dict.fromkeys(token.lower() if lowercase else token for token in tokens)
        return cls(distinct if UNKNOWN in distinct else (UNKNOWN, *distinct), lowercase)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {self._key(word): row for row, word in enumerate(self.words)}

    def _key(self, word: str) -> str:
        return word.lower() if self.lowercase else word

    def _check_distinct(self) -> None:
        if len(self._rows) == len(self.words):
            return
        first: dict[str, str] = {}
        for word in self.words:
            other = first.get(self._key(word))
            if other == word:
                raise ValueError(f"the vocabulary holds {word!r} twice; expected each word once.")
            if other is not None:
                raise ValueError(
                    f"the vocabulary holds {other!r} and {word!r}, which are one word in lower "
                    f"case; expected each word once, or lowercase=False."
                )
            first[self._key(word)] = word

    def _find_row(self, argument: str, word: str | int | None) -> int | None:
        """Return the row of a word that is given by its name or its row."""
        if word is None:
            return None
        if isinstance(word, str):
            if word in self.words:
                return self.words.index(word)
            looks_like = [w for w in self.words if "unk" in w.lower() or w.lower() == "oov"]
            example = (looks_like or self.words or ("...",))[0]
            raise ValueError(
                f"the vocabulary has no word {word!r}; expected {argument} to be one of its words, "
                f"a row or None: {argument}={example!r}."
            )
        row = -1 if isinstance(word, bool) else operator.index(word)
        if not 0 <= row < len(self.words):
            raise ValueError(
                f"{argument} is {word}; expected a word, or a row from 0 to {len(self.words) - 1}."
            )
        return row

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, token: str) -> bool:
        """Return whether a token has a row of its own, other than those of unknown and padding."""
        row = self._rows.get(self._key(token))
        return row is not None and row not in (self.unknown, self.padding)

    def known(self, numbers: Int[np.ndarray, "t"]) -> Bool[np.ndarray, "t"]:
        """Return which rows are those of a word, not of unknown and padding."""
        return self._is_word[numbers]

    @cached_property
    def _is_word(self) -> Bool[np.ndarray, "n"]:
        rows = np.ones(len(self), bool)
        rows[[row for row in (self.unknown, self.padding) if row is not None]] = False
        return rows

    def __repr__(self) -> str:
        return (
            f"Vocabulary({len(self):,} words, lowercase={self.lowercase}, unknown={self.unknown}, "
            f"padding={self.padding})"
        )

    def split(self, text: str | Characters) -> tuple[list[str], Int[np.ndarray, "t 2"]]:
        """Return the tokens of a text, and the offsets `[T, 2]` of their characters in it.

        All of them, but with `skips_unknown` those that have no row. What a `frame` has no room for
        is for the caller to leave out (`Frame.kept`).

        Args:
            text: Any text; or its characters (`self.splitting.read`).
        """
        tokens, offsets = self.splitting.split(text)
        if self.skips_unknown:
            kept = [n for n, token in enumerate(tokens) if self._key(token) in self._rows]
            tokens, offsets = [tokens[n] for n in kept], offsets[kept]
        return tokens, offsets

    def encode(self, tokens: Iterable[str]) -> Int[np.ndarray, "t"]:
        """Return the numbers `[T]` of a review's tokens, the rows of their words.

        Raises:
            TypeError: Where `tokens` is a text that is not split into tokens, or a token is none.
            ValueError: Where a token has no row, and there is no unknown word.
        """
        if isinstance(tokens, str):
            raise TypeError(
                f"found the string {tokens[:40]!r}; expected a list of tokens: "
                f"encode(cdjax.tokenize(text))."
            )
        tokens = list(tokens)
        if not all(isinstance(token, str) for token in tokens):
            wrong = next(token for token in tokens if not isinstance(token, str))
            raise TypeError(f"found the token {wrong!r}; expected a string.")
        keys = map(str.lower, tokens) if self.lowercase else tokens
        numbers = np.fromiter(map(self._rows.get, keys, repeat(-1)), np.int32, len(tokens))
        missing = numbers < 0
        if missing.any() and self.unknown is None:
            raise ValueError(
                f"the vocabulary does not hold {tokens[int(missing.argmax())]!r}, and has no "
                f"unknown word to take for it; leave the token out, or name one: "
                f"Vocabulary(words, unknown=...)."
            )
        return np.where(missing, np.int32(self.unknown or 0), numbers)
