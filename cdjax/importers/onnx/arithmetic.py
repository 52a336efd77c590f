"""Operations that compute: dense layers, sums, normalization; constants from constants."""

import operator
from collections.abc import Callable

import numpy as np

from cdjax.importers.layout import check_count
from cdjax.importers.onnx.node import InputAxis, Node
from cdjax.importers.onnx.settle import choose, settle
from cdjax.importers.onnx.sizes import compact
from cdjax.importers.onnx.values import (
    Stage,
    Tensor,
    Uniform,
    Value,
    all_units,
    as_constant,
    decode,
    number_of,
)

OPERATORS: dict[str, Callable] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
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
    check_count("", *shape)
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
    check_count("", *np.broadcast_shapes(np.shape(left), np.shape(right)))
    with np.errstate(all="ignore"):
        result = function(left, right)
    return Uniform(result) if uniform else Value.constant(compact(np.asarray(result)))


def scale(node: Node, x: Value, factor: np.ndarray, shift: np.ndarray) -> Value:
    """Return `factor * x + shift`, element by element."""
    if (factor == 1).all() and not shift.any():
        return x
    stage = settle(node.network, as_floats(node, x))
    matrix = factor[:, None] * choose(np.arange(stage.width), stage.width)
    return all_units(add_dense(node, stage, matrix, shift), x)


def as_floats(node: Node, x: Value) -> Value:
    """Return a signal; raise where it is word numbers."""
    for n in np.unique(decode(x.array)[0]):
        if node.network.stages[n].kind == "ids":
            raise ValueError("computes with word numbers; expected an embedding of them")
    return x


def add_dense(node: Node, stage: Stage, W: np.ndarray, b: np.ndarray) -> Stage:
    """Return a stage `W x + b`."""
    if stage.kind == "softmax":
        raise ValueError(
            "computes with what Softmax gives; name the output of Softmax as output_name="
        )
    return node.network.add("dense", stage, (W, b), len(b), node.name)


def _combine_signals(node: Node, a: Value, b: Value) -> Tensor:
    """Return a sum or difference of two signals; a product where it is an activation."""
    same = a.array.shape == b.array.shape and a.labels == b.labels
    if node.kind == "Mul":
        if same and (product := _multiply(node, a, b)) is not None:
            return product
        raise ValueError(
            "multiplies one signal by another, attention or a gate; expected a constant"
        )
    if not same:
        raise ValueError("adds two signals of different axes")
    if node.kind == "Div":
        raise ValueError("divides one signal by another")
    both = Value(np.stack([a.array, b.array]), ((), *a.labels), True)
    stage = settle(node.network, as_floats(node, both))
    eye = choose(np.arange(a.array.size), a.array.size)
    W = np.concatenate([eye, eye if node.kind == "Add" else -eye], axis=1)
    return all_units(add_dense(node, stage, W, np.zeros(len(W))), a)


def _multiply(node: Node, a: Value, b: Value) -> Tensor | None:
    """Return x * sigmoid(x), silu, or x * (1 + erf(x / sqrt 2)), twice gelu, if it is."""
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
    return None


def _unscale(stage: Stage) -> tuple[Stage, float, float]:
    """Return the stage that another one is `factor * stage + shift` of, and these."""
    factor, shift = 1.0, 0.0
    while stage.kind == "dense" and stage.source is not None:
        W, b = stage.what
        if W.shape[0] != W.shape[1] or (W[0, 0] * np.eye(len(W)) != W).any() or (b != b[0]).any():
            break
        stage, factor, shift = stage.source, factor * W[0, 0], factor * b[0] + shift
    return stage, factor, shift


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
    first = node.network.stages[decode(x.array)[0].flat[0]]
    if first.kind == "input" and x.array.size == 1 and shape and len(x.labels[-1]) == 1:
        raise InputAxis(x.labels[-1][0], W.shape[1])
    if not shape or x.labels[-1] or shape[-1] != x.array.size or W.shape[1] != shape[-1]:
        raise ValueError(
            f"multiplies a matrix {list(W.shape)} with a tensor of the axes "
            f"{node.network.shape(x)}; expected its features in the last one"
        )
    b = np.zeros(len(W))
    if node.kind == "Gemm" and node.has(2):
        b = b + np.broadcast_to(np.squeeze(node.constant(2)), b.shape).astype(np.float64) * beta
    stage = add_dense(node, settle(node.network, as_floats(node, x)), W, b)
    return all_units(stage, x, (*shape[:-1], stage.width))


def convolve(node: Node) -> Tensor:
    """Return a dense layer at every step, as a convolution of width 1 writes it."""
    x, W = node.signal(0), node.constant(1)
    node.expect("group", 1)
    whole = W.ndim == x.array.ndim == 3 and W.shape[2] == 1 and not np.any(node.setting("pads", 0))
    if not whole or np.any(np.ravel(node.setting("strides", 1)) != 1):
        raise ValueError("is a convolution over several steps; expected one of width 1")
    if x.labels[1] or x.array.size != x.array.shape[1] or W.shape[1] != x.array.size:
        raise ValueError(
            f"convolves a tensor {node.network.shape(x)}; expected features, then steps"
        )
    b = node.constant(2) if node.has(2) else np.zeros(len(W))
    stage = settle(node.network, as_floats(node, x))
    stage = add_dense(node, stage, W[:, :, 0].astype(np.float64), b.astype(np.float64))
    return all_units(stage, x, (1, stage.width, 1))


def normalize(node: Node) -> list[Tensor]:
    """Return what a batch normalization computes of features that are axis 1."""
    x = node.signal(0)
    node.expect("training_mode", 0)
    node.expect("spatial", 1)
    if node.outputs > 1:
        raise ValueError("normalizes as in training; export the model for inference")
    if x.array.ndim < 2 or x.labels[1]:
        raise ValueError("normalizes another axis than the features")
    gamma, beta, mean, variance = (node.constant(n).astype(np.float64) for n in range(1, 5))
    factor = gamma / np.sqrt(variance + float(node.setting("epsilon", 1e-5)))
    shape = [-1 if axis == 1 else 1 for axis in range(x.array.ndim)]
    both = (
        np.broadcast_to(c.reshape(shape), x.array.shape).ravel()
        for c in (factor, beta - mean * factor)
    )
    return [scale(node, x, *both)]
