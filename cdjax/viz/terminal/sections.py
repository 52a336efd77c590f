"""The sections of an explanation in the terminal."""

from collections.abc import Callable, Sequence

from rich.text import Text

from cdjax.results.explanation import Explanation
from cdjax.results.numbers import write_output, write_probability, write_score
from cdjax.results.overview import Overview
from cdjax.results.phrases import Interaction, Phrase
from cdjax.results.wording import describe_sides
from cdjax.viz.console import Console
from cdjax.viz.terminal.rows import paint, print_rows, quote, say, symbol, title
from cdjax.viz.terminal.tree import print_tree
from cdjax.viz.terminal.words import print_words

LABELS = 4
"""Most labels of the prediction."""
FIRST = ("unknown", "inexact", "unread")
"""Notices to be read before any score."""


def print_explanation(
    console: Console,
    explanation: Explanation,
    name: Callable[[str], str] = str,
    about: str = "",
    *,
    tree: bool = False,
) -> None:
    """Print the prediction, the words, how it adds up, the phrases and the interactions.

    Args:
        console: The console.
        explanation: What to print.
        name: Writes the arguments in a notice as the user gives them.
        about: What is said of the scores below the prediction.
        tree: Whether to print the tree of the phrases instead of lists of phrases.
    """
    seen = explanation.overview()
    print_outcome(console, explanation, seen, about)
    print_notices(console, seen, name, first=True)
    print_words(console, explanation, seen)
    print_notices(console, seen, name, first=False)
    print_account(console, explanation, seen)
    if tree:
        print_tree(console, explanation)
        return
    print_evidence(console, explanation, seen)
    print_interactions(console, explanation, seen)
    print_growth(console, explanation, seen)


def print_outcome(
    console: Console, explanation: Explanation, seen: Overview, about: str = ""
) -> None:
    """Print the predicted label with the probabilities, or the value, and what is said of it.

    Of one of several outputs, which it is comes first.
    """
    if seen.step:
        say(console, quote(seen.step))
    value = explanation.output == "value"
    texts = [f"{label} {write_output(n, explanation.output)}" for label, n in seen.outcome]
    first, *others = texts if value else texts[:LABELS]
    if len(seen.outcome) > 1 + len(others):
        others.append(f"{len(seen.outcome) - 1 - len(others)} more")
    name = ("Values" if others else "Value") if value else "Prediction"
    line = Text.assemble(f"{name}: ", quote(first))
    line.stylize("bold", len(name) + 2)
    if others:
        line.append_text(Text.assemble("  (", quote(", ".join(others)), ")", style="dim"))
    say(console, line)
    if explanation.output == "sigmoid" and others:
        say(console, "The labels do not exclude each other.", "dim")
    if about:
        say(console, about, "dim")


def print_notices(
    console: Console, seen: Overview, name: Callable[[str], str] = str, *, first: bool
) -> None:
    """Print what to know before reading any score, or what to know about the scores read."""
    notices = [notice for notice in seen.notices if (notice.kind in FIRST) == first]
    print_notes(console, [name(notice.text) for notice in notices])


def print_notes(console: Console, notes: Sequence[str]) -> None:
    """Print sentences that are to be heeded."""
    if notes:
        console.print()
    for note in notes:
        say(console, Text.assemble(quote(note), style="yellow"))


