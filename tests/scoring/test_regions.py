"""Regions of series, and networks with logits at every step, against the definition one by one."""

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.core.network import forward
from cdjax.engine import recursion

from tests.conftest import random_classifier, random_layer

T, D, H, K = 6, 3, 5, 2


def random_network(rng, pool="last", kind="gru", dtype=np.float64, classes=K):
    """A network of series, of two layers or of both directions, with a head."""

    def gru(inputs, hidden):
        shapes = (3, hidden, inputs), (3, hidden, hidden), (3, hidden), (hidden,)
        return cdjax.GRUParams(*(rng.normal(size=s) for s in shapes))

    if kind == "gru":
        layers, width = (gru(D, H), random_layer(rng, H, 4)), 4
    else:
        layers, width = (cdjax.Bidirectional(random_layer(rng, D, H), gru(D, 4)),), H + 4
    head = (cdjax.Dense(rng.normal(size=(7, width)), rng.normal(size=7), "tanh"),)
    readout, bias = rng.normal(size=(classes, 7)), rng.normal(size=classes)
    network = cdjax.Classifier(None, layers, readout, bias, pool, head)
    return jax.tree.map(lambda a: a.astype(dtype), network)


def define(network, x, sets, rule=cdjax.PAPER):
    """The parts of the logits by the definition, for one set or region after the other."""
    split = jax.jit(split_logits, static_argnames="rule")
    parts = [split(network, x, inside, rule=rule) for inside in sets]
    return jax.tree.map(lambda *each: jnp.stack(each), *parts)


@pytest.mark.parametrize(
    ("kind", "rule", "tile"),
    [
        ("gru", cdjax.PAPER, 8),
        ("gru", cdjax.MERGED, 8192),
        pytest.param("both", cdjax.PAPER, 24, marks=pytest.mark.thorough),
    ],
)
def test_regions_equal_the_definition(x64, monkeypatch, kind, rule, tile):
    monkeypatch.setattr(recursion, "TILE_STEPS", tile)  # 8: every region is a tile of its own
    rng = np.random.default_rng(0)
    network, x = random_network(rng, kind=kind), rng.normal(size=(T, D))
    regions = rng.random((11, T, D)) < 0.5
    regions[3] = False
    scores = cdjax.score_regions(network, x, regions, rule)
    expected = define(network, x, regions, rule).beta
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    np.testing.assert_array_equal(scores[3], 0)


@pytest.mark.parametrize(("kind", "tile"), [("both", 80), ("gru", 8192)])
def test_entries_are_regions_of_one_value(x64, monkeypatch, kind, tile):
    monkeypatch.setattr(recursion, "TILE_STEPS", tile)
    rng = np.random.default_rng(1)
    network, x = random_network(rng, kind=kind), rng.normal(size=(T, D))
    scores = cdjax.score_entries(network, x)
    regions = np.eye(T * D, dtype=bool).reshape(-1, T, D)
    expected = define(network, x, regions).beta
    np.testing.assert_allclose(scores.reshape(-1, K), expected, atol=1e-12)


def test_regions_at_one_of_the_outputs():
    rng = np.random.default_rng(6)
    network = random_network(rng, "each", kind="both", dtype=np.float32)
    x, regions = rng.normal(size=(T, D)).astype(np.float32), rng.random((3, T, D)) < 0.5
    scores = cdjax.score_regions(network, x, regions, step=2)
    expected = define(network, x, regions).beta
    assert expected.shape == (3, T, K)
    np.testing.assert_allclose(scores, expected[:, 2], atol=1e-5)
    np.testing.assert_array_equal(cdjax.score_regions(network, x, regions, step=2 - T), scores)
    with pytest.raises(ValueError, match="step is 6; expected 0 to 5, or -1 to -6"):
        cdjax.score_regions(network, x, regions, step=T)
    with pytest.raises(ValueError, match="pool is 'each', so there are logits at every step"):
        cdjax.score_regions(network, x, regions)


