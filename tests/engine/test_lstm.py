"""The LSTM's fast form against the recursion, span by span."""

import functools

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.network import project_input, scan_cell
from cdjax.core.rules import RULES
from cdjax.core.split import PLAIN
from cdjax.engine import devices, lstm, recursion
from cdjax.engine.plan import AllSpans, ChosenSpans, Job
from cdjax.engine.run import find_directions
from cdjax.engine.shapes import SHAPES, JobShape
from cdjax.scoring.batch import run_spans, score_chosen_spans
from cdjax.text.tokenizer import tokenize

from tests.conftest import random_classifier

rules = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))


@functools.partial(jax.jit, static_argnames="rule")
def decompose_spans(layers, x, valid, masks, rule):
    def last(inside):
        return cdjax.decompose(layers, x, inside, rule, valid=valid).beta[-1]

    return jax.vmap(last)(masks)


def recursion_of(classifier, ids, spans, rule):
    """Score spans by the recursion, in float64 whatever the classifier is in."""
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda a: np.asarray(a, np.float64), classifier)
        return recursion_as_is(exact, ids, spans, rule)


def recursion_as_is(classifier, ids, spans, rule):
    # Padded, so that a test compiles it once: by steps that are left out and by empty sets.
    steps = np.arange(-(-len(ids) // 16) * 16)
    masks = (spans[:, :1] <= steps) & (steps < spans[:, 1:])
    masks = recursion.pad(masks, -(-len(masks) // 128) * 128)
    x = recursion.pad(np.asarray(classifier.embedding)[ids], len(steps))
    beta = np.asarray(decompose_spans(classifier.layers, x, steps < len(ids), masks, rule))
    return beta[: len(spans)] @ np.asarray(classifier.readout).T


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


TINY = (JobShape(rows=24, states=60, tail_lanes=8, trunk_lanes=4, forward_lanes=2),)
"""Shapes so small that a few reviews make several jobs of several tiles, and one is cut."""


SIZES = {"words": 7, "inputs": 4, "hidden": 3, "classes": 5}
"""Of a model, no two of them equal."""


@pytest.fixture
def reviews():
    rng = np.random.default_rng(2)
    return [rng.integers(0, 7, n) for n in (3, 1, 0, 9, 2, 14, 6, 6, 1, 0)]


@rules
def test_several_jobs_in_float64(x64, reviews, rule):
    classifier = random_classifier(np.random.default_rng(0), **SIZES)
    lengths = [len(ids) for ids in reviews]
    every = [cdjax.enumerate_spans(length) for length in lengths]
    exact = [
        recursion_of(classifier, ids, spans, rule) if len(ids) else None
        for ids, spans in zip(reviews, every, strict=True)
    ]
    logits = cdjax.predict(classifier, reviews)
    for max_len in (None, 1, 5):
        results = run_spans(classifier, reviews, AllSpans(lengths, max_len), rule, TINY)
        for n, result in zip(range(len(reviews)), results, strict=True):
            if not lengths[n]:
                assert result is None
                continue
            asked = np.diff(every[n])[:, 0] <= (max_len or lengths[n])
            np.testing.assert_array_equal(result.spans, every[n][asked])
            np.testing.assert_allclose(result.logits, logits[n], atol=1e-12)
            np.testing.assert_allclose(result.scores, exact[n][asked], rtol=1e-10, atol=1e-13)


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
        h, c = scan_cell(params, zx, PLAIN)
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
            expected = recursion_of(classifier, review, result.spans, rule)
            scale = max(1, np.abs(result.logits).max())
            np.testing.assert_allclose(result.scores, expected, rtol=0, atol=2e-6 * scale)


def make_job(x):
    """The job of all spans of sequences."""
    spans = [cdjax.enumerate_spans(len(array)) for array in x]
    owner = np.repeat(np.arange(len(x)), [len(array) for array in spans])
    return Job(x, owner, *np.concatenate(spans).T)


def test_both_forms_agree(x64, reviews):
    classifier = random_classifier(np.random.default_rng(0))
    job = make_job([classifier.embedding[ids] for ids in reviews if len(ids)])
    ((form, layer, _),) = find_directions(classifier, cdjax.PAPER)
    fast, slow = (
        next(devices.run_layer(f, layer, [job], SHAPES)) for f in (form, form._replace(limit=0.0))
    )
    np.testing.assert_allclose(fast.scores, slow.scores, rtol=1e-10, atol=1e-13)
    assert (fast.scores != slow.scores).any()  # they are two


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


@rules
def test_few_spans_that_start_apart_and_end_late(x64, reviews, rule):
    """Their trunks leave more states than there are spans: they need jobs of their own."""
    classifier = random_classifier(np.random.default_rng(0), **SIZES)
    rng = np.random.default_rng(3)
    chosen = []
    for ids in reviews:
        spans = cdjax.enumerate_spans(len(ids))
        late = spans[spans[:, 1] == len(ids)]
        chosen.append(rng.permutation(np.concatenate([late, late[:2]])))  # some twice
    assert sum(map(len, chosen)) < 60 < sum(np.diff(spans).sum() for spans in chosen)
    ordered = [spans[np.lexsort(spans.T[::-1])] for spans in chosen]
    tiny = run_spans(classifier, reviews, ChosenSpans(ordered), rule, TINY)
    results = score_chosen_spans(classifier, reviews, chosen, rule)
    for ids, spans, result, in_order in zip(reviews, chosen, results, tiny, strict=True):
        if len(ids):
            exact = recursion_of(classifier, ids, spans, rule)
            np.testing.assert_allclose(result.scores, exact, rtol=0, atol=1e-12)
            exact_in_order = recursion_of(classifier, ids, in_order.spans, rule)
            np.testing.assert_allclose(in_order.scores, exact_in_order, rtol=0, atol=1e-12)
            one = cdjax.score_spans(classifier, ids, spans, rule)
            np.testing.assert_allclose(one, exact, rtol=0, atol=1e-12)


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
