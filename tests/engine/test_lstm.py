"""The engine against the recursion, span by span."""

import functools

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.network import project_input, scan_cell
from cdjax.core.rules import RULES
from cdjax.engine import jobs, lstm
from cdjax.engine.schedule import Size
from cdjax.scoring.batch import score_chosen_spans
from cdjax.text.tokenizer import tokenize

from tests.conftest import random_classifier

rules = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))


@functools.partial(jax.jit, static_argnames="rule")
def decompose_spans(layers, x, masks, rule):
    return jax.vmap(lambda inside: cdjax.decompose(layers, x, inside, rule).beta[-1])(masks)


def recursion(classifier, ids, spans, rule):
    """Score spans by the recursion, in float64 whatever the classifier is in."""
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda a: np.asarray(a, np.float64), classifier)
        return recursion_as_is(exact, ids, spans, rule)


def recursion_as_is(classifier, ids, spans, rule):
    steps = np.arange(len(ids))
    masks = (spans[:, :1] <= steps) & (steps < spans[:, 1:])
    x = jnp.asarray(classifier.embedding[ids])
    return np.asarray(decompose_spans(classifier.layers, x, masks, rule) @ classifier.readout.T)


def check_single_precision(classifier, ids, result, rule):
    """Hold scores to 2e-6 of the logits, or to what the recursion itself attains in float32.

    Saturated gates can make the decomposition ill-conditioned, whoever computes it.
    """
    exact = recursion(classifier, ids, result.spans, rule)
    attained = np.abs(recursion_as_is(classifier, ids, result.spans, rule) - exact).max()
    assert np.abs(exact).max() > 0.5
    bound = max(2e-6 * max(1, np.abs(result.logits).max()), 4 * attained)
    assert bound < 1e-3
    np.testing.assert_allclose(result.scores, exact, rtol=0, atol=bound)


@pytest.fixture
def tiny_jobs(monkeypatch):
    """Shapes so small that a few reviews make several jobs of several tiles, and one is cut."""
    monkeypatch.setattr(jobs, "SIZES", (Size(24, 60, 8, 4, 2),))


@pytest.fixture
def reviews():
    rng = np.random.default_rng(2)
    return [rng.integers(0, 7, n) for n in (3, 1, 0, 9, 2, 14, 6, 6, 1, 0)]


@rules
@pytest.mark.parametrize("max_len", [None, 1, 5])
def test_several_jobs_in_float64(x64, tiny_jobs, reviews, rule, max_len):
    classifier = random_classifier(np.random.default_rng(0))
    results = cdjax.score_all_spans(classifier, reviews, rule, max_len)
    logits = cdjax.predict(classifier, reviews)
    for ids, result, its_logits in zip(reviews, results, logits, strict=True):
        np.testing.assert_array_equal(result.spans, cdjax.enumerate_spans(len(ids), max_len))
        np.testing.assert_allclose(result.logits, its_logits, atol=1e-12)
        if len(ids):
            expected = recursion(classifier, ids, result.spans, rule)
            np.testing.assert_allclose(result.scores, expected, rtol=1e-10, atol=1e-13)


def test_results_come_one_by_one_and_in_order(tiny_jobs, reviews):
    classifier = random_classifier(np.random.default_rng(0), dtype=np.float32)
    stream = cdjax.stream_all_spans(classifier, reviews)
    assert [len(next(stream).spans) for _ in range(4)] == [6, 1, 0, 45]
    assert [len(result.spans) for result in stream] == [3, 105, 21, 21, 1, 0]


@pytest.mark.parametrize("rule", [cdjax.PAPER, cdjax.ACD], ids=["paper", "acd"])
@pytest.mark.parametrize("largest", [29, 31, 400])
def test_saturated_gates(rule, largest):
    # Scaled until the largest argument of a sigmoid is as said: below and beyond the limit up to
    # which exponentials are kept, and far into where they would overflow.
    rng = np.random.default_rng(4)
    classifier = random_classifier(rng, words=9, inputs=3, hidden=6)
    ids = rng.integers(0, 9, 17)
    (layer,) = classifier.layers

    def scaled(factor):
        # Not the recurrent weights: scaled as well, they would make the decomposition chaotic.
        layers = (layer._replace(W=layer.W * factor, b=layer.b * factor),)
        return jax.tree.map(np.float32, classifier._replace(layers=layers))

    @jax.jit
    def largest_of(params, x):
        zx = project_input(params, x)
        h, c = scan_cell(params, zx)
        before = jnp.concatenate([jnp.zeros_like(h[:1]), h[:-1]])
        wx = jnp.stack(zx, axis=1)
        z = wx + jnp.einsum("gij,tj->tgi", params.V, before) + params.b[None]
        return lstm.largest_argument(z, wx, params.b[None], c).max()

    def size(factor):
        model = scaled(factor)
        return float(largest_of(*model.layers, model.embedding[ids]))

    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if size(middle) < largest else (low, middle)
    assert size(low) == pytest.approx(largest, rel=1e-3)
    model = scaled(low)
    (result,) = cdjax.score_all_spans(model, [ids], rule)
    check_single_precision(model, ids, result, rule)