def print_account(
    console: Console,
    explanation: Explanation,
    seen: Overview,
    total: float | None = None,
    parts: str | None = None,
) -> None:
    """Print the parts that the output is the sum of.

    Args:
        console: The console.
        explanation: What to print.
        seen: Its overview.
        total: Sum of the scores of other parts than its steps, which make the whole.
        parts: What these are called.
    """
    account = seen.account
    if account is None:
        return
    words, whole = ("words", "text") if explanation.tokens is not None else ("steps", "series")
    if total is not None:
        words = parts or words
        if account.whole is None:
            remainder = account.total - account.output_bias - total
            account = account._replace(words=total, remainder=remainder)
        else:
            account = account._replace(words=total, together=account.whole - total)
    one = account.whole is not None and len(explanation) == 1
    rows: list[tuple[str, float | None, str, str]] = [
        ("", None if one else account.words, f"{words} one by one", ""),
        ("", None if one else account.together, f"{words} together", "what they say beyond that"),
        ("" if one else "=", account.whole, f"whole {whole}", ""),
        ("", account.remainder, "remainder", account.reason or "what belongs to none"),
        ("", account.output_bias, "output bias", f"the same for every {whole}"),
    ]
    meaning = ""
    if account.probability is not None and seen.above.startswith("for "):
        meaning = f"{seen.above.removeprefix('for ')} {write_probability(account.probability)}"
    rows.append(("=", account.total, account.name, meaning))
    title(console, "How the prediction adds up")
    print_rows(
        console,
        [
            (
                (sign, write_score(number, explanation.decimals)),
                Text.assemble(quote(part), (f": {why}" if why else "", "dim")),
            )
            for sign, number, part, why in rows
            if number is not None
        ],
    )


def print_evidence(console: Console, explanation: Explanation, seen: Overview) -> None:
    """Print the strongest phrases of two words or more, for either side."""
    if explanation.known is not None and not explanation.known.any():
        return
    if not any(stop - start > 1 for start, stop in explanation.spans.tolist()):
        return
    words = "words" if explanation.tokens is not None else "steps"
    least = f"by {seen.thresholds.clear:g} or more."
    if not (seen.evidence_above or seen.evidence_below):
        console.print()
        say(
            console,
            f"No phrase of two {words} or more has a score of {seen.thresholds.clear:g} or more.",
            "dim",
        )
        return
    below, above = describe_sides(explanation)
    for side, phrases in ((above, seen.evidence_above), (below, seen.evidence_below)):
        if phrases:
            title(console, Text.assemble("Phrases that ", quote(side)))
            _print_phrases(console, explanation, phrases)
        else:
            console.print()
            say(console, Text.assemble("No phrases ", quote(side), f" {least}", style="dim"))


def print_interactions(console: Console, explanation: Explanation, seen: Overview) -> None:
    """Print the adjacent words, and the longer phrases, that are not the sum of their words."""
    if not (seen.pairs or seen.longer):
        return
    title(console, "Words that say something else together than one by one")
    more = f", {len(seen.pairs)} of {seen.pair_count}" if len(seen.pairs) < seen.pair_count else ""
    head = ("interaction", "together", "sum of parts")
    blank = ("", "", "")
    rows: list[tuple[Sequence[str], Text]] = []
    for name, interactions in ((f"two words{more}", seen.pairs), ("longer phrases", seen.longer)):
        if interactions:
            rows.append((blank, Text(name, "dim")))
            rows += [(_write(i, explanation.decimals), quote(i.text)) for i in interactions]
    print_rows(console, rows, head)


def print_growth(console: Console, explanation: Explanation, seen: Overview) -> None:
    """Print how the strongest word's score changes as the words before it join, one by one."""
    if seen.growth:
        word = quote(seen.growth[0].text)
        title(console, Text.assemble("How “", word, "” changes as the words before it join"))
        _print_phrases(console, explanation, seen.growth)


def _write(i: Interaction, decimals: int) -> Sequence[str]:
    return tuple(write_score(number, decimals) for number in (i.interaction, i.score, i.sum))


def _print_phrases(console: Console, explanation: Explanation, phrases: Sequence[Phrase]) -> None:
    edges, decimals = explanation.thresholds, explanation.decimals
    rows = [
        (
            (paint(console, phrase.score, edges, decimals), symbol(phrase.score, edges)),
            quote(phrase.text),
        )
        for phrase in phrases
    ]
    print_rows(console, rows, left=(1,))
