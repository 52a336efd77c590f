"""The fast forms of GRUs, of stacks and of cells with further parts, against the definition."""

import functools

import cdjax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.checks import check_stack
from cdjax.core.rules import RULES, BiasProduct, Rule
from cdjax.engine import devices, recursion
from cdjax.engine.plan import AllSpans
from cdjax.engine.pools import Pool
from cdjax.engine.run import find_directions
from cdjax.engine.shapes import SHAPES, JobShape
from cdjax.scoring.batch import run_spans

from tests.conftest import random_layer
from tests.engine.test_lstm import make_job

WORDS, INPUTS = 7, 3
LENGTHS = 3, 1, 0, 8, 2, 5
TINY = (JobShape(rows=12, states=20, tail_lanes=8, trunk_lanes=4, forward_lanes=2),)
"""Shapes so small that there are several jobs of several tiles, and the longest sequence is cut."""


def random_gru(rng, inputs, hidden, reset_after=True, **more):
    shapes = (3, hidden, inputs), (3, hidden, hidden), (3, hidden)
    return cdjax.GRUParams(*(rng.normal(size=s) for s in shapes), None, reset_after, **more)


def make_layers(rng):
    """Layers by name, no two widths that meet equal."""
    lstm = functools.partial(random_layer, rng)
    gru = functools.partial(random_gru, rng)
    projected = lstm(5, 6)._replace(
        V=rng.normal(size=(4, 6, 4)),
        projection=rng.normal(size=(4, 6)),
        peepholes=rng.normal(size=(3, 6)),
    )
    hard = {"activation": "hard_sigmoid", "content_activation": "relu"}
    return {
        "GRU": (gru(INPUTS, 5)._replace(c=rng.normal(size=5)),),
        "GRU, one bias": (gru(INPUTS, 5),),
        "GRU, reset before": (gru(INPUTS, 5, False),),
        "two LSTMs": (lstm(INPUTS, 5), lstm(5, 4)),
        "three layers": (
            gru(INPUTS, 5, False),
            projected,
            gru(4, 2)._replace(c=rng.normal(size=2)),
        ),
        "three more layers": (gru(INPUTS, 5), gru(5, 4, False), lstm(4, 2)),
        "other activations": (lstm(INPUTS, 5)._replace(**hard), gru(5, 4, **hard)),
    }


def make_network(name, seed=0):
    rng = np.random.default_rng(seed)
    layers = make_layers(rng)[name]
    readout = rng.normal(size=(2, layers[-1].widths[0]))
    return cdjax.Classifier(rng.normal(size=(WORDS, INPUTS)), layers, readout, rng.normal(size=2))


def make_reviews():
    rng = np.random.default_rng(2)
    return [rng.integers(0, WORDS, length) for length in LENGTHS]


def definition_of(network, reviews, results, rule):
    """Return the scores of the results' spans by the definition, review by review."""
    sets = []
    for ids, result in zip(reviews, results, strict=True):
        steps = np.arange(len(ids))
        sets.append((result.spans[:, :1] <= steps) & (steps < result.spans[:, 1:]))
    x = [network.embedding[ids] for ids in reviews]
    return recursion.score_sets(network._replace(embedding=None), x, sets, rule, both=True)


FAMILY = {  # rules that share what gates do, in every way
    rule.name: rule
    for rule in (
        Rule("all shared", False, BiasProduct.PHRASE, 0.25, 0.75, 0.5),
        Rule("outside, input a term", True, BiasProduct.PHRASE_BUT_LAST, 0.0, 0.5, 0.25),
        Rule("gates alone", False, BiasProduct.REST, gate_share=0.5),
    )
}
EVERY_RULE = "GRU", "GRU, reset before", "two LSTMs", "three layers"
QUICK = [
    ("GRU", cdjax.PAPER),
    ("GRU, reset before", cdjax.ACD),
    ("three layers", cdjax.SHARED),
]
CASES = [
    *QUICK,
    *(
        pytest.param(name, rule, marks=pytest.mark.thorough)
        for name, rule in [
            *((name, rule) for name in EVERY_RULE for rule in (RULES | FAMILY).values()),
            # Its formulas are those of the others, which go through every rule.
            ("GRU, one bias", cdjax.SOURCE),
            ("three more layers", cdjax.PAPER),
            *(("other activations", rule) for rule in (cdjax.PAPER, cdjax.SHARED)),
        ]
        if (name, rule) not in QUICK
    ),
]