def test_float32_regions_near_float64():
    rng = np.random.default_rng(2)
    network, x = random_network(rng, kind="both"), rng.normal(size=(T, D))
    regions = rng.random((5, T, D)) < 0.5
    half = jax.tree.map(lambda a: a.astype(np.float32), network)
    scores = cdjax.score_regions(half, x, regions)
    assert scores.dtype == np.float32
    with jax.enable_x64(True):
        expected = cdjax.score_regions(network, x, regions)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_regions_of_whole_steps_are_sets_of_steps():
    rng = np.random.default_rng(3)
    classifier = random_classifier(rng, dtype=np.float32)
    ids = np.array([1, 2, 3, 4, 5, 6])
    steps = rng.random((4, len(ids))) < 0.5
    regions = np.repeat(steps[:, :, None], 3, axis=2)
    (expected,) = cdjax.score_sets(classifier, [ids], [steps])
    for x in (ids, classifier.embedding[ids]):
        scores = cdjax.score_regions(classifier, x, regions)
        np.testing.assert_allclose(scores, expected, atol=2e-6)


@pytest.mark.thorough
def test_compiled_once_for_lengths_that_are_padded_alike():
    network = random_network(np.random.default_rng(4), dtype=np.float32)
    compiled = recursion._score_masks._cache_size
    for n, length in enumerate((5, 6, 7, 8)):
        cdjax.score_entries(network, np.ones((length, D), np.float32))
        before = compiled() if not n else before
    assert compiled() - before <= 1  # 16 and 24 lanes


def test_nothing_to_score():
    network = random_network(np.random.default_rng(5), dtype=np.float32)
    assert cdjax.score_regions(network, np.ones((T, D)), np.zeros((0, T, D), bool)).shape == (0, K)
    assert cdjax.score_entries(network, np.zeros((0, D))).shape == (0, D, K)


@pytest.mark.parametrize(
    ("regions", "rule", "error", "message"),
    [
        (np.ones((1, T, D)), cdjax.PAPER, TypeError, "regions holds float64; expected booleans"),
        (np.ones((T, D), bool), cdjax.PAPER, ValueError, r"shape \[6, 3\]; expected \[S, 6, 3\]"),
        (np.ones((1, D, T), bool), cdjax.PAPER, ValueError, r"shape \[1, 3, 6\]; expected"),
        (np.ones((1, T, D), bool), cdjax.ACD, ValueError, "Use cdjax.PAPER or cdjax.MERGED"),
    ],
)
def test_what_is_no_region(as_users, regions, rule, error, message):
    network = random_network(np.random.default_rng(6), dtype=np.float32)
    with pytest.raises(error, match=message):
        cdjax.score_regions(network, np.ones((T, D)), regions, rule)


SPANS = [(0, 2), (3, 3), (2, 5), (0, 6), (5, 6)]


@pytest.mark.parametrize(
    ("kind", "rule", "tile"),
    [
        ("gru", cdjax.PAPER, 1),
        pytest.param("gru", cdjax.ACD, 8192, marks=pytest.mark.thorough),
        pytest.param("both", cdjax.PAPER, 24, marks=pytest.mark.thorough),
    ],
)
def test_outputs_equal_the_definition(x64, monkeypatch, kind, rule, tile):
    monkeypatch.setattr(recursion, "TILE_STEPS", tile)
    rng = np.random.default_rng(7)
    network, x = random_network(rng, "each", kind, classes=9), rng.normal(size=(T, D))
    steps, classes = [4, -1, 0], [8, 2]
    scores = cdjax.score_outputs(network, x, SPANS, steps, rule, classes)
    logits = cdjax.predict_outputs(network, x, steps, classes)
    assert scores.shape == (len(SPANS), 3, 2)
    np.testing.assert_allclose(logits, forward(network, x)[np.ix_(steps, classes)], atol=1e-12)
    inside = [(start <= np.arange(T)) & (np.arange(T) < stop) for start, stop in SPANS]
    split = define(network, x, inside, rule)
    beta, gamma, bias = (
        np.stack(part)[:, steps][:, :, classes] for part in (split.beta, split.gamma, split.bias)
    )
    np.testing.assert_allclose(scores, beta, atol=1e-12)
    np.testing.assert_allclose(scores + gamma + bias, np.stack([logits] * 5), atol=1e-12)
    if kind == "gru":  # what comes later has no say
        np.testing.assert_array_equal(scores[4, [0, 2]], 0)
    everything = cdjax.score_outputs(network, x, SPANS, rule=rule)
    assert everything.shape == (len(SPANS), T, 9)
    np.testing.assert_allclose(everything[:, steps][:, :, classes], scores, atol=1e-12)


