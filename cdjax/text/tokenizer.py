"""Penn Treebank tokens of raw text, by NLTK: what the Stanford Sentiment Treebank is made of.

Differs from `nltk.word_tokenize`: (1) no data is downloaded, abbreviations are listed here; (2)
quotes keep their direction (`` '' and ` '), so that text which is tokenized already stays as it is;
(3) "'70s" and "'em" are one token, as in the treebank; (4) HTML, typography and emoji are read
first (`cdjax.text.characters`). Brackets stay brackets: "(" and not "-LRB-".
"""

import functools
import re

import numpy as np
from jaxtyping import Int

from cdjax.text.characters import Characters, read_characters

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

# Most sentences: those that NLTK's two dozen substitutions split at white space, marks and
# apostrophes only, and that hold none of the words that it takes apart ("can not").
_SUFFIX = r"'(?:s|m|d|ll|re|ve)"
_WORD = (
    r"(?:(?!(?i:cannot|gimme|gonna|gotta|lemme|wanna)\b)[A-Za-z0-9]++-?+)++(?<!-)"
    rf"(?:(?<=n)'t|{_SUFFIX})?"
)
_PLAIN = re.compile(
    rf"(?:(?:{_WORD}|{_SUFFIX})?[,;?!]?\s++)*+(?:{_WORD}|{_SUFFIX})?(?:\s*+[.?!]|[,;])?\s*+"
)
_PLAIN_TOKENS = re.compile(r"[A-Za-z0-9-]+?(?=n't)|n't|'[a-z]+|[A-Za-z0-9-]+|[,;.?!]")

_INNER_PERIODS = re.compile(r"\b(?:[^\W\d_]\.)+[^\W\d_](?=\.)")


def tokenize(text: str) -> list[str]:
    """Split a text into Penn Treebank tokens.

    Text that is tokenized already comes out as it went in, with few exceptions ("S&M", "ol'").
    HTML's tags separate words and are none, its entities are the characters they stand for, and an
    emoji is a token.

    Args:
        text: Any text, of any number of sentences.

    Returns:
        The tokens: none is empty or holds white space. No token for a blank text.

    >>> tokenize("It isn’t a bad film. Really!")
    ['It', 'is', "n't", 'a', 'bad', 'film', '.', 'Really', '!']
    """
    return _split(read_characters(text).text)


def tokenize_with_offsets(text: str | Characters) -> tuple[list[str], Int[np.ndarray, "t 2"]]:
    """Split a text into the tokens of `tokenize`, and say where in the text each one is.

    Args:
        text: Any text, of any number of sentences; or its characters (`read_characters`).

    Returns:
        The tokens, and the offsets `[T, 2]` of their characters in `text` as it was given:
        `text[start:stop]` is the token, but for what `read_characters` and the tokenizer write in
        another way ("…" for "...", "&amp;" for "&", a quote for ``). Starts and stops never
        decrease. Tokens overlap only where what stands for several characters belongs to two
        tokens: "a-—b" is "a", "--" and "-b", and "—" is of both.

    >>> tokens, offsets = tokenize_with_offsets("“It isn’t…”")
    >>> tokens
    ['``', 'It', 'is', "n't", '...', "''"]
    >>> offsets.tolist()
    [[0, 1], [1, 3], [4, 6], [6, 9], [9, 10], [10, 11]]
    """
    read = text if isinstance(text, Characters) else read_characters(text)
    tokens = _split(read.text)
    characters, at = read.text, 0
    first, last = np.zeros((2, len(tokens)), np.int32)
    for n, token in enumerate(tokens):
        while characters[at].isspace():
            at += 1
        first[n] = at
        if characters.startswith(token, at):
            at += len(token)
        else:
            length = 0
            while length < len(token):  # tokenizing turns " into `` or '', and ' into `
                length += 2 if characters[at] == '"' else not characters[at].isspace()
                at += 1
        last[n] = at - 1
    offsets = np.stack([read.origins[first, 0], read.origins[last, 1]], axis=1)
    return tokens, offsets


def _split(text: str) -> list[str]:
    return [word for sentence in _split_sentences(text) for word in _split_words(sentence)]


def _split_words(sentence: str) -> list[str]:
    if _PLAIN.fullmatch(sentence):
        return _PLAIN_TOKENS.findall(sentence)
    return _word_tokenizer()(sentence)


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
