import numpy as np
import pytest
from cdjax.training import linear
from cdjax.training.corpus import Corpus
from cdjax.training.linear import fit_linear

from tests.training.toy import SMALL, sentences, vectors

GOOD, BAD = ["a", "fine", "film"], ["a", "dull", "film"]


def test_coefficients_are_readable_by_word():
    model = fit_linear(Corpus([GOOD, BAD] * 10, ["1", "0"] * 10), Corpus([GOOD, BAD], ["1", "0"]))
    assert model.labels == ("0", "1")
    assert model.coefficient(["fine"]) > 0.01 > -0.01 > model.coefficient(["dull"])
    assert abs(model.coefficient(["film"])) < 0.001
    assert model.coefficient(["unheard"]) == 0
    assert model.dev_accuracy == 1.0
    assert model.score([]) == model.score(["unheard"]) == 0


@pytest.mark.parametrize(
    ("weighting", "fine", "dull"), [("count", 2, 1), ("once", 1, 1), ("unit", 2 / 5**0.5, 0.2**0.5)]
)
def test_weightings_by_hand(weighting, fine, dull):
    texts = [["fine", "fine", "dull"], ["dull", "film"]] * 10
    train = Corpus(texts, ["1", "0"] * 10)
    dev = Corpus(texts[:2], ["1", "0"])
    model = fit_linear(train, dev, strengths=[1.0], weightings=[weighting])
    expected = fine * model.coefficient(["fine"]) + dull * model.coefficient(["dull"])
    assert model.score(["dull", "unheard", "fine", "fine"]) == pytest.approx(expected)
    # What was fitted is what is scored: it is where the penalized loss is least.
    values = np.array(
        [[dull, fine, 0], [2**-0.5, 0, 2**-0.5] if weighting == "unit" else [1, 0, 1]]
    )
    coefficients = np.array([model.coefficient([word]) for word in ("dull", "fine", "film")])
    off = np.array([1, 0]) - 1 / (1 + np.exp(-(values @ coefficients + model.intercept)))
    np.testing.assert_allclose(coefficients, 10 * off @ values, atol=1e-2)


def test_ngrams_see_what_words_cannot():
    texts = [["not", "good", "bad"], ["not", "bad", "good"]] * 10
    train, dev = Corpus(texts, ["0", "1"] * 10), Corpus(texts[:2], ["0", "1"])
    assert fit_linear(train, dev).dev_accuracy == 0.5
    model = fit_linear(train, dev, longest=2)
    assert model.dev_accuracy == 1.0
    assert model.coefficient(["not", "bad"]) > 0 > model.coefficient(["not", "good"])
    mixed = Corpus([texts[0], texts[0], texts[0], texts[1]], ["0", "0", "1", "1"])
    assert model.accuracy(mixed) == 0.75
    assert model.accuracy(mixed, balanced=True) == (1 + 0.5) / 2
    assert fit_linear(train, mixed, longest=2, balanced=True).dev_accuracy == (1 + 0.5) / 2


def test_soft_labels_and_weights_are_those_of_copies():
    texts = [GOOD, BAD, ["film"]]
    dev = Corpus([GOOD, BAD], ["1", "0"])
    once = fit_linear(
        Corpus(
            texts,
            ["1", "0", "1"],
            np.array([[0, 1], [0.75, 0.25], [0.5, 0.5]]),
            np.array([1.0, 4.0, 2.0]),
        ),
        dev,
        strengths=[1.0],
    )
    copies = Corpus([GOOD, *[BAD] * 4, *[["film"]] * 2], ["1", "1", "0", "0", "0", "1", "0"])
    by_copies = fit_linear(copies, dev, strengths=[1.0])
    np.testing.assert_allclose(once.coefficients, by_copies.coefficients, atol=1e-3)


def test_rare_ngrams_are_no_features():
    train = Corpus([GOOD, BAD, GOOD, BAD, ["zany"]], ["1", "0", "1", "0", "0"])
    model = fit_linear(train, Corpus([GOOD], ["1"]), least=2)
    assert "zany" not in model.features
    assert "fine" in model.features


def test_strength_is_chosen_on_dev():
    rng = np.random.default_rng(0)
    words = [str(n) for n in range(60)]
    texts = [[*rng.choice(words, 5).tolist(), "up" if n % 2 else "down"] for n in range(60)]
    labels = [str(n % 2) if n > 8 else str(1 - n % 2) for n in range(60)]
    dev = Corpus([["up"], ["down"]], ["1", "0"])
    scores = [
        fit_linear(Corpus(texts, labels), dev, strengths=[c]).dev_accuracy for c in (0.01, 3.0)
    ]
    both = fit_linear(Corpus(texts, labels), dev, strengths=[0.01, 3.0])
    assert both.dev_accuracy == max(scores)


@pytest.mark.thorough
def test_processes_fit_what_one_fits(monkeypatch):
    train, dev = Corpus([GOOD, BAD, GOOD[:1]] * 10, ["1", "0", "0"] * 10), Corpus([GOOD], ["1"])
    one = fit_linear(train, dev)
    monkeypatch.setattr(linear, "MANY", 0)
    several = fit_linear(train, dev)
    np.testing.assert_array_equal(several.coefficients, one.coefficients)
    assert several._replace(coefficients=None) == one._replace(coefficients=None)


def test_two_labels_are_expected():
    with pytest.raises(ValueError, match="there are 3 labels"):
        fit_linear(Corpus([["a"], ["b"], ["c"]], ["0", "1", "2"]), Corpus([["a"]], ["0"]))


def test_a_bag_of_vectors_learns_words_but_no_order():
    from cdjax.training.bag_of_vectors import train_bag

    data, dev = sentences(300, 0), sentences(100, 1)
    bag = train_bag(vectors(), data, dev, SMALL._replace(epochs=6))
    assert 0.4 < bag.dev_accuracy < 0.8  # negation is beyond it
    plain, known = sentences(300, 0, negation=False), sentences(100, 1, negation=False)
    bag = train_bag(vectors(), plain, known, SMALL._replace(epochs=6))
    assert bag.accuracy(known) == bag.dev_accuracy == 1.0
    good, bad = bag.weights[[1, 2, 3], 1], bag.weights[[4, 5, 6], 1]
    assert good.min() > bad.max()
