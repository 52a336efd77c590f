"""Checks of shapes and types at the public edges, of whatever says its own shapes.

The arrays of a NamedTuple are annotated by jaxtyping (`W: Float[Weight, "4 h d"]`), and nobody else
holds them against it. Only what is known while tracing is looked at, so that the functions that use
these checks can be jitted.
"""

from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from cdjax.activations import ACTIVATIONS

MOST_LAYERS = 256
"""Layers of a network; each is compiled on its own, which takes about a second."""


def check_shapes(node: Any, where: str, sizes: dict[str, int]) -> None:
    """Raise ValueError unless a NamedTuple's arrays have the shapes that their annotations say.

    And unless the activations that it names exist.

    Args:
        node: The NamedTuple. Fields that are None or not annotated with a shape are not looked at.
        where: How to name it in a message.
        sizes: The sizes of axes known beforehand; those of the arrays are added.
    """
    for name, hint in get_type_hints(type(node)).items():
        array, hints = getattr(node, name, None), (hint, *get_args(hint))
        dims = next((h.dim_str.split() for h in hints if hasattr(h, "dim_str")), None)
        if array is None or dims is None:
            continue
        found = list(np.shape(array))
        sizes |= {axis: int(axis) for axis in dims if axis.isdigit()}
        if len(found) == len(dims):
            sizes |= {axis: n for axis, n in zip(dims, found, strict=True) if axis not in sizes}
        expected = [sizes.get(axis, axis.upper()) for axis in dims]
        if found != expected:
            named = ", ".join(f"{axis.upper()} = {n}" for axis, n in sizes.items() if axis in dims)
            raise ValueError(
                f"{where}: {name} has shape {found}; expected [{', '.join(map(str, expected))}]"
                f"{f' ({named})' if named else ''}."
            )
        if 0 in found:
            raise ValueError(f"{where}: {name} has shape {found}; expected no size of 0.")
    for name in ("activation", "content_activation"):
        if (activation := getattr(node, name, "linear")) not in ACTIVATIONS:
            raise ValueError(
                f"{where}: {name} is {activation!r}; expected one of {', '.join(ACTIVATIONS)}."
            )


def check_cell(cell: Any, where: str = "the layer") -> None:
    """Raise unless a cell is one and its weights fit each other.

    Raises:
        TypeError: Where it is no cell.
        ValueError: Where a shape is off; says which, what it is and what it should be. Where the
            cell itself says what is wrong with it (`problem`).
    """
    if not all(hasattr(cell, name) for name in ("W", "widths", "step")):
        raise TypeError(
            f"{where} is a {type(cell).__name__}; expected cdjax.LSTMParams(W, V, b), "
            f"cdjax.GRUParams(W, V, b, c), cdjax.Bidirectional(forward, backward), or a cell of "
            f"your own with W, widths and step. cdjax.from_torch(state_dict) makes them from "
            f"PyTorch's weights."
        )
    if np.ndim(cell.W) != 3:
        raise ValueError(
            f"{where}: W has shape {list(np.shape(cell.W))}; expected [G, H, D], gates first. A "
            f"fused [G * H, D] matrix becomes W.reshape(G, H, D)."
        )
    check_shapes(cell, where, {})
    if problem := getattr(cell, "problem", lambda: None)():
        raise ValueError(f"{where}: {problem}")


def check_stack(layers: Sequence[Any], width: int | None, below: str = "x") -> int:
    """Return the output width of layers; raise unless they fit each other and their input.

    Args:
        layers: The layers, first to last.
        width: Columns of the input; whatever the first layer takes when None.
        below: How to name the input in a message.

    Raises:
        TypeError: Where a layer is none.
        ValueError: Where there is no layer, or widths do not fit.
    """
    if hasattr(layers, "step") or hasattr(layers, "backward"):
        raise TypeError(
            f"layers is one {type(layers).__name__}; expected a tuple of layers: (layer,)."
        )
    if not layers:
        raise ValueError("layers is empty; expected at least one layer.")
    if len(layers) > MOST_LAYERS:
        raise ValueError(f"there are {len(layers):,} layers; expected at most {MOST_LAYERS}.")
    for n, layer in enumerate(layers):
        cells = {f"layer {n}": layer}
        if hasattr(layer, "backward"):
            cells = {f"layer {n}, {way}": getattr(layer, way) for way in ("forward", "backward")}
        for where, cell in cells.items():
            check_cell(cell, where)
            shape = list(np.shape(cell.W))
            width = shape[2] if width is None else width
            if shape[2] != width:
                raise ValueError(
                    f"{where} takes inputs of width {shape[2]} (W has shape {shape}), but {below} "
                    f"gives width {width}."
                )
        width, below = sum(cell.widths[0] for cell in cells.values()), f"layer {n}"
    return width or 0


