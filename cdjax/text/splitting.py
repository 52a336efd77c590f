"""How a model's texts are split into tokens: the way of whatever it was trained with.

`TREEBANK` is cdjax's own (`cdjax.text.tokenizer`). The others are those of models that come from
elsewhere: a network that was trained on "isn't" as one word does not know "is" and "n't".
"""

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from cdjax.text.characters import Characters, read_characters
from cdjax.text.tokenizer import tokenize_with_offsets

KERAS_MARKS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""What Keras's `Tokenizer` takes for white space, if not told otherwise."""
KINDS = ("treebank", "marks", "stripped", "spaces", "characters", "tokenizers")


class Splitting(NamedTuple):
    """A way to split texts; what it says is kept with the model.

    The kinds:

        treebank     Penn Treebank tokens
        marks        at spaces, and at the characters of `detail`, which are dropped (Keras's
                     `Tokenizer`)
        stripped     the characters of `detail` are dropped, and what is left is split at white
                     space: "isn't" is "isnt" (Keras's `TextVectorization`)
        spaces       at white space
        characters   every character is a token
        tokenizers   by Hugging Face's package `tokenizers`; `detail` is its JSON
    """

    kind: str = "treebank"
    detail: str = ""

    def problem(self) -> str | None:
        """Return what is wrong with it, None where nothing is."""
        if self.kind not in KINDS:
            return f"splitting is {self.kind!r}; expected one of {', '.join(KINDS)}."
        return None

    @property
    def splits_words(self) -> bool:
        """Whether tokens are words that have spaces between them."""
        return self.kind not in ("characters", "tokenizers")

    def read(self, text: str) -> Characters:
        """Return the characters of a text that are split."""
        if self.kind == "treebank":
            return read_characters(text)
        starts = np.arange(len(text), dtype=np.int32)
        return Characters(text, np.stack([starts, starts + 1], axis=1))

    def split(self, text: str | Characters) -> tuple[list[str], Int[np.ndarray, "t 2"]]:
        """Return the tokens of a text, and the offsets `[T, 2]` of their characters in it.

        Args:
            text: Any text; or its characters (`read`).

        Raises:
            ImportError: Where the package `tokenizers` is needed and not installed.

        >>> tokens, offsets = Splitting("marks", KERAS_MARKS).split("It isn't a bad film.")
        >>> tokens, offsets[1].tolist()
        (['It', "isn't", 'a', 'bad', 'film'], [3, 8])
        """
        characters = text if isinstance(text, Characters) else self.read(text)
        if self.kind == "treebank":
            return tokenize_with_offsets(characters)
        if self.kind == "tokenizers":
            encoding = _tokenizer(self.detail).encode(characters.text, add_special_tokens=False)
            tokens, offsets = encoding.tokens, encoding.offsets
        else:
            find, strip = _pattern(self)
            found = ((strip(match[0]), match.span()) for match in find(characters.text))
            pairs = [pair for pair in found if pair[0]]
            tokens, offsets = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        return list(tokens), np.array(offsets, np.int32).reshape(-1, 2)


@functools.cache
def _pattern(splitting: Splitting) -> tuple[Callable[[str], Any], Callable[[str], str]]:
    """Return what finds the pieces of a text, and what makes a token of a piece."""
    if splitting.kind == "characters":
        return re.compile(r"(?s).").finditer, str
    if splitting.kind == "marks":
        return re.compile(f"[^ {re.escape(splitting.detail)}]+").finditer, str
    dropped = str.maketrans("", "", splitting.detail if splitting.kind == "stripped" else "")
    return re.compile(r"\S+").finditer, lambda piece: piece.translate(dropped)


@functools.lru_cache(maxsize=4)
def _tokenizer(detail: str) -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            "the model's texts are split by the package tokenizers, which is not installed; "
            "install it: pip install 'cdjax[tokenizers]'."
        ) from error
    tokenizer = tokenizers.Tokenizer.from_str(detail)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class Frame(NamedTuple):
    """Texts are padded to one length, and a network without a mask reads padding like a word.

    The padding belongs to the rest, never to a phrase. `cdjax.explain` and `cdjax score` pad; the
    functions that take word numbers score them as they are given (`pad`).
    """

    length: int
    """Steps of every sequence."""
    row: int
    """The embedding's row of the padding."""
    pads_before: bool = True
    """Whether the padding is before the words (Keras's default) or after them."""
    cuts_before: bool = True
    """Whether of a longer text the beginning is left out (Keras's default) or the end."""

    def kept(self, count: int) -> slice:
        """Return which of so many tokens are read.

        >>> Frame(3, 0).kept(5), Frame(3, 0, cuts_before=False).kept(5)
        (slice(2, 5, None), slice(0, 3, None))
        """
        first = max(0, count - self.length) if self.cuts_before else 0
        return slice(first, min(count, first + self.length))

    def pad(self, numbers: Int[np.ndarray, "t"]) -> tuple[Int[np.ndarray, "n"], int]:
        """Return word numbers, padded, and the step of the first word.

        >>> padded, first = Frame(5, 0).pad(np.array([7, 8]))
        >>> padded.tolist(), first
        ([0, 0, 0, 7, 8], 3)
        """
        numbers = numbers[self.kept(len(numbers))]
        first = self.length - len(numbers) if self.pads_before else 0
        padded = np.full(self.length, self.row, np.int32)
        padded[first : first + len(numbers)] = numbers
        return padded, first
