"""Checks of shapes and types at the public edges.

They look only at what is known while tracing, so the functions that use them can be jitted. A
field of a NamedTuple is checked by nobody else.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from cdjax.core.lstm import Classifier, LSTMParams


def check_params(params: LSTMParams, where: str = "the layer") -> None:
    """Raise unless the weights of a layer fit each other.

    Args:
        params: The weights: `W [4, H, D]`, `V [4, H, H]`, `b [4, H]`.
        where: How to name the layer in a message.

    Raises:
        TypeError: Where `params` is no `LSTMParams`.
        ValueError: Where a shape is off; says which, what it is and what it should be.
    """
    if not isinstance(params, LSTMParams):
        raise TypeError(
            f"{where} is a {type(params).__name__}; expected cdjax.LSTMParams(W, V, b). "
            f"cdjax.from_torch(state_dict) makes them from PyTorch's weights."
        )
    W, V, b = (np.shape(weight) for weight in params)
    if len(W) != 3 or W[0] != 4:
        raise ValueError(
            f"{where}: W has shape {list(W)}; expected [4, H, D], gates i, f, g, o first. "
            f"A fused [4H, D] matrix becomes W.reshape(4, H, D)."
        )
    hidden = W[1]
    for name, found, expected in (("V", V, (4, hidden, hidden)), ("b", b, (4, hidden))):
        if found != expected:
            raise ValueError(
                f"{where}: {name} has shape {list(found)}; expected {list(expected)} to fit "
                f"W of shape {list(W)}."
            )


def check_stack(layers: Sequence[LSTMParams], width: int, below: str = "x") -> None:
    """Raise unless the layers fit each other and an input of so many columns.

    Raises:
        TypeError: Where a layer is no `LSTMParams`.
        ValueError: Where there is no layer, or widths do not fit.
    """
    if isinstance(layers, LSTMParams):
        raise TypeError("layers is one LSTMParams; expected a tuple of them: (params,).")
    if not layers:
        raise ValueError("layers is empty; expected at least one LSTMParams.")
    for n, params in enumerate(layers):
        check_params(params, f"layer {n}")
        shape = np.shape(params.W)
        if shape[2] != width:
            raise ValueError(
                f"layer {n} takes inputs of width {shape[2]} (W has shape {list(shape)}), "
                f"but {below} gives width {width}."
            )
        width, below = shape[1], f"layer {n}"


def check_input(x: ArrayLike) -> Float[Array, "t d"]:
    """Return the word vectors of a review as an array.

    Raises:
        TypeError: Where they are not floats.
        ValueError: Where they are not one vector a word.
    """
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(
            f"x holds {x.dtype}; expected word vectors, floats [T, D]. "
            f"Word numbers become vectors by embedding[ids]."
        )
    if x.ndim != 2:
        raise ValueError(
            f"x has shape {list(x.shape)}; expected [T, D], one review. Use vmap for many."
        )
    return x


def check_mask(inside: ArrayLike, length: int) -> Bool[Array, "t"]:
    """Return the mask of a set of words as an array.

    Raises:
        TypeError: Where it is not boolean.
        ValueError: Where it does not hold one value a word.
    """
    inside = jnp.asarray(inside)
    if inside.dtype != bool:
        raise TypeError(f"inside holds {inside.dtype}; expected booleans, one a word.")
    if inside.shape != (length,):
        raise ValueError(
            f"inside has shape {list(inside.shape)}; expected [{length}], one value a word of x."
        )
    return inside


def check_classifier(classifier: Classifier) -> None:
    """Raise unless the parts of a classifier fit each other.

    Raises:
        TypeError: Where it is no `Classifier`.
        ValueError: Where a shape is off; says which, what it is and what it should be.
    """
    if not isinstance(classifier, Classifier):
        raise TypeError(
            f"classifier is a {type(classifier).__name__}; expected "
            f"cdjax.Classifier(embedding, layers, readout, bias). "
            f"cdjax.load() returns a model whose .classifier is one."
        )
    embedding, readout, bias = (
        np.shape(classifier.embedding),
        np.shape(classifier.readout),
        np.shape(classifier.bias),
    )
    if len(embedding) != 2:
        raise ValueError(f"embedding has shape {list(embedding)}; expected [N, D].")
    check_stack(classifier.layers, embedding[1], "embedding")
    hidden = np.shape(classifier.layers[-1].W)[1]
    if len(readout) != 2 or readout[1] != hidden:
        raise ValueError(
            f"readout has shape {list(readout)}; expected [K, {hidden}] to fit the last layer."
        )
    if bias != readout[:1]:
        raise ValueError(f"bias has shape {list(bias)}; expected [{readout[0]}] to fit readout.")