def check_initial(layers: Sequence[Any], initial: Sequence[Any] | None) -> None:
    """Raise ValueError unless given first states are an entry a layer, each of its shapes."""
    if initial is None:
        return
    if len(initial) != len(layers):
        raise ValueError(
            f"initial has {len(initial)} entries; expected {len(layers)}, one for each layer."
        )
    for n, (layer, entry) in enumerate(zip(layers, initial, strict=True)):
        both = hasattr(layer, "backward")
        cells = tuple(layer) if both else (layer,)
        entries = (None,) * len(cells) if entry is None else tuple(entry) if both else (entry,)
        found = [e if e is None else [list(np.shape(state)) for state in e] for e in entries]
        expected = [[[width] for width in cell.widths] for cell in cells]
        if len(found) != len(expected) or any(
            f not in (None, e) for f, e in zip(found, expected, strict=True)
        ):
            raise ValueError(
                f"initial of layer {n} has states of shapes {found}; expected {expected}: (h, c) "
                f"of an LSTM, (h,) of a GRU, a pair of these of a Bidirectional, None for zeros."
            )


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


def check_mask(name: str, mask: ArrayLike, *shapes: tuple[int, ...]) -> Bool[Array, "..."]:
    """Return a mask as an array of one of the given shapes.

    Raises:
        TypeError: Where it is not boolean.
        ValueError: Where it has another shape.
    """
    mask = jnp.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"{name} holds {mask.dtype}; expected booleans.")
    if mask.shape not in shapes:
        raise ValueError(
            f"{name} has shape {list(mask.shape)}; expected "
            f"{' or '.join(str(list(shape)) for shape in shapes)}, to fit x."
        )
    return mask


def check_region(inside: Any, rule: Any) -> None:
    """Raise ValueError where `inside` is a region `[T, D]` and the rule has no meaning for one."""
    if inside.ndim == 2 and not rule.takes_regions:
        raise ValueError(
            f"inside is a region {list(inside.shape)}, and rule {rule.name!r} gives the product of "
            f"biases to the phrase at its steps: at one partly inside that has no meaning. Use "
            f"cdjax.PAPER or cdjax.MERGED, or a mask of whole steps."
        )


def check_network(classifier: Any, width: int | None = None) -> None:
    """Raise unless the parts of a network fit each other.

    Args:
        classifier: The network.
        width: Columns of the input, where it is given as vectors.

    Raises:
        TypeError: Where it is no `Classifier`, or a layer is none.
        ValueError: Where a shape is off; says which, what it is and what it should be. Where a
            pool or an activation is unknown.
    """
    if not hasattr(classifier, "readout"):
        raise TypeError(
            f"classifier is a {type(classifier).__name__}; expected "
            f"cdjax.Classifier(embedding, layers, readout, bias). "
            f"cdjax.load() returns a model whose .classifier is one."
        )
    below = "x"
    if width is None and classifier.embedding is not None:
        if np.ndim(classifier.embedding) != 2:
            shape = list(np.shape(classifier.embedding))
            raise ValueError(f"embedding has shape {shape}; expected [N, D].")
        width, below = np.shape(classifier.embedding)[1], "embedding"
    hidden = check_stack(classifier.layers, width, below)
    if problem := classifier.problem():
        raise ValueError(problem)
    for n, dense in enumerate(classifier.head):
        if not hasattr(dense, "W"):
            raise TypeError(
                f"head {n} is a {type(dense).__name__}; expected cdjax.Dense(W, b, activation)."
            )
        check_shapes(dense, f"head {n}", {"p": hidden})
        hidden = np.shape(dense.W)[0]
    check_shapes(classifier, "classifier", {"m": hidden})
