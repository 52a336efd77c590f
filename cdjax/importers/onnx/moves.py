"""Operations that only move elements: on constants and on signals alike."""

import numpy as np

from cdjax.importers.layout import check_count
from cdjax.importers.onnx.node import LIMITLESS, Node, find_axis
from cdjax.importers.onnx.reshape import reshape
from cdjax.importers.onnx.sizes import Number, as_array, compact, multiply
from cdjax.importers.onnx.values import (
    EACH,
    FIRST,
    LAST,
    Network,
    Order,
    Tensor,
    Uniform,
    Value,
    as_constant,
    as_whole,
    at_moment,
    decode,
    encode,
    number_of,
)


def transpose(node: Node) -> Tensor:
    """Return the axes in another order."""
    x = node.take(0)
    if isinstance(x, Uniform):
        return Uniform(x.number)
    order = [int(axis) for axis in node.setting("perm", range(x.array.ndim)[::-1])]
    array = np.transpose(x.array, order)
    return Value(array, tuple(x.labels[axis] for axis in order), x.signal)


def squeeze(node: Node) -> Tensor:
    """Return a tensor without some axes of size 1."""
    x = node.take(0)
    if isinstance(x, Uniform):
        return Uniform(x.number)
    shape = node.network.shape(x)
    axes = node.axes("axes", 1, len(shape))
    axes = [axis for axis, size in enumerate(shape) if size == 1] if axes is None else axes
    for axis in sorted(set(axes), reverse=True):
        x = drop(node.network, x, axis)
    return x


def drop(network: Network, x: Value, axis: int) -> Value:
    """Return a tensor without an axis of size 1."""
    labels, size = x.labels[axis], network.shape(x)[axis]
    if labels and size != 1:
        raise ValueError(f"drops {name_axis(network, labels)}, whose size is {size}")
    if labels and is_time(network, labels):
        x = take_step(network, x, axis, last=True)  # of one step
    rest = x.labels[:axis] + x.labels[axis + 1 :]
    return Value(np.squeeze(x.array, axis), rest, x.signal)


def unsqueeze(node: Node) -> Tensor:
    """Return a tensor with more axes of size 1."""
    x = node.take(0)
    if isinstance(x, Uniform):
        return Uniform(x.number)
    given = node.whole("axes", 1) or []
    rank = x.array.ndim + len(given)
    array, labels = x.array, list(x.labels)
    for axis in sorted(find_axis(axis, rank) for axis in given):
        array = np.expand_dims(array, axis)
        labels.insert(axis, ())
    return Value(array, tuple(labels), x.signal)


def move(node: Node) -> Tensor:
    """Return a tensor in another shape: Reshape, Flatten."""
    x = node.take(0)
    if isinstance(x, Uniform):
        return Uniform(x.number)
    shape = node.network.shape(x)
    if node.kind == "Flatten":
        axis = int(node.setting("axis", 1)) % (len(shape) + 1)
        return reshape(node.network, x, [multiply(shape[:axis]), multiply(shape[axis:])])
    target = node.whole("shape", 1) or []
    if not node.setting("allowzero", 0):
        target = [shape[n] if size == 0 else size for n, size in enumerate(target)]
    return reshape(node.network, x, target)


def join(node: Node) -> Tensor:
    """Return several tensors side by side."""
    parts = [node.take(n) for n in range(len(node.inputs))]
    numbers = [number_of(part) for part in parts]
    if any(isinstance(part, Uniform) for part in parts) and all(
        number is not None and number == numbers[0] for number in numbers
    ):
        return Uniform(numbers[0])
    values: list[Value] = []
    for n, part in enumerate(parts):
        value = part if isinstance(part, Value) else Value.constant(node.constant(n))
        values.append(value)
    first = values[0]
    if any(value.signal != first.signal for value in values):
        raise ValueError("joins what is computed from the input with a constant")
    axis = find_axis(int(node.setting("axis", 1)), first.array.ndim)
    if any(value.labels != first.labels for value in values) or first.labels[axis]:
        raise ValueError("joins tensors along the batch or the steps, or of different axes")
    check_count("", sum(value.array.size for value in values))
    array = np.concatenate([value.array for value in values], axis)
    return Value(compact(array), first.labels, first.signal)


