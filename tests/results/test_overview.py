import json

import cdjax
import numpy as np
import pytest
from cdjax.results.overview import to_dict
from cdjax.results.scores import VALUES
from cdjax.results.thresholds import Thresholds

from tests.results.explained import make_explanation

LONG = (
    "I went to see this film with my brother last week. The first hour was slow and the jokes did "
    "not land at all. But then the story picks up, the actors are wonderful, and the ending is one "
    "of the best I have seen. I would recommend it to anyone."
)


@pytest.fixture(scope="module")
def long():
    return cdjax.explain(LONG)


def test_phrases_below_the_threshold_are_no_evidence():
    seen = make_explanation(
        ["a", "b", "c", "d", "e"],
        {(0, 2): 0.5, (1, 3): 0.49, (2, 4): -0.5, (3, 5): -2.5, (4, 5): -0.2},
    ).overview()
    assert [phrase.text for phrase in seen.evidence_above] == ["a b"]
    assert [phrase.text for phrase in seen.evidence_below] == ["d e", "c d"]
    assert (seen.below, seen.above) == ("for blame", "for praise")


def test_nothing_is_listed_where_no_word_is_known():
    seen = make_explanation(["???"] * 4, {(0, 1): 3.0, (0, 2): -3.0, (0, 4): 5.0}).overview()
    assert seen.evidence_above == seen.evidence_below == seen.pairs == seen.longer == ()
    assert seen.growth == ()
    (notice,) = seen.notices
    assert notice == ("unknown", "The model knows none of the words; the scores mean little.")


def test_phrases_begin_and_end_with_known_words():
    scores = {(1, 2): 2.0, (2, 3): 1.0, (1, 3): 4.0}
    seen = make_explanation(["???", "good", "film", "???", "???"], scores).overview()
    assert [phrase.text for phrase in seen.evidence_above] == ["good film"]
    assert [pair.text for pair in seen.pairs] == ["good film"]
    assert (seen.pairs[0].interaction, seen.pairs[0].score, seen.pairs[0].sum) == (1.0, 4.0, 3.0)
    assert [notice.text for notice in seen.notices] == [
        "3 of 5 words are unknown to the model (60%)."
    ]


def test_pairs_and_longer_phrases_that_interact():
    tokens = [f"w{n}" for n in range(16)]
    pairs = {(n, n + 2): (-1) ** n * (n + 1.0) for n in range(0, 16, 2)}
    seen = make_explanation(tokens, pairs | {(0, 3): 0.4, (0, 16): 0.6}).overview()
    assert [pair.interaction for pair in seen.pairs] == [15, 13, 11, 9, 7, 5]
    assert seen.pair_count == 8
    assert [i.interaction for i in seen.longer] == [0.6]


def test_growth():
    tokens = ["it", "is", "n't", "a", "bad", "film"]
    scores = {(4, 5): -1.0, (3, 5): -1.2, (2, 5): 1.0, (1, 5): 1.5, (0, 5): 2.0}
    seen = make_explanation(tokens, scores).overview()
    assert [phrase.score for phrase in seen.growth] == [-1.0, -1.2, 1.0, 1.5, 2.0]
    assert seen.growth[-1].text == "it is n't a bad"
    small = make_explanation(tokens, {(4, 5): -1.0, (3, 5): -1.2, (2, 5): -1.2, (1, 5): -1.2})
    assert small.overview().growth == ()
    assert [p.text for p in make_explanation(tokens, scores, max_len=3).overview().growth] == [
        "bad",
        "a bad",
        "n't a bad",
    ]


def test_a_long_text_is_seen_by_sentences(long):
    seen = long.overview()
    assert [phrase.text.split()[0] for phrase in seen.sentences] == ["I", "The", "But", "I"]
    assert [phrase.score for phrase in seen.sentences] == [
        long[phrase.start : phrase.stop] for phrase in seen.sentences
    ]
    inside = [range(phrase.start, phrase.stop + 1) for phrase in seen.sentences]
    for phrase in (*seen.evidence_above, *seen.evidence_below, *seen.longer):
        assert phrase.stop - phrase.start <= 10
        assert any(phrase.start in i and phrase.stop in i for i in inside), phrase
    assert cdjax.explain(LONG, max_len=5).overview().sentences == ()  # they were not scored


