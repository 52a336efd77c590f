"""The words of a text by several methods, side by side in the terminal."""

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from cdjax.methods.registry import make_methods
from cdjax.results.explanation import Explanation
from cdjax.results.numbers import write_score
from cdjax.results.wording import sides
from cdjax.viz.console import Console
from cdjax.viz.terminal.rows import paint, print_rows, quote, say, symbol, write

WORD = 14
"""Characters of a word."""
COLUMN = 13
"""Characters of a method's column with the space before it."""


def print_side_by_side(console: Console, explanations: Sequence[Explanation]) -> None:
    """Print a row a word and a column a method, the sums, and what each is measured in.

    Args:
        console: The console.
        explanations: Of the same tokens, each by another method or rule.
    """
    columns = max(1, (console.width - WORD) // COLUMN)
    for first in range(0, len(explanations), columns):
        _print_columns(console, explanations[first : first + columns])
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
        say(console, "n/a: the words' scores have no spread to divide by.", "yellow")


def _name(explanation: Explanation) -> str:
    """Return the method, with a rule other than the paper's."""
    rule = explanation.rule
    return explanation.method if rule in (None, "paper") else f"{explanation.method}:{rule}"


def _print_columns(console: Console, explanations: Sequence[Explanation]) -> None:
    words = [explanation.words() for explanation in explanations]
    accounts = [explanation.account() for explanation in explanations]
    console.print()
    _print_row(console, Text(), [Text(f"{_name(e)}    ", "bold") for e in explanations])
    for t, word in enumerate(words[0]):
        cells = []
        for explanation, scored in zip(explanations, words, strict=True):
            edges, score = explanation.thresholds, scored[t].score
            mark = Text() if np.isnan(score) else symbol(score, edges)
            mark.align("left", 2)
            cells.append(
                Text.assemble(paint(console, score, edges, explanation.decimals), " ", mark)
            )
        _print_row(console, quote(word.text), cells)
    if not any(accounts):
        return
    total = "value" if explanations[0].output == "value" else "logit"
    for name, field in (
        ("sum of words", "words"),
        ("rest", "remainder"),  # what words say together, too: single words were scored alone
        ("output bias", "output_bias"),
        (f"= {total}", "total"),
    ):
        numbers = [
            Text(f"{write_score(getattr(account, field), e.decimals)}    " if account else "")
            for e, account in zip(explanations, accounts, strict=True)
        ]
        _print_row(console, Text(name, "dim"), numbers)


def _print_row(console: Console, name: Text, cells: Sequence[Text]) -> None:
    name.truncate(WORD, overflow="ellipsis", pad=True)
    line = Text.assemble(name)
    for cell in cells:
        line.append(" " * max(1, COLUMN - cell_len(cell.plain)))
        line.append_text(cell)
    line.rstrip()
    write(console, line)
