"""An explanation as Markdown, for a report or an issue: all text of others is data, not markup."""

import re
from collections.abc import Sequence
from typing import Any

from cdjax.display import show
from cdjax.results.numbers import write_score
from cdjax.results.overview import Overview, make_overview
from cdjax.results.phrases import Phrase
from cdjax.results.windows import choose_windows, list_windows
from cdjax.results.wording import describe_outcome, describe_scores, describe_sides

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@^=&])")


def write_markdown(explanation: Any) -> str:
    """Return an `Explanation` as Markdown: tables of what every view shows."""
    seen, is_text = make_overview(explanation), explanation.tokens is not None
    title = "Value" if explanation.output == "value" else "Prediction"
    blocks = [f"**{title}:** {escape(describe_outcome(explanation))}"]
    if seen.step:
        blocks.insert(0, f"**{escape(seen.step)}**")
    if seen.input:
        blocks.append(f"Input: {escape(seen.input)}")
    if explanation.text is not None:
        blocks.append(f"> {escape(explanation.text)}")
    blocks += [f"*{escape(notice.text)}*" for notice in seen.notices]
    blocks.append(escape(describe_scores(explanation)))
    blocks += _write_account(explanation, seen)
    blocks += _write_phrases(explanation, seen)
    if seen.pairs or seen.longer:
        rows = [
            (
                *(write_score(n, explanation.decimals) for n in (i.interaction, i.score, i.sum)),
                i.text,
            )
            for i in (*seen.pairs, *seen.longer)
        ]
        words, phrase = ("Words", "phrase") if is_text else ("Steps", "window")
        blocks.append(f"**{words} that say something else together than one by one**")
        blocks.append(_table(("interaction", "together", "sum of parts", phrase), rows))
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    r"""Return a text on one line that Markdown shows as it is.

    >>> print(escape("<b>a</b> *b* | c"))
    \<b\>a\</b\> \*b\* \| c
    """
    return _SPECIAL.sub(r"\\\1", show(" ".join(text.split())))


def _write_account(explanation: Any, seen: Overview) -> list[str]:
    """Return the parts that add up to the output."""
    account = seen.account
    if account is None:
        return []
    words, whole = ("words", "text") if explanation.tokens is not None else ("steps", "series")
    if account.whole is None:
        first = f"the {words}, one by one", account.words, ""
    else:
        first = f"whole {whole}", account.whole, ""
    parts = [
        first,
        ("remainder", account.remainder, account.reason),
        ("output bias", account.output_bias, ""),
        (account.name, account.total, ""),
    ]
    rows = [
        (write_score(number, explanation.decimals), f"{name}: {why}" if why else name)
        for name, number, why in parts
    ]
    rows[-1] = (rows[-1][0], f"= {rows[-1][1]}")
    return ["**How the prediction adds up**", _table(("score", "part"), rows)]


def _write_phrases(explanation: Any, seen: Overview) -> list[str]:
    """Return sentences, words or windows of time, and the phrases that are evidence."""
    below, above = describe_sides(explanation)
    part, phrase, parts = "word", "phrase", explanation.words()
    if explanation.tokens is None:
        part = phrase = "window"
        parts = list_windows(explanation, choose_windows(explanation))
    elif seen.sentences:
        part, parts = "sentence", seen.sentences
    lists: list[tuple[str, str, Sequence[Phrase]]] = [
        (f"What each {part} contributes", part, parts),
        (f"{phrase.capitalize()}s that {above}", phrase, seen.evidence_above),
        (f"{phrase.capitalize()}s that {below}", phrase, seen.evidence_below),
    ]
    blocks = []
    for title, head, phrases in lists:
        if phrases:
            rows = [(write_score(p.score, explanation.decimals), p.text) for p in phrases]
            blocks += [f"**{escape(title)}**", _table(("score", head), rows)]
    return blocks


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose columns are numbers, but the last."""
    marks = ["--:"] * (len(head) - 1) + ["---"]
    cells = [[escape(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, marks, *cells])
