"""Operations that compute: dense layers, activations, pools; and constants from constants."""

import operator
from collections.abc import Callable

import numpy as np

from cdjax.importers.onnx.moves import drop, is_time, name_axis
from cdjax.importers.onnx.node import Node, find_axis
from cdjax.importers.onnx.settle import choose, settle
from cdjax.importers.onnx.sizes import compact
from cdjax.importers.onnx.values import (
    EACH,
    MAX,
    MEAN,
    Stage,
    Tensor,
    Uniform,
    Value,
    all_units,
    as_constant,
    at_moment,
    decode,
    number_of,
)

OPERATORS: dict[str, Callable] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
}
ACTIVATIONS = {
    "Relu": "relu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Selu": "selu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Exp": "exponential",
    "Erf": "erf",  # a part of gelu, see `_multiply`
}


def combine(node: Node) -> Tensor:
    """Return a sum, difference, product or quotient, element by element."""
    a, b = node.take(0), node.take(1)
    signals = [isinstance(x, Value) and x.signal for x in (a, b)]
    if not any(signals):
        return _compute(node, a, b)
    if all(signals):
        return _combine_signals(node, node.signal(0), node.signal(1))
    x, other = (node.signal(0), b) if signals[0] else (node.signal(1), a)
    number = number_of(other)
    constant = np.float64(number) if number is not None else as_constant(other, "the constant")
    shape = np.broadcast_shapes(x.array.shape, constant.shape)
    grown = len(shape) - x.array.ndim
    if grown:
        x = Value(x.array.reshape((1,) * grown + x.array.shape), ((),) * grown + x.labels, True)
    if any(labels and size != 1 for labels, size in zip(x.labels, shape, strict=True)):
        raise ValueError("combines with a constant that differs from step to step")
    x = Value(np.broadcast_to(x.array, shape), x.labels, True)
    c = np.broadcast_to(constant, shape).ravel().astype(np.float64)
    ones, zeros = np.ones_like(c), np.zeros_like(c)
    if node.kind in ("Add", "Sub"):
        if node.kind == "Sub":
            return scale(node, x, *((ones, -c) if signals[0] else (-ones, c)))
        return scale(node, x, ones, c)
    if node.kind == "Mul":
        return scale(node, x, c, zeros)
    if signals[0] and c.all():
        return scale(node, x, 1 / c, zeros)
    raise ValueError("divides by what is computed from the input, or by 0")


def _compute(node: Node, a: Value | Uniform, b: Value | Uniform) -> Tensor:
    """Return a constant that is computed from two."""
    numbers = number_of(a), number_of(b)
    uniform = any(isinstance(x, Uniform) and x.shape is None for x in (a, b))
    if uniform and None in numbers:
        raise ValueError("computes with a constant whose shape is open")
    left, right = numbers if uniform else (node.constant(0), node.constant(1))
    whole = all(np.asarray(x).dtype.kind in "iuO" for x in (left, right))
    function = OPERATORS[node.kind]
    if node.kind == "Div" and whole:
        function = operator.floordiv
    with np.errstate(all="ignore"):
        result = function(left, right)
    return Uniform(result) if uniform else Value.constant(compact(np.asarray(result)))


def scale(node: Node, x: Value, factor: np.ndarray, shift: np.ndarray) -> Value:
    """Return `factor * x + shift`, element by element."""
    if (factor == 1).all() and not shift.any():
        return x
    stage = settle(node.network, _as_floats(node, x))
    matrix = factor[:, None] * choose(np.arange(stage.width), stage.width)
    return all_units(_add_dense(node, stage, matrix, shift), x)


def _as_floats(node: Node, x: Value) -> Value:
    """Return a signal; raise where it is word numbers."""
    for n in np.unique(decode(x.array)[0]):
        if node.network.stages[n].kind == "ids":
            raise ValueError("computes with word numbers; expected an embedding of them")
    return x


