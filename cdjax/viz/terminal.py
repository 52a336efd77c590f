"""Explanations in the terminal, by rich."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from cdjax.results.explanation import Explanation
from cdjax.results.hierarchy import Hierarchy
from cdjax.results.notices import describe_unknown
from cdjax.results.phrases import Phrase
from cdjax.results.thresholds import Thresholds
from cdjax.results.wording import sides
from cdjax.viz.console import Console
from cdjax.viz.scale import STEPS, Step, step

PHRASES = 4  # for each side
PAIRS = 6
GROWTH = 5  # words


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Print the prediction, the words, the strongest phrases and the interactions."""
    print_outcome(console, explanation)
    print_words(console, explanation)
    print_growth(console, explanation)
    print_phrases(console, explanation)
    print_interactions(console, explanation)


def print_outcome(console: Console, explanation: Explanation) -> None:
    """Print the predicted label with the probabilities, or the value."""
    if explanation.output == "value":
        pairs = zip(explanation.labels, explanation.logits.tolist(), strict=True)
        first, *others = [f"{label} {value:.4g}" for label, value in pairs]
        title = "Value: " if not others else "Values: "
    else:
        ranked = sorted(explanation.probabilities().items(), key=lambda pair: -pair[1])
        first, *others = [f"{label} {probability:.1%}" for label, probability in ranked[:4]]
        title = "Prediction: "
    rest = "  (" + ", ".join(others) + ")" if others else ""
    console.print(Text.assemble(title, (first, "bold"), (rest, "dim")))
    if explanation.output == "sigmoid" and others:
        console.print(Text("The labels do not exclude each other.", "dim"))


def print_words(console: Console, explanation: Explanation) -> None:
    """Print each word over its score and symbol, in strips as wide as the console."""
    strips: list[list[Text]] = []
    room = 0
    known = explanation.known
    for t, word in enumerate(explanation.words()):
        at = step(word.score, explanation.thresholds)
        unknown = known is not None and not known[t]
        lines = f" {word.text} ", f"{word.score:+.2f}", at.symbol + ("?" if unknown else "")
        width = max(map(cell_len, lines)) + 1
        if not strips or width > room:
            strips.append([Text(), Text(), Text()])
            room = console.width
        for text, line, style in zip(strips[-1], lines, (_style(at), "", "dim"), strict=True):
            left = (width - cell_len(line)) // 2
            text.append(" " * left)
            text.append(line, style)
            text.append(" " * (width - cell_len(line) - left))
        room -= width
    for strip in strips:
        console.print()
        for text in strip:
            console.print(text, no_wrap=True, overflow="ellipsis", crop=False)
    console.print()
    print_legend(console, explanation)
    if known is not None and (note := describe_unknown(known)):
        console.print(f"warning: {note}.", style="yellow", markup=False)


