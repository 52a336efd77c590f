"""The LSTM's fast form against the recursion, span by span."""

import functools

import cdjax
import jax
import numpy as np
import pytest
from cdjax.engine import devices, recursion
from cdjax.engine.plan import AllSpans, ChosenSpans, Job
from cdjax.engine.run import find_directions
from cdjax.engine.shapes import SHAPES, JobShape
from cdjax.scoring.batch import run_spans, score_chosen_spans

from tests.conftest import RULE_CASES, random_classifier

rules = pytest.mark.parametrize("rule", RULE_CASES)


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