def test_float32_outputs_near_float64():
    rng = np.random.default_rng(8)
    network, x = random_network(rng, "each"), rng.normal(size=(T, D))
    half = jax.tree.map(lambda a: a.astype(np.float32), network)
    scores, logits = cdjax.score_outputs(half, x, SPANS), cdjax.predict_outputs(half, x)
    assert scores.dtype == logits.dtype == np.float32
    with jax.enable_x64(True):
        np.testing.assert_allclose(scores, cdjax.score_outputs(network, x, SPANS), atol=1e-5)
        np.testing.assert_allclose(logits, cdjax.predict_outputs(network, x), atol=1e-5)


def test_outputs_of_a_tagger_of_words_by_label():
    rng = np.random.default_rng(9)
    tagger = random_classifier(rng, dtype=np.float32)._replace(pool="each")
    model = cdjax.Model(
        tagger, cdjax.Vocabulary(list("abcdefg"), unknown=None), ("noun", "verb"), {}
    )
    ids = [1, 2, 3, 4]
    scores = cdjax.score_outputs(model, ids, [[0, 2]], [3], classes=["verb"])
    np.testing.assert_array_equal(
        scores, cdjax.score_outputs(tagger, ids, [[0, 2]], [3], classes=[1])
    )
    padded = cdjax.score_outputs(model, [0, 0, *ids], [[0, 2]], [3], classes="verb", padding=0)
    np.testing.assert_array_equal(scores, padded)
    assert cdjax.score_outputs(model, ids, np.zeros((0, 2), int), [3]).shape == (0, 1, 2)
    assert cdjax.score_outputs(model, ids, [[0, 2]], []).shape == (1, 0, 2)
    assert cdjax.predict_outputs(model, ids, []).shape == (0, 2)


@pytest.mark.thorough
def test_many_classes_take_no_memory_unless_chosen():
    """Of 50,000 classes at 64 steps, the logits of 200 spans would take 2.5 GB."""
    rng = np.random.default_rng(10)
    network = random_network(rng, "each", dtype=np.float32, classes=50_000)
    x = rng.normal(size=(64, D)).astype(np.float32)
    spans = cdjax.enumerate_spans(64)[:200]
    scores = cdjax.score_outputs(network, x, spans, [63], classes=[7, 49_999])
    split = split_logits(network, x, np.arange(64) < spans[9][1])
    np.testing.assert_allclose(scores[9, 0], split.beta[63, [7, 49_999]], atol=1e-5)
    shapes = [aval.shape for aval in traced_shapes(network, x, spans)]
    assert max(np.prod(shape) for shape in shapes) < 1e6


def traced_shapes(network, x, spans):
    """The shapes of all values of the compiled program."""
    chosen = network._replace(readout=network.readout[:2], bias=network.bias[:2])
    masks, at = np.zeros((128, 64), bool), np.array([63, 0], np.int32)
    jaxpr = jax.make_jaxpr(recursion._score_masks.__wrapped__, static_argnums=5)(
        chosen, x, masks, np.int32(64), at, cdjax.PAPER
    )
    return [v.aval for eqn in jaxpr.eqns for v in eqn.outvars]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"steps": [6]}, ValueError, "steps holds 6; expected 0 to 5"),
        ({"steps": [0.5]}, TypeError, "steps holds float64"),
        ({"classes": [2]}, ValueError, "classes holds 2; expected 0 to 1"),
        ({"classes": ["noun"]}, ValueError, "no class 'noun'; expected one of the numbers 0 to 1"),
        ({"spans": [[0, 7]]}, ValueError, r"span \[0, 7\] does not lie in the sequence"),
        ({"pool": "last"}, ValueError, "pool is 'last', so there is one vector of logits"),
    ],
)
def test_what_outputs_are_not_there(as_users, options, error, message):
    network = random_network(np.random.default_rng(11), "each", dtype=np.float32)
    network = network._replace(pool=options.pop("pool", "each"))
    with pytest.raises(error, match=message):
        cdjax.score_outputs(network, np.ones((T, D)), **{"spans": SPANS, **options})


def test_other_functions_name_the_one_for_logits_at_every_step(as_users):
    network = random_network(np.random.default_rng(12), "each", dtype=np.float32)
    x = np.ones((T, D), np.float32)
    for call in (
        lambda: cdjax.predict(network, [x]),
        lambda: cdjax.score_spans(network, x, SPANS),
    ):
        with pytest.raises(ValueError, match=r"pool is 'each'.*cdjax.score_outputs"):
            call()
