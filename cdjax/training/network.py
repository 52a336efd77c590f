"""The classifier as Flax trains it, and as cdjax takes it over."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from cdjax.core.lstm import Classifier, LSTMParams


class Network(nnx.Module):
    """Embedding, one LSTM layer, a linear readout of its last hidden state.

    Args:
        embedding: Word vectors `[V, D]` to begin with.
        hidden: Width H of the hidden state.
        classes: Number K of classes.
        dropout: Share of the embedding's columns and of the hidden state's values dropped while
            training. A review loses the same columns at all its steps (Gal & Ghahramani 2016).
        rngs: Randomness of the first weights.
    """

    def __init__(
        self,
        embedding: Float[np.ndarray, "v d"],
        hidden: int,
        classes: int,
        *,
        dropout: tuple[float, float] = (0.0, 0.0),
        rngs: nnx.Rngs,
    ):
        words, width = embedding.shape
        self.embed = nnx.Embed(
            words, width, embedding_init=lambda *_: jnp.asarray(embedding), rngs=rngs
        )
        self.cell = nnx.OptimizedLSTMCell(width, hidden, rngs=rngs)
        self.readout = nnx.Linear(hidden, classes, rngs=rngs)
        self.drop_embedding = nnx.Dropout(dropout[0], broadcast_dims=(1,))
        self.drop_hidden = nnx.Dropout(dropout[1])

    def __call__(
        self,
        ids: Int[Array, "b t"],
        lengths: Int[Array, "b"],
        key: Array | None = None,
    ) -> Float[Array, "b k"]:
        """Return the logits of padded reviews.

        Args:
            ids: Word numbers; what stands at or beyond a review's length is not read.
            lengths: Number of words of each review.
            key: Randomness of dropout; none is applied without.
        """
        still = key is None
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        x = self.drop_embedding(self.embed(ids), deterministic=still, rngs=keys[0])

        def step(carry, inputs):
            x, t = inputs
            new, _ = self.cell(carry, x)
            running = (t < lengths)[:, None]
            return jax.tree.map(lambda n, o: jnp.where(running, n, o), new, carry), None

        zero = jnp.zeros((len(ids), self.cell.hidden_features))
        steps = jnp.arange(ids.shape[1])
        (_, h), _ = jax.lax.scan(step, (zero, zero), (x.swapaxes(0, 1), steps))
        return self.readout(self.drop_hidden(h, deterministic=still, rngs=keys[1]))


def to_classifier(network: Network) -> Classifier:
    """Return the weights of a network as plain arrays, in the layout of cdjax.

    Flax fuses the gates, `[D, 4H]` in the order i, f, g, o, and has one bias, on the hidden side.
    """
    cell = network.cell
    hidden = cell.hidden_features

    def plain(param) -> Any:
        return np.asarray(param[...])

    W, V = (plain(dense.kernel).T.reshape(4, hidden, -1) for dense in (cell.dense_i, cell.dense_h))
    return Classifier(
        embedding=plain(network.embed.embedding),
        layers=(LSTMParams(W, V, plain(cell.dense_h.bias).reshape(4, hidden)),),
        readout=plain(network.readout.kernel).T,
        bias=plain(network.readout.bias),
    )
