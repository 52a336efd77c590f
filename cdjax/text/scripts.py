"""Scripts that put no spaces between words, which the tokenizer can't split."""

from collections.abc import Sequence

import regex
from jaxtyping import Bool
from numpy import ndarray

# Characters, and the mean length of a run of them from which it is no word but a clause: words of
# Chinese and Japanese are of 1 to 4 characters, those of the others seldom of more than 10.
_SCRIPTS = {
    "Chinese or Japanese": (r"[\p{Han}\p{Hiragana}\p{Katakana}ー]+", 4),
    "Thai": (r"\p{Thai}+", 12),
    "Lao": (r"\p{Lao}+", 12),
    "Khmer": (r"\p{Khmer}+", 12),
    "Burmese": (r"\p{Myanmar}+", 12),
}
_RUNS = {name: regex.compile(run) for name, (run, _) in _SCRIPTS.items()}
_LETTERS = regex.compile(r"[\p{L}\p{M}]")


def find_unspaced_script(text: str) -> str | None:
    """Return what a text is written in where that has no spaces between words; None where it has.

    At least half of its letters are in such a script. Text that was split into words before, and
    has spaces, is none.

    >>> find_unspaced_script("这部电影真的很好看。"), find_unspaced_script("这 部 电影 很 好看")
    ('Chinese or Japanese', None)
    """
    if text.isascii():
        return None
    for name, pattern in _RUNS.items():
        runs = pattern.findall(text)
        characters = sum(map(len, runs))
        clauses = runs and characters > _SCRIPTS[name][1] * len(runs)
        if clauses and 2 * characters >= len(_LETTERS.findall(text)):
            return name
    return None


def check_words(text: str, tokens: Sequence[str], known: Bool[ndarray, "t"]) -> None:
    """Raise where the tokens of a text are no words.

    Args:
        text: The text.
        tokens: Its tokens.
        known: Whether a model knows each; that it knows half of them shows that they are words.

    Raises:
        ValueError: Where the text puts no spaces between words.
    """
    if 2 * known.sum() < len(tokens) and (script := find_unspaced_script(text)):
        longest = max(tokens, key=len)[:20]
        raise ValueError(
            f"the text is in {script}, which puts no spaces between words, so that {longest!r} "
            f"would be one; expected spaces between words. Let a tokenizer of that language split "
            f"it first."
        )