def _add_dense(node: Node, stage: Stage, W: np.ndarray, b: np.ndarray) -> Stage:
    """Return a stage `W x + b`."""
    if stage.kind == "softmax":
        raise ValueError("computes with what Softmax gives; name the output of Softmax as output_name=")
    return node.network.add("dense", stage, (W, b), len(b), node.name)


def _combine_signals(node: Node, a: Value, b: Value) -> Tensor:
    """Return a sum or difference of two signals; a product where it is an activation."""
    if a.array.shape != b.array.shape or a.labels != b.labels:
        raise ValueError("combines two signals of different axes")
    if node.kind == "Mul":
        return _multiply(node, a, b)
    if node.kind == "Div":
        raise ValueError("divides one signal by another")
    both = Value(np.stack([a.array, b.array]), ((), *a.labels), True)
    stage = settle(node.network, _as_floats(node, both))
    eye = choose(np.arange(a.array.size), a.array.size)
    W = np.concatenate([eye, eye if node.kind == "Add" else -eye], axis=1)
    return all_units(_add_dense(node, stage, W, np.zeros(len(W))), a)


def _multiply(node: Node, a: Value, b: Value) -> Tensor:
    """Return x * sigmoid(x), silu, or x * (1 + erf(x / sqrt 2)), twice gelu."""
    stages = settle(node.network, a), settle(node.network, b)
    for x, gate in (stages, stages[::-1]):
        inner, factor, shift = _unscale(gate)
        if inner.kind != "activation" or inner.source is None:
            continue
        root, outer, none = _unscale(x)
        if inner.what == "sigmoid" and inner.source is x and (factor, shift) == (1, 0):
            return all_units(node.network.add("activation", x, "silu", x.width, node.name), a)
        if inner.what == "erf" and none == 0:
            argument, within, shifted = _unscale(inner.source)
            same = argument is root and shifted == 0 and abs(within * np.sqrt(2) - 1) < 1e-5
            if same and factor == shift:
                gelu = node.network.add("activation", root, "gelu", root.width, node.name)
                value = all_units(gelu, a)
                n = np.full(root.width, 2 * factor * outer)
                return scale(node, value, n, np.zeros_like(n))
    raise ValueError("multiplies one signal by another, attention or a gate; expected a constant")


def _unscale(stage: Stage) -> tuple[Stage, float, float]:
    """Return the stage that another one is `factor * stage + shift` of, and these."""
    if stage.kind == "dense" and stage.source is not None:
        W, b = stage.what
        if W.shape[0] == W.shape[1] and (W == W[0, 0] * np.eye(len(W))).all() and (b == b[0]).all():
            return stage.source, W[0, 0], b[0]
    return stage, 1.0, 0.0


def multiply_matrix(node: Node) -> Tensor:
    """Return a dense layer, or its part without bias: MatMul, Gemm."""
    x = node.signal(0)
    W = node.constant(1)
    for name in ("transA",):
        node.expect(name, 0)
    alpha, beta = float(node.setting("alpha", 1.0)), float(node.setting("beta", 1.0))
    if W.ndim > 2 and W.size == W.shape[-1] * W.shape[-2]:
        W = W.reshape(W.shape[-2:])
    if W.ndim != 2:
        raise ValueError(f"multiplies by a constant of shape {list(W.shape)}; expected a matrix")
    W = (W if node.setting("transB", 0) else W.T).astype(np.float64) * alpha
    shape = x.array.shape
    if not shape or x.labels[-1] or shape[-1] != x.array.size or W.shape[1] != shape[-1]:
        raise ValueError(
            f"multiplies a matrix {list(W.shape)} with a tensor of the axes "
            f"{node.network.shape(x)}; expected its features in the last one"
        )
    b = np.zeros(len(W))
    if node.kind == "Gemm" and node.has(2):
        b = b + np.broadcast_to(np.squeeze(node.constant(2)), b.shape).astype(np.float64) * beta
    stage = _add_dense(node, settle(node.network, _as_floats(node, x)), W, b)
    return all_units(stage, x, (*shape[:-1], stage.width))


