"""Results in a notebook: small HTML without scripts, whose style is inline.

Whatever text it holds is data. Words that say something have a ground and a text colour of their
own; all else has the colours of the notebook, dark or light.
"""

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cdjax.display import show
from cdjax.model import Model
from cdjax.results.explanation import Explanation
from cdjax.results.numbers import count_decimals, write_output, write_score
from cdjax.results.overview import Overview
from cdjax.results.phrases import Interaction, Phrase
from cdjax.results.scores import SpanScores
from cdjax.results.summary import write_account
from cdjax.results.windows import choose_windows
from cdjax.results.wording import describe_scores, describe_sides
from cdjax.viz.original import read_words
from cdjax.viz.scale import step

MOST_WORDS = 600
"""Words shown; the page of `Explanation.to_html` shows all."""
MOST_ROWS, MOST_LABELS, MOST_TEXT = 10, 6, 200
_FAINT = "opacity:.7"
_CELL = "text-align:right;padding:1px 8px 1px 0"


def to_html(result: Any) -> str:
    """Return an `Explanation`, a `Model` or `SpanScores` as HTML.

    Raises:
        TypeError: Where it is something else.
    """
    if isinstance(result, Explanation):
        return _show_explanation(result)
    if isinstance(result, Model):
        return _show_model(result)
    if isinstance(result, SpanScores):
        return _show_scores(result)
    raise TypeError(f"there is no HTML of a {type(result).__name__}; expected a result of cdjax.")


def _show_explanation(explanation: Explanation) -> str:
    seen = explanation.overview()
    first, *others = _outcome(explanation, seen)
    more = f' <span style="{_FAINT}">{", ".join(others)}</span>' if others else ""
    parts = [_block(f"<bdi>{_text(seen.step)}</bdi>")] if seen.step else []
    parts.append(_block(f"<b>{first}</b>{more}"))
    if seen.input:
        parts.append(_block(f"<bdi>{_text(seen.input)}</bdi>", _FAINT))
    parts += [_block(f"<i>{_text(notice.text)}</i>") for notice in seen.notices]
    parts.append(_show_words(explanation, seen))
    faint = [describe_scores(explanation)]
    if seen.account is not None:
        faint.append(f"It adds up: {write_account(seen.account, explanation.decimals)}.")
    parts.append(_block(_text(" ".join(faint)), _FAINT))
    below, above = describe_sides(explanation)
    what = "Phrases" if explanation.tokens is not None else "Windows"
    for side, phrases in ((above, seen.evidence_above), (below, seen.evidence_below)):
        if phrases:
            parts.append(_show_phrases(explanation, f"{what} that {side}", phrases))
    if seen.pairs or seen.longer:
        parts.append(_show_interactions(explanation, [*seen.pairs, *seen.longer]))
    return f'<div style="max-width:60em;line-height:1.6">{"".join(parts)}</div>'


def _outcome(explanation: Explanation, seen: Overview) -> list[str]:
    texts = [
        f"{_text(label)} {write_output(number, explanation.output)}"
        for label, number in seen.outcome[:MOST_LABELS]
    ]
    more = len(seen.outcome) - len(texts)
    return texts + ([f"{more} more"] if more else [])


def _show_words(explanation: Explanation, seen: Overview) -> str:
    """Return the words as they are in the text, by sentences where it is long; or windows."""
    if explanation.tokens is None:
        spans = choose_windows(explanation).tolist()
        named = explanation.times is not None
        names = [explanation.phrase_text(a, b) if named else f"{a}:{b}" for a, b in spans]
        scores = [explanation[a:b] for a, b in spans]
        chips = (_chip(explanation, *chip) for chip in zip(scores, names, strict=True))
        return _block(("" if named else "Steps ") + " ".join(chips))
    left = len(explanation) - MOST_WORDS
    more = _block(f"… {left:,} more words", _FAINT) if left > 0 else ""
    if not seen.sentences:
        return _block(_mark_words(explanation, 0, min(len(explanation), MOST_WORDS))) + more
    blocks = []
    for sentence in seen.sentences:
        if sentence.start < MOST_WORDS:
            words = _mark_words(explanation, sentence.start, min(sentence.stop, MOST_WORDS))
            blocks.append(_block(f"{_chip(explanation, sentence.score)} {words}"))
    return "".join(blocks) + more


