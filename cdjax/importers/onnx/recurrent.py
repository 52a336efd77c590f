"""LSTM and GRU nodes: gates i o f c, peepholes i o f; gates z r h."""

from collections.abc import Sequence

import numpy as np

from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams
from cdjax.importers.layout import as_weight, find_activation, make_backward, make_gru, make_lstm
from cdjax.importers.onnx.activations import find_hard_sigmoid
from cdjax.importers.onnx.moves import is_time
from cdjax.importers.onnx.node import InputAxis, Node
from cdjax.importers.onnx.settle import settle
from cdjax.importers.onnx.values import (
    FIRST,
    LAST,
    Refusal,
    Stage,
    Tensor,
    Uniform,
    Value,
    decode,
    encode,
    number_of,
)

INPUTS = "X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"
_NAMES = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "softsign": "softsign"}
_NAMES |= {"softplus": "softplus"}
_PARAMETERS = {  # of the activations that have alpha and beta, their defaults
    "affine": (None, None),
    "elu": (1.0,),
    "hardsigmoid": (0.2, 0.5),
    "leakyrelu": (0.01,),
    "scaledtanh": (None, None),
    "thresholdedrelu": (1.0,),
}


def read_layer(node: Node) -> list[Tensor]:
    """Return the outputs of a layer: every step, the last state, the last cell state."""
    network, both = node.network, node.setting("direction", "forward")
    if both not in ("forward", "reverse", "bidirectional"):
        raise ValueError(f"direction is {both!r}")
    if node.setting("clip", None) is not None:
        raise ValueError("clip is set; expected cells that do not clip their gates")
    node.expect("input_forget", 0)
    node.expect("layout", 0, 1)
    x = node.signal(0)
    W, R = (as_weight(node.constant(n), f"{INPUTS[n]} of {node.name!r}") for n in (1, 2))
    directions = 2 if both == "bidirectional" else 1
    if W.ndim != 3 or R.ndim != 3 or len(W) != directions or len(R) != directions:
        raise ValueError(f"W and R have shapes {list(W.shape)} and {list(R.shape)}")
    source, steps_first = _find_input(node, x, W.shape[2]), not node.setting("layout", 0)
    _check_states(node)
    _check_lengths(node, x.labels[0 if steps_first else 1])
    cells = [_make_cell(node, n, W[n], R[n], directions) for n in range(directions)]
    width = R.shape[2]
    # On an axis that runs from the end, forward is backward.
    reversed_axis = x.labels[0 if steps_first else 1][0].startswith("~")
    backward_alone = directions == 1 and (both == "reverse") != reversed_axis
    if directions == 2:
        layer = Bidirectional(*(cells[::-1] if reversed_axis else cells))
    else:
        layer = make_backward(cells[0]) if backward_alone else cells[0]
    total = width * directions + backward_alone
    stage = network.add("layer", source, layer, total, node.name)
    if backward_alone:
        network.ends.add(stage.number)
    units = np.arange(total)[int(backward_alone) :].reshape(directions, 1, width)
    moments = np.full_like(units, FIRST if backward_alone else LAST)
    if directions == 2:
        units = units[::-1] if reversed_axis else units
        moments[0 if reversed_axis else 1] = FIRST
    batch = x.labels[1 if steps_first else 0]
    every, ends = encode(stage, units[None]), encode(stage, units, moments)
    cell = network.add("cell", stage, None, total, node.name)
    lasts = ends, encode(cell, units)
    if steps_first:
        every = Value(every, (x.labels[0], (), batch, ()), True)
        return [every, *(Value(last, ((), batch, ()), True) for last in lasts)]
    every = np.moveaxis(every, 1, 2)
    lasts = (np.moveaxis(last, 0, 1) for last in lasts)
    every = Value(every, (batch, x.labels[1], (), ()), True)
    return [every, *(Value(last, (batch, (), ()), True) for last in lasts)]


def _find_input(node: Node, x: Value, width: int) -> Stage:
    """Return the stage that a layer reads; check which axis is which."""
    network = node.network
    if x.array.ndim != 3:
        raise ValueError(f"X has shape {network.shape(x)}; expected three axes")
    time, batch, features = (
        x.labels if not node.setting("layout", 0) else (x.labels[n] for n in (1, 0, 2))
    )
    kinds = {network.stages[n].kind for n in np.unique(decode(x.array)[0])}
    named = len(features) == 1 and network.sizes[features[0].lstrip("~")] != 1
    if kinds == {"input"} and named:
        raise InputAxis(features[0], width)
    if features or x.array.size != width:
        raise ValueError(
            f"X has shape {network.shape(x)} and W has width {width}; expected features in the "
            f"last axis"
        )
    if len(time) != 1 or len(batch) > 1 or any(label.startswith("~") for label in batch):
        raise ValueError(
            f"X has shape {network.shape(x)}; expected its steps to be one axis of the input, "
            f"its sequences another one"
        )
    if network.time is None:
        network.time, network.batch = time[0].lstrip("~"), batch[0] if batch else None
    if not is_time(network, time) or (batch and batch[0] != network.batch):
        raise ValueError("goes through another axis than the layer before; expected the same steps")
    if kinds & {"ids", "cell"}:
        raise ValueError("reads word numbers without an embedding, or a cell state")
    return settle(network, x)


def _check_states(node: Node) -> None:
    """Raise unless the states before the first step are 0."""
    for n in (5, 6):
        if node.has(n) and not (node.kind == "GRU" and n == 6):
            state = node.inputs[n]
            if isinstance(state, Refusal) or number_of(state) != 0:  # type: ignore[arg-type]
                raise ValueError(
                    f"begins with {INPUTS[n]} = {node.names[n]!r}, which is not constantly 0; "
                    f"expected states that begin at 0. Where it is 0 at the start of a sequence, "
                    f"name it, or the input it is computed from, in zeros="
                )


