"""Cell decomposition (Murdoch & Szlam 2017): how far the cell state moves at each word.

The logits are read from `h_T = o_T tanh(c_T)`. With the last output gate held fast, what tanh(c)
gains at a word is a term of a sum that telescopes to the logits less the output bias:

    difference:  score_t = W (o_T (tanh(c_t) - tanh(c_{t-1})))
    additive:    score_t = W (o_T (tanh(s_t) - tanh(s_{t-1}))),
                 s_t = sum over k <= t of e_k,    e_k = f_{k+1} ... f_T i_k g_k

The additive variant counts of each word's update only what the later forget gates let through to
the end. (Their beta and gamma are the exponentials of these; the exponent is in logits.) A phrase
has the sum of its words.
"""

import functools
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from cdjax.core.lstm import HIGHEST, Classifier, F, G, I, O, Weight, run_projected
from cdjax.methods.batches import Network, make_batches, make_network

Variant = Literal["difference", "additive"]


def decompose_cells(
    classifier: Classifier, reviews: list[Int[np.ndarray, "_"]], variant: Variant = "difference"
) -> list[Float[np.ndarray, "_ k"]]:
    """Return the cell decomposition's score of each word.

    Args:
        classifier: The model, of one layer, in one float type.
        reviews: Word numbers of each review, checked.
        variant: Which of the two.

    Returns:
        Logits `[T, K]` of each review; over its words they add up to its logits less the bias.

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
    network = make_network(classifier)
    scores = [np.zeros((len(review), len(network.bias)), network.bias.dtype) for review in reviews]
    for batch in make_batches(classifier, reviews):
        out = np.asarray(_decompose(network, batch.z, batch.length, variant))
        for row, n in enumerate(batch.place):
            scores[n] = out[row, : len(reviews[n])]
    return scores


@functools.partial(jax.jit, static_argnames="variant")
def _decompose(
    network: Network, z: Float[Array, "b t 4 h"], length: Int[Weight, "b"], variant: Variant
) -> Float[Array, "b t k"]:
    """Return the scores of padded reviews; of no meaning beyond a review's end."""
    (params,) = network.layers

    def scores(z, length):
        trace = run_projected(params, z)
        last_o = jax.nn.sigmoid(trace.z[length - 1, O])
        state = trace.c
        if variant == "additive":
            i, f, g = jax.nn.sigmoid(trace.z[:, I]), jax.nn.sigmoid(trace.z[:, F]), trace.z[:, G]
            # From the step after on, up to the last word.
            later = jnp.arange(1, len(z) + 1, dtype=length.dtype)
            f = jnp.where(jnp.expand_dims(later < length, 1), jnp.roll(f, -1, axis=0), 1)
            kept = jnp.flip(jnp.cumprod(jnp.flip(f, axis=0), axis=0), axis=0)
            state = jnp.cumsum(kept * i * jnp.tanh(g), axis=0)
        before = jnp.concatenate([jnp.zeros_like(state[:1]), state[:-1]])
        moved = jnp.expand_dims(last_o, 0) * (jnp.tanh(state) - jnp.tanh(before))
        return jnp.matmul(moved, network.readout.T, precision=HIGHEST)

    return jax.vmap(scores)(z, length)
