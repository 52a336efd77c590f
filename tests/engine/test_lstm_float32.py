"""The LSTM's fast form as users have it: in float32, compiled with all optimizations."""

import functools
from pathlib import Path

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.rules import RULES
from cdjax.engine import devices
from cdjax.engine.driver import Steps
from cdjax.engine.layout import Scans
from cdjax.engine.run import find_directions
from cdjax.engine.shapes import SHAPES
from cdjax.engine.stack import Stack
from cdjax.text.tokenizer import tokenize

from tests.conftest import random_classifier
from tests.engine.test_lstm import recursion_as_is, recursion_of


@functools.partial(jax.jit, static_argnums=0)
def largest_argument(form, layers, x):
    """Return the largest argument of a gate in a forward pass."""
    zero, count = jnp.zeros(1, int), len(x)
    one = Scans(zero + count, zero, zero + count - 1, zero == 0, jnp.array(1))
    return jnp.max(form.forward(Stack(layers, None), x, Steps(one, jnp.arange(count) - 1, 1))[2])


def check_single_precision(classifier, ids, result, rule):
    """Hold scores to 2e-6 of the logits, or to what the recursion itself attains in float32.

    Saturated gates can make the decomposition ill-conditioned, whoever computes it.
    """
    exact = recursion_of(classifier, ids, result.spans, rule)
    attained = np.abs(recursion_as_is(classifier, ids, result.spans, rule) - exact).max()
    assert np.abs(exact).max() > 0.5
    bound = max(2e-6 * max(1, np.abs(result.logits).max()), 8 * attained)
    assert bound < 1e-3
    np.testing.assert_allclose(result.scores, exact, rtol=0, atol=bound)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("rule", "largest"),
    [(cdjax.PAPER, 29), (cdjax.PAPER, 400), (cdjax.ACD, 31), (cdjax.ACD, 400)],
    ids=lambda value: getattr(value, "name", value),
)
def test_saturated_gates(rule, largest):
    # Scaled until the largest argument of a sigmoid is as said: below and beyond the limit up to
    # which exponentials are kept, and far into where they would overflow.
    rng = np.random.default_rng(4)
    classifier = random_classifier(rng, words=9, inputs=3, hidden=6)
    ids = rng.integers(0, 9, 17)
    (layer,), ((form, *_),) = classifier.layers, find_directions(classifier, rule)

    def scaled(factor):
        # Not the recurrent weights: scaled as well, they would make the decomposition chaotic.
        layers = (layer._replace(W=layer.W * factor, b=layer.b * factor),)
        return jax.tree.map(np.float32, classifier._replace(layers=layers))

    def size(factor):
        model = scaled(factor)
        return float(largest_argument(form, model.layers, model.embedding[ids]))

    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if size(middle) < largest else (low, middle)
    assert size(low) == pytest.approx(largest, rel=1e-3)
    model = scaled(low)
    (result,) = cdjax.score_all_spans(model, [ids], rule)
    check_single_precision(model, ids, result, rule)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("rule", "factor"),
    [(cdjax.PAPER, 1), (cdjax.ACD, 1), (cdjax.PAPER, 6), (cdjax.ACD, 4)],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_bundled_model_in_single_precision(rule, factor):
    """With all weights times 4 or 6, arguments reach 24 and 37."""
    model = cdjax.load()
    layers = tuple(jax.tree.map(lambda w: w * np.float32(factor), model.classifier.layers))
    classifier = model.classifier._replace(layers=layers)
    reviews = [
        "The film isn't bad at all, and the end is a joy.",
        "A great cast, but what a dull, lifeless, endless story!",
    ]
    ids = [model.vocabulary.encode(tokenize(review)) for review in reviews]
    assert all(review.all() for review in ids)
    for review, result in zip(ids, cdjax.score_all_spans(classifier, ids, rule), strict=True):
        check_single_precision(classifier, review, result, rule)
        if factor == 1:
            expected = recursion_of(classifier, review, result.spans, rule)
            scale = max(1, np.abs(result.logits).max())
            np.testing.assert_allclose(result.scores, expected, rtol=0, atol=2e-6 * scale)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, marks=[] if name == "even" else pytest.mark.thorough)
        for name, rule in RULES.items()
        if rule.whole_input_adds_up
    ],
    ids=lambda rule: rule.name,
)
def test_all_that_a_long_text_begins_with_leaves_the_rest_nothing(rule):
    """Rounding errors grow a hundredfold every 40 steps here, by `EVEN`, and faster by `ACD`."""
    model = cdjax.load()
    reviews = (Path(cdjax.__file__).parent / "bundled" / "reviews.txt").read_text()
    ids = model.vocabulary.encode(tokenize(reviews.replace("\n", " ")))[:237]
    logits = cdjax.predict(model.classifier, [ids])[0]
    (score,) = cdjax.score_spans(model.classifier, ids, [[0, len(ids)]], rule)
    np.testing.assert_allclose(score + model.classifier.bias, logits, rtol=0, atol=1e-5)


def test_other_lengths_compile_nothing():
    rng = np.random.default_rng(7)
    classifier = random_classifier(rng, words=11, hidden=3, dtype=np.float32)

    def score(lengths, max_len=None):
        cdjax.score_all_spans(
            classifier, [rng.integers(0, 11, n) for n in lengths], cdjax.ACD, max_len
        )
        programs = (devices.jitted(run, "cpu") for run in (devices._forward, devices._score))
        return [program._cache_size() for program in programs]

    before = score([5, 2])
    assert score([1]) == before
    assert score([30, 7, 0, 41]) == before
    assert score([80] * 5, max_len=3) == before


@pytest.mark.thorough
def test_spans_of_a_long_review_that_end_late():
    """As users have it, with the jobs' own sizes: more steps of trunks than the smallest holds."""
    classifier = random_classifier(np.random.default_rng(0), scale=0.5)
    ids = np.random.default_rng(1).integers(0, 7, 120)
    spans = cdjax.enumerate_spans(120)
    spans = spans[spans[:, 1] > 110]
    assert len(spans) < SHAPES[0].states < np.diff(spans[spans[:, 1] == 120]).sum()
    scores = cdjax.score_spans(classifier, ids, spans, cdjax.PAPER)
    np.testing.assert_allclose(
        scores, recursion_of(classifier, ids, spans, cdjax.PAPER), rtol=0, atol=1e-5
    )