def print_legend(console: Console, explanation: Explanation) -> None:
    """Print the steps of the scale, their thresholds, and what the sides speak for."""
    clear, strong = explanation.thresholds
    edges = f"to -{strong:g}", f"to -{clear:g}", "", f"from {clear:g}", f"from {strong:g}"
    below, above = sides(explanation.labels, explanation.direction)
    widest = max(8, (console.width - 46) // 2)
    below, above = (_cut(text, widest) for text in (below, above))
    legend, numbers = Text(f"{below}  "), Text(" " * (cell_len(below) + 2), "dim")
    for at, edge in zip(STEPS, edges, strict=True):
        width = max(cell_len(edge), 4)
        legend.append(at.symbol.center(width), _style(at)).append("  ")
        numbers.append(edge.center(width) + "  ")
    legend.append(above)
    console.print(legend)
    console.print(numbers)
    known = explanation.known
    unknown = "" if known is None or known.all() else "; ? is a word the model does not know"
    below, above = sides(explanation.labels, explanation.direction)
    meaning = f"{explanation.units}: above 0 {above}, below 0 {below}"
    console.print(Text(f"Scores are {meaning}{unknown}.", style="dim"))


def print_growth(console: Console, explanation: Explanation) -> None:
    """Print how the strongest word's score changes as the words before it join, one by one."""
    words = explanation.words()
    last = max(range(len(words)), key=lambda t: abs(words[t].score))
    longest = int((explanation.spans[:, 1] - explanation.spans[:, 0]).max(initial=0))
    first = max(0, last + 1 - min(GROWTH, longest))
    phrases = [
        Phrase(
            start,
            last + 1,
            explanation.phrase_text(start, last + 1),
            explanation[start : last + 1],
        )
        for start in range(last, first - 1, -1)
    ]
    if len(phrases) > 1:
        title = "The strongest word, as the words before it join"
        _print_table(console, title, [_row(phrase, explanation.thresholds) for phrase in phrases])


def print_phrases(console: Console, explanation: Explanation) -> None:
    """Print the strongest phrases of two words or more, for either side."""
    below, above = sides(explanation.labels, explanation.direction)
    for side, sign in ((above, 1), (below, -1)):
        phrases = explanation.strongest(PHRASES, sign=sign, shortest=2)
        rows = [_row(phrase, explanation.thresholds) for phrase in phrases]
        _print_table(console, f"Phrases that speak {side}", rows)


def print_interactions(console: Console, explanation: Explanation) -> None:
    """Print the adjacent words, and the longer phrases, that are not the sum of their words."""
    from cdjax.results.selection import strongest

    interactions = explanation.interactions()
    if not interactions:
        return
    least = explanation.thresholds[0]
    large = [i for i in interactions if abs(i.interaction) >= least]
    pairs = [i for i in large if i.stop - i.start == 2]
    longer = [i for i in large if i.stop - i.start > 2]
    if longer:
        spans = np.array([(i.start, i.stop) for i in longer])
        strength = np.array([abs(i.interaction) for i in longer])
        longer = [longer[n] for n in strongest(spans, strength, PHRASES)]
    more = f", {PAIRS} of {len(pairs)}" if len(pairs) > PAIRS else ""
    if not pairs:
        console.print()
        console.print(f"No two adjacent words interact by {least:g} or more.", style="dim")
    for title, chosen in (
        (f"Adjacent words that interact, by {least:g} or more{more}", pairs[:PAIRS]),
        (f"Longer phrases that are not the sum of their words, by {least:g} or more", longer),
    ):
        rows = []
        for i in chosen:
            parts = f" {i.score:+.2f} together, {i.score - i.interaction:+.2f} as the sum"
            rows.append(
                (f" {i.interaction:+.2f} ", Text(i.text), Text(f"{parts} of the words", "dim"))
            )
        _print_table(console, title, rows)


def print_tree(console: Console, explanation: Explanation) -> None:
    """Print each phrase below the one it is a part of: its score, and by how much it joined."""
    tree = explanation.tree()
    table = Table.grid(padding=(0, 1))
    for _ in ("score", "interaction"):
        table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_row(*(Text(head, "dim") for head in ("score", "joined by", "")))
    for index, guide in _walk(tree):
        group = tree.groups[index]
        score = float(group.scores @ tree.direction)
        joined = float(group.interaction @ tree.direction)
        at = step(score, explanation.thresholds)
        table.add_row(
            Text.assemble((at.symbol, "dim"), " ", (f" {score:+.2f} ", _style(at))),
            f"{joined:+.2f}" if group.children else "",
            Text.assemble((guide, "dim"), explanation.phrase_text(group.start, group.stop)),
        )
    console.print()
    console.print("How the words join, those first that interact most", style="bold")
    console.print(table)


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


def print_side_by_side(
    console: Console, explanations: Sequence[Explanation], titles: Sequence[str]
) -> None:
    """Print a row a word and a column a method, then what each column is measured in.

    Args:
        console: The console.
        explanations: Of the same tokens, each by another method.
        titles: What each method is called in full.
    """
    width = max(1, (console.width - 14) // 13)  # columns that fit beside the words
    words = [explanation.words() for explanation in explanations]
    for first in range(0, len(explanations), width):
        shown = range(first, min(first + width, len(explanations)))
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, max_width=14)
        for _ in shown:
            table.add_column(justify="right", no_wrap=True)
        table.add_row("", *(Text(explanations[n].method, "bold") for n in shown))
        for t, word in enumerate(words[0]):
            cells = []
            for n in shown:
                score = words[n][t].score
                at = step(score, explanations[n].thresholds)
                if np.isnan(score):
                    cells.append(Text(at.symbol, "dim"))
                else:
                    number = f" {score:+.2f} ", _style(at)
                    cells.append(Text.assemble(number, (f" {at.symbol:2}", "dim")))
            table.add_row(Text(word.text), *cells)
        console.print()
        console.print(table)
    console.print()
    console.print(Text("Symbols from (clear, strong), the same for every text:", "dim"))
    for explanation, title in zip(explanations, titles, strict=True):
        clear, strong = explanation.thresholds
        _, above = sides(explanation.labels, explanation.direction)
        text = f"  {explanation.method}: {title}, in {explanation.units} {above} "
        console.print(Text(f"{text}({clear:g}, {strong:g})", "dim"))
    if any(np.isnan(word.score) for scores in words for word in scores):
        console.print(Text("n/a: the words' scores have no spread to divide by.", style="yellow"))


def _row(phrase: Phrase, edges: Thresholds) -> tuple[Text, Text, Text]:
    at = step(phrase.score, edges)
    return Text(f" {phrase.score:+.2f} ", _style(at)), Text(at.symbol, "dim"), Text(phrase.text)


def _print_table(console: Console, title: str, rows: Sequence[Sequence[Any]]) -> None:
    """Print a title and rows of three cells; nothing where there are no rows."""
    if not rows:
        return
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(Text(title, style="bold"))
    console.print(table)


def _style(at: Step) -> str:
    return f"{at.foreground} on {at.background}" if at.background else ""


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else text[: width - 1] + "…"
