import cdjax
import numpy as np
import pytest
from cdjax.results.scores import VALUES
from cdjax.text.splitting import Frame

from tests.conftest import RULE_CASES, random_classifier
from tests.results.explained import make_explanation

TEXT = "It isn't a bad film."


@pytest.mark.parametrize("model", ["sst", pytest.param("yelp", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("rule", RULE_CASES)
def test_parts_add_up_to_the_logit_under_every_rule(model, rule):
    explanation = cdjax.explain(TEXT, model, rule=rule)
    account = explanation.account()
    assert account.whole == pytest.approx(explanation[:])
    assert account.words == pytest.approx(sum(word.score for word in explanation.words()))
    assert account.words + account.together == pytest.approx(account.whole, abs=1e-12)
    assert account.whole + account.remainder + account.output_bias == pytest.approx(
        account.total, abs=1e-12
    )
    probability = explanation.probabilities()["positive"]
    assert account.total == pytest.approx(np.log(probability / (1 - probability)), abs=1e-5)
    loaded = cdjax.load(model)
    classifier, ids = loaded.classifier, loaded.vocabulary.encode(explanation.tokens)
    inside = np.ones(len(ids), bool)
    parts = cdjax.decompose(classifier.layers, classifier.embedding[ids], inside, rule)
    remainder = float((classifier.readout[1] - classifier.readout[0]) @ parts.gamma[-1])
    assert account.remainder == pytest.approx(remainder, abs=1e-5)
    if rule.name in ("acd", "shared", "even", "source"):
        # The whole input leaves nothing to the rest.
        assert remainder == 0
        assert not account.reason
    elif rule != cdjax.RELEASED:  # which leaves the product of the biases at the last step alone
        assert f"by the rule {rule.name} they belong to no phrase" in account.reason


def test_where_the_whole_was_not_scored_words_are_accounted_for():
    account = cdjax.explain(TEXT, max_len=2).account()
    assert account.whole is None
    assert account.together is None
    assert account.words + account.remainder + account.output_bias == pytest.approx(account.total)
    assert "together" in account.reason


def test_other_methods():
    occlusion = cdjax.explain(TEXT, method="occlusion").account()
    assert occlusion.whole + occlusion.remainder + occlusion.output_bias == pytest.approx(
        occlusion.total
    )
    assert "the method occlusion" in occlusion.reason
    assert cdjax.explain(TEXT, method="gradient").account() is None


def test_by_hand():
    account = make_explanation(
        ["not", "bad"],
        {(0, 1): -1.0, (1, 2): -0.5, (0, 2): 2.5},
        logits=np.array([0.5, 4.0]),
        output_bias=np.array([0.25, 0.0]),
    ).account()
    assert account[:6] == (-1.5, 4.0, 2.5, 1.25, -0.25, 3.5)
    assert account.name == "logit of praise - blame"


def test_values():
    value = {"labels": ("price",), "output": "value", "units": VALUES}
    account = make_explanation(["a", "b"], **value, logits=np.array([3.0])).account()
    assert account.name == "value of price"
    assert account.remainder == 3.0
    assert account.probability is None


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("paper", "the network's own biases and the 3 steps of padding that it reads; by the rule"),
        ("acd", "the 3 steps of padding that it reads; by the rule acd"),
    ],
)
def test_padding_belongs_to_no_phrase(rule, reason):
    words = ("pad", "it", "is", "n't", "a", "bad", "film")
    vocabulary = cdjax.Vocabulary(words, unknown=None, frame=Frame(6, 0))
    classifier = random_classifier(np.random.default_rng(3), dtype=np.float32)
    model = cdjax.Model(classifier, vocabulary, ("no", "yes"), {})
    explanation = cdjax.explain("a bad film", model, rule=rule)
    assert explanation.padding == 3
    account = explanation.account()
    assert abs(account.remainder) > 0.01
    assert account.reason.startswith(reason)
    assert cdjax.explain("a bad film it is a", model).padding == 0


def test_probability_is_that_of_the_total():
    for output, labels, direction, expected in (
        ("softmax", ("a", "b"), (-1.0, 1.0), 1 / (1 + np.exp(-2.0))),
        ("softmax", ("a", "b", "c"), (0.0, 1.0, 0.0), None),
        ("sigmoid", ("a", "b", "c"), (0.0, 1.0, 0.0), 1 / (1 + np.exp(-2.0))),
        ("sigmoid", ("a", "b", "c"), (-1.0, 1.0, 0.0), None),
    ):
        account = make_explanation(
            ["x"],
            labels=labels,
            output=output,
            direction=dict(zip(labels, direction, strict=True)),
            logits=np.array([0.0, 2.0, 0.0][: len(labels)]),
        ).account()
        assert account.probability == (expected and pytest.approx(expected)), output
