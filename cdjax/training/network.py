"""The classifier as Flax trains it, and its weights in the layout of cdjax."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams
from cdjax.core.network import Classifier


class FlaxClassifier(nnx.Module):
    """Recurrent layers over word vectors, and a linear readout of the last hidden state.

    In both directions the readout has the last state of each: the backward cell's is at the first
    word. The embedding is not part of the network: a step of training reads and updates only the
    rows of its batch's words (`cdjax.training.lazy_adam`).

    Args:
        width: Width D of the word vectors.
        hidden: Width H of the hidden state, of each direction.
        classes: Number K of classes.
        cell: Kind of the cells, a key of `CELLS`.
        layers: Number of layers.
        bidirectional: Whether each layer has a second cell that reads from the end.
        dropout: Share of the word vectors' columns and of the values of every layer's output
            dropped while training. A sequence loses the same ones at all its steps (Gal &
            Ghahramani 2016).
        rngs: Randomness of the first weights.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        classes: int,
        *,
        cell: str = "lstm",
        layers: int = 1,
        bidirectional: bool = False,
        dropout: tuple[float, float] = (0.0, 0.0),
        rngs: nnx.Rngs,
    ):
        def make_layer(width: int) -> nnx.Module:
            if not bidirectional:
                return CELLS[cell].flax(width, hidden, rngs=rngs)
            cells = [CELLS[cell].flax(width, hidden, rngs=rngs) for _ in range(2)]
            return nnx.Bidirectional(*(nnx.RNN(of, rngs=False) for of in cells), rngs=False)

        outputs = hidden * (2 if bidirectional else 1)
        self.layers = nnx.List([make_layer(outputs if n else width) for n in range(layers)])
        self.readout = nnx.Linear(outputs, classes, rngs=rngs)
        self.drop_embedding = nnx.Dropout(dropout[0], broadcast_dims=(1,))
        self.drop_output = nnx.Dropout(dropout[1], broadcast_dims=(1,))
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
        still, count = key is None, len(self.layers)
        keys = [None] * (count + 1) if key is None else list(jax.random.split(key, count + 1))
        x = self.drop_embedding(x, deterministic=still, rngs=keys[0])
        for layer, key in zip(self.layers[:-1], keys[1:-1], strict=True):
            outputs = [run_cell(*cell, x, lengths, every=True) for cell in directions(layer)]
            x = self.drop_output(jnp.concatenate(outputs, -1), deterministic=still, rngs=key)
        ends = [run_cell(*cell, x, lengths) for cell in directions(self.layers[-1])]
        h = self.drop_hidden(jnp.concatenate(ends, -1), deterministic=still, rngs=keys[-1])
        return self.readout(h)


def directions(layer: Any) -> list[tuple[Any, bool]]:
    """Return the cells of a layer, each with whether it reads from the end."""
    if isinstance(layer, nnx.Bidirectional):
        rnns: Any = layer.forward_rnn, layer.backward_rnn
        return [(rnns[0].cell, False), (rnns[1].cell, True)]
    return [(layer, False)]


def run_cell(
    cell: Any, reverse: bool, x: Float[Array, "b t d"], lengths: Int[Array, "b"], every=False
) -> Array:
    """Return the hidden state after the last step `[B, H]`, or after every step `[B, T, H]`.

    As Flax's own cell goes on, with the product of the inputs taken for all steps at once. Steps at
    or beyond a sequence's length leave the state as it is.
    """
    kind = kind_of(cell)

    def step(state: tuple[Array, ...], inputs: Any) -> tuple[tuple[Array, ...], Array | None]:
        z, t = inputs
        valid = (t < lengths)[:, None]
        new = kind.step(cell, state, z)
        new = tuple(jnp.where(valid, a, b) for a, b in zip(new, state, strict=True))
        return new, new[0] if every else None

    start = (jnp.zeros((len(x), cell.hidden_features), x.dtype),) * kind.states
    # The barrier is on the way back, too, where XLA would write the gradient in another order for
    # each of the two products that read it: with it, a training takes 0.9 of the time.
    z = jax.lax.optimization_barrier(cell.dense_i(x.reshape(-1, x.shape[2])))
    inputs = z.reshape(*x.shape[:2], -1).swapaxes(0, 1), jnp.arange(x.shape[1])
    (h, *_), outputs = jax.lax.scan(step, start, inputs, reverse=reverse)
    return h if outputs is None else outputs.swapaxes(0, 1)


