"""The limits and rates of the numerical methods, and cell decomposition by a literal loop."""

import itertools
import math

import cdjax
import numpy as np
import pytest
from cdjax.methods import (
    decompose_cells,
    gradients,
    integrate_gradients,
    leave_out,
    make_methods,
    sample_shapley,
    standardize,
)

from tests.methods.test_contract import VOCABULARY, make_classifier
from tests.reference import sigmoid

pytestmark = pytest.mark.usefixtures("x64")

REVIEW = np.array([1, 2, 3, 4, 5, 6, 0, 1])


def gap(quadrature, steps, baseline=2):
    (result,) = integrate_gradients(
        make_classifier(), [REVIEW], baseline, "logits", quadrature, steps
    )
    return np.abs(result.gap).max()


@pytest.mark.parametrize(("quadrature", "ratio"), [("right", 2), ("middle", 4)])
def test_the_gap_of_riemann_sums_falls_with_the_order_of_the_rule(quadrature, ratio):
    gaps = [gap(quadrature, steps) for steps in (128, 256, 512)]
    assert gaps[0] > 1e-5
    np.testing.assert_allclose([gaps[0] / gaps[1], gaps[1] / gaps[2]], ratio, rtol=0.1)


def test_the_gap_of_gauss_legendre_falls_exponentially():
    gaps = [gap("gauss-legendre", steps) for steps in (4, 8, 16, 32)]
    assert gaps[0] > 1e-4
    for few, many in itertools.pairwise(gaps):  # each factor is greater than the one before
        assert many < few / 20
    assert gaps[1] / gaps[2] > gaps[0] / gaps[1]
    assert gaps[3] < 1e-13


@pytest.mark.parametrize("baseline", [None, 2])
@pytest.mark.parametrize("output", ["probability", "logits"])
def test_the_gap_is_what_the_scores_lack(baseline, output):
    classifier = make_classifier()
    reviews = [REVIEW, REVIEW[:3], REVIEW[:0]]
    results = integrate_gradients(classifier, reviews, baseline, output, "middle", 5)
    if baseline is None:
        classifier = classifier._replace(embedding=np.vstack([classifier.embedding, np.zeros(3)]))
    for review, (scores, missing) in zip(reviews, results, strict=True):
        assert scores.shape == (len(review), 2)
        ends = cdjax.predict(classifier, [review, np.full_like(review, baseline or 7)])
        if output == "probability":
            ends = np.exp(ends) / np.exp(ends).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(scores.sum(axis=0) + missing, ends[0] - ends[1], atol=1e-14)


def test_a_wide_gap_gives_a_warning():
    for name in ("ig", "ig_zero"):
        method = make_methods(vocabulary=VOCABULARY, ig_steps=1)[name]
        with pytest.warns(UserWarning, match=r"of 3 sequences miss .* with 1 nodes\. Take more"):
            method.score(make_classifier(), [REVIEW[:0], REVIEW, [2]])


def test_memory_bounds_the_tiles_and_not_the_scores(monkeypatch):
    whole = integrate_gradients(make_classifier(), [REVIEW, REVIEW[:3]], 2)
    monkeypatch.setattr(gradients, "MEMORY", 5 * 24 * 5 * 8 * 8)  # five passes, rounded to four
    small = integrate_gradients(make_classifier(), [REVIEW, REVIEW[:3]], 2)
    for one, other in zip(whole, small, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-14)


def test_a_second_batch_of_the_same_shape_compiles_nothing():
    classifier = make_classifier()
    integrate_gradients(classifier, [REVIEW], 2)
    before = gradients._pull_back._cache_size()
    assert before > 0
    integrate_gradients(classifier, [REVIEW[:5], REVIEW[1:4]], 3)
    assert gradients._pull_back._cache_size() == before


def exact_shapley(classifier, review, replacement):
    """Return the Shapley values by going through all sets of words."""
    length = len(review)
    sets = np.array(list(itertools.product([False, True], repeat=length)))
    logits = cdjax.predict(classifier, list(np.where(sets, review, replacement)))
    value = {tuple(present): row for present, row in zip(sets.tolist(), logits, strict=True)}
    scores = np.zeros((length, logits.shape[1]))
    for t in range(length):
        for present, row in value.items():
            if not present[t]:
                size = sum(present)
                weight = math.factorial(size) * math.factorial(length - size - 1)
                joined = (*present[:t], True, *present[t + 1 :])
                scores[t] += weight / math.factorial(length) * (value[joined] - row)
    return scores