def convolve(node: Node) -> Tensor:
    """Return a dense layer at every step, as a convolution of width 1 writes it."""
    x, W = node.signal(0), node.constant(1)
    node.expect("group", 1)
    whole = W.ndim == x.array.ndim == 3 and W.shape[2] == 1 and not np.any(node.setting("pads", 0))
    if not whole or np.any(np.ravel(node.setting("strides", 1)) != 1):
        raise ValueError("is a convolution over several steps; expected one of width 1")
    if x.labels[1] or x.array.size != x.array.shape[1] or W.shape[1] != x.array.size:
        raise ValueError(f"convolves a tensor {node.network.shape(x)}; expected features, then steps")
    b = node.constant(2) if node.has(2) else np.zeros(len(W))
    stage = settle(node.network, _as_floats(node, x))
    stage = _add_dense(node, stage, W[:, :, 0].astype(np.float64), b.astype(np.float64))
    return all_units(stage, x, (1, stage.width, 1))


def normalize(node: Node) -> list[Tensor]:
    """Return what a batch normalization computes of features that are axis 1."""
    x = node.signal(0)
    node.expect("training_mode", 0)
    if x.array.ndim < 2 or x.labels[1]:
        raise ValueError("normalizes another axis than the features")
    gamma, beta, mean, variance = (node.constant(n).astype(np.float64) for n in range(1, 5))
    factor = gamma / np.sqrt(variance + float(node.setting("epsilon", 1e-5)))
    shape = [-1 if axis == 1 else 1 for axis in range(x.array.ndim)]
    both = (np.broadcast_to(c.reshape(shape), x.array.shape).ravel() for c in (factor, beta - mean * factor))
    return [scale(node, x, *both)]


def activate(node: Node) -> Tensor:
    """Return an activation of every element."""
    x = node.signal(0)
    name = ACTIVATIONS.get(node.kind) or _find_activation(node)
    stage = settle(node.network, _as_floats(node, x))
    if stage.kind == "softmax":
        raise ValueError("follows Softmax; name the output of Softmax as output_name=")
    return all_units(node.network.add("activation", stage, name, stage.width, node.name), x)


def _find_activation(node: Node) -> str:
    """Return the name of an activation with settings, of which cdjax has those of a few."""
    alpha, beta = node.setting("alpha", None), node.setting("beta", None)
    if node.kind == "LeakyRelu" and np.isclose(0.01 if alpha is None else alpha, 0.01):
        return "leaky_relu"
    if node.kind in ("Elu", "Celu") and alpha in (None, 1.0):
        return "elu"
    if node.kind == "HardSigmoid":
        return find_hard_sigmoid(0.2 if alpha is None else alpha, 0.5 if beta is None else beta)
    if node.kind == "Gelu" and node.setting("approximate", "none") == "none":
        return "gelu"
    if node.kind == "Clip":
        bounds = [node.setting("min", None), node.setting("max", None)]
        bounds = [number_of(node.take(n)) if node.has(n) else bounds[n - 1] for n in (1, 2)]
        for name, known in {"relu6": [0, 6], "hard_tanh": [-1, 1], "relu": [0, None]}.items():
            if bounds == known:
                return name
        raise ValueError(f"clips to {bounds}; expected 0 to 6 or -1 to 1")
    settings = {k: v for k, v in node.attributes.items() if k in ("alpha", "beta", "approximate")}
    raise ValueError(f"is an activation with {settings}, which cdjax does not have")


def find_hard_sigmoid(alpha: float, beta: float) -> str:
    """Return the name of the hard sigmoid `clip(alpha z + beta, 0, 1)`."""
    for name, slope in {"hard_sigmoid_keras2": 0.2, "hard_sigmoid": 1 / 6}.items():
        if np.isclose(alpha, slope) and beta == 0.5:
            return name
    raise ValueError(
        f"is a hard sigmoid of alpha {alpha:g} and beta {beta:g}; expected alpha 0.2 or 1/6, beta 0.5"
    )


