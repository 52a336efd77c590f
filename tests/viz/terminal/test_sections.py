import dataclasses
import re

import numpy as np
import pytest
from cdjax.results.scores import VALUES
from cdjax.viz import terminal
from rich.cells import cell_len

from tests.results.explained import make_explanation
from tests.viz.terminal.printing import TEXTS, explain_text, show


def print_all(explanation, **options):
    return show(terminal.print_explanation, explanation, **options)


@pytest.fixture(scope="module")
def negation():
    """The scores of a negation, by hand."""
    scores = {(0, 1): -1.0, (1, 2): -0.5, (2, 3): 0.25, (0, 2): 2.5, (1, 3): 0.25, (0, 3): 3.0}
    return make_explanation(
        ["not", "bad", "film"],
        scores,
        logits=np.array([0.0, 4.0]),
        output_bias=np.array([0.25, 0.0]),
    )


def test_a_whole_screen(negation):
    assert (
        print_all(negation, width=80)
        == """\
Prediction: praise 98.2%  (blame 1.8%)

What each word contributes
 not   bad   film
-1.00 -0.50 +0.25
  -     -     ·

 --  -2 or less   -  -0.5 or less   ·  between   +  0.5 or more   ++  2 or more
Scores are in logits: above 0 they speak for praise, below 0 for blame.

How the prediction adds up
   -1.25  words one by one
   +4.25  words together: what they say beyond that
=  +3.00  whole text
   +1.25  remainder: the network's own biases; by the rule paper they belong to
          no phrase
   -0.25  output bias: the same for every text
=  +4.00  logit of praise - blame: praise 98.2%

Phrases that speak for praise
 +3.00   ++  not bad film

No phrases speak for blame by 0.5 or more.

Words that say something else together than one by one
interaction  together  sum of parts
                                     two words
      +4.00     +2.50         -1.50  not bad
      +0.50     +0.25         -0.25  bad film
                                     longer phrases
      +4.25     +3.00         -1.25  not bad film
"""
    )


@pytest.mark.parametrize("labels", [("blame", "praise"), ("sports", "music", "news", "art")])
@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", TEXTS)
def test_every_text_fits_at_every_width(name, width, labels):
    out = print_all(explain_text(name, labels), width=width)
    assert "-0.00" not in out
    assert "positive" not in out
    assert "\x1b" not in out
    for line in out.splitlines():
        assert cell_len(re.sub("[\u2066-\u2069]", "", line)) <= width, line
    table = out.partition("sum of parts\n")[2].partition("\n\n")[0]
    for line in filter(lambda line: line[:35].strip(), table.splitlines()):
        assert re.fullmatch(r"(?=.{11}  .{8}  .{12}$)( +[+-]?\d+\.\d\d){3}", line[:35]), line


def test_numbers_of_fourteen_words_are_whole_at_80_columns():
    explanation = explain_text("fourteen")
    out = print_all(explanation, width=80)
    largest = explanation.overview().longer[0]
    number = f"{largest.interaction:+.2f}"
    assert re.search(rf"^ +{re.escape(number)} +{re.escape(f'{largest.score:+.2f}')} ", out, re.M)


def test_nothing_is_listed_where_no_word_is_known():
    out = print_all(explain_text("unknown"))
    assert "\nThe model knows none of the words; the scores mean little.\n" in out
    assert "Phrases" not in out
    assert "together than one by one" not in out
    assert "speaks for blame by" not in out


def test_four_classes_are_named_by_their_labels():
    out = print_all(explain_text("negation", ("sports", "music", "news", "art")))
    assert "above 0 they speak for art, below 0 against art." in out
    assert "Phrases that speak against art" in out
    assert "logit of art\n" in out
    between = explain_text("negation", ("sports", "music", "news"))
    direction = {"sports": -1.0, "music": 0.0, "news": 1.0}
    out = print_all(explain_text("negation", ("sports", "music", "news"), direction=direction))
    assert "above 0 they speak for news, below 0 for sports." in out
    assert "logit of news - sports\n" in out
    assert "5 more" in print_all(make_explanation(["a"], labels=tuple("abcdefghi")))
    assert between.labels == ("sports", "music", "news")


def test_labels_that_do_not_exclude_each_other():
    out = print_all(explain_text("negation", ("spam", "ham", "jam"), output="sigmoid"))
    assert "The labels do not exclude each other." in out
    assert re.search(r"logit of jam: jam 88\.1%", out)
    assert "exclude" not in print_all(explain_text("negation", ("spam",), output="sigmoid"))


def test_values_of_a_series():
    value = {"output": "value", "units": VALUES, "logits": np.array([1234.0])}
    scores = {(0, 1): 790.0, (1, 2): 20.0, (0, 2): 1000.0}
    explanation = make_explanation(["a", "b"], scores, ("price",), **value)
    explanation = dataclasses.replace(explanation, tokens=None, known=None, series=np.zeros((2, 3)))
    out = print_all(explanation)
    assert out.startswith("Value: price 1234\n")
    assert "What each step contributes" in out
    assert "+1000  whole series" in out
    assert "+1234  value of price" in out
    assert "steps 0:2" in out
    assert "%" not in out
    assert "100 or more" in out


def test_notices_are_told_with_the_names_of_a_command():
    tokens = [*(f"w{n}" for n in range(20)), "good"]
    out = print_all(
        make_explanation(tokens, {(20, 21): 2.0}), name=lambda text: text.replace("rule", "--rule")
    )
    place = out.index("Words fade: the 20 before “good” are below 0.05 each.")
    assert out.index("Scores are in") < place < out.index("How the prediction adds up")
    assert "--rule='even'" in " ".join(out.split())


def test_growth():
    scores = {(3, 4): -1.0, (2, 4): -1.2, (1, 4): 1.0, (0, 4): 2.0}
    out = show(
        terminal.print_growth,
        explanation := make_explanation(["is", "n't", "a", "bad"], scores),
        explanation.overview(),
    )
    assert (
        out
        == """
How “bad” changes as the words before it join
 -1.00   -   bad
 -1.20   -   a bad
 +1.00   +   n't a bad
 +2.00   ++  is n't a bad
"""
    )


def test_scores_that_do_not_add_up_have_no_account():
    out = print_all(explain_text("negation", units="probability", method="gradient"))
    assert "adds up" not in out
    assert "These scores are in probability, and do not add up to the prediction" in out