def _mark_words(explanation: Explanation, start: int, stop: int) -> str:
    """Return words, those with a clear score on its colour and with the number."""
    pieces = []
    for t, (between, word) in enumerate(read_words(explanation, start, stop), start):
        score, edges = explanation[t], explanation.thresholds
        pieces.append(_text(between))
        if not np.isnan(score) and abs(score) >= edges.clear:
            pieces.append(_chip(explanation, score, word))
        else:
            known = explanation.known is None or explanation.known[t]
            title = write_score(score, explanation.decimals)
            tail = "" if known else "<sup>?</sup>"
            pieces.append(f'<bdi title="{title}">{_text(word)}</bdi>{tail}')
    return "".join(pieces)


def _show_phrases(explanation: Explanation, title: str, phrases: Sequence[Phrase]) -> str:
    rows = ((_chip(explanation, p.score), f"<bdi>{_text(p.text)}</bdi>") for p in phrases)
    return _table(title, (), rows)


def _show_interactions(explanation: Explanation, found: Sequence[Interaction]) -> str:
    rows = (
        (
            *(write_score(n, explanation.decimals) for n in (i.interaction, i.score, i.sum)),
            f"<bdi>{_text(i.text)}</bdi>",
        )
        for i in found
    )
    words = "Words" if explanation.tokens is not None else "Steps"
    title = f"{words} that say something else together than one by one"
    return _table(title, ("interaction", "together", "sum of parts", ""), rows)


def _chip(explanation: Explanation, score: float, word: str = "") -> str:
    """Return a score on the colour of its step, beside a word."""
    at = step(score, explanation.thresholds)
    colours = f"background:{at.background};color:{at.foreground};" if at.background else ""
    number = write_score(score, explanation.decimals)
    inner = f"<bdi>{_text(word)}</bdi>&nbsp;<small>{number}</small>" if word else number
    return f'<span style="{colours}border-radius:3px;padding:1px 3px">{inner}</span>'


def _show_model(model: Model) -> str:
    lines = {"Model": repr(model).removeprefix("Model(").removesuffix(")")}
    if not isinstance(model.provenance, dict):
        return _block(_text(repr(model)))
    for name, value in list(model.provenance.items())[:MOST_ROWS]:
        text = str(value)
        lines[str(name)] = text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"
    rows = ((_text(name), _text(text)) for name, text in lines.items())
    return _table("", (), rows, left=True)


def _show_scores(scores: SpanScores) -> str:
    """Return how many spans there are, the logits, and the spans with the largest scores."""
    numbers = np.asarray(scores.scores, float)
    count = numbers.shape[1] if numbers.ndim == 2 else 0
    if not count:
        return _block(_text(repr(scores)))
    decimals = max(2, count_decimals(numbers))
    sizes = np.nan_to_num(np.abs(numbers).max(axis=1))
    strongest = np.argsort(-sizes, kind="stable")[:MOST_ROWS]
    shown = range(min(count, MOST_LABELS))
    rows = [
        (
            *map(str, scores.spans[n].tolist()),
            *(write_score(numbers[n, k], decimals) for k in shown),
        )
        for n in strongest.tolist()
    ]
    logits = (write_score(float(logit), decimals) for logit in scores.logits[:MOST_LABELS])
    more = ", …" if count > MOST_LABELS else ""
    head = f"{len(numbers):,} spans, {count:,} scores each; logits {', '.join(logits)}{more}"
    what = "all spans" if len(rows) == len(numbers) else f"the {len(rows)} with the largest scores"
    return _table(f"{head}; {what}", ("start", "stop", *(f"score {k}" for k in shown)), rows)


def _table(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, left: bool = False
) -> str:
    """Return a table of cells that are HTML; the last column is aligned on the left."""
    lines = [f"<b>{_text(title)}</b>"] if title else []
    lines.append('<table style="margin:0;border:0;color:inherit;font:inherit">')
    if head:
        cells = "".join(f'<td style="{_CELL};{_FAINT}">{_text(cell)}</td>' for cell in head)
        lines.append(f"<tr>{cells}</tr>")
    for *cells, last in rows:
        align = "text-align:left;padding:1px 8px 1px 0" if left else _CELL
        beside = "".join(f'<td style="{align}">{cell}</td>' for cell in cells)
        lines.append(f'<tr>{beside}<td style="text-align:left">{last}</td></tr>')
    return f'<div style="margin:6px 0">{"".join(lines)}</table></div>'


def _block(inner: str, style: str = "") -> str:
    return f'<div style="margin:4px 0;{style}">{inner}</div>'


def _text(text: str) -> str:
    """Return any text as HTML that shows it."""
    return html.escape(show(text.replace("\n", " ").replace("\t", " ")))