def test_words_fade_by_rules_that_let_them(long):
    (notice,) = long.notices()
    scores = np.abs([word.score for word in long.words()])
    assert notice.kind == "faded"
    assert "the 29 before “story” are below 0.05 each, the first 23 below 0.01" in notice.text
    assert scores[:29].max() < 0.05 <= scores[29]
    assert scores[:23].max() < 0.01 <= scores[23]
    assert long.tokens[29] == "story"
    assert "by the rule paper" in notice.text
    assert "by rule='even' and method='ig_zero'." in notice.text
    assert cdjax.explain(LONG, rule="even", max_len=1).notices() == ()
    assert cdjax.explain("It isn't a bad film.").notices() == ()
    (notice,) = cdjax.explain(LONG * 3, max_len=1).notices()  # no word of it is clear
    assert notice.kind == "faded"


def test_a_remainder_larger_than_the_text_is_told():
    given = {"scores": {(0, 1): 0.5}, "output_bias": np.array([0.0, 0.25])}
    logits = np.array([0.0, 1.5])  # of which 0.75 belong to no phrase
    (notice,) = make_explanation(["good"], **given, logits=logits).notices()
    assert notice.kind == "remainder"
    assert "The remainder (+0.75), which belongs to no phrase" in notice.text
    assert "the whole text (+0.50)" in notice.text
    assert make_explanation(["good"], **given, logits=logits - [0, 0.3]).notices() == ()
    (notice,) = make_explanation(["good"], **given, logits=logits, rule="acd").notices()
    assert notice.kind == "inexact"  # there is none by this rule
    assert "by the rule acd the whole text misses the output by +0.75, rounding" in notice.text
    text = "The zxcv qwer was a very asdf film."
    kinds = [
        [n.kind for n in cdjax.explain(text, rule=rule).notices()] for rule in ("paper", "acd")
    ]
    assert kinds == [["unknown", "remainder"], ["unknown"]]


def test_unread_words_are_told():
    text = "A <br>zork & good film"
    offsets = np.array([[0, 1], [13, 17]])
    seen = make_explanation(
        ["A", "good"], text=text, offsets=offsets, logits=np.zeros(2)
    ).overview()
    (notice,) = seen.notices
    assert notice.kind == "unread"
    assert notice.text.startswith("2 words are not read")
    assert notice.text.endswith("zork, film.")
    assert cdjax.explain("A good<br />film &amp; cast&hellip;").notices() == ()
    assert cdjax.explain("A &lt;i&gt;good&lt;/i&gt; film.").notices() == ()


def test_scores_that_do_not_add_up_say_so():
    (notice,) = cdjax.explain("A good film.", method="gradient", max_len=1).notices()
    assert notice.kind == "no parts"
    assert "probability" in notice.text


def test_limited_phrases_are_told():
    notices = make_explanation(["a", "b", "c"], max_len=2).notices()
    assert notices == (("not scored", "Phrases of more than 2 words were not scored."),)
    long = "It is a bad film. " * 9
    kinds = [
        {notice.kind for notice in cdjax.explain(long, max_len=count, whole=True).notices()}
        for count in (9, 10)
    ]
    assert kinds == [{"faded", "not scored"}, {"faded"}]  # longer ones are not listed


def test_thresholds_of_values_are_their_own():
    value = {"labels": ("price",), "output": "value", "units": VALUES}
    explanation = make_explanation(["a", "b"], {(0, 1): 790.0, (1, 2): 20.0}, **value)
    assert explanation.thresholds == Thresholds(100.0, 400.0)
    assert explanation.decimals == 0
    assert make_explanation(["a"], {(0, 1): 3e-4}, **value).decimals == 6
    assert make_explanation(["a"], {(0, 1): 9.0}).thresholds == (0.5, 2.0)


def test_an_overview_is_json(long):
    seen = long.overview()
    read = json.loads(json.dumps(to_dict(seen)))
    assert read["account"]["total"] == seen.account.total
    assert read["sentences"][0] == seen.sentences[0]._asdict()
    assert read["outcome"][0] == ["positive", pytest.approx(0.992, abs=1e-3)]
