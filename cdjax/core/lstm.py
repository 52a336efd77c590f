"""The LSTM that is explained: its weights, its forward pass and what the pass leaves behind.

    i_t = sigmoid(W_i x_t + V_i h_{t-1} + b_i)
    f_t = sigmoid(W_f x_t + V_f h_{t-1} + b_f)
    g_t = tanh   (W_g x_t + V_g h_{t-1} + b_g)
    o_t = sigmoid(W_o x_t + V_o h_{t-1} + b_o)
    c_t = f_t * c_{t-1} + i_t * g_t
    h_t = o_t * tanh(c_t),                          h_0 = c_0 = 0

Equations 1-7 of Murdoch, Liu & Yu, "Beyond Word Importance" (ICLR 2018). Axis letters, everywhere
in cdjax: `b` reviews, `t` time steps, `s` spans, `d` input width, `h` hidden width, `k` classes,
`v` words of the vocabulary.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

I, F, G, O = range(4)  # noqa: E741 - the field's letters
"""Places of the gates on the gate axis of every weight: input, forget, cell update, output."""

HIGHEST = jax.lax.Precision.HIGHEST
"""Precision of every product: GPU and TPU would otherwise round float32 to TF32 or bfloat16,
and the decomposition would no longer add up to the model's own output."""


Weight = Array | np.ndarray


class LSTMParams(NamedTuple):
    """Weights of one LSTM layer, gates in the order i, f, g, o."""

    W: Float[Weight, "4 h d"]  # input weights
    V: Float[Weight, "4 h h"]  # recurrent weights
    b: Float[Weight, "4 h"]  # bias, one a gate (two biases of another framework are added)


class Classifier(NamedTuple):
    """An LSTM classifier of word sequences: `softmax(readout @ h_T + bias)` (equation 7)."""

    embedding: Float[Weight, "v d"]  # word vectors
    layers: tuple[LSTMParams, ...]  # first to last
    readout: Float[Weight, "k h"]  # output weights
    bias: Float[Weight, "k"]  # output bias; no phrase is credited with it


class Trace(NamedTuple):
    """What one layer computes on the way, at one time step or all of them."""

    z: Float[Array, "*t 4 h"]  # what each gate's activation is applied to
    c: Float[Array, "*t h"]  # cell state
    h: Float[Array, "*t h"]  # hidden state


def project_input(params: LSTMParams, x: Float[Array, "t d"]) -> Float[Array, "t 4 h"]:
    """Return `W_k x_t` of every gate and step, as one product."""
    return jnp.einsum("ghd,td->tgh", params.W, x, precision=HIGHEST)


def project_state(params: LSTMParams, h: Float[Array, "h"]) -> Float[Array, "4 h"]:
    """Return `V_k h` of every gate."""
    return jnp.einsum("gij,j->gi", params.V, h, precision=HIGHEST)


def advance(
    params: LSTMParams, state: tuple[Float[Array, "h"], Float[Array, "h"]], zx: Float[Array, "4 h"]
) -> Trace:
    """Take one step from the states `c, h` before it, the input given as its `W_k x_t`."""
    c, h = state
    z = zx + project_state(params, h) + params.b
    i, f, o = (jax.nn.sigmoid(z[k]) for k in (I, F, O))
    c = f * c + i * jnp.tanh(z[G])
    return Trace(z, c, o * jnp.tanh(c))


@jax.jit  # a bare scan would be compiled again at every call
def run_projected(params: LSTMParams, zx: Float[Array, "t 4 h"]) -> Trace:
    """Run one layer over one sequence, given as `W_k x_t` of every step."""

    def step(state, zx):
        trace = advance(params, state, zx)
        return (trace.c, trace.h), trace

    zero = jnp.zeros(params.V.shape[-1], zx.dtype)
    return jax.lax.scan(step, (zero, zero), zx)[1]


def run_layer(params: LSTMParams, x: Float[Array, "t d"]) -> Trace:
    """Run one layer over one sequence.

    Args:
        params: Weights of the layer.
        x: Its input, one row a time step.

    Returns:
        The pre-activations and states at every step.
    """
    return run_projected(params, project_input(params, x))


def run(layers: tuple[LSTMParams, ...], x: Float[Array, "t d"]) -> Float[Array, "t h"]:
    """Run a stack of layers over one sequence and return the last one's hidden states."""
    for params in layers:
        x = run_layer(params, x).h
    return x