def normalize_exponentially(node: Node) -> Tensor:
    """Return the probabilities of the features: Softmax, LogSoftmax."""
    x = node.signal(0)
    rank = x.array.ndim
    axis = find_axis(int(node.setting("axis", 1 if node.opset < 13 else -1)), rank)
    over = range(axis, rank) if node.opset < 13 else [axis]
    shape = node.network.shape(x)
    if any(x.labels[n] and shape[n] != 1 for n in over) or x.array.size != np.prod(
        [x.array.shape[n] for n in over]
    ):
        raise ValueError(f"is over axis {axis} of {shape}; expected the outputs alone")
    stage = settle(node.network, _as_floats(node, x))
    return all_units(node.network.add("softmax", stage, node.kind, stage.width, node.name), x)


def reduce(node: Node) -> Tensor:
    """Return the mean or maximum over the steps, or a sum or mean over features."""
    if not isinstance(x := node.take(0), Value) or not x.signal:
        if node.kind != "ReduceProd":
            raise ValueError("reduces a constant; it is not folded")
        sizes = as_constant(x, "input 0")
        product = compact(np.asarray(np.prod(sizes), object).reshape(()))
        return Value.constant(product.reshape(1) if node.setting("keepdims", 1) else product)
    rank = x.array.ndim
    if node.kind.startswith("Global"):
        axes, keep = list(range(2, rank)), True
    elif node.kind in ("MaxPool", "AveragePool"):
        axes, keep = _find_window(node, x), True
    else:
        axes, keep = node.axes("axes", 1, rank), bool(node.setting("keepdims", 1))
        if axes is None:
            axes = [] if node.setting("noop_with_empty_axes", 0) else list(range(rank))
    kind = "max" if "Max" in node.kind else "sum" if "Sum" in node.kind else "mean"
    for axis in sorted(axes, reverse=True):
        if x.labels[axis]:
            x = _reduce_steps(node, x, axis, kind)
        elif x.array.shape[axis] != 1:
            x = _reduce_features(node, x, axis, kind)
        x = x if keep else drop(node.network, x, axis)
    return x


def _find_window(node: Node, x: Value) -> list[int]:
    """Return the axis of a pool whose window is all of it."""
    shape = node.network.shape(x)
    window = node.setting("kernel_shape", None)
    if x.array.ndim != 3 or list(window) != [shape[2]] or np.any(node.setting("pads", 0)):
        raise ValueError(f"pools {shape} by windows of {window}; expected all steps")
    return [2]


def _reduce_steps(node: Node, x: Value, axis: int, kind: str) -> Value:
    """Return the mean or the maximum over the steps."""
    network, labels = node.network, x.labels[axis]
    if network.shape(x)[axis] == 1 and not is_time(network, labels):
        return x
    timed = is_time(network, labels) and (decode(x.array)[1] == EACH).all()
    if not timed or kind == "sum":
        what = name_axis(network, labels)
        raise ValueError(f"takes the {kind} over {what}; expected the mean or maximum over the steps")
    array = at_moment(x.array, MEAN if kind == "mean" else MAX)
    return Value(array, (*x.labels[:axis], (), *x.labels[axis + 1 :]), True)


def _reduce_features(node: Node, x: Value, axis: int, kind: str) -> Value:
    """Return a sum or mean over an axis of features, such as the directions."""
    if kind == "max":
        raise ValueError("takes the maximum over features")
    stage = settle(node.network, _as_floats(node, x))
    numbers = np.moveaxis(np.arange(x.array.size).reshape(x.array.shape), axis, 0)
    W = sum(choose(part.ravel(), stage.width) for part in numbers)
    W = np.asarray(W) / (len(numbers) if kind == "mean" else 1)
    shape = (*x.array.shape[:axis], 1, *x.array.shape[axis + 1 :])
    return all_units(_add_dense(node, stage, W, np.zeros(len(W))), x, shape)


