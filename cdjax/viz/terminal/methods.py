"""The words of a text, or the windows of a series, by several methods side by side."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from rich.cells import cell_len
from rich.text import Text

from cdjax.display import show
from cdjax.methods.registry import make_methods
from cdjax.results.explanation import Explanation
from cdjax.results.numbers import write_score
from cdjax.results.phrases import Phrase
from cdjax.results.windows import list_windows
from cdjax.results.wording import sides
from cdjax.viz.console import Console
from cdjax.viz.terminal.rows import paint, print_rows, quote, say, symbol, write

WORD = 14
"""Characters of a word; the names of windows have as many as they need."""
COLUMN = 13
"""Characters of a method's column with the space before it."""


def print_side_by_side(
    console: Console,
    explanations: Sequence[Explanation],
    windows: Int[np.ndarray, "w 2"] | None = None,
) -> None:
    """Print a row a word and a column a method, the sums, and what each is measured in.

    Args:
        console: The console.
        explanations: Of the same tokens or steps, each by another method or rule.
        windows: Of a series, what has rows instead of words: half-open, together all steps.
    """
    parts = [e.words() if windows is None else list_windows(e, windows) for e in explanations]
    what, width = "words", WORD
    if windows is not None:
        what = "windows"
        names = [f"sum of {what}", *(show(part.text) for part in parts[0])]
        width = max(WORD, min(max(map(cell_len, names)) + 1, console.width - COLUMN))
    columns = max(1, (console.width - width) // COLUMN)
    for first in range(0, len(explanations), columns):
        chosen = slice(first, first + columns)
        _print_columns(console, explanations[chosen], parts[chosen], what, width)
    console.print()
    say(console, "Marks and colours are by these scores (clear, strong):", "dim")
    rows = []
    titles = {method.name: method.title for method in make_methods().values()}
    for explanation in explanations:
        clear, strong = explanation.thresholds
        _, above = sides(explanation.labels, explanation.direction)
        text = quote(
            f"{titles[explanation.method]}, in {explanation.units} {above} ({clear:g}, {strong:g})"
        )
        rows.append(((Text(f"  {_name(explanation)}", "dim"),), Text.assemble(text, style="dim")))
    print_rows(console, rows, left=(0,))
    if any(np.isnan(explanation.numbers).any() for explanation in explanations):
        say(console, f"n/a: the {what}' scores have no spread to divide by.", "yellow")


def _name(explanation: Explanation) -> str:
    """Return the method, with a rule other than the paper's."""
    rule = explanation.rule
    return explanation.method if rule in (None, "paper") else f"{explanation.method}:{rule}"


def _print_columns(
    console: Console,
    explanations: Sequence[Explanation],
    parts: Sequence[Sequence[Phrase]],
    what: str,
    width: int,
) -> None:
    """Print a column a method: the scores of the parts, and how they add up."""
    console.print()
    heads = [Text(f"{_name(explanation)}    ", "bold") for explanation in explanations]
    _print_row(console, Text(), heads, width)
    for n, part in enumerate(parts[0]):
        cells = []
        for explanation, scored in zip(explanations, parts, strict=True):
            edges, score = explanation.thresholds, scored[n].score
            mark = Text() if np.isnan(score) else symbol(score, edges)
            mark.align("left", 2)
            cells.append(
                Text.assemble(paint(console, score, edges, explanation.decimals), " ", mark)
            )
        _print_row(console, quote(part.text), cells, width)
    sums = [_sum(e, scored, what) for e, scored in zip(explanations, parts, strict=True)]
    names = next(filter(None, sums), ())
    for name in names:
        cells = [
            Text(f"{write_score(numbers[name], e.decimals)}    " if numbers else "")
            for e, numbers in zip(explanations, sums, strict=True)
        ]
        _print_row(console, Text(name, "dim"), cells, width)


def _sum(explanation: Explanation, parts: Sequence[Phrase], what: str) -> dict[str, float]:
    """Return how the scores of the parts add up to the output; empty where they do not."""
    account = explanation.account()
    if account is None:
        return {}
    total = sum(part.score for part in parts)
    kind = "value" if explanation.output == "value" else "logit"
    return {
        f"sum of {what}": total,
        # What the parts say together, too: they were scored one by one.
        "rest": account.total - account.output_bias - total,
        "output bias": account.output_bias,
        f"= {kind}": account.total,
    }


def _print_row(console: Console, name: Text, cells: Sequence[Text], width: int) -> None:
    name.truncate(width, overflow="ellipsis", pad=True)
    line = Text.assemble(name)
    for cell in cells:
        line.append(" " * max(1, COLUMN - cell_len(cell.plain)))
        line.append_text(cell)
    line.rstrip()
    write(console, line)
