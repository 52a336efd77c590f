"""The operations that are understood, and the settings of each that are."""

from collections.abc import Callable

import numpy as np

from cdjax.importers.layout import check_count
from cdjax.importers.onnx import activations, arithmetic, moves, orders, pools
from cdjax.importers.onnx.node import Node
from cdjax.importers.onnx.recurrent import read_layer
from cdjax.importers.onnx.sizes import Size
from cdjax.importers.onnx.values import Order, Tensor, Uniform, Value, decode, encode, number_of

FLOATS = {1, 10, 11, 16}  # float, float16, double, bfloat16 in TensorProto.DataType
WHOLE = {2, 3, 4, 5, 6, 7, 12, 13}


def _keep(node: Node) -> Tensor:
    """Return the input: Identity, Dropout, which does nothing outside of training."""
    if node.kind == "Dropout" and node.has(2) and number_of(node.take(2)) not in (0, False):
        raise ValueError("drops numbers at random, as in training; export the model for inference")
    return node.take(0)


def _cast(node: Node) -> Tensor:
    """Return numbers of another type; floats that become whole are word numbers."""
    if isinstance(order := node.inputs[0], Order):
        return order
    x, target = node.take(0), int(node.setting("to", 1))
    if isinstance(x, Uniform) or not x.signal:
        kind = float if target in FLOATS else int if target in WHOLE else None
        numbers = x.number if isinstance(x, Uniform) else x.array
        if kind is None or isinstance(numbers, Size) or np.asarray(numbers).dtype.kind == "O":
            return x
        if isinstance(x, Uniform):
            return Uniform(kind(numbers), x.shape)
        if (kind is int) == (x.array.dtype.kind in "iu") and x.array.dtype.kind != "b":
            return x  # another precision is of no importance
        return Value.constant(x.array.astype(np.float32 if kind is float else np.int64))
    number, _, unit = decode(x.array)
    stage = node.network.stages[number.flat[0]] if len(np.unique(number)) == 1 else None
    if target in FLOATS and not (stage and stage.kind == "ids"):
        return x
    if target in WHOLE and stage and stage.kind in ("ids", "input"):
        if stage.kind == "ids":
            return x
        ids = node.network.add("ids", stage, "cast", stage.width, stage.name)
        return Value(encode(ids, unit), x.labels, True)
    if target in FLOATS and stage and stage.what != "cast":  # whole numbers as a series
        series = node.network.add("input", None, None, stage.width, stage.name)
        return Value(encode(series, unit), x.labels, True)
    raise ValueError("rounds what the network computes")


def _select(node: Node) -> Tensor:
    """Return constants chosen by a condition: Where; or compared: Equal, Not."""
    arrays = [node.constant(n) for n in range(len(node.inputs))]
    if any(array.dtype == object for array in arrays):
        raise ValueError("compares sizes that are open")
    check_count("", *np.broadcast_shapes(*(array.shape for array in arrays)))
    function: Callable = {"Where": np.where, "Equal": np.equal, "Not": np.logical_not}[node.kind]
    return Value.constant(np.asarray(function(*arrays)))


LENIENT = (
    "ConstantOfShape",
    "Expand",
    "GRU",
    "If",
    "LSTM",
)  # may need no more than the shape, or not all

Operation = Callable[[Node], Tensor | list[Tensor]]


def _name(
    kinds: str, function: Operation, settings: str = ""
) -> dict[str, tuple[Operation, set[str]]]:
    """Return operations and the settings that they know, by their names."""
    return dict.fromkeys(kinds.split(), (function, set(settings.split())))


OPERATIONS: dict[str, tuple[Operation, set[str]]] = {
    **_name("Identity", _keep),
    **_name("Dropout", _keep, "ratio seed"),
    **_name("Cast", _cast, "to saturate"),
    **_name("Where Equal Not", _select),
    **_name("Transpose", moves.transpose, "perm"),
    **_name("Squeeze", moves.squeeze, "axes"),
    **_name("Unsqueeze", moves.unsqueeze, "axes"),
    **_name("Reshape Flatten", moves.move, "allowzero axis shape"),
    **_name("Concat", moves.join, "axis"),
    **_name("Split", moves.split, "axis split num_outputs"),
    **_name("Slice", moves.cut, "axes starts ends"),
    **_name("Gather", orders.choose, "axis"),
    **_name("TopK", orders.sort, "axis largest sorted"),
    **_name("Range", orders.count),
    **_name("ScatterElements", orders.invert, "axis"),
    **_name("Expand Tile", moves.expand),
    **_name("Shape Size", moves.find_shape, "start end"),
    **_name("ConstantOfShape", moves.fill, "value"),
    **_name("ReverseSequence", moves.reverse_sequence, "batch_axis time_axis"),
    **_name(" ".join(arithmetic.OPERATORS), arithmetic.combine),
    **_name("MatMul Gemm", arithmetic.multiply_matrix, "alpha beta transA transB"),
    **_name("Conv", arithmetic.convolve, "auto_pad dilations group kernel_shape pads strides"),
    **_name("BatchNormalization", arithmetic.normalize, "epsilon momentum spatial training_mode"),
    **_name(" ".join(activations.ACTIVATIONS), activations.activate),
    **_name(
        "Celu Clip Elu Gelu HardSigmoid LeakyRelu Selu ThresholdedRelu",
        activations.activate,
        "alpha beta gamma min max approximate",
    ),
    **_name("Softmax LogSoftmax", activations.normalize_exponentially, "axis"),
    **_name(
        "ReduceMean ReduceMax ReduceSum ReduceProd GlobalAveragePool GlobalMaxPool",
        pools.reduce,
        "axes keepdims noop_with_empty_axes",
    ),
    **_name(
        "AveragePool MaxPool",
        pools.reduce,
        "auto_pad ceil_mode count_include_pad dilations kernel_shape pads storage_order strides",
    ),
    **_name(
        "LSTM GRU",
        read_layer,
        "activation_alpha activation_beta activations clip direction hidden_size input_forget "
        "layout linear_before_reset",
    ),
}
