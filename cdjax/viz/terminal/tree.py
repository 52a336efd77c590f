"""The tree of an explanation's phrases in the terminal."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int
from rich.text import Text

from cdjax.results.explanation import Explanation
from cdjax.results.hierarchy import Hierarchy
from cdjax.results.numbers import write_score
from cdjax.viz.console import Console
from cdjax.viz.terminal.rows import paint, quote, symbol, title, write


def print_tree(
    console: Console, explanation: Explanation, windows: Int[np.ndarray, "w 2"] | None = None
) -> None:
    """Print each phrase below the one it is a part of: its score, and by how much it joined.

    Args:
        console: The console.
        explanation: What to print.
        windows: Of a series, the windows of time that join; single steps when None.
    """
    tree, edges = explanation.tree(windows), explanation.thresholds
    decimals = explanation.decimals
    rows = []
    for index, guide in _walk(tree):
        group = tree.groups[index]
        score = float(group.scores @ tree.direction)
        joined = write_score(float(group.interaction @ tree.direction), decimals)
        text = Text.assemble(
            (guide, "dim"), quote(explanation.phrase_text(group.start, group.stop))
        )
        cells = (
            symbol(score, edges),
            paint(console, score, edges, decimals),
            Text(joined if group.children else ""),
        )
        rows.append((cells, text))
    heads = "", "score ", "interaction"
    widths = [max(len(head), *(len(row[0][n]) for row in rows)) for n, head in enumerate(heads)]
    parts = "words" if explanation.tokens is not None else "steps" if windows is None else "windows"
    title(console, f"How the {parts} join, strongest interactions first")
    lines = [(tuple(Text(head, "dim") for head in heads), Text()), *rows]
    for cells, text in lines:
        line = Text("  ").join(
            Text.assemble(" " * (width - len(cell)), cell)
            for cell, width in zip(cells, widths, strict=True)
        )
        room = max(12, console.width - len(line) - 2)
        text.truncate(room, overflow="ellipsis")
        line = Text.assemble(line, "  ", text)
        line.rstrip()
        write(console, line)


def _walk(tree: Hierarchy) -> Iterator[tuple[int, str]]:
    """Yield the index of every group, parents before children, and the guide lines before it."""
    stack = [(root, "", "") for root in reversed(tree.roots)]
    while stack:
        index, guide, below = stack.pop()
        yield index, guide
        if children := tree.groups[index].children:
            left, right = children
            stack.append((right, below + "└ ", below + "  "))
            stack.append((left, below + "├ ", below + "│ "))
