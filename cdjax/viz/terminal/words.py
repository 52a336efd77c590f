"""The words of a text with their scores: strips of a short one, the sentences of a long one."""

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from cdjax.results.explanation import Explanation
from cdjax.results.numbers import write_score
from cdjax.results.overview import Overview
from cdjax.results.wording import describe_scores
from cdjax.viz.console import NUMBER, Console
from cdjax.viz.original import read_words
from cdjax.viz.scale import STEPS, step
from cdjax.viz.terminal.rows import paint, print_rows, quote, say, style, symbol, title, write

WIDEST = 24
"""Most characters of a word above its score."""


def print_words(console: Console, explanation: Explanation, seen: Overview) -> None:
    """Print what each word contributes; of a long text what each sentence does."""
    if seen.sentences:
        _print_sentences(console, explanation, seen)
    else:
        _print_strips(console, explanation)
    print_legend(console, explanation, seen)


def print_legend(console: Console, explanation: Explanation, seen: Overview) -> None:
    """Print the steps of the scale with their thresholds, and what the sides speak for."""
    clear, strong = seen.thresholds
    edges = (
        *(f"-{strong:g} or less", f"-{clear:g} or less", "between"),
        *(f"{clear:g} or more", f"{strong:g} or more"),
    )
    chips = [
        Text.assemble((f" {at.symbol} ", style(console, at)), f" {edge}")
        for at, edge in zip(STEPS, edges, strict=True)
    ]
    known = explanation.known
    if known is not None and not known.all():
        chips.append(Text(" ?  a word the model does not know"))
    console.print()
    line = Text()
    for chip in chips:
        if line and cell_len(line.plain) + 2 + cell_len(chip.plain) > console.width:
            write(console, line)
            line = Text()
        line.append_text(Text.assemble("  " if line else "", chip))
    write(console, line)
    say(console, Text.assemble(quote(describe_scores(explanation)), style="dim"))


def _print_strips(console: Console, explanation: Explanation) -> None:
    """Print each word over its score and symbol, in strips as wide as the console."""
    title(console, f"What each {'word' if explanation.tokens else 'step'} contributes")
    edges, known = explanation.thresholds, explanation.known
    strips: list[list[Text]] = []
    used = 0
    for t, word in enumerate(explanation.words()):
        at = step(word.score, edges)
        unknown = known is not None and not known[t]
        text = quote(word.text)
        text.truncate(min(WIDEST, console.width - 3), overflow="ellipsis")
        colours = style(console, at)
        cells = (
            Text.assemble(" ", text, " ", style=colours) if colours else text,
            Text(write_score(word.score, explanation.decimals)),
            Text(at.symbol + ("?" if unknown else ""), "dim"),
        )
        width = max(cell_len(cell.plain) for cell in cells) + 1
        if not strips or used + width > console.width + 1:
            strips.append([Text(), Text(), Text()])
            used = 0
        for line, cell in zip(strips[-1], cells, strict=True):
            left = (width - cell_len(cell.plain)) // 2
            line.append(" " * (used + left - cell_len(line.plain)))
            line.append_text(cell)
        used += width
    for n, strip in enumerate(strips):
        if n:
            console.print()
        for line in strip:
            write(console, line)


def _print_sentences(console: Console, explanation: Explanation, seen: Overview) -> None:
    """Print each sentence beside its score, and in it the scores of the words that are clear."""
    title(console, "What each sentence contributes, and its clearest words")
    edges, decimals = seen.thresholds, explanation.decimals
    rows = [
        (
            (paint(console, sentence.score, edges, decimals), symbol(sentence.score, edges)),
            _write_sentence(console, explanation, sentence.start, sentence.stop),
        )
        for sentence in seen.sentences
    ]
    print_rows(console, rows, left=(1,))


def _write_sentence(console: Console, explanation: Explanation, start: int, stop: int) -> Text:
    """Return a sentence as it is in the text, clear words tinted and with their scores."""
    known, line = explanation.known, Text()
    for t, (between, word) in enumerate(read_words(explanation, start, stop), start):
        score = explanation[t]
        blank = between[:1].isspace() and not between.strip()
        line.append_text(quote(" " if blank else between))
        word = quote(word)
        if not np.isnan(score) and abs(score) >= explanation.thresholds.clear:
            word.stylize(style(console, step(score, explanation.thresholds)))
            line.append_text(word)
            line.append(f" ({write_score(score, explanation.decimals)})", NUMBER)
        else:
            line.append_text(word)
            if known is not None and not known[t]:
                line.append_text(Text.assemble((" (?)", NUMBER), style="dim"))
    return line
