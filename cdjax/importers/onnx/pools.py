"""Operations that reduce: over the steps, or over features."""

import numpy as np

from cdjax.importers.onnx.arithmetic import add_dense, as_floats
from cdjax.importers.onnx.moves import drop, is_time, name_axis
from cdjax.importers.onnx.node import Node
from cdjax.importers.onnx.settle import choose, settle
from cdjax.importers.onnx.sizes import compact
from cdjax.importers.onnx.values import (
    EACH,
    MAX,
    MEAN,
    Tensor,
    Value,
    all_units,
    as_constant,
    at_moment,
    decode,
)


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
    node.expect("auto_pad", "NOTSET", "VALID")
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
        raise ValueError(
            f"takes the {kind} over {what}; expected the mean or maximum over the steps"
        )
    array = at_moment(x.array, MEAN if kind == "mean" else MAX)
    return Value(array, (*x.labels[:axis], (), *x.labels[axis + 1 :]), True)


def _reduce_features(node: Node, x: Value, axis: int, kind: str) -> Value:
    """Return a sum or mean over an axis of features, such as the directions."""
    if kind == "max":
        raise ValueError("takes the maximum over features")
    stage = settle(node.network, as_floats(node, x))
    numbers = np.moveaxis(np.arange(x.array.size).reshape(x.array.shape), axis, 0)
    W = sum(choose(part.ravel(), stage.width) for part in numbers)
    W = np.asarray(W) / (len(numbers) if kind == "mean" else 1)
    shape = (*x.array.shape[:axis], 1, *x.array.shape[axis + 1 :])
    return all_units(add_dense(node, stage, W, np.zeros(len(W))), x, shape)
