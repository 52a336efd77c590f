"""The console that all commands write to."""

import unicodedata
from collections.abc import Iterable
from typing import Any

from rich import console
from rich.segment import Segment
from rich.style import Style

from cdjax.display import show

ISOLATED = Style(meta={"isolated": "text"})
"""The style of text of others: its direction does not turn what is beside it."""
NUMBER = Style(meta={"isolated": "number"})
"""The style of a number within such text."""
_FIRST_STRONG_ISOLATE, _LEFT_TO_RIGHT_ISOLATE, _POP_ISOLATE = "\u2068", "\u2066", "\u2069"


class Console(console.Console):
    """A console of rich that shows the controls in what it is given, and obeys none."""

    def __init__(self, **options: Any):
        """Take the options of rich's; numbers are not coloured."""
        super().__init__(**{"highlight": False, **options})

    def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
        """Render to segments of text, which hold no controls but the ends of lines.

        Where neighbours of the styles `ISOLATED` and `NUMBER` hold letters that are written from
        right to left, they are put between the marks that isolate them, so that a terminal which
        reorders text reorders nothing else.
        """
        group: list[Segment] = []
        for segment in super().render(*arguments, **options):
            if segment.control:  # of rich itself: the cursor of a bar
                shown = segment
            else:
                text = "\n".join(map(show, segment.text.split("\n")))
                shown = Segment(text, segment.style)
            if segment.style is not None and segment.style.meta.get("isolated"):
                group.append(shown)
                continue
            yield from _isolate(group)
            group = []
            yield shown
        yield from _isolate(group)


def _isolate(segments: list[Segment]) -> Iterable[Segment]:
    """Return neighbours between isolating marks where any is written from right to left."""
    if not any(map(_is_right_to_left, "".join(segment.text for segment in segments))):
        return segments
    inside = [
        Segment(f"{_LEFT_TO_RIGHT_ISOLATE}{segment.text}{_POP_ISOLATE}", segment.style)
        if segment.style is not None and segment.style.meta["isolated"] == "number"
        else segment
        for segment in segments
    ]
    return [Segment(_FIRST_STRONG_ISOLATE), *inside, Segment(_POP_ISOLATE)]


def _is_right_to_left(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL", "AN")
