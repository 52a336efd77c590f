"""The layers of a file that holds weights alone, told from the names and shapes of its weights."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from cdjax.importers.keras.graph import Chain, Layer
from cdjax.importers.keras.weights import NamedWeights, NumberedWeights, Weights

REMEDY = "Give config=PATH of the model's JSON, which model.to_json() writes."
GATES = {4: "LSTM", 3: "GRU"}
MOST_ORDERS = 10_000
Shape = tuple[int, ...]


class _Entry(NamedTuple):
    """A layer that was told from its weights, and its widths."""

    layer: Layer
    takes: int
    gives: int

    @property
    def phase(self) -> int:
        """0 of an embedding, 1 of a recurrent layer, 2 of a dense one."""
        return {"Embedding": 0, "Dense": 2, "TimeDistributed": 2}.get(self.layer.kind, 1)


def outline_chain(weights: Weights, source: str, cell_activations: Sequence[str] | None) -> Chain:
    """Return the layers that weights belong to: an embedding, recurrent layers, dense layers.

    Args:
        weights: The weights.
        source: How to name the file in messages.
        cell_activations: Of the gates and of the content of each cell.

    Raises:
        ValueError: Where the weights do not tell, or `cell_activations` is needed.
    """
    outlines = list(_list_shapes(weights))
    entries = [
        _recognize(name, slot, shapes, source, cell_activations) for name, slot, shapes in outlines
    ]
    if not any(entry.phase == 1 for entry in entries):
        raise ValueError(f"{source} holds no LSTM or GRU; found {[name for name, *_ in outlines]}.")
    orders = [entries] if isinstance(weights, NamedWeights) else _find_orders(entries, [], source)
    orders = [order for order in orders if _fits(order)]
    if len(orders) != 1:
        found = ", ".join(f"{e.layer.name}: {e.takes} to {e.gives}" for e in entries)
        raise ValueError(
            f"{source} does not say how its layers follow each other ({found}). {REMEDY}"
        )
    return Chain(tuple(entry.layer for entry in orders[0]), None)


def _list_shapes(weights: Weights) -> Iterator[tuple[str, tuple[str, int], list[Shape]]]:
    """Yield of each layer its name, its place among those of its class, and its weights' shapes."""
    if isinstance(weights, NamedWeights):
        for name, entries in weights.layers.items():
            shapes = [tuple(value.shape) for _, value in entries]
            if shapes:
                yield name, ("", 0), shapes
    elif isinstance(weights, NumberedWeights):
        groups: dict[tuple[str, int], dict[tuple[str, ...], Shape]] = {}
        for path, dataset in weights.values.items():
            match = re.match(r"(?:layers|_layer_checkpoint_dependencies)/(.*?)(?:_(\d+))?/", path)
            if match and "/seed_generator/" not in path:
                group = groups.setdefault((match[1], int(match[2] or 0)), {})
                # Forward before backward, and weights by number.
                key = ("0" if "/forward_layer/" in path else "1", path)
                group[key] = tuple(dataset.shape)
        ranks: dict[str, int] = {}
        for snake, number in sorted(groups):
            rank = ranks[snake] = ranks.get(snake, -1) + 1
            group = groups[snake, number]
            name = f"{snake}_{number}" if number else snake
            yield name, (snake, rank), [group[key] for key in sorted(group)]


