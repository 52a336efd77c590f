"""Every method on networks of every form, against what it is defined as; or a clear refusal."""

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.core.network import forward
from cdjax.methods import make_methods
from cdjax.scoring.batch import output_bias
from cdjax.text.splitting import Frame

from tests.conftest import random_layer

pytestmark = pytest.mark.usefixtures("x64")

RNG = np.random.default_rng(3)
VOCABULARY = cdjax.Vocabulary(("<unk>", "it", ".", "is", "a", "bad", "film"))
METHODS = make_methods(vocabulary=VOCABULARY, shapley_orders=4)
REPLACE_WORDS = "ig", "occlusion", "shapley"
REVIEWS = [np.array([1, 3, 5]), np.array([], int), np.array([6, 2, 4, 3, 5, 1])]
WHOLE = [[(0, len(review))] for review in REVIEWS]


def draw(*shape):
    return RNG.normal(size=shape)


def gru(inputs, hidden, reset_after=True):
    c = draw(hidden) if reset_after else None
    weights = draw(3, hidden, inputs), draw(3, hidden, hidden), draw(3, hidden)
    return cdjax.GRUParams(*weights, c, reset_after)


def make_network(layers, outputs, pool="last", head=(), series=False, classes=2):
    embedding = None if series else draw(7, 3)
    width = head[-1].W.shape[0] if head else outputs
    return cdjax.Classifier(embedding, layers, draw(classes, width), draw(classes), pool, head)


HEAD = (cdjax.Dense(draw(5, 7), draw(5), "tanh"),)
BOTH = cdjax.Bidirectional(random_layer(RNG, 3, 4), random_layer(RNG, 3, 3))
STACK = (random_layer(RNG, 3, 4), gru(4, 3, reset_after=False))
NETWORKS = {
    "GRU": make_network((gru(3, 4),), 4),
    "both directions, head": make_network((BOTH,), 7, "ends", HEAD),
    "stack, mean": make_network(STACK, 3, "mean", classes=3),
    "series": make_network((random_layer(RNG, 3, 4),), 4, series=True),
}
SERIES = NETWORKS["GRU"].embedding  # vectors of the same words
THOROUGH = "stack, mean", "both directions, head"  # compile longest
every_network = pytest.mark.parametrize(
    "network",
    [
        pytest.param(network, id=name, marks=[pytest.mark.thorough] if name in THOROUGH else [])
        for name, network in NETWORKS.items()
    ],
)


def inputs_of(network):
    """The reviews as the network reads them, and their vectors."""
    if network.embedding is None:
        return [SERIES[review] for review in REVIEWS], [SERIES[review] for review in REVIEWS]
    return REVIEWS, [network.embedding[review] for review in REVIEWS]


@every_network
def test_contextual_decomposition(network):
    sequences, vectors = inputs_of(network)
    own = network._replace(embedding=None)
    split = jax.jit(lambda x, inside: split_logits(own, x, inside))
    for result, x in zip(METHODS["cd"].score(network, sequences), vectors, strict=True):
        for (start, stop), score in list(zip(result.spans, result.scores, strict=True))[::4]:
            inside = (start <= np.arange(len(x))) & (np.arange(len(x)) < stop)
            np.testing.assert_allclose(score, split(x, inside).beta, atol=1e-12)


@every_network
def test_gradients(network):
    sequences, vectors = inputs_of(network)
    network_of_vectors = network._replace(embedding=None)

    @jax.jit
    @jax.jacrev
    def derive(x):
        return jax.nn.softmax(forward(network_of_vectors, x))

    for result, x in zip(
        METHODS["gradient"].score(network, sequences, max_len=1), vectors, strict=True
    ):
        if len(x):
            expected = jnp.sum(derive(x) * x[None], axis=2).T
            np.testing.assert_allclose(result.scores, expected, atol=1e-12)


@every_network
def test_integrated_gradients_add_up(network):
    sequences, vectors = inputs_of(network)
    for result, x in zip(METHODS["ig_zero"].score(network, sequences, WHOLE), vectors, strict=True):
        if len(x):
            change = forward(network, x) - forward(network, np.zeros_like(x))
            np.testing.assert_allclose(result.scores[0], change, atol=1e-6)


@every_network
@pytest.mark.parametrize("name", ["loo", "occlusion"])
def test_replaced_phrases(network, name):
    sequences, vectors = inputs_of(network)
    if name == "occlusion" and network.embedding is None:
        pytest.skip("refused, see below")
    value = jax.nn.log_softmax if name == "loo" else np.asarray
    substitute = np.zeros(3) if name == "loo" else network.embedding[0]
    for result, x in zip(METHODS[name].score(network, sequences), vectors, strict=True):
        for (start, stop), score in list(zip(result.spans, result.scores, strict=True))[::4]:
            changed = x.copy()
            changed[start:stop] = substitute
            expected = value(forward(network, x)) - value(forward(network, changed))
            np.testing.assert_allclose(score, expected, atol=1e-12)


