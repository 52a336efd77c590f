"""The characters that the tokenizer reads: a text without HTML, typography and other disguises.

A word that is written in another way should be the same word: "isn&#39;t", "isn’t" and "isn't"; "é"
as one character or two; "amazing💖" and "amazing 💖".
"""
# ruff: noqa: RUF001 - typographic characters are the subject

import html
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import regex
from jaxtyping import Int

# `regex`, which NLTK needs too, knows Unicode's properties; the standard library's `re` does not.
# An entity counts without its semicolon where it is none of a word; "&amp;" may have been put in
# several times.
_ENTITY = regex.compile(
    r"&(?:amp;){0,3}(?:(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
    r"|(?:nbsp|amp|quot|lt|gt|apos)(?![\w=;]))"
)

# fmt: off
_ELEMENTS = (
    "abbr", "acronym", "address", "article", "aside", "audio", "big", "blockquote", "body",
    "button", "caption", "center", "cite", "code", "col", "dd", "del", "details", "dfn", "div",
    "dl", "dt", "em", "embed", "figcaption", "figure", "font", "footer", "form", "frame", "h[1-6]",
    "head", "header", "hr", "html", "iframe", "img", "input", "ins", "kbd", "label", "legend", "li",
    "link", "main", "map", "mark", "meta", "nav", "nobr", "noscript", "object", "ol", "option",
    "param", "picture", "pre", "samp", "script", "section", "select", "small", "source", "span",
    "strike", "strong", "style", "sub", "summary", "sup", "svg", "table", "tbody", "td", "textarea",
    "tfoot", "th", "thead", "title", "tr", "tt", "ul", "var", "video", "wbr", "a", "b", "i", "p",
    "q", "s", "u",
)
# fmt: on
# Of the known elements only, and with attributes only of the form name="value": "<unk>", "a <3 b"
# and "x <b and c> y" are text. A break may have come through a tokenizer.
_TAG = regex.compile(
    rf"<!--[^<>]*-->|<\s?/?\s?br\s?/?\s?>|</?(?:{'|'.join(_ELEMENTS)})"
    r"""(?:\s++[\w:-]++\s*+=\s*+(?:"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>]++))*+\s*+/?>""",
    regex.IGNORECASE,
)

# Characters that are composed, one or several. At most so many accents (the limit of Unicode's
# stream-safe form): putting them in order takes a time that grows with the square of their number.
_DECOMPOSED = regex.compile(
    r"[^\p{M}\s]\p{M}{1,30}(?!\p{M})|[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?"
    r"|[\uac00-\ud7a3][\u11a8-\u11c2]|\p{NFC_Quick_Check=No}"
)
_EMOJI = regex.compile(r"(?=\p{Extended_Pictographic}|\p{Regional_Indicator})\X")
_KEYCAP = regex.compile("([0-9#*])\ufe0f?\u20e3")

# Where a line may break, which way it runs, and other marks that are not seen. Those that join
# characters or keep them apart shape letters in some scripts and emoji.
_INVISIBLE = regex.compile("(?:(?![\u200c\u200d\U000e0020-\U000e007f])\\p{Cf}|[\ufe0e\ufe0f])+")

# What people type for an apostrophe: between letters, and before a word that begins with one.
_APOSTROPHE = regex.compile(
    r"(?<=\p{L}\p{M}*)[‘‛`´′ʻˈ׳｀](?=\p{L})|[‘‛`´′](?=(?:em|til|tis|twas|cause|n|\d\ds?)\b)",
    regex.IGNORECASE,
)

_REPLACEMENTS: tuple[tuple[regex.Pattern, Callable[[regex.Match], str]], ...] = (
    (_KEYCAP, lambda match: f" {match[1]} "),
    (_EMOJI, lambda match: f" {match[0]} "),
    (_DECOMPOSED, lambda match: unicodedata.normalize("NFC", match[0])),
    (_INVISIBLE, lambda _: ""),
    (_APOSTROPHE, lambda _: "'"),
    (regex.compile("…"), lambda _: "..."),
    (regex.compile("[‒–—―⸺]"), lambda _: "--"),
)
_SAME_LENGTH = str.maketrans(
    {
        **dict.fromkeys("’ʼ＇՚ꞌʹ", "'"),
        **dict.fromkeys("‘‛‚", "`"),
        **dict.fromkeys("“”„‟«»″＂〝〞", '"'),
        **dict.fromkeys("‐‑−", "-"),
    }
)


class Characters(NamedTuple):
    """A text, and where in the text it was made from each of its characters was."""

    text: str
    origins: Int[np.ndarray, "n 2"]  # start and stop, in characters

    def cut(self, length: int) -> "Characters":
        """Return the first so many characters."""
        return Characters(self.text[:length], self.origins[:length])


def read_characters(text: str) -> Characters:
    r"""Return a text as the tokenizer reads it.

    Entities of HTML are decoded, its tags are white space, and so is what surrounds an emoji.
    Letters and their accents are composed (Unicode's form NFC). Quotes, apostrophes, dashes and
    dots that have a form in ASCII take it. What is not seen (soft hyphens, marks of direction) is
    dropped. Text in the Stanford Sentiment Treebank's form stays as it is.

    >>> read_characters("isn&#8217;t bad<br/>amazing💖").text
    "isn't bad amazing 💖 "
    """
    starts = np.arange(len(text), dtype=np.int32)
    characters = Characters(text, np.stack([starts, starts + 1], axis=1))
    if "&" in text:
        characters = _replace(characters, _ENTITY, lambda match: _decode(match[0]))
    if "<" in characters.text:
        characters = _replace(characters, _TAG, lambda _: " ")
    if characters.text.isascii() and "`" not in characters.text:
        return characters
    for pattern, replacement in _REPLACEMENTS:
        characters = _replace(characters, pattern, replacement)
    return characters._replace(text=characters.text.translate(_SAME_LENGTH))


def _decode(entity: str) -> str:
    """Return what an entity stands for; itself where there is no such."""
    while (decoded := html.unescape(entity)) != entity:
        entity = decoded
    return entity


def _replace(
    characters: Characters, pattern: regex.Pattern, replacement: Callable[[regex.Match], str]
) -> Characters:
    """Return the text with all matches replaced, which come from where the matches were."""
    text, origins = characters
    pieces, places, at = [], [], 0
    for match in pattern.finditer(text):
        start, stop = match.span()
        new = replacement(match)
        if new == match[0]:  # an accent that has no composed form: two characters, as they were
            continue
        pieces += [text[at:start], new]
        origin = [[origins[start, 0], origins[stop - 1, 1]]]
        places += [origins[at:start], np.repeat(origin, len(new), axis=0)]
        at = stop
    if not pieces:
        return characters
    return Characters("".join([*pieces, text[at:]]), np.concatenate([*places, origins[at:]]))
