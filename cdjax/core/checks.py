"""Checks of shapes and types at the public edges.

They look only at what is known while tracing, so the functions that use them can be jitted. A
field of a NamedTuple is checked by nobody else.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from cdjax.core.cells import Bidirectional, Cell, GRUParams, LSTMParams, output_width
from cdjax.core.linearize import ACTIVATIONS
from cdjax.core.network import POOLS, Classifier, Dense
from cdjax.core.rules import BiasProduct, Rule

GATES: dict[type, tuple[int, str]] = {LSTMParams: (4, "i, f, g, o"), GRUParams: (3, "r, z, n")}


def check_activation(name: object, where: str) -> None:
    """Raise ValueError unless the activation has this name in `ACTIVATIONS`."""
    if name not in ACTIVATIONS:
        raise ValueError(f"{where} is {name!r}; expected one of {', '.join(ACTIVATIONS)}.")


def check_cell(cell: Cell, where: str = "the layer") -> None:
    """Raise unless the weights of a cell fit each other.

    Args:
        cell: The cell.
        where: How to name it in a message.

    Raises:
        TypeError: Where it is no cell.
        ValueError: Where a shape is off; says which, what it is and what it should be. Where an
            activation is unknown.
    """
    if not isinstance(cell, Cell):
        raise TypeError(
            f"{where} is a {type(cell).__name__}; expected cdjax.LSTMParams(W, V, b), "
            f"cdjax.GRUParams(W, V, b, c), cdjax.Bidirectional(forward, backward), or a cell of "
            f"your own with W, widths and step. cdjax.from_torch(state_dict) makes them from "
            f"PyTorch's weights."
        )
    W = np.shape(cell.W)
    gates, order = GATES.get(type(cell), (W[0] if W else 0, "of the cell"))
    if len(W) != 3 or W[0] != gates:
        raise ValueError(
            f"{where}: W has shape {list(W)}; expected [{gates}, H, D], gates {order} first. "
            f"A fused [{gates}H, D] matrix becomes W.reshape({gates}, H, D)."
        )
    hidden = W[1]
    expected: dict[str, tuple[int, ...]] = {}
    if isinstance(cell, LSTMParams):
        # A projection says how wide the output is; without one it is as wide as the cell state.
        shape = np.shape(cell.V if cell.projection is None else cell.projection)
        narrow = hidden if cell.projection is None else shape[0] if len(shape) == 2 else hidden
        expected = {"V": (4, hidden, narrow), "b": (4, hidden)}
        if cell.projection is not None:
            expected["projection"] = (narrow, hidden)
        if cell.peepholes is not None:
            expected["peepholes"] = (3, hidden)
    elif isinstance(cell, GRUParams):
        expected = {"V": (3, hidden, hidden), "b": (3, hidden)}
        if cell.c is not None:
            expected["c"] = (hidden,)
            if not cell.reset_after:
                raise ValueError(
                    f"{where}: c is the bias inside the product with the reset gate, which a GRU "
                    f"with reset_after=False does not have; add it to b[2] and give c=None."
                )
    for name, shape in expected.items():
        if (found := np.shape(getattr(cell, name))) != shape:
            raise ValueError(
                f"{where}: {name} has shape {list(found)}; expected {list(shape)} to fit "
                f"W of shape {list(W)}."
            )
    if isinstance(cell, LSTMParams | GRUParams):
        check_activation(cell.activation, f"{where}: activation")
        check_activation(cell.content_activation, f"{where}: content_activation")


def check_stack(layers: Sequence[Any], width: int | None, below: str = "x") -> None:
    """Raise unless the layers fit each other and an input of so many columns.

    Args:
        layers: The layers, first to last.
        width: Columns of the input; whatever the first layer takes when None.
        below: How to name the input in a message.

    Raises:
        TypeError: Where a layer is none.
        ValueError: Where there is no layer, or widths do not fit.
    """
    if isinstance(layers, Cell | Bidirectional):
        raise TypeError(
            f"layers is one {type(layers).__name__}; expected a tuple of layers: (layer,)."
        )
    if not layers:
        raise ValueError("layers is empty; expected at least one layer.")
    for n, layer in enumerate(layers):
        where = f"layer {n}"
        both = isinstance(layer, Bidirectional)
        names = [f"{where}, {name}" for name in layer._fields] if both else [where]
        for name, cell in zip(names, layer if both else [layer], strict=True):
            check_cell(cell, name)
            shape = np.shape(cell.W)
            width = shape[2] if width is None else width
            if shape[2] != width:
                raise ValueError(
                    f"{name} takes inputs of width {shape[2]} (W has shape {list(shape)}), "
                    f"but {below} gives width {width}."
                )
        width, below = output_width(layer), where


def check_initial(layers: Sequence[Any], initial: Sequence[Any] | None) -> None:
    """Raise unless given first states fit the layers.

    Raises:
        ValueError: Where there is not an entry a layer, or a shape is off.
    """
    if initial is None:
        return
    if len(initial) != len(layers):
        raise ValueError(
            f"initial has {len(initial)} entries; expected {len(layers)}, one for each layer."
        )

    def check(cell: Any, states: Any, where: str) -> None:
        if states is None:
            return
        found = [list(np.shape(state)) for state in states]
        if found != (expected := [[width] for width in cell.widths]):
            raise ValueError(
                f"initial of {where} has states of shapes {found}; expected {expected}: (h, c) of "
                f"an LSTM, (h,) of a GRU."
            )

    for n, (layer, states) in enumerate(zip(layers, initial, strict=True)):
        if isinstance(layer, Bidirectional) and states is not None:
            if len(states) != 2:
                raise ValueError(
                    f"initial of layer {n} has {len(states)} entries; expected 2, the states of "
                    f"the forward and of the backward cell."
                )
            check(layer.forward, states[0], f"layer {n}, forward")
            check(layer.backward, states[1], f"layer {n}, backward")
        elif not isinstance(layer, Bidirectional):
            check(layer, states, f"layer {n}")


def check_input(x: ArrayLike) -> Float[Array, "t d"]:
    """Return the input vectors of a sequence as an array.

    Raises:
        TypeError: Where they are not floats.
        ValueError: Where they are not one vector a step.
    """
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(
            f"x holds {x.dtype}; expected input vectors, floats [T, D]. "
            f"Word numbers become vectors by embedding[ids]."
        )
    if x.ndim != 2:
        raise ValueError(
            f"x has shape {list(x.shape)}; expected [T, D], one sequence. Use vmap for many."
        )
    return x


def check_inside(inside: ArrayLike, shape: tuple[int, ...], rule: Rule) -> Bool[Array, "..."]:
    """Return the mask of a set of steps `[T]`, or of a region `[T, D]`, as an array.

    Raises:
        TypeError: Where it is not boolean.
        ValueError: Where its shape is neither; where it is a region and the rule gives the product
            of biases to the phrase at each of its steps.
    """
    inside = jnp.asarray(inside)
    if inside.dtype != bool:
        raise TypeError(f"inside holds {inside.dtype}; expected booleans, one a step.")
    if inside.shape not in (shape[:1], shape):
        raise ValueError(
            f"inside has shape {list(inside.shape)}; expected [{shape[0]}], one value a step of x, "
            f"or {list(shape)}, one an entry."
        )
    if inside.ndim == 2 and rule.bias_product is not BiasProduct.REST:
        raise ValueError(
            f"inside is a region {list(shape)}, and rule {rule.name!r} gives the product of biases "
            f"to the phrase at each of its steps: who owns it at a step partly inside is not "
            f"defined. Use cdjax.PAPER or cdjax.MERGED, or a mask of whole steps [{shape[0]}]."
        )
    return inside


def check_valid(valid: ArrayLike, length: int) -> Bool[Array, "t"]:
    """Return the mask of the real steps as an array.

    Raises:
        TypeError: Where it is not boolean.
        ValueError: Where it does not hold one value a step.
    """
    valid = jnp.asarray(valid)
    if valid.dtype != bool:
        raise TypeError(f"valid holds {valid.dtype}; expected booleans, one a step.")
    if valid.shape != (length,):
        raise ValueError(
            f"valid has shape {list(valid.shape)}; expected [{length}], one value a step of x."
        )
    return valid


def check_network(classifier: Classifier, width: int | None = None) -> None:
    """Raise unless the parts of a network fit each other.

    Args:
        classifier: The network.
        width: Columns of the input, where it is given as vectors.

    Raises:
        TypeError: Where it is no `Classifier`, or a layer is none.
        ValueError: Where a shape is off; says which, what it is and what it should be. Where a
            pool or an activation is unknown.
    """
    if not isinstance(classifier, Classifier):
        raise TypeError(
            f"classifier is a {type(classifier).__name__}; expected "
            f"cdjax.Classifier(embedding, layers, readout, bias). "
            f"cdjax.load() returns a model whose .classifier is one."
        )
    below = "x"
    if width is None and classifier.embedding is not None:
        shape = np.shape(classifier.embedding)
        if len(shape) != 2:
            raise ValueError(f"embedding has shape {list(shape)}; expected [N, D].")
        width, below = shape[1], "embedding"
    check_stack(classifier.layers, width, below)
    if classifier.pool not in POOLS:
        raise ValueError(f"pool is {classifier.pool!r}; expected one of {', '.join(POOLS)}.")
    hidden, below = output_width(classifier.layers[-1]), "the last layer"
    for n, dense in enumerate(classifier.head):
        if not isinstance(dense, Dense):
            raise TypeError(
                f"head {n} is a {type(dense).__name__}; expected cdjax.Dense(W, b, activation)."
            )
        W, b = np.shape(dense.W), np.shape(dense.b)
        if len(W) != 2 or W[1] != hidden:
            raise ValueError(
                f"head {n}: W has shape {list(W)}; expected [M, {hidden}] to fit {below}."
            )
        if b != W[:1]:
            raise ValueError(f"head {n}: b has shape {list(b)}; expected [{W[0]}] to fit W.")
        check_activation(dense.activation, f"head {n}: activation")
        hidden, below = W[0], f"head {n}"
    readout, bias = np.shape(classifier.readout), np.shape(classifier.bias)
    if len(readout) != 2 or readout[1] != hidden:
        raise ValueError(
            f"readout has shape {list(readout)}; expected [K, {hidden}] to fit {below}."
        )
    if bias != readout[:1]:
        raise ValueError(f"bias has shape {list(bias)}; expected [{readout[0]}] to fit readout.")