@every_network
def test_phrases_alone(network):
    sequences, vectors = inputs_of(network)
    for result, x in zip(METHODS["alone"].score(network, sequences), vectors, strict=True):
        for (start, stop), score in list(zip(result.spans, result.scores, strict=True))[::4]:
            expected = forward(network, x[start:stop]) - output_bias(network)
            np.testing.assert_allclose(score, expected, atol=1e-12)


def test_phrases_alone_are_padded_as_the_whole_text_is():
    network = NETWORKS["GRU"]
    vocabulary = cdjax.Vocabulary(("<unk>", "it", ".", "is", "a", "bad", "film"), frame=Frame(5, 2))
    method = make_methods(vocabulary=vocabulary)["alone"]
    padded, first = vocabulary.frame.pad(np.array([1, 3, 5]))
    (result,) = method.score(network, [padded], [[(first + 1, first + 3)]])
    expected = cdjax.predict(network, [[2, 2, 2, 3, 5]])[0] - network.bias
    np.testing.assert_allclose(result.scores[0], expected, atol=1e-12)


@every_network
def test_shapley_values_add_up(network):
    sequences, vectors = inputs_of(network)
    if network.embedding is None:
        pytest.skip("refused, see below")
    for result, x in zip(METHODS["shapley"].score(network, sequences, WHOLE), vectors, strict=True):
        if len(x):
            unknown = np.repeat(network.embedding[:1], len(x), axis=0)
            change = forward(network, x) - forward(network, unknown)
            np.testing.assert_allclose(result.scores[0], change, atol=1e-12)


@every_network
def test_what_a_method_cannot_explain_it_refuses(network):
    sequences, _ = inputs_of(network)
    if network.embedding is None:
        for name in REPLACE_WORDS:
            with pytest.raises(ValueError, match=r"replaces words .* network takes series"):
                METHODS[name].score(network, sequences)
        return
    for name in ("cell", "cell_gamma"):
        with pytest.raises(ValueError, match=r"one (plain )?LSTM layer"):
            METHODS[name].score(network, sequences)


def test_cells_with_peepholes_or_projections_are_refused_by_cell_decomposition():
    network = NETWORKS["series"]
    (layer,) = network.layers
    projected = layer._replace(projection=draw(4, 4))
    for cell in (layer._replace(peepholes=draw(3, 4)), projected):
        with pytest.raises(ValueError, match=r"has a projection, peepholes or other activations"):
            METHODS["cell"].score(network._replace(layers=(cell,)), [SERIES])


@pytest.mark.thorough
def test_labels_that_do_not_exclude_each_other():
    network = NETWORKS["GRU"]
    model = cdjax.Model(network, VOCABULARY, ("funny", "sad"), {}, output="sigmoid")
    x = jnp.asarray(network.embedding[REVIEWS[0]])
    own = network._replace(embedding=None)
    (result,) = METHODS["gradient"].score(model, REVIEWS[:1], max_len=1)
    jacobian = jax.jacrev(lambda x: jax.nn.sigmoid(forward(own, x)))(x)
    np.testing.assert_allclose(result.scores, jnp.sum(jacobian * x[None], axis=2).T, atol=1e-12)
    (result,) = METHODS["loo"].score(model, REVIEWS[:1], [[(1, 2)]])
    change = [jax.nn.log_sigmoid(forward(own, v)) for v in (x, x.at[1].set(0))]
    np.testing.assert_allclose(result.scores[0], change[0] - change[1], atol=1e-12)
    for name in ("cd", "ig_zero", "occlusion", "shapley"):
        (ours,), (logits) = (
            METHODS[name].score(model, REVIEWS[:1]),
            METHODS[name].score(network, REVIEWS[:1]),
        )
        np.testing.assert_array_equal(ours.scores, logits[0].scores)


def test_values_have_no_probability_to_explain():
    model = cdjax.Model(NETWORKS["GRU"], VOCABULARY, ("stars", "votes"), {}, output="value")
    for name in ("gradient", "ig", "loo"):
        with pytest.raises(ValueError, match=r"explains a probability, and the model's"):
            METHODS[name].score(model, REVIEWS)
    for name in ("cd", "ig_zero", "occlusion", "shapley"):
        (ours, *_), (network, *_) = (
            METHODS[name].score(m, REVIEWS) for m in (model, NETWORKS["GRU"])
        )
        np.testing.assert_array_equal(ours.scores, network.scores)
