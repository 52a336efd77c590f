"""Cell decomposition (Murdoch & Szlam 2017): how far the cell state moves at each word.

The logits are read from `h_T = o_T tanh(c_T)`. With the last output gate held fixed, the changes of
tanh(c) from step to step telescope to the logits less the output bias:

    difference:  score_t = W (o_T (tanh(c_t) - tanh(c_{t-1})))
    additive:    score_t = W (o_T (tanh(s_t) - tanh(s_{t-1}))),
                 s_t = sum over k <= t of e_k,    e_k = f_{k+1} ... f_T i_k g_k

The additive variant counts only the part of each update that the later forget gates pass on to the
last step. (The paper's beta and gamma are the exponentials of these scores; the exponents are in
logits.) The score of a span is the sum over its steps.
"""

import functools
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from cdjax.core.lstm import HIGHEST, Classifier, F, G, I, O, Weight, run_projected
from cdjax.methods.batches import Weights, make_batches, put_weights

Variant = Literal["difference", "additive"]


def decompose_cells(
    classifier: Classifier, sequences: list[Int[np.ndarray, "_"]], variant: Variant = "difference"
) -> list[Float[np.ndarray, "_ k"]]:
    """Return the cell decomposition's score of each step.

    Args:
        classifier: The model, of one layer, in one float type.
        sequences: Word numbers of each sequence, checked.
        variant: "difference" or "additive", see the head of the module.

    Returns:
        Logits `[T, K]` of each sequence; over its steps they add up to its logits less the bias.

    Raises:
        ValueError: Where the model has more than one layer, or there is no such variant.
    """
    if variant not in ("difference", "additive"):
        raise ValueError(f"variant is {variant!r}; expected 'difference' or 'additive'.")
    if len(classifier.layers) != 1:
        raise ValueError(
            f"cell decomposition is defined for one layer; the model has "
            f"{len(classifier.layers)}, and the cell of the last does not take in words but the "
            f"states of a layer below. Take another method: contextual decomposition goes "
            f"through all layers."
        )
    weights = put_weights(classifier)
    classes, dtype = len(classifier.bias), classifier.bias.dtype
    scores = [np.zeros((len(sequence), classes), dtype) for sequence in sequences]
    for batch in make_batches(classifier, sequences):
        out = np.asarray(_decompose(weights, batch.projected, batch.lengths, variant))
        for row, n in enumerate(batch.indices):
            scores[n] = out[row, : len(sequences[n])]
    return scores


@functools.partial(jax.jit, static_argnames="variant")
def _decompose(
    weights: Weights,
    projected: Float[Array, "b t 4 h"],
    lengths: Int[Weight, "b"],
    variant: Variant,
) -> Float[Array, "b t k"]:
    """Return the scores of padded sequences; undefined beyond the length of each."""
    (params,) = weights.layers

    def scores(projected, length):
        trace = run_projected(params, projected)
        last_o = jax.nn.sigmoid(trace.z[length - 1, O])
        state = trace.c
        if variant == "additive":
            i, f, g = jax.nn.sigmoid(trace.z[:, I]), jax.nn.sigmoid(trace.z[:, F]), trace.z[:, G]
            # The forget gates of the steps after each one, up to the last.
            later = jnp.arange(1, len(projected) + 1, dtype=length.dtype)
            f = jnp.where(jnp.expand_dims(later < length, 1), jnp.roll(f, -1, axis=0), 1)
            passed = jnp.flip(jnp.cumprod(jnp.flip(f, axis=0), axis=0), axis=0)
            state = jnp.cumsum(passed * i * jnp.tanh(g), axis=0)
        before = jnp.concatenate([jnp.zeros_like(state[:1]), state[:-1]])
        moved = jnp.expand_dims(last_o, 0) * (jnp.tanh(state) - jnp.tanh(before))
        return jnp.matmul(moved, weights.readout.T, precision=HIGHEST)

    return jax.vmap(scores)(projected, lengths)
