import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams
from cdjax.core.rules import MERGED
from cdjax.training.network import FlaxClassifier, directions, read_weights, to_classifier
from cdjax.training.penalty import penalize_scores, split_batch
from flax import nnx

LSTM = {"cell": "lstm"}
KINDS = [
    LSTM,
    {"cell": "gru"},
    {"cell": "lstm", "bidirectional": True},
    {"cell": "lstm", "layers": 2},
    {"cell": "gru", "layers": 2, "bidirectional": True},
]
EACH_KIND = pytest.mark.parametrize(
    "kind",
    # The first and the last have every part of the others.
    [
        KINDS[0],
        *(pytest.param(kind, marks=pytest.mark.thorough) for kind in KINDS[1:-1]),
        KINDS[-1],
    ],
    ids=lambda kind: "-".join(map(str, kind.values())),
)


def make(kind=LSTM, dropout=(0.0, 0.0), seed=0):
    rng = np.random.default_rng(seed)
    network = FlaxClassifier(3, hidden=5, classes=2, dropout=dropout, rngs=nnx.Rngs(seed), **kind)
    # Biases begin at zero, which would hide one that is left out.
    for path, param in nnx.to_flat_state(nnx.state(network, nnx.Param)):
        if path[-1] == "bias":
            param[...] = rng.normal(size=param.shape).astype(np.float32)
    return network


EMBEDDING = np.random.default_rng(1).normal(size=(9, 3)).astype(np.float32)


def padded(reviews, filler):
    x = np.full((len(reviews), 8, 3), filler, np.float32)
    for row, review in enumerate(reviews):
        x[row, : len(review)] = EMBEDDING[review]
    return jnp.asarray(x), jnp.array([len(review) for review in reviews])


REVIEWS = [np.array(r) for r in ([1, 2, 3], [4], [8, 7, 6, 5, 4, 3, 2, 1], [2, 0, 2])]


@EACH_KIND
def test_cdjax_predicts_what_flax_does(kind):
    network = make(kind)
    classifier = to_classifier(network, EMBEDDING)
    logits = network(*padded(REVIEWS, filler=0))
    np.testing.assert_allclose(cdjax.predict(classifier, REVIEWS), logits, rtol=1e-5, atol=1e-6)
    assert all(type(leaf) is np.ndarray for leaf in jax.tree.leaves(classifier))


def test_weights_are_in_the_layout_of_cdjax():
    (first, second), outputs = to_classifier(make(KINDS[-1]), EMBEDDING).layers, 2 * 5
    assert isinstance(first, Bidirectional)
    assert isinstance(second.backward, GRUParams)
    assert second.backward.W.shape == (3, 5, outputs)
    assert isinstance(to_classifier(make(), EMBEDDING).layers[0], LSTMParams)
    pools = [to_classifier(make(kind), EMBEDDING).pool for kind in KINDS]
    assert pools == ["last", "last", "ends", "last", "ends"]


@EACH_KIND
def test_the_steps_are_those_of_flax(kind):
    network = make(kind)
    x, _ = padded([REVIEWS[2]], filler=0)
    outputs, ends = x, []
    for layer in network.layers:
        sides = [
            nnx.RNN(cell)(outputs, reverse=reverse, keep_order=True)
            for cell, reverse in directions(layer)
        ]
        outputs = jnp.concatenate(sides, axis=-1)
        ends = [h[:, -1 if n == 0 else 0] for n, h in enumerate(sides)]
    np.testing.assert_allclose(
        network(x, jnp.array([8])),
        network.readout(jnp.concatenate(ends, axis=-1)),
        rtol=1e-5,
        atol=1e-6,
    )


@EACH_KIND
def test_padding_is_not_read(kind):
    network = make(kind)
    reviews = REVIEWS[:2]
    clean, spoilt = (network(*padded(reviews, filler)) for filler in (0, np.nan))
    np.testing.assert_array_equal(clean, spoilt)


@pytest.mark.parametrize(
    "kind",
    [LSTM, pytest.param(KINDS[-1], marks=pytest.mark.thorough)],
    ids=["one layer", "two, both directions"],
)
def test_dropout_needs_a_key_and_follows_it(kind):
    network = make(kind, dropout=(0.5, 0.5))
    inputs = padded(REVIEWS, filler=0)
    still, first, again, other = (
        np.asarray(network(*inputs, key))
        for key in (None, jax.random.key(1), jax.random.key(1), jax.random.key(2))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, still)
    np.testing.assert_array_equal(still, make(kind)(*inputs))


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.thorough) for kind in KINDS[1:]],
    ids=str,
)
def test_the_logits_are_split_and_penalized(kind):
    """A penalty sees the network in training, by sequences that are padded."""
    network, (x, lengths) = make(kind), padded(REVIEWS, filler=0)
    inside = jnp.arange(8)[None] == jnp.array([[0], [0], [5], [1]])
    graph, params = nnx.split(network)

    @jax.jit
    def penalize(params):
        weights = read_weights(nnx.merge(graph, params))
        penalty = penalize_scores(weights, x, lengths, inside, rule=MERGED).mean()
        return penalty, split_batch(weights, x, lengths, inside, MERGED)

    (_, parts), gradients = jax.value_and_grad(penalize, has_aux=True)(params)
    np.testing.assert_allclose(
        parts.beta + parts.gamma + parts.bias, network(x, lengths), rtol=1e-4, atol=1e-5
    )
    classifier = to_classifier(network, EMBEDDING)
    alone = cdjax.score_spans(classifier, REVIEWS[2], [[5, 6]], MERGED)[0]
    np.testing.assert_allclose(parts.beta[2], alone, rtol=1e-4, atol=1e-6)
    assert jnp.abs(parts.beta).min() > 1e-4
    # Every kernel and bias has a gradient, but the readout's bias, which no word is credited with.
    assert sum(not g.any() for g in jax.tree.leaves(gradients)) == 1
