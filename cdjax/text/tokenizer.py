"""Penn Treebank tokens of raw text, by NLTK: what the Stanford Sentiment Treebank is made of.

Differs from `nltk.word_tokenize`: (1) no data is downloaded, abbreviations are listed here; (2)
quotes keep their direction (`` '' and ` '), so that text which is tokenized already stays as it is;
(3) "'70s" and "'em" are one token, as in the treebank; (4) typographic characters become their
ASCII forms first. Brackets stay brackets: "(" and not "-LRB-".
"""
# ruff: noqa: RUF001 - typographic characters are the subject

import functools
import re

import numpy as np
from jaxtyping import Int

_TYPOGRAPHY = str.maketrans(
    {
        "’": "'",
        "‘": "`",
        "‚": "`",
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "…": "...",
        "–": "--",
        "—": "--",
        "―": "--",
        "‐": "-",
        "‑": "-",
        "\xad": "",  # soft hyphen and zero-width space mark where a line may break, inside a word
        "\u200b": "",
        "\ufeff": "",
    }
)

# Their periods end no sentence by themselves. Those with inner periods (U.S., E.T.) are recognized.
# fmt: off
_ABBREVIATIONS = {
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "gen", "col", "sgt", "capt", "lt", "rev",
    "hon", "gov", "sen", "rep", "vs", "etc", "al", "approx", "est", "dept", "ave", "blvd", "mt",
    "no", "vol", "inc", "co", "corp", "ltd", "bros",
    "jan", "feb", "aug", "sept", "oct", "nov", "dec",
}

# A new sentence where they follow an abbreviation in upper case: "... sequels, etc. The film".
_STARTERS = {
    "the", "this", "that", "it", "he", "she", "we", "they", "i", "you", "there", "but", "and", "if",
    "what", "in", "as",
}
# fmt: on

_INNER_PERIODS = re.compile(r"\b(?:[^\W\d_]\.)+[^\W\d_](?=\.)")


def tokenize(text: str) -> list[str]:
    """Split a text into Penn Treebank tokens.

    Text that is tokenized already comes out as it went in, with few exceptions ("S&M", "ol'").

    Args:
        text: Any text, of any number of sentences.

    Returns:
        The tokens: none is empty or holds white space. No token for a blank text.

    >>> tokenize("It isn’t a bad film. Really!")
    ['It', 'is', "n't", 'a', 'bad', 'film', '.', 'Really', '!']
    """
    text = text.translate(_TYPOGRAPHY)
    split_words = _word_tokenizer()
    return [word for sentence in _split_sentences(text) for word in split_words(sentence)]


def tokenize_with_offsets(text: str) -> tuple[list[str], Int[np.ndarray, "t 2"]]:
    """Split a text into the tokens of `tokenize`, and say where in the text each one is.

    Args:
        text: Any text, of any number of sentences.

    Returns:
        The tokens, and the offsets `[T, 2]` of their characters in `text` as it was given:
        `text[start:stop]` is the token, but for typography ("…" for "...", a quote for ``, soft
        hyphens). Starts and stops never decrease. Tokens overlap only where one character stands
        for several that belong to two tokens: "a-—b" is "a", "--" and "-b", and "—" is of both.

    >>> tokens, offsets = tokenize_with_offsets("“It isn’t…”")
    >>> tokens
    ['``', 'It', 'is', "n't", '...', "''"]
    >>> offsets.tolist()
    [[0, 1], [1, 3], [4, 6], [6, 9], [9, 10], [10, 11]]
    """
    tokens = tokenize(text)
    characters = (
        (index, character)
        for index, original in enumerate(text)
        for character in original.translate(_TYPOGRAPHY)
        if not character.isspace()
    )
    offsets = np.zeros((len(tokens), 2), np.int32)
    for n, token in enumerate(tokens):
        first = last = -1
        length = 0
        while length < len(token):  # tokenizing adds white space; turns " into `` or '', ' into `
            last, character = next(characters)
            first = last if first < 0 else first
            length += 2 if character == '"' else 1
        offsets[n] = first, last + 1
    return tokens, offsets


def _split_sentences(text: str) -> list[str]:
    """Return the sentences of a text; NLTK splits off only the last period of what it is given."""
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    parameters = PunktParameters()
    parameters.abbrev_types = _ABBREVIATIONS.union(_INNER_PERIODS.findall(text.lower()))
    parameters.sent_starters = _STARTERS
    return PunktSentenceTokenizer(parameters, lang_vars=_language()).tokenize(text)


@functools.cache
def _language():
    """Return what all texts share of Punkt, which checks and compiles its patterns in there."""
    from nltk.tokenize.punkt import PunktLanguageVars

    return PunktLanguageVars()


@functools.cache
def _word_tokenizer():
    """Return the function that splits one sentence. NLTK takes half a second to import."""
    from nltk.tokenize.destructive import NLTKWordTokenizer

    class TreebankTokenizer(NLTKWordTokenizer):
        """NLTK's tokenizer with the treebank's own quotes at the beginning of words."""

        STARTING_QUOTES = [  # noqa: RUF012 - NLTK declares it so
            (re.compile(r"(`+)"), r" \1 "),
            (re.compile(r'(?<![^\s(\[{<`\'-])"(?=\S)'), " `` "),
            (
                re.compile(
                    r"(?i)(?<![\w'])'(?!(?:re|ve|ll|m|t|s|d|n|em|til|tis|twas|\d\ds?)\b)(?=\w)"
                ),
                " ` ",
            ),
        ]

    return TreebankTokenizer().tokenize
