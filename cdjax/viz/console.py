"""The console that all commands write to."""

from collections.abc import Iterable
from typing import Any

from rich import console
from rich.segment import Segment

from cdjax.display import show


class Console(console.Console):
    """A console of rich that shows the controls in what it is given, and obeys none."""

    def __init__(self, **options: Any):
        """Take the options of rich's; numbers are not coloured."""
        super().__init__(**{"highlight": False, **options})

    def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
        """Render to segments of text, which hold no controls but the ends of lines."""
        for segment in super().render(*arguments, **options):
            if segment.control:  # of rich itself: the cursor of a bar
                yield segment
            else:
                text = "\n".join(map(show, segment.text.split("\n")))
                yield Segment(text, segment.style)
