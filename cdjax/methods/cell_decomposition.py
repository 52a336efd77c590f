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

from cdjax.core.cells import LSTMParams, O
from cdjax.core.network import Classifier, scan_cell
from cdjax.core.split import HIGHEST, PLAIN, Weight
from cdjax.engine.lstm import is_plain
from cdjax.methods.batches import make_batches, put_network

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
        ValueError: Where the model is not one LSTM layer whose last state is read, or there is no
            such variant.
    """
    if variant not in ("difference", "additive"):
        raise ValueError(f"variant is {variant!r}; expected 'difference' or 'additive'.")
    _check_form(classifier)
    network = put_network(classifier)
    classes, dtype = len(classifier.bias), classifier.bias.dtype
    scores = [np.zeros((len(sequence), classes), dtype) for sequence in sequences]
    for batch in make_batches(classifier, sequences):
        out = np.asarray(_decompose(network, batch.projected, batch.lengths, variant))
        for row, n in enumerate(batch.indices):
            scores[n] = out[row, : len(sequences[n])]
    return scores


@functools.partial(jax.jit, static_argnames="variant")
def _decompose(
    network: Classifier,
    projected: tuple[Float[Array, "b t h"], ...],
    lengths: Int[Weight, "b"],
    variant: Variant,
) -> Float[Array, "b t k"]:
    """Return the scores of padded sequences; undefined beyond the length of each."""
    (cell,) = network.layers

    def scores(projected, length):
        h, c = scan_cell(cell, projected, PLAIN)
        states = tuple(jnp.concatenate([jnp.zeros_like(s[:1]), s[:-1]]) for s in (h, c))
        i, f, g, o = jax.vmap(lambda s, x: cell.gates(PLAIN, s, x))(states, projected)
        last_o = jax.nn.sigmoid(o[length - 1] + projected[O][length - 1])
        if variant == "additive":
            # The forget gates of the steps after each one, up to the last.
            later = jnp.arange(1, len(c) + 1, dtype=length.dtype)
            f = jnp.where(jnp.expand_dims(later < length, 1), jnp.roll(f, -1, axis=0), 1)
            passed = jnp.flip(jnp.cumprod(jnp.flip(f, axis=0), axis=0), axis=0)
            c = jnp.cumsum(passed * i * g, axis=0)
        before = jnp.concatenate([jnp.zeros_like(c[:1]), c[:-1]])
        moved = jnp.expand_dims(last_o, 0) * (jnp.tanh(c) - jnp.tanh(before))
        return jnp.matmul(moved, network.readout.T, precision=HIGHEST)

    return jax.vmap(scores)(projected, lengths)


def _check_form(classifier: Classifier) -> None:
    """Raise unless the classifier reads the last state of one LSTM layer, as the method demands."""
    first, *others = classifier.layers
    if others:
        found = f"has {len(classifier.layers)} layers"
    elif not isinstance(first, LSTMParams):
        found = f"is a {type(first).__name__.removesuffix('Params')}"
    elif not is_plain(first):
        found = "has a projection, peepholes or other activations"
    elif classifier.head or classifier.pool not in ("last", "ends"):
        found = f"has the pool {classifier.pool!r} and {len(classifier.head)} dense layers"
    else:
        return
    raise ValueError(
        f"cell decomposition is defined for one LSTM layer whose last state is read; the model "
        f"{found}. Take another method: contextual decomposition goes through all of it."
    )