def test_sampled_shapley_values_converge_to_the_exact_ones():
    classifier = make_classifier()
    rng = np.random.default_rng(6)
    reviews = list(rng.integers(1, 7, size=(20, 5)))
    exact = np.stack([exact_shapley(classifier, review, 0) for review in reviews])
    errors = []
    for orders in (4, 1024):
        sampled = np.stack(sample_shapley(classifier, reviews, 0, orders, seed=1))
        np.testing.assert_allclose(sampled.sum(axis=1), exact.sum(axis=1), atol=1e-12)
        errors.append(np.sqrt(np.mean((sampled - exact) ** 2)))
    # With the square root of the number of orders, give or take what 20 reviews can tell.
    np.testing.assert_allclose(errors[0] / errors[1], math.sqrt(1024 / 4), rtol=0.35)
    assert errors[1] < 0.02 * np.abs(exact).max()


def test_shapley_samples_depend_on_the_seed_alone():
    classifier = make_classifier()
    one, repeated, other = (
        sample_shapley(classifier, [REVIEW], 0, 2, seed)[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, repeated)
    assert np.abs(one - other).max() > 1e-3


@pytest.mark.parametrize("variant", ["difference", "additive"])
def test_cells_equal_a_literal_loop(variant):
    classifier = make_classifier(classes=5)
    ((W, V, b, *_),) = classifier.layers
    x = classifier.embedding[REVIEW]
    h = c = np.zeros(5)
    inputs, forgets, cells = [], [], [c]
    for t in range(len(x)):
        z = [W[k] @ x[t] + V[k] @ h + b[k] for k in range(4)]
        i, f, g, o = sigmoid(z[0]), sigmoid(z[1]), np.tanh(z[2]), sigmoid(z[3])
        c = f * c + i * g
        h = o * np.tanh(c)
        inputs.append(i * g)
        forgets.append(f)
        cells.append(c)
    if variant == "additive":
        cells = [np.zeros(5)]
        for t in range(len(x)):
            passed = inputs[t]
            for f in forgets[t + 1 :]:
                passed = passed * f
            cells.append(cells[-1] + passed)
    expected = [
        classifier.readout @ (o * (np.tanh(after) - np.tanh(before)))
        for before, after in itertools.pairwise(cells)
    ]
    (scores,) = decompose_cells(classifier, [REVIEW], variant)
    np.testing.assert_allclose(scores, expected, atol=1e-12)


def test_scores_without_spread_are_not_numbers():
    two = standardize(np.array([[1.0, 3.0], [1.0, 5.0]]))
    np.testing.assert_array_equal(two, [[np.nan, 3.0], [np.nan, 5.0]])
    assert standardize(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.usefixtures("as_users")
def test_bad_options_raise():
    classifier, reviews = make_classifier(), [REVIEW]
    with pytest.raises(ValueError, match=r"steps is 0; expected at least 1"):
        integrate_gradients(classifier, reviews, None, steps=0)
    with pytest.raises(ValueError, match=r"quadrature is 'simpson'; expected 'gauss-legendre'"):
        integrate_gradients(classifier, reviews, None, quadrature="simpson")
    with pytest.raises(ValueError, match=r"output is 'odds'; expected one of probability, sigmoid"):
        integrate_gradients(classifier, reviews, None, output="odds")
    with pytest.raises(ValueError, match=r"baseline is the word number 7; expected 0 to 6.* or"):
        integrate_gradients(classifier, reviews, 7)
    with pytest.raises(ValueError, match=r"replacement is the word number -1; expected 0 to 6"):
        leave_out(classifier, reviews, replacement=-1)
    with pytest.raises(ValueError, match=r"output is 'probability'; expected 'log probability'"):
        leave_out(classifier, reviews, output="probability")
    with pytest.raises(ValueError, match=r"orders is 3; expected an even number of at least 2"):
        sample_shapley(classifier, reviews, 0, orders=3)
    with pytest.raises(ValueError, match=r"variant is 'beta'; expected 'difference' or 'additive'"):
        decompose_cells(classifier, reviews, "beta")