@pytest.mark.parametrize(("name", "rule"), CASES, ids=lambda v: getattr(v, "name", v))
def test_every_span_in_float64(x64, name, rule):
    check_every_span(make_network(name), rule)


def check_every_span(network, rule):
    reviews = make_reviews()
    assert find_directions(network, rule)
    stream = run_spans(network, reviews, AllSpans(LENGTHS, None), rule, TINY)
    reviews, results = zip(
        *((r, s) for r, s in zip(reviews, stream, strict=True) if s), strict=True
    )
    assert len(results) == 5
    exact = definition_of(network, reviews, results, rule)
    logits = cdjax.predict(network, reviews)
    for n, result in enumerate(results):
        np.testing.assert_allclose(result.scores, exact[n], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(result.logits, logits[n], atol=1e-12)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("GRU", cdjax.PAPER),
        pytest.param("GRU, reset before", cdjax.ACD, marks=pytest.mark.thorough),
        pytest.param("two LSTMs", cdjax.PAPER, marks=pytest.mark.thorough),
        pytest.param("three layers", FAMILY["all shared"], marks=pytest.mark.thorough),
    ],
    ids=lambda v: getattr(v, "name", v),
)
def test_both_forms_agree(x64, name, rule):
    network = make_network(name)
    job = make_job([network.embedding[ids] for ids in make_reviews() if len(ids)])
    ((form, layer, _),) = find_directions(network, rule)
    fast, slow = (
        next(devices.run_layer(f, layer, [job], SHAPES[:1]))
        for f in (form, form._replace(limit=0.0))
    )
    np.testing.assert_allclose(fast.scores, slow.scores, rtol=1e-10, atol=1e-12)
    assert (fast.scores != slow.scores).any()  # they are two


def test_rules_that_differ_in_shares_alone_are_compiled_once():
    network = make_network("three layers")
    shared = cdjax.SHARED._replace(gate_share=0.5)
    forms = {}
    for rule in (shared, FAMILY["all shared"], cdjax.SHARED, cdjax.ACD):
        ((forms[rule.name, rule.gate_share], layer, _),) = find_directions(network, rule)
        present = [share is not None for share in layer.params.shares]
        context, gate = rule.context_outside > 0, rule.gate_share > 0
        assert present == [context, context, gate]
    whole, other, without, acd = forms.values()
    assert whole == other != without == acd


def pooled_network(name, pool):
    rng = np.random.default_rng(5)
    gru, lstm = random_gru(rng, INPUTS, 5), random_layer(rng, 5, 4)
    layers = {
        "GRU": (gru,),
        "GRU, LSTM": (gru, lstm),
        "both directions": (cdjax.Bidirectional(gru, random_layer(rng, INPUTS, 4)),),
    }[name]
    readout = rng.normal(size=(2, check_stack(layers, INPUTS)))
    embedding, bias = rng.normal(size=(WORDS, INPUTS)), rng.normal(size=2)
    return cdjax.Classifier(embedding, layers, readout, bias, pool)


@pytest.mark.parametrize(
    ("name", "pool", "rule"),
    [
        ("GRU", "max", cdjax.PAPER),
        # Whose last step of a phrase differs.
        pytest.param("GRU, LSTM", "mean", cdjax.RELEASED, marks=pytest.mark.thorough),
        pytest.param("both directions", "max", cdjax.ACD, marks=pytest.mark.thorough),
        pytest.param("both directions", "last", cdjax.RELEASED, marks=pytest.mark.thorough),
    ],
    ids=lambda v: getattr(v, "name", v),
)
def test_pools(x64, name, pool, rule):
    check_every_span(pooled_network(name, pool), rule)


@pytest.mark.parametrize("reverse", [False, True])
def test_of_equal_outputs_the_maximum_is_the_first(reverse):
    h = np.array([[1.0, 3.0], [2.0, 3.0], [2.0, 0.0], [1.0, 3.0]], np.float32)
    pool, rows = Pool("max", reverse), []
    state, order = pool.start(1, 2, h.dtype), np.arange(4)[:: -1 if reverse else 1]
    for t in order:
        state, (pooled, row) = pool.forward(state, jnp.asarray(h[None, t]))
        rows.append(row)
    np.testing.assert_array_equal(pooled[0], h.max(axis=0))
    beta = jnp.zeros((1, 2))
    for row, t in zip(rows, order, strict=True):
        beta = pool.add(row, jnp.zeros(1, int), beta, jnp.full((1, 2), t, beta.dtype))
    np.testing.assert_array_equal(beta[0], h.argmax(axis=0))