def step_lstm(cell: Any, state: tuple[Array, ...], z: Array) -> tuple[Array, Array]:
    """Return `h` and `c` after a step of `nnx.OptimizedLSTMCell`; `z` is the inputs' product."""
    h, c = state
    i, f, g, o = jnp.split(z + cell.dense_h(h), 4, axis=-1)
    c = nnx.sigmoid(f) * c + nnx.sigmoid(i) * jnp.tanh(g)
    return nnx.sigmoid(o) * jnp.tanh(c), c


def step_gru(cell: Any, state: tuple[Array, ...], z: Array) -> tuple[Array]:
    """Return `h` after a step of `nnx.GRUCell`; `z` is the inputs' product and the bias."""
    (h,) = state
    input_r, input_z, input_n = jnp.split(z, 3, axis=-1)
    state_r, state_z, state_n = jnp.split(cell.dense_h(h), 3, axis=-1)
    update = nnx.sigmoid(input_z + state_z)
    n = jnp.tanh(input_n + nnx.sigmoid(input_r + state_r) * state_n)
    return ((1 - update) * n + update * h,)


def read_lstm(cell: Any) -> LSTMParams:
    """Return the weights of an `nnx.OptimizedLSTMCell`.

    Flax fuses the gates, `[D, 4H]` in the order i, f, g, o, and has one bias, on the hidden side.
    """
    return LSTMParams(*_split_kernels(cell, 4), cell.dense_h.bias[...].reshape(4, -1))


def read_gru(cell: Any) -> GRUParams:
    """Return the weights of an `nnx.GRUCell`.

    Flax fuses the gates, `[D, 3H]` in the order r, z, n, resets after the product, and has one
    bias, on the input side: none is inside the product with r.
    """
    return GRUParams(*_split_kernels(cell, 3), cell.dense_i.bias[...].reshape(3, -1))


def _split_kernels(cell: Any, gates: int) -> tuple[Array, Array]:
    """Return the weights of the input and of the state, `[G, H, D]` and `[G, H, H]`."""
    shape = gates, cell.hidden_features, -1
    return cell.dense_i.kernel[...].T.reshape(shape), cell.dense_h.kernel[...].T.reshape(shape)


class Kind(NamedTuple):
    """A kind of cell: Flax's class, what it computes, and its weights in the layout of cdjax."""

    flax: Callable[..., Any]
    states: int
    step: Callable[[Any, tuple[Array, ...], Array], tuple[Array, ...]]
    read: Callable[[Any], Any]


CELLS = {
    "lstm": Kind(nnx.OptimizedLSTMCell, 2, step_lstm, read_lstm),
    "gru": Kind(nnx.GRUCell, 1, step_gru, read_gru),
}
"""The kinds of cells by name."""


def kind_of(cell: Any) -> Kind:
    """Return the kind of a cell."""
    return next(kind for kind in CELLS.values() if kind.flax is type(cell))


def read_weights(network: FlaxClassifier) -> Classifier:
    """Return the weights in the layout of cdjax, without an embedding. Differentiable."""
    layers = []
    for layer in network.layers:
        cells = [kind_of(cell).read(cell) for cell, _ in directions(layer)]
        layers.append(Bidirectional(*cells) if len(cells) == 2 else cells[0])
    pool = "ends" if isinstance(layers[-1], Bidirectional) else "last"
    readout, bias = network.readout.kernel[...].T, network.readout.bias
    assert bias is not None  # Linear has one by default
    return Classifier(None, tuple(layers), readout, bias[...], pool)


def to_classifier(network: FlaxClassifier, embedding: Float[np.ndarray, "v d"]) -> Classifier:
    """Return the weights of a network as NumPy arrays, in the layout of cdjax."""
    return jax.tree.map(np.asarray, read_weights(network))._replace(embedding=embedding)
