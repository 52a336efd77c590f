"""What notebooks show: small, static, safe HTML that says what the explanation says."""

import html
import re
from html.parser import HTMLParser

import cdjax
import numpy as np
import pytest
from cdjax.viz.notebook import to_html

from tests.results.explained import make_explanation
from tests.results.test_explanation import make_named
from tests.viz.terminal.printing import TEXTS, explain_text

ALLOWED = {"div", "b", "i", "span", "bdi", "small", "sup", "table", "tr", "td"}
HOSTILE = ["<script>alert(1)</script>", "</div>", "&lt;", '"onload="x', "\u202ebad", "\x1b[2J"]


class Reader(HTMLParser):
    """Collects text, elements and attributes; every element must be closed in its turn."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags, self.attributes, self.open = "", set(), set(), []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(result):
    page = result._repr_html_()
    bundle = result._repr_mimebundle_()
    assert bundle == {"text/plain": repr(result), "text/html": page}
    reader = Reader(page)
    assert reader.tags <= ALLOWED
    assert reader.attributes <= {"style", "title"}
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", page)
    return reader.text.replace("\xa0", " "), page


def test_a_series_has_the_names_of_its_features_and_steps():
    text, page = read(make_named())
    assert text.startswith("Output at step 3: 2024-02-01 01:00price 3.5")
    assert "6 steps of load, <b>temp</b>, a\\x1b[2J, 2024-01-31 22:00 to 2024-02-01 03:00" in text
    assert "2024-02-01 03:00 +1.0" in text
    assert "<b>temp" not in page


@pytest.mark.parametrize("name", TEXTS)
def test_any_text_is_data(name):
    explanation = explain_text(name)
    text, page = read(explanation)
    assert len(page) < 15_000
    assert "praise 73.1%" in text
    for phrase in explanation.overview().evidence_above:
        assert f"+{phrase.score:.2f}" in text


def test_hostile_words_and_labels_are_shown():
    labels = ("<img src=x>", "</table>&amp;")
    text, page = read(make_explanation(HOSTILE, 1.0, labels))
    for word in [*HOSTILE[:4], *labels, "\\u202ebad", "\\x1b[2J"]:
        assert word in text
        assert html.escape(word) in page


def test_words_as_in_the_text_with_what_is_clear():
    tokens, known = ["good", "film", "odd"], np.array([True, True, False])
    offsets = np.array([[1, 5], [6, 10], [13, 16]])
    explanation = make_explanation(
        tokens,
        {(0, 1): 2.5, (1, 2): 0.25, (0, 2): 3.75},
        text="(good\nfilm), odd",
        offsets=offsets,
        known=known,
    )
    text, page = read(explanation)
    assert "good +2.50 film), odd?" in text
    assert 'title="+0.25"' in page
    assert "background:#2166ac;color:white" in page
    assert "It adds up: whole +2.75, remainder -1.75, output bias 0.00" in text
    assert "+1.00+3.75+2.75good film" in text  # interaction, together, sum of parts


def test_a_review_is_small_and_a_long_text_is_cut():
    _, page = read(explain_text("long"))
    assert len(page) < 15_000
    words = [f"word{n}" for n in range(700)]
    text, page = read(make_explanation(words, 0.0, max_len=1))
    assert "word599" in text
    assert "100 more words" in text
    assert len(page) < 30_000


def test_models_scores_and_series():
    model = cdjax.load()
    text, _ = read(model._replace(provenance={**model.provenance, "<x>": "y" * 999}))
    assert "LSTM" in text
    assert "negative, positive" in text
    text, _ = read(explain_text("negation").table())
    assert "28 spans, 2 scores each; logits 0.00, +1.00; the 10 with the largest scores" in text
    rng = np.random.default_rng(0)
    layer = cdjax.GRUParams(*(rng.normal(size=s) for s in ((3, 4, 2), (3, 4, 4), (3, 4), (4,))))
    network = cdjax.Classifier(None, (layer,), rng.normal(size=(1, 4)), np.zeros(1))
    explanation = cdjax.explain(
        rng.normal(size=(24, 2)), cdjax.Model(network, None, ("load",), {}, "value")
    )
    text, _ = read(explanation)
    assert "Steps 0:2" in text
    with pytest.raises(TypeError, match="no HTML of a int"):
        to_html(3)