def _check_lengths(node: Node, time: tuple[str, ...]) -> None:
    """Raise unless every sequence is read whole.

    Lengths that are an input are those of the sequences, which cdjax takes without padding.
    """
    if not node.has(4):
        return
    lengths = node.inputs[4]
    size = node.network.sizes[time[0].lstrip("~")]
    if isinstance(lengths, Value) and lengths.signal:
        stages = [node.network.stages[n] for n in np.unique(decode(lengths.array)[0])]
        if len(stages) == 1 and stages[0].kind in ("input", "ids"):
            return
    elif isinstance(lengths, Value | Uniform) and number_of(lengths) == size:
        return
    raise ValueError(
        f"reads sequence_lens = {node.names[4]!r} steps; expected all of them ({size}), or lengths "
        f"that are an input of the model"
    )


def _make_cell(
    node: Node, n: int, W: np.ndarray, R: np.ndarray, directions: int
) -> LSTMParams | GRUParams:
    """Return the cell of one direction."""
    gates = 4 if node.kind == "LSTM" else 3
    where = f"node {node.name!r} ({node.kind})"
    width = R.shape[1]
    hidden = node.setting("hidden_size", width)
    if hidden != width or W.shape[0] != gates * width:
        raise ValueError(
            f"W and R have shapes {list(W.shape)} and {list(R.shape)}, and hidden_size is {hidden}"
        )
    parts = {name: _find_part(node, INPUTS.index(name), n, directions) for name in ("B", "P")}
    b, p = parts["B"], parts["P"]
    if b is not None and b.shape != (2 * gates * width,):
        raise ValueError(f"B has shape {list(b.shape)} a direction; expected [{2 * gates * width}]")
    if p is not None and p.shape != (3 * width,):
        raise ValueError(f"P has shape {list(p.shape)} a direction; expected [{3 * width}]")
    biases = [] if b is None else [b[: gates * width], b[gates * width :]]
    names = _find_activations(node, n, directions)
    if node.kind == "GRU":
        after = node.setting("linear_before_reset", 0)
        if after not in (0, 1):
            raise ValueError(f"linear_before_reset is {after}; expected 0 or 1")
        return make_gru(
            where,
            "zrn",
            W,
            R,
            *biases,
            reset_after=bool(after),
            activation=names[0],
            content_activation=names[1],
        )
    if names[1] != names[2]:
        raise ValueError(
            f"has activation {names[1]} of the cell update and {names[2]} of the output; expected "
            f"one for both"
        )
    # P is in the order i, o, f.
    peepholes = None if p is None else p.reshape(3, width)[[0, 2, 1]]
    return make_lstm(
        where,
        "iofg",
        W,
        R,
        biases,
        peepholes=peepholes,
        activation=names[0],
        content_activation=names[1],
    )


def _find_part(node: Node, n: int, direction: int, directions: int) -> np.ndarray | None:
    """Return a direction's part of an optional weight."""
    if not node.has(n) or (node.kind == "GRU" and INPUTS[n] == "P"):
        return None
    weight = as_weight(node.constant(n), f"{INPUTS[n]} of {node.name!r}")
    if weight.ndim != 2 or len(weight) != directions:
        raise ValueError(f"{INPUTS[n]} has shape {list(weight.shape)}")
    return weight[direction]


def _find_activations(node: Node, direction: int, directions: int) -> list[str]:
    """Return the activations of one direction: of the gates, the candidate, the way out."""
    each = 3 if node.kind == "LSTM" else 2
    names = node.setting("activations", None) or ["Sigmoid", "Tanh", "Tanh"][:each] * directions
    if len(names) != each * directions:
        raise ValueError(f"has activations {names}; expected {each} a direction")
    # Parameters are a list of those of the activations that have some, one after the other.
    given = [
        list(node.setting(name, None) or []) for name in ("activation_alpha", "activation_beta")
    ]
    parameters: list[list[float | None]] = []
    used = [0, 0]
    for name in names:
        values: list[float | None] = []
        for n, default in enumerate(_PARAMETERS.get(name.lower(), ())):
            values.append(given[n][used[n]] if used[n] < len(given[n]) else default)
            used[n] += 1
        parameters.append(values)
    for n, values in enumerate(given):
        if values and len(values) != used[n]:
            raise ValueError(
                f"has {len(values)} values of activation_{('alpha', 'beta')[n]} for {used[n]} of "
                f"its activations {names}; expected one for each that takes one"
            )
    here = slice(direction * each, (direction + 1) * each)
    pairs = zip(names[here], parameters[here], strict=True)
    return [_name_activation(node, name, values) for name, values in pairs]


def _name_activation(node: Node, name: str, values: Sequence[float | None]) -> str:
    """Return cdjax's name of a cell's activation."""
    lower = name.lower()
    if lower == "hardsigmoid":
        return find_hard_sigmoid(*(value if value is not None else 0.0 for value in values))
    settled = {"affine": ("linear", (1, 0)), "elu": ("elu", (1,)), "scaledtanh": ("tanh", (1, 1))}
    settled |= {"leakyrelu": ("leaky_relu", (0.01,))}
    if lower in settled:
        known, expected = settled[lower]
        if None in values or not np.allclose(np.array(values, float), expected):
            raise ValueError(f"has the activation {name} with {values}; expected {expected}")
        return known
    return find_activation(lower, f"node {node.name!r} ({node.kind})", _NAMES)
