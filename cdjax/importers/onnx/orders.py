"""Sequences put in the order of their lengths, and back, as `pack_padded_sequence` is exported.

One sequence by itself is the same in any order, so that only mixing two orders is wrong: the batch
has another label in the new order.
"""

from cdjax.importers.onnx.moves import gather
from cdjax.importers.onnx.node import Node, find_axis
from cdjax.importers.onnx.values import Order, Tensor, Value, number_of

MARK = "!"


def sort(node: Node) -> list[Tensor]:
    """Return lengths in order, and the order: TopK of all of them."""
    x = node.signal(0)
    size = node.network.shape(x)
    if len(size) != 1 or not x.labels[0] or number_of(node.take(1)) != size[0]:
        raise ValueError("sorts what the network computes; expected the lengths of sequences")
    order = Order(size[0], "sorted")
    return [_turn(node, x, 0, order), order]


def invert(node: Node) -> Tensor:
    """Return the inverse of an order: ScatterElements of the numbers from 0 to the last."""
    _, order, numbers = node.inputs
    if not isinstance(order, Order) or numbers != Order(order.size, "counted"):
        raise ValueError("scatters elements; expected the inverse of an order of the sequences")
    if order.kind != "sorted":
        raise ValueError(f"inverts an order that is {order.kind}")
    return Order(order.size, "inverse")


def count(node: Node) -> Tensor:
    """Return the numbers of all sequences: Range."""
    start, stop, step = (node.constant(n).item() for n in range(3))
    if (start, step) != (0, 1):
        raise ValueError("counts otherwise than from 0 by 1")
    return Order(stop, "counted")


def choose(node: Node) -> Tensor:
    """Return a tensor's sequences in an order, or what else Gather takes."""
    order = node.inputs[1] if len(node.inputs) > 1 else None
    if not isinstance(order, Order):
        return gather(node)
    x = node.signal(0)
    return _turn(node, x, find_axis(int(node.setting("axis", 0)), x.array.ndim), order)


def _turn(node: Node, x: Value, axis: int, order: Order) -> Value:
    """Return a tensor with the label of its batch that says the order."""
    labels, sizes = x.labels[axis], node.network.sizes
    marked = len(labels) == 1 and labels[0].endswith(MARK)
    turns = {"sorted": False, "inverse": True}
    if len(labels) != 1 or turns.get(order.kind) != marked or sizes[labels[0]] != order.size:
        raise ValueError("orders another axis than the sequences of the batch, or twice")
    label = labels[0].removesuffix(MARK) if marked else labels[0] + MARK
    sizes[label] = order.size
    return Value(x.array, (*x.labels[:axis], (label,), *x.labels[axis + 1 :]), True)