def _recognize(
    name: str,
    slot: tuple[str, int],
    shapes: Sequence[Shape],
    source: str,
    activations: Sequence[str] | None,
) -> _Entry:
    """Return the layer that has weights of these shapes."""

    def entry(kind: str, config: Any, takes: int, gives: int) -> _Entry:
        return _Entry(Layer(name, kind, config, (name,), (slot,)), takes, gives)

    ranks = [len(shape) for shape in shapes]
    if ranks == [2] and "embedding" in name.lower():
        rows, width = shapes[0]
        return entry("Embedding", {"input_dim": rows, "output_dim": width}, rows, width)
    if ranks == [2, 1] and shapes[0][1] == shapes[1][0]:
        takes, gives = shapes[0]
        if name.startswith("time_distributed"):
            inner = {"class_name": "Dense", "config": {"units": gives}}
            return entry("TimeDistributed", {"layer": inner}, takes, gives)
        return entry("Dense", {"units": gives}, takes, gives)
    halves = [shapes[: len(shapes) // 2], shapes[len(shapes) // 2 :]]
    for loops in ([shapes], halves):
        cells = [_recognize_cell(loop) for loop in loops]
        if None in cells:
            continue
        found = [cell for cell in cells if cell is not None]
        for kind, config in found:
            config |= _say_activations(config, f"{name} ({kind})", source, activations)
        takes, gives = loops[0][0][0], sum(config["units"] for _, config in found)
        if len(found) == 1:
            return entry(*found[0], takes, gives)
        forward, backward = ({"class_name": k, "config": c} for k, c in found)
        backward["config"] |= {"go_backwards": True}
        both = {"layer": forward, "backward_layer": backward}
        return entry("Bidirectional", both, takes, gives)
    raise ValueError(
        f"{name} has weights of the shapes {[list(shape) for shape in shapes]}, and {source} does "
        f"not say what it is. {REMEDY}"
    )


def _recognize_cell(shapes: Sequence[Shape]) -> tuple[str, dict[str, Any]] | None:
    """Return class and settings of a recurrent layer whose weights have these shapes."""
    if len(shapes) not in (2, 3) or len(shapes[0]) != 2 or len(shapes[1]) != 2:
        return None
    (_, columns), (width, fused), *bias = shapes
    kind = GATES.get(fused // max(width, 1))
    if kind is None or fused % width or columns != fused or (kind == "GRU" and not bias):
        return None  # of a GRU without biases, nothing tells where it resets
    cudnn = bias == [(2 * fused,)]
    after = kind == "GRU" and (cudnn or bias == [(2, fused)])
    config: dict[str, Any] = {"units": width, "use_bias": bool(bias), "return_sequences": True}
    return f"CuDNN{kind}" if cudnn else kind, config | ({"reset_after": True} if after else {})


def _say_activations(
    config: dict[str, Any], where: str, source: str, activations: Sequence[str] | None
) -> dict[str, Any]:
    """Return the settings of a cell's activations."""
    if "CuDNN" in where:
        return {}
    if activations is None:
        raise ValueError(
            f"{source} holds weights alone, which do not say the activations of {where}. Give "
            f"config=PATH of the model's JSON, or cell_activations=NAMES, those of the gates and "
            f"of the content: sigmoid,tanh, the default from Keras 2.3 on, or hard_sigmoid,tanh, "
            f"the one before."
        )
    if isinstance(activations, str) or len(activations) != 2:
        raise ValueError(
            f"cell_activations is {activations!r}; expected two names: ('sigmoid', 'tanh')."
        )
    return {"recurrent_activation": activations[0], "activation": activations[1]}


def _find_orders(entries: list[_Entry], begun: list[_Entry], source: str) -> list[list[_Entry]]:
    """Return every order of layers that keeps that of each class and in which widths fit."""
    complete: list[list[_Entry]] = []
    open_orders = [(begun, entries)]
    for _ in range(MOST_ORDERS):
        if not open_orders:
            return complete
        order, left = open_orders.pop()
        if not left:
            complete.append(order)
        firsts = {entry.layer.slots[0][0]: entry for entry in reversed(left)}
        for entry in firsts.values():
            if _fits([*order[-1:], entry]):
                open_orders.append(([*order, entry], [e for e in left if e is not entry]))
    raise ValueError(f"{source} holds too many layers to put them in order. {REMEDY}")


def _fits(order: Sequence[_Entry]) -> bool:
    """Return whether each layer takes what the one before gives, and dense layers are last."""
    return all(
        before.gives == after.takes and before.phase <= after.phase and after.phase > 0
        for before, after in pairwise(order)
    )
