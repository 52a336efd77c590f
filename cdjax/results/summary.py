"""Explanations in a few lines of plain text."""

import textwrap
from typing import Any

from cdjax.display import show
from cdjax.results.account import Account
from cdjax.results.numbers import write_score
from cdjax.results.overview import make_overview
from cdjax.results.phrases import Phrase
from cdjax.results.windows import choose_windows, list_windows
from cdjax.results.wording import describe_direction, describe_outcome

LINES = 20
"""Most lines of a summary."""
WIDTH = 84
STRONGEST = 5
SENTENCES = 6


def summarize(explanation: Any) -> str:
    """Return an `Explanation` in at most `LINES` lines: prediction, words, strongest phrases.

    Of a long text sentences instead of words.
    """
    seen = make_overview(explanation)
    kind, each = ("steps", "steps") if explanation.tokens is None else ("tokens", "words")
    rule = f", rule {explanation.rule}" if explanation.rule else ""
    decimals = explanation.decimals

    def write(phrase: Phrase) -> str:
        return _shorten(f"{write_score(phrase.score, decimals)} {phrase.text}")

    sections = {
        "input": [_shorten(seen.input)] if seen.input else [],
        "output": [_shorten(seen.step.removeprefix("Output "))] if seen.step else [],
        "prediction": [_shorten(describe_outcome(explanation))],
        "score": [_shorten(describe_direction(explanation.direction))],
    }
    if seen.account is not None:
        sections["adds up"] = textwrap.wrap(write_account(seen.account, decimals), WIDTH)
    if seen.sentences:
        more = ["..."] if len(seen.sentences) > SENTENCES else []
        sections["sentences"] = [*map(write, seen.sentences[:SENTENCES]), *more]
    else:
        words = [f"{p.text} {write_score(p.score, decimals)}" for p in _parts(explanation)]
        sections[each] = _wrap(words)
    phrases = sorted(seen.evidence_above + seen.evidence_below, key=lambda p: -abs(p.score))
    sections["phrases"] = [write(phrase) for phrase in phrases[:STRONGEST]]
    sections["note"] = [line for n in seen.notices for line in textwrap.wrap(n.text, WIDTH)]
    lines = [
        f"Explanation of {len(explanation)} {kind} by {explanation.method}{rule}: "
        f"{len(explanation.spans):,} spans, in {explanation.units}"
    ]
    for title, content in sections.items():
        titles = [title, *[""] * len(content)]
        lines += [f"  {t:10}  {line}" for t, line in zip(titles, content, strict=False)]
    return "\n".join(map(show, lines[:LINES]))


def write_account(account: Account, decimals: int) -> str:
    """Return an account as a sum on one line."""
    parts = {
        "whole": account.whole if account.whole is not None else account.words,
        "remainder": account.remainder,
        "output bias": account.output_bias,
    }
    if account.whole is None:
        parts = {"words": parts.pop("whole"), **parts}
    terms = [f"{name} {write_score(part, decimals)}" for name, part in parts.items()]
    return f"{', '.join(terms)}: {account.name} {write_score(account.total, decimals)}"


def _parts(explanation: Any) -> list[Phrase]:
    """Return every word; of a series its windows of time."""
    if explanation.tokens is None:
        return list_windows(explanation, choose_windows(explanation))
    return explanation.words()


def _shorten(text: str) -> str:
    return textwrap.shorten(text, WIDTH, placeholder=" ...")


def _wrap(items: list[str]) -> list[str]:
    """Return items on lines, none of them split, eight lines at most."""
    lines: list[str] = []
    for item in map(_shorten, items):
        if lines and len(lines[-1]) + 2 + len(item) <= WIDTH:
            lines[-1] += "  " + item
        elif len(lines) == 8:
            return [*lines[:7], "..."]
        else:
            lines.append(item)
    return lines
