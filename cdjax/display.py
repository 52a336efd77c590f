"""Text of others as a terminal may show it."""

import re

# C0 and C1 controls, which a terminal obeys (colours, the clipboard, the title); separators of
# lines; marks that turn the direction of what follows; halves of characters.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def show(text: str) -> str:
    r"""Return a text with what a terminal would obey, or can't show, as escapes.

    >>> print(show("not\x1b[2J bad"))
    not\x1b[2J bad
    """
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