def split(node: Node) -> list[Tensor]:
    """Return the parts of a tensor along an axis."""
    x = node.take(0)
    if isinstance(x, Uniform):
        return [Uniform(x.number)] * node.outputs
    axis = find_axis(int(node.setting("axis", 0)), x.array.ndim)
    if x.labels[axis]:
        raise ValueError(f"splits {name_axis(node.network, x.labels[axis])}")
    size = x.array.shape[axis]
    sizes = node.whole("split", 1)
    if sizes is None:
        each = -(-size // node.outputs)
        sizes = [min(each, size - n * each) for n in range(node.outputs)]
    if len(sizes) != node.outputs or sum(int(n) for n in sizes) != size:  # type: ignore[arg-type]
        raise ValueError(f"splits {size} into {sizes}")
    bounds = np.cumsum(as_array(sizes))[:-1]
    return [Value(part, x.labels, x.signal) for part in np.split(x.array, bounds, axis)]


def cut(node: Node) -> Tensor:
    """Return a part of a tensor: Slice."""
    x = node.take(0)
    if isinstance(x, Uniform):
        return Uniform(x.number)
    starts, ends = node.whole("starts", 1) or [], node.whole("ends", 2) or []
    axes = node.axes("axes", 3, x.array.ndim)
    axes = list(range(len(starts))) if axes is None else axes
    steps = node.whole("steps", 4) or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if x.labels[axis]:
            x = _cut_labelled(node.network, x, axis, start, end, step)
            continue
        size = x.array.shape[axis]
        if not all(isinstance(bound, int) for bound in (start, end, step)):
            raise ValueError(f"takes {start} to {end} of {size}")
        open_end = step < 0 and end < -size  # type: ignore[operator]
        taken = slice(start, None if open_end else end, step)
        x = Value(x.array[(slice(None),) * axis + (taken,)], x.labels, x.signal)
    return x


def _cut_labelled(
    network: Network, x: Value, axis: int, start: Number, end: Number, step: Number
) -> Value:
    """Return all, one or the reverse of the entries of an axis of the batch or the steps."""
    labels, size = x.labels[axis], network.shape(x)[axis]
    beyond = isinstance(end, int) and (end >= LIMITLESS or (isinstance(size, int) and end >= size))
    whole = beyond or end == size
    first_of_all = start == 0 or (isinstance(start, int) and start <= -LIMITLESS)
    if step == 1 and first_of_all and whole:
        return x
    if step == 1 and is_time(network, labels):
        if start in (-1, size - 1) and whole:
            return take_step(network, x, axis, last=True)
        if start in (0, -size) and end in (1, 1 - size):
            return take_step(network, x, axis, last=False)
    from_end = start in (-1, size - 1) or (isinstance(start, int) and start >= LIMITLESS)
    to_front = isinstance(end, int) and (
        end <= -LIMITLESS or (isinstance(size, int) and end < -size)
    )
    if step == -1 and from_end and to_front and len(labels) == 1 and x.signal:
        return reverse(x, axis)
    raise ValueError(
        f"takes {start} to {end}, step {step}, of {name_axis(network, labels)}; expected all of "
        f"it, of the steps of a layer's output the last one or the first one"
    )


def reverse(x: Value, axis: int) -> Value:
    """Return a signal with an axis from the end."""
    (label,) = x.labels[axis]
    other = label[1:] if label.startswith("~") else f"~{label}"
    return Value(x.array, (*x.labels[:axis], (other,), *x.labels[axis + 1 :]), True)


def reverse_sequence(node: Node) -> Tensor:
    """Return a signal with its steps from the end, where their number is all of them."""
    x = node.signal()
    axis = int(node.setting("time_axis", 0))
    labels = x.labels[find_axis(axis, x.array.ndim)]
    size = node.network.shape(x)[axis]
    if len(labels) != 1 or number_of(node.take(1)) != size:
        raise ValueError("reverses steps whose number is computed; expected all of them")
    return reverse(x, axis)


def is_time(network: Network, labels: tuple[str, ...]) -> bool:
    """Return whether an axis is that of the steps."""
    return len(labels) == 1 and labels[0].lstrip("~") == network.time


def name_axis(network: Network, labels: tuple[str, ...]) -> str:
    """Return how to name an axis in a message."""
    if network.time is None:
        return f"an axis of the input ({', '.join(labels)}) before its steps are known"
    return "the steps" if is_time(network, labels) else f"the batch ({', '.join(labels)})"


def take_step(network: Network, x: Value, axis: int, last: bool) -> Value:
    """Return a signal's last or first step, in an axis of size 1."""
    labels = x.labels[axis]
    backward = labels[0].startswith("~")
    if not x.signal or not is_time(network, labels) or (decode(x.array)[1] != EACH).any():
        raise ValueError(f"takes one entry of {name_axis(network, labels)}")
    taken = LAST if last != backward else FIRST
    array = at_moment(x.array, taken)
    return Value(array, (*x.labels[:axis], (), *x.labels[axis + 1 :]), True)


def gather(node: Node) -> Tensor:
    """Return chosen entries of an axis; of a table by word numbers, its embedding."""
    indices = node.inputs[1] if len(node.inputs) > 1 else None
    if isinstance(indices, Value) and indices.signal:
        return embed(node, indices)
    x = node.take(0)
    if isinstance(x, Uniform):
        return Uniform(x.number)
    where = node.constant(1)
    axis = find_axis(int(node.setting("axis", 0)), x.array.ndim)
    labels = x.labels[:axis] + ((),) * where.ndim + x.labels[axis + 1 :]
    if not x.labels[axis]:
        check_count("", where.size, x.array.size // max(x.array.shape[axis], 1))
        array = np.asarray(np.take(x.array, where.astype(np.int64), axis))
        return Value(compact(array), labels, x.signal)
    size, index = node.network.shape(x)[axis], number_of(Value.constant(where))
    last, first = index in (-1, size - 1), index in (0, -size)
    if where.size != 1 or not (last or first):
        raise ValueError(
            f"takes {index} of {name_axis(node.network, x.labels[axis])}; expected the last step "
            f"(-1) or the first (0)"
        )
    if size == 1 and not is_time(node.network, x.labels[axis]):
        taken = x.array  # the one sequence of the batch
    else:
        taken = take_step(node.network, x, axis, last=last).array
    shape = taken.shape[:axis] + where.shape + taken.shape[axis + 1 :]
    return Value(taken.reshape(shape), labels, True)


def embed(node: Node, ids: Value) -> Tensor:
    """Return the rows of a table that word numbers choose."""
    network, table = node.network, node.constant(0)
    stage = network.stages[int(decode(ids.array)[0].flat[0])]
    if stage.kind != "ids":
        raise ValueError("looks up numbers that the network computes; expected those of its input")
    if ids.array.size != 1:
        raise ValueError(f"looks up {ids.array.size} numbers a step; expected one")
    if table.ndim != 2 or int(node.setting("axis", 0)) != 0:
        raise ValueError(f"a table of shape {list(table.shape)}; expected [words, width], axis 0")
    embedding = network.add("embedding", stage, table, table.shape[1], node.names[0])
    array = encode(embedding, np.arange(embedding.width))
    array = array.reshape((1,) * ids.array.ndim + (-1,))
    return Value(array, (*ids.labels, ()), True)


def expand(node: Node) -> Tensor:
    """Return a constant repeated to a shape; a signal that has the shape."""
    x = node.take(0)
    number = number_of(x)
    if isinstance(x, Value) and x.signal:
        target, shape = as_whole(node.take(1), "the shape"), node.network.shape(x)
        if len(target) > len(shape) or any(
            size not in (1, own) for size, own in zip(target[::-1], shape[::-1], strict=False)
        ):
            raise ValueError(f"repeats a tensor of shape {shape} to {target}")
        return x
    if number is not None:
        try:
            shape = tuple(as_whole(node.take(1), "the shape"))
        except ValueError:  # of no importance where the number is all that matters
            return Uniform(number)
        return Uniform(number, shape if node.kind == "Expand" else None)
    shape = as_constant(node.take(1), "the shape")
    own = as_array(np.shape(node.constant(0)))
    if node.kind == "Tile":
        raise ValueError("repeats a constant; it is not folded")
    check_count("", *shape.tolist(), *own.tolist())
    return Value.constant(np.broadcast_to(node.constant(0), np.broadcast_shapes(own, shape)))


def find_shape(node: Node) -> Tensor:
    """Return the sizes of a tensor's axes: Shape, Size."""
    if isinstance(order := node.inputs[0], Order):
        return Value.constant(as_array([order.size]))
    x = node.take(0)
    shape = x.shape if isinstance(x, Uniform) else node.network.shape(x)
    if shape is None:
        raise ValueError("the shape of its input is not known")
    if node.kind == "Size":
        return Value.constant(as_array([multiply(shape)]).reshape(()))
    start, end = node.setting("start", 0), node.setting("end", len(shape))
    return Value.constant(as_array(list(shape)[start:end]))


def fill(node: Node) -> Tensor:
    """Return one number everywhere: ConstantOfShape."""
    number = np.ravel(node.setting("value", np.zeros(1, np.float32)))[0]
    try:
        return Uniform(number, tuple(as_whole(node.take(0), "the shape")))
    except ValueError:
        return Uniform(number)
