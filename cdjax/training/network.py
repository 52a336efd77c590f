"""The classifier as Flax trains it, and its weights in the layout of cdjax."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from cdjax.core.cells import LSTMParams
from cdjax.core.network import Classifier


class FlaxClassifier(nnx.Module):
    """One LSTM layer over word vectors, and a linear readout of its last hidden state.

    The embedding is not part of it: a step of training reads and updates only the rows of its
    batch's words (`cdjax.training.lazy_adam`).

    Args:
        width: Width D of the word vectors.
        hidden: Width H of the hidden state.
        classes: Number K of classes.
        dropout: Share of the word vectors' columns and of the hidden state's values dropped while
            training. A sequence loses the same columns at all its steps (Gal & Ghahramani 2016).
        rngs: Randomness of the first weights.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        classes: int,
        *,
        dropout: tuple[float, float] = (0.0, 0.0),
        rngs: nnx.Rngs,
    ):
        self.cell = nnx.OptimizedLSTMCell(width, hidden, rngs=rngs)
        self.readout = nnx.Linear(hidden, classes, rngs=rngs)
        self.drop_embedding = nnx.Dropout(dropout[0], broadcast_dims=(1,))
        self.drop_hidden = nnx.Dropout(dropout[1])

    def __call__(
        self,
        x: Float[Array, "b t d"],
        lengths: Int[Array, "b"],
        key: Array | None = None,
    ) -> Float[Array, "b k"]:
        """Return the logits of padded sequences.

        Args:
            x: Word vectors; those at or beyond a sequence's length are ignored.
            lengths: Number of words of each sequence.
            key: Randomness of dropout; no dropout when None.
        """
        without_dropout = key is None
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        x = self.drop_embedding(x, deterministic=without_dropout, rngs=keys[0])
        # As the cell's own step, with the product of the inputs taken for all steps at once.
        projected = self.cell.dense_i(x).swapaxes(0, 1)

        def step(carry, inputs):
            (c, h), (z, t) = carry, inputs
            i, f, g, o = jnp.split(z + self.cell.dense_h(h), 4, axis=-1)
            new_c = nnx.sigmoid(f) * c + nnx.sigmoid(i) * jnp.tanh(g)
            new_h = nnx.sigmoid(o) * jnp.tanh(new_c)
            valid = (t < lengths)[:, None]
            return (jnp.where(valid, new_c, c), jnp.where(valid, new_h, h)), None

        zero = jnp.zeros((len(x), self.cell.hidden_features), x.dtype)
        steps = jnp.arange(x.shape[1])
        (_, h), _ = jax.lax.scan(step, (zero, zero), (projected, steps), unroll=4)
        return self.readout(self.drop_hidden(h, deterministic=without_dropout, rngs=keys[1]))


def read_weights(network: FlaxClassifier) -> Classifier:
    """Return the weights in the layout of cdjax, without an embedding. Differentiable.

    Flax fuses the gates, `[D, 4H]` in the order i, f, g, o, and has one bias, on the hidden side.
    """
    cell = network.cell
    hidden = cell.hidden_features

    def value(param: Any) -> Array:
        return param[...]

    W, V = (value(dense.kernel).T.reshape(4, hidden, -1) for dense in (cell.dense_i, cell.dense_h))
    layer = LSTMParams(W, V, value(cell.dense_h.bias).reshape(4, hidden))
    return Classifier(None, (layer,), value(network.readout.kernel).T, value(network.readout.bias))


def to_classifier(network: FlaxClassifier, embedding: Float[np.ndarray, "v d"]) -> Classifier:
    """Return the weights of a network as NumPy arrays, in the layout of cdjax."""
    return jax.tree.map(np.asarray, read_weights(network))._replace(embedding=embedding)
