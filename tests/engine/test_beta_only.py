"""The phrase's part alone, against the definition, which carries the rest as well."""

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.activations import ACTIVATIONS
from cdjax.core.decomposition import split_logits
from cdjax.core.linearize import linearize
from cdjax.core.rules import RULES
from cdjax.core.split import PLAIN, Owned, Parts, Split
from cdjax.engine import beta_only

from tests.conftest import random_layer
from tests.core.test_own_cells import MinimalGatedUnit
from tests.engine.test_networks import random_gru

T, D = 6, 3


def make_networks():
    rng = np.random.default_rng(1)
    lstm = random_layer(rng, D, 5)._replace(peepholes=rng.normal(size=(3, 5)))
    gru = random_gru(rng, D, 4)._replace(c=rng.normal(size=4))
    both = cdjax.Bidirectional(lstm, gru)
    upper = cdjax.Bidirectional(random_gru(rng, 9, 2, False), random_layer(rng, 9, 3))
    own = MinimalGatedUnit(*(rng.normal(size=s) for s in ((2, 4, D), (2, 4, 4), (2, 4))))
    dense = cdjax.Dense(rng.normal(size=(7, 5)), rng.normal(size=7), "relu")

    def network(layers, width, **more):
        readout = rng.normal(size=(2, width))
        return cdjax.Classifier(None, layers, readout, rng.normal(size=2), **more)

    return {
        "two layers, both directions": network((both, upper), 5, pool="ends"),
        "a head": network((both, upper), 7, pool="max", head=(dense,)),
        "every step": network((both,), 9, pool="each"),
        "sigmoid content": network((lstm._replace(content_activation="sigmoid"),), 5),
        "a cell of one's own": network((own,), 4),
    }


NETWORKS = make_networks()


QUICK = {("two layers, both directions", cdjax.PAPER), ("a head", cdjax.RELEASED)}
CASES = [
    pytest.param(name, rule, marks=[] if (name, rule) in QUICK else pytest.mark.thorough)
    for name in NETWORKS
    for rule in RULES.values()
]


@pytest.mark.parametrize(("name", "rule"), CASES, ids=lambda v: getattr(v, "name", v))
def test_sets_of_steps(x64, name, rule):
    network, rng = jax.tree.map(jnp.asarray, NETWORKS[name]), np.random.default_rng(2)
    x, sets = rng.normal(size=(T, D)), rng.random((9, T)) < 0.5
    sets[0], sets[1] = False, True
    valid = jnp.arange(T) < T - 1  # the last is padding
    scores, expected = (
        jax.jit(jax.vmap(lambda inside, f=f: f(network, x, inside, rule, valid)))(sets)
        for f in (beta_only.score, lambda *given: split_logits(*given).beta)
    )
    np.testing.assert_allclose(scores, expected, rtol=1e-11, atol=1e-12)
    assert np.abs(scores[0]).max() < 1e-15
    assert np.abs(expected[2:]).max() > 0.01


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if (name, cdjax.PAPER) in QUICK else pytest.mark.thorough)
        for name in NETWORKS
    ],
)
def test_regions(x64, name):
    network, rng = jax.tree.map(jnp.asarray, NETWORKS[name]), np.random.default_rng(3)
    x, regions = rng.normal(size=(T, D)), rng.random((4, T, D)) < 0.5
    valid = jnp.ones(T, bool)
    for region in jnp.asarray(regions):
        score = beta_only.score(network, x, region, cdjax.PAPER, valid)
        expected = split_logits(network, x, region, cdjax.PAPER, valid).beta
        np.testing.assert_allclose(score, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, marks=[] if rule == cdjax.EVEN else pytest.mark.thorough)
        for rule in RULES.values()
        if rule.whole_input_adds_up
    ],
    ids=lambda rule: rule.name,
)
def test_a_long_beginning_leaves_no_rest_that_rounding_errors_could_feign(rule):
    """Taken for a rest, they grew to logits within 60 steps of this network."""
    model = cdjax.load()
    (layer,) = model.classifier.layers
    upper = layer._replace(W=np.tile(layer.W[:, :, : layer.widths[0]] / 2, 2))
    layers = cdjax.Bidirectional(layer, layer), upper
    network = model.classifier._replace(layers=layers)
    text = "The plot is thin, but the cast is superb and the jokes land. " * 5
    ids = model.vocabulary.encode(cdjax.tokenize(text))
    logits = cdjax.predict(network, [ids])[0]
    (score,) = cdjax.score_spans(network, ids, [[0, len(ids)]], rule)
    np.testing.assert_allclose(score + network.bias, logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("kinds", ["s", "ss", "so", "os", "sos"])  # split, owned
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_shares_of_a_sum(x64, name, kinds, inside):
    """Against the definition, which evaluates all sets of the parts; sizes from 1e-3 to 1e3."""
    f, rng = ACTIVATIONS[name], np.random.default_rng(4)
    terms, players, ours, bias = [], [], [], jnp.zeros(500)
    for kind in kinds:
        size = 10 ** rng.uniform(-3, 3, (3, 500))
        values = [jnp.asarray(size * rng.normal(size=size.shape), jnp.float32)[n] for n in range(3)]
        beta, gamma, b = [value.astype(float) for value in values]
        if kind == "o":
            terms.append(Owned(beta, jnp.array([inside])))
            players, ours = [*players, beta], [*ours, inside]
        else:
            terms.append(beta_only.Share(beta, beta + gamma + b, jnp.array([True]), b))
            players, ours, bias = [*players, beta, gamma], [*ours, True, False], bias + b
    shares = [share for share, our in zip(linearize(f, players, bias), ours, strict=True) if our]
    whole = bias + sum(players)
    found = beta_only.linearize(f, terms, bias, whole)
    np.testing.assert_allclose(found, sum(shares), rtol=1e-12, atol=1e-12)
    if name != "relu":  # exponentials of such arguments overflow
        less = jax.tree.map(
            lambda v: v if v.dtype == bool else v.astype("f4"), (terms, bias, whole)
        )
        found = beta_only.linearize(f, *less)
        assert found.dtype == np.float32
        # An argument's own rounding error is up to 1e-4 at these sizes.
        np.testing.assert_allclose(found, sum(shares), rtol=0, atol=1e-3)


def test_no_program_of_another_class_is_taken_for_its_own():
    """JAX takes pytrees of registered dataclasses for equal if their fields are."""
    lstm, gru = NETWORKS["two layers, both directions"].layers[0]
    z = jnp.zeros(1)
    values = [
        Split(z, z),
        Split(z, z, z),
        Owned(z, z),
        beta_only.Share(z, z, z),
        beta_only.Share(z, z, z, z),
        Parts(cdjax.PAPER, z),
        Parts(cdjax.PAPER, z, z),
        beta_only.BetaOnly(cdjax.PAPER, z),
        beta_only.BetaOnly(cdjax.PAPER, z, z),
        PLAIN,
        lstm,
        gru,
        cdjax.Dense(z, z),
    ]
    structures = [jax.tree.structure(value) for value in values]
    for n, one in enumerate(structures):
        assert all(one != other for other in structures[n + 1 :]), values[n]
