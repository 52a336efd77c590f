"""Networks put together at random, against the literal equations."""

import cdjax
import jax
import numpy as np
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.core.network import forward
from cdjax.core.rules import RULES, BiasProduct
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference

T, D = 4, 2
GATES = st.sampled_from(["sigmoid", "hard_sigmoid", "hard_sigmoid_keras2"])
CONTENTS = st.sampled_from(["tanh", "relu", "linear"])


@st.composite
def cells(draw, rng, inputs):
    activations = {"activation": draw(GATES), "content_activation": draw(CONTENTS)}
    hidden = draw(st.integers(2, 3))

    def normal(*shape):
        return rng.normal(size=shape)

    if draw(st.booleans()):
        after = draw(st.booleans())
        c = normal(hidden) if after and draw(st.booleans()) else None
        weights = normal(3, hidden, inputs), normal(3, hidden, hidden), normal(3, hidden)
        return cdjax.GRUParams(*weights, c, after, **activations)
    width = draw(st.integers(2, 3))
    projection = normal(width, hidden) if width != hidden else None
    peepholes = normal(3, hidden) if draw(st.booleans()) else None
    weights = normal(4, hidden, inputs), normal(4, hidden, width), normal(4, hidden)
    return cdjax.LSTMParams(*weights, projection, peepholes, **activations)


@st.composite
def networks(draw, rng):
    layers, width = [], D
    for _ in range(draw(st.integers(1, 2))):
        ways = [draw(cells(rng, width)) for _ in range(draw(st.integers(1, 2)))]
        layers.append(cdjax.Bidirectional(*ways) if len(ways) == 2 else ways[0])
        width = sum(cell.widths[0] for cell in ways)
    pools = ["last", "mean", "max", "each"] + ["ends"] * (len(ways) == 2)
    head = []
    for activation in draw(st.lists(st.sampled_from(["relu", "tanh", "linear"]), max_size=2)):
        units = draw(st.integers(2, 3))
        head.append(
            cdjax.Dense(rng.normal(size=(units, width)), rng.normal(size=units), activation)
        )
        width = units
    readout, bias = rng.normal(size=(2, width)), rng.normal(size=2)
    pool = draw(st.sampled_from(pools))
    return cdjax.Classifier(None, tuple(layers), readout, bias, pool, tuple(head))


def initial_states(layers, rng):
    """Random states of the odd layers, zeros for the others."""
    given = []
    for n, layer in enumerate(layers):
        ways = tuple(layer) if isinstance(layer, cdjax.Bidirectional) else (layer,)
        states = [tuple(rng.normal(size=width) for width in cell.widths) for cell in ways]
        given.append(None if n else states[0] if len(ways) == 1 else tuple(states))
    return given


SHARES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
OWNERS = {
    BiasProduct.REST: "gamma",
    BiasProduct.PHRASE: "beta",
    BiasProduct.PHRASE_BUT_LAST: "beta-but-last",
}


@st.composite
def rules_and_readings(draw):
    """A named rule, or one of the family around them; and what the reference calls it."""
    if draw(st.booleans()):
        name = draw(st.sampled_from(list(RULES)))
        return RULES[name], reference.READINGS[name]
    own_term, product, shares = draw(
        st.tuples(st.booleans(), st.sampled_from(list(OWNERS)), st.tuples(SHARES, SHARES, SHARES))
    )
    rule = cdjax.Rule("of the family", own_term, product, *shares)
    return rule, reference.Reading(own_term, OWNERS[product], *shares)


drawn = given(st.data(), rules_and_readings(), st.integers(0, 99))


@pytest.mark.usefixtures("x64")
@settings(max_examples=3)
@drawn
def test_random_networks(data, rule, seed):
    check_random_network(data, rule, seed)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
@settings(max_examples=200)
@drawn
def test_many_random_networks(data, rule, seed):
    check_random_network(data, rule, seed)


def has_ties(h, steps):
    """Return whether a unit's largest output is reached twice: rounding decides whose it is."""
    ordered = np.sort(np.asarray(h)[steps], axis=0)
    return len(ordered) > 1 and bool(np.min(ordered[-1] - ordered[-2]) < 1e-12)


def check_random_network(data, rule, seed):
    rng = np.random.default_rng(seed)
    network = data.draw(networks(rng))
    rule, reading = rule
    regions = [(T,)] + [(T, D)] * rule.takes_regions
    inside = rng.random(data.draw(st.sampled_from(regions))) < 0.5
    valid = rng.random(T) < 0.7 if data.draw(st.booleans()) else None
    if valid is not None:
        valid[data.draw(st.integers(0, T - 1))] = True
    initial = initial_states(network.layers, rng) if data.draw(st.booleans()) else None
    x = rng.normal(size=(T, D))
    # Eagerly: nothing of a network that is drawn once is worth compiling.
    with jax.disable_jit():
        split = cdjax.decompose(network.layers, x, inside, rule, initial, valid)
        expected = reference.decompose(network.layers, x, inside, reading, initial, valid)
        steps = slice(None) if valid is None else valid
        for ours, literal in zip((split.beta, split.gamma), expected[:2], strict=True):
            np.testing.assert_allclose(ours[steps], literal[steps], rtol=1e-9, atol=1e-10)
        if network.pool == "last" and valid is not None and not valid[-1]:
            return  # the reference reads the last step, whether or not it is left out
        logits = split_logits(network, x, inside, rule, valid)
        expected = reference.split_logits(network, x, inside, reading, valid)
        each = steps if network.pool == "each" else slice(None)
        if not (network.pool == "max" and has_ties(split.beta + split.gamma, steps)):
            for ours, literal in zip((logits.beta, logits.gamma), expected[:2], strict=True):
                np.testing.assert_allclose(ours[each], literal[each], rtol=1e-9, atol=1e-10)
        total = logits.beta + logits.gamma + logits.bias
        np.testing.assert_allclose(total[each], expected.whole[each], rtol=1e-9, atol=1e-10)
        values = forward(network, x, valid)
        np.testing.assert_allclose(values[each], expected.whole[each], rtol=1e-9, atol=1e-10)
