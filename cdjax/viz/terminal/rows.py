"""Rows of a terminal: numbers in fixed columns, and a text beside them that wraps."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from cdjax.display import show
from cdjax.results.numbers import write_score
from cdjax.results.thresholds import Thresholds
from cdjax.viz.console import ISOLATED, Console
from cdjax.viz.scale import STEPS, Step, step

BASIC = {  # where a terminal has 16 colours; the nearest of them would be one grey for both sides
    STEPS[0]: "bright_white on red",
    STEPS[1]: "black on bright_red",
    STEPS[3]: "black on bright_cyan",
    STEPS[4]: "bright_white on blue",
}
FOREGROUND = {"white": "#ffffff", "black": "#000000"}  # a theme's own white may be grey
PROSE = 100
"""Most characters of a line of sentences."""
NARROWEST = 12
"""Fewest characters of the text beside the numbers, however narrow the console."""


def style(console: Console, at: Step) -> str:
    """Return the style of a step of the scale, in the colours that the console has."""
    if console.color_system in ("standard", "windows") or not at.background:
        return BASIC.get(at, "")
    return f"{FOREGROUND[at.foreground]} on {at.background}"


def quote(text: str) -> Text:
    """Return text of others: controls are shown, and its direction stays within."""
    return Text(show(text), ISOLATED)


def paint(console: Console, score: float, edges: Thresholds, decimals: int) -> Text:
    """Return a score on the colour of its step."""
    return Text(f" {write_score(score, decimals)} ", style(console, step(score, edges)))


def symbol(score: float, edges: Thresholds) -> Text:
    """Return the symbol of a score's step."""
    return Text(step(score, edges).symbol, "dim")


def title(console: Console, text: str | Text) -> None:
    """Print the title of a section, after an empty line."""
    console.print()
    text = Text(text) if isinstance(text, str) else text
    text.stylize("bold")
    say(console, text)


def say(console: Console, text: str | Text, style: str = "") -> None:
    """Print sentences, in lines that are not too long to read."""
    text = Text(text, style) if isinstance(text, str) else text
    for line in text.wrap(console, min(console.width, PROSE), overflow="fold"):
        line.rstrip()
        write(console, line)


def write(console: Console, line: Text) -> None:
    """Print a line as it is, cut nowhere."""
    console.print(line, no_wrap=True, crop=False, overflow="ignore")


def print_rows(
    console: Console,
    rows: Sequence[tuple[Sequence[Text | str], Text]],
    head: Sequence[str] = (),
    left: Sequence[int] = (),
) -> None:
    """Print rows of cells, aligned on the right, and a text that alone wraps.

    Args:
        console: The console.
        rows: The cells of each row, and its text.
        head: A title above each column of cells.
        left: Columns of cells that are aligned on the left.
    """
    if not rows:
        return
    cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row, _ in rows]
    heads = [Text(cell, "dim") for cell in head]
    columns = list(zip(*cells, *([heads] if head else []), strict=True))
    widths = [max(cell_len(cell.plain) for cell in column) for column in columns]
    used = sum(widths) + 2 * len(widths)
    room = max(NARROWEST, console.width - used)
    if head:
        line = _line(heads, widths, left, Text())
        line.rstrip()
        write(console, line)
    for row, (_, text) in zip(cells, rows, strict=True):
        lines = list(text.wrap(console, room, overflow="fold")) or [Text()]
        for n, line in enumerate(lines):
            line.rstrip()
            write(console, _line([Text()] * len(row) if n else row, widths, left, line))


def _line(cells: Sequence[Text], widths: Sequence[int], left: Sequence[int], text: Text) -> Text:
    line = Text()
    for n, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - cell_len(cell.plain))
        line.append_text(Text.assemble(cell, space) if n in left else Text.assemble(space, cell))
        line.append("  ")
    return line.append_text(text)