@pytest.mark.parametrize("rule", [cdjax.PAPER, cdjax.ACD], ids=["paper", "acd"])
@pytest.mark.parametrize("factor", [1, 4, 6])
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
            expected = recursion(classifier, review, result.spans, rule)
            scale = max(1, np.abs(result.logits).max())
            np.testing.assert_allclose(result.scores, expected, rtol=0, atol=2e-6 * scale)


def test_both_forms_agree(x64, reviews):
    classifier = random_classifier(np.random.default_rng(0))
    fast = cdjax.score_all_spans(classifier, reviews)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lstm, "EXPONENT_LIMIT", 0.0)
        slow = cdjax.score_all_spans(classifier, reviews)
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-10, atol=1e-13)


@rules
def test_unequal_sizes_of_a_model(x64, reviews, rule):
    rng = np.random.default_rng(6)
    classifier = random_classifier(rng, words=7, inputs=4, hidden=2, classes=5)
    for ids, result in zip(reviews, cdjax.score_all_spans(classifier, reviews, rule), strict=True):
        if len(ids):
            expected = recursion(classifier, ids, result.spans, rule)
            np.testing.assert_allclose(result.scores, expected, rtol=1e-10, atol=1e-13)


def test_other_lengths_compile_nothing():
    rng = np.random.default_rng(7)
    classifier = random_classifier(rng, words=11, hidden=3, dtype=np.float32)

    def score(lengths, max_len=None):
        cdjax.score_all_spans(
            classifier, [rng.integers(0, 11, n) for n in lengths], cdjax.ACD, max_len
        )
        programs = (jobs.jitted(run, "cpu") for run in (jobs._forward, jobs._score))
        return [program._cache_size() for program in programs]

    before = score([5, 2])
    assert score([1]) == before
    assert score([30, 7, 0, 41]) == before
    assert score([80] * 5, max_len=3) == before


@rules
def test_few_spans_that_start_apart_and_end_late(x64, tiny_jobs, reviews, rule):
    """Their trunks leave more states than there are spans: they need jobs of their own."""
    classifier = random_classifier(np.random.default_rng(0))
    rng = np.random.default_rng(3)
    chosen = []
    for ids in reviews:
        spans = cdjax.enumerate_spans(len(ids))
        late = spans[spans[:, 1] == len(ids)]
        chosen.append(rng.permutation(np.concatenate([late, late[:2]])))  # some twice
    assert sum(map(len, chosen)) < 60 < sum(np.diff(spans).sum() for spans in chosen)
    results = score_chosen_spans(classifier, reviews, chosen, rule)
    for ids, spans, result in zip(reviews, chosen, results, strict=True):
        if len(ids):
            exact = recursion(classifier, ids, spans, rule)
            np.testing.assert_allclose(result.scores, exact, rtol=0, atol=1e-12)
            one = cdjax.score_spans(classifier, ids, spans, rule)
            np.testing.assert_allclose(one, exact, rtol=0, atol=1e-12)


def test_spans_of_a_long_review_that_end_late():
    """As users have it, with the jobs' own sizes: more steps of trunks than the smallest holds."""
    classifier = random_classifier(np.random.default_rng(0), scale=0.5)
    ids = np.random.default_rng(1).integers(0, 7, 120)
    spans = cdjax.enumerate_spans(120)
    spans = spans[spans[:, 1] > 110]
    assert len(spans) < jobs.SIZES[0].spans < np.diff(spans[spans[:, 1] == 120]).sum()
    scores = cdjax.score_spans(classifier, ids, spans, cdjax.PAPER)
    np.testing.assert_allclose(
        scores, recursion(classifier, ids, spans, cdjax.PAPER), rtol=0, atol=1e-5
    )
