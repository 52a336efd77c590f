import re
from html import unescape

import cdjax
import numpy as np
import pytest
from cdjax.results.markdown import escape
from markdown_it import MarkdownIt

from tests.results.explained import make_explanation
from tests.results.test_explanation import make_named

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def rows_of(text):
    """The cells of all tables, as a browser shows them."""
    rows = re.findall(r"<tr>(.*?)</tr>", READER.render(text), re.DOTALL)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
    return [[unescape(cell) for cell in row] for row in cells]


def test_tables_hold_what_is_to_be_seen():
    explanation = cdjax.explain("It isn't a bad film.")
    seen, account = explanation.overview(), explanation.account()
    text = explanation.to_markdown()
    assert text.startswith("**Prediction:** positive 82\\.9%, negative 17\\.1%\n\n> It isn")
    rows = rows_of(text)
    assert [f"{account.whole:+.2f}", "whole text"] in rows
    assert [f"{account.total:+.2f}", "= logit of positive - negative"] in rows
    for phrase in (*explanation.words(), *seen.evidence_above, *seen.evidence_below):
        assert [f"{phrase.score:+.2f}", phrase.text] in rows
    for i in (*seen.pairs, *seen.longer):
        assert [f"{i.interaction:+.2f}", f"{i.score:+.2f}", f"{i.sum:+.2f}", i.text] in rows


def test_a_series_has_its_windows_by_time():
    explanation = make_named()
    text = explanation.to_markdown()
    assert text.startswith(
        "**Output at step 3\\: 2024\\-02\\-01 01\\:00**\n\n**Value:** price 3\\.5"
    )
    assert "Input: 6 steps of load, \\<b\\>temp" in text
    rows = rows_of(text)
    assert ["score", "window"] in rows
    for step in explanation.words():
        assert [f"{step.score:+.{explanation.decimals}f}", step.text] in rows
    assert any(row[-1] == "whole series" for row in rows)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a | b \\| c",
        "![x](http://e.x/y.png) [y](javascript:z)",
        "*a* _b_ `c` ~~d~~ **e**",
        "&lt;b&gt; &amp;",
        "# not a heading",
        "- 1. > =",
        "http://a.b www.c.d me@e.f <https://g.h>",
        "\x1b[2J\u202ex",
        "a\n\n    code\r\n***",
    ],
)
def test_text_of_others_is_shown_as_it_is(text):
    shown = " ".join(text.split()).replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert unescape(READER.renderInline(escape(text))) == shown
    tokens = text.split()
    labels = (f"{tokens[0]} no", tokens[0])
    scores = {(t, t + 1): 2.0 for t in range(len(tokens))}
    offsets = np.array([[0, 0]] * len(tokens))
    explanation = make_explanation(tokens, scores, labels, text=text, offsets=offsets)
    rendered = READER.render(explanation.to_markdown())
    assert not re.search(r"<(script|img|a|b|h\d|code|pre|hr|s|li)\b", rendered)
    cells = [row[-1] for row in rows_of(explanation.to_markdown())]
    for word in shown.split():
        assert word in cells


def test_series_long_texts_and_limits():
    long = cdjax.explain("A dull film. I left. " * 8)
    assert "What each sentence contributes" in long.to_markdown()
    limited = make_explanation(["a", "b", "c"], max_len=2).to_markdown()
    assert "the words, one by one" in limited
    assert "*Phrases of more than 2 words were not scored" in limited
