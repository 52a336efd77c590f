import cdjax
import jax
import jax.numpy as jnp
import numpy as np
from cdjax.training.network import FlaxClassifier, to_classifier
from flax import nnx


def make(dropout=(0.0, 0.0), seed=0):
    rng = np.random.default_rng(seed)
    network = FlaxClassifier(3, hidden=5, classes=2, dropout=dropout, rngs=nnx.Rngs(seed))
    # Biases begin at zero, which would hide one that is left out.
    for bias in (network.cell.dense_h.bias, network.readout.bias):
        bias[...] = rng.normal(size=bias.shape).astype(np.float32)
    return network


EMBEDDING = np.random.default_rng(1).normal(size=(9, 3)).astype(np.float32)


def padded(reviews, filler):
    x = np.full((len(reviews), 8, 3), filler, np.float32)
    for row, review in enumerate(reviews):
        x[row, : len(review)] = EMBEDDING[review]
    return jnp.asarray(x), jnp.array([len(review) for review in reviews])


REVIEWS = [np.array(r) for r in ([1, 2, 3], [4], [8, 7, 6, 5, 4, 3, 2, 1], [2, 0, 2])]


def test_cdjax_predicts_what_flax_does():
    network = make()
    classifier = to_classifier(network, EMBEDDING)
    assert classifier.layers[0].W.shape == (4, 5, 3)
    logits = network(*padded(REVIEWS, filler=0))
    np.testing.assert_allclose(cdjax.predict(classifier, REVIEWS), logits, rtol=1e-5, atol=1e-6)
    assert all(type(leaf) is np.ndarray for leaf in jax.tree.leaves(classifier))


def test_the_step_is_that_of_flax():
    network = make()
    x, _ = padded([REVIEWS[2]], filler=0)
    whole = nnx.RNN(network.cell)(x)[:, -1]
    np.testing.assert_allclose(
        network(x, jnp.array([8])), network.readout(whole), rtol=1e-5, atol=1e-6
    )


def test_padding_is_not_read():
    network = make()
    reviews = REVIEWS[:2]
    clean, spoilt = (network(*padded(reviews, filler)) for filler in (0, np.nan))
    np.testing.assert_array_equal(clean, spoilt)


def test_dropout_needs_a_key_and_follows_it():
    network = make(dropout=(0.5, 0.5))
    inputs = padded(REVIEWS, filler=0)
    still, first, again, other = (
        np.asarray(network(*inputs, key))
        for key in (None, jax.random.key(1), jax.random.key(1), jax.random.key(2))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, still)
    np.testing.assert_array_equal(still, make()(*inputs))
