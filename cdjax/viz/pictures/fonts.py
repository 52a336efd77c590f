"""Text in pictures: fonts that have its characters, how wide it is, where it breaks."""

import bisect
import functools
import unicodedata
import warnings
from collections.abc import Iterable

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

BASE = "DejaVu Sans"  # comes with matplotlib
LAST_RESORT = "Last Resort High-Efficiency"  # the same; its glyphs say which script is missing
_DEBIAN = "fonts-noto-cjk fonts-noto-core fonts-symbola"


class Fonts:
    """The fonts of a picture, in the order in which they are tried for each character."""

    def __init__(self, texts: Iterable[str] = ()):
        """Find fonts for all that is to be written."""
        self.families = find_families(frozenset("".join(texts)))
        self.slack = 1.04
        """How much wider letters may be on a grid of pixels than measured."""

    def choose(self, text: str, weight: str) -> tuple[tuple[str, ...], str]:
        """Return families and weight for a text; only the first family is bold."""
        if weight == "bold" and set(text) <= _characters_of(_find_path(BASE)):
            return (BASE,), weight
        return self.families, "normal"

    def measure(self, text: str, size: float, weight: str = "normal") -> float:
        """Return the width of a text in inches; the size is in points."""
        families, weight = self.choose(text, weight)
        return self.slack * _measure(text, size, weight, families)

    def shorten(self, text: str, size: float, width: float, weight: str = "normal") -> str:
        """Return as much of a text as fits into a width, in inches, an ellipsis where it is cut."""
        if self.measure(text, size, weight) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.measure(_cut(text, middle), size, weight) <= width:
                low = middle
            else:
                high = middle - 1
        return _cut(text, low)

    def break_words(self, text: str, size: float, width: float) -> str:
        """Return a text with a space within each word that is wider than a line, wherever needed.

        So its letters stay in sight when it is wrapped.
        """
        pieces: list[str] = []
        for word in text.split():
            while self.measure(word, size) > width:
                length = bisect.bisect(
                    range(1, len(word)), width, key=lambda n: self.measure(word[:n], size)
                )
                length = max(1, len(_cut(word, length)) - 1)
                pieces.append(word[:length])
                word = word[length:]
            pieces.append(word)
        return " ".join(pieces)

    def wrap(self, text: str, size: float, width: float, most: int | None = None) -> list[str]:
        """Return the lines of a text, so many at most; what is wider than a line is shortened."""
        lines: list[str] = []
        for word in text.split():
            joined = f"{lines[-1]} {word}" if lines else word
            if lines and self.measure(joined, size) <= width:
                lines[-1] = joined
            else:
                lines.append(word)
        if most is not None and len(lines) > most:
            lines[most - 1 :] = [" ".join(lines[most - 1 :])]
        return [self.shorten(line, size, width) for line in lines]


def find_families(characters: frozenset[str]) -> tuple[str, ...]:
    """Return names of fonts that have the characters, those that have most of them first.

    Warns where the machine has no font for some: a picture shows a box for each.
    """
    missing = {c for c in characters if not _is_invisible(c)} - _characters_of(_find_path(BASE))
    chosen = [BASE]
    while missing:
        family, found = _find_best(frozenset(missing))
        if not found:
            _warn(missing)
            return (*chosen, LAST_RESORT)
        chosen.append(family)
        missing -= found
    return tuple(chosen)


@functools.cache
def _find_best(missing: frozenset[str]) -> tuple[str, frozenset[str]]:
    """Return the font that has most of the characters, and which; of equals the first by name."""
    best = "", frozenset[str]()
    for family, path in _list_fonts():
        found = _with_outlines(path, missing & _characters_of(path))
        if len(found) > len(best[1]):
            best = family, found
    return best


@functools.cache
def _list_fonts() -> tuple[tuple[str, str], ...]:
    """Return names and paths of the upright fonts; also of those installed since matplotlib looked.

    Matplotlib keeps a list of the fonts that it once found.
    """
    manager = font_manager.fontManager
    known = {entry.fname for entry in manager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            manager.addfont(path)
        except Exception:  # of many kinds: fonts of bitmaps, damaged ones
            continue
    plain = {
        entry.name: entry.fname
        for entry in manager.ttflist
        if entry.style == "normal" and entry.weight in (400, "normal", "regular", "book")
    }
    return tuple(sorted((name, path) for name, path in plain.items() if name != LAST_RESORT))


@functools.cache
def _find_path(family: str) -> str:
    return str(font_manager.findfont(FontProperties(family=[family])))


@functools.cache
def _characters_of(path: str) -> frozenset[str]:
    try:
        return frozenset(map(chr, font_manager.get_font(path).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()


def _with_outlines(path: str, characters: frozenset[str]) -> frozenset[str]:
    """Return the characters that a font draws; fonts of coloured pictures have empty outlines."""
    if not characters:
        return characters
    font = font_manager.get_font(path)
    drawn = set()
    for character in characters:
        font.load_char(ord(character))
        if len(font.get_path()[0]):
            drawn.add(character)
    return frozenset(drawn)


def _is_invisible(character: str) -> bool:
    """Return whether a character needs no glyph: spaces, joiners, selectors of variants."""
    return character.isspace() or unicodedata.category(character) in ("Cf", "Cc", "Mn")


def _warn(missing: set[str]) -> None:
    few = " ".join(sorted(missing)[:5])
    warnings.warn(
        f"no font of this machine has {len(missing)} of the characters, as {few}: a picture shows "
        f"boxes for them (an SVG keeps the text, for browsers that have fonts). Install fonts that "
        f"have them: on Debian, apt-get install {_DEBIAN}; or write a page: "
        f"explanation.to_html(path).",
        stacklevel=2,
    )


@functools.lru_cache(1 << 16)
def _measure(text: str, size: float, weight: str, families: tuple[str, ...]) -> float:
    font = FontProperties(family=list(families), size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return float(width) / 72


def _cut(text: str, length: int) -> str:
    """Return the beginning of a text with an ellipsis, no character cut from its marks."""
    while 0 < length < len(text) and (_is_invisible(text[length]) or text[length - 1] == "\u200d"):
        length -= 1
    return text[:length].rstrip() + "…"
