"""A node of a graph with its inputs, as the functions that understand it take it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cdjax.importers.onnx.sizes import Number
from cdjax.importers.onnx.values import (
    Network,
    Order,
    Refusal,
    Tensor,
    Uniform,
    Value,
    as_constant,
    as_whole,
)

LIMITLESS = 2**31 - 1  # exporters write an end of a slice that is open as this or larger


class InputAxis(Exception):  # noqa: N818 - no error: the axis of the features has been found out
    """An axis of the input, taken for the batch or the steps, holds its features."""

    def __init__(self, label: str, width: int):
        super().__init__(label)
        self.label, self.width = label, width


@dataclass(frozen=True)
class Node:
    """A node with what its inputs are."""

    kind: str
    name: str
    inputs: list[Tensor | None]
    names: list[str]
    """Of the inputs."""
    outputs: int
    attributes: Mapping[str, Any]
    opset: int
    network: Network

    def take(self, n: int) -> Value | Uniform:
        """Return an input.

        Raises:
            ValueError: Where it is missing or not understood.
        """
        tensor = self.inputs[n] if n < len(self.inputs) else None
        if tensor is None:
            raise ValueError(f"input {n} is missing")
        if isinstance(tensor, Refusal):
            raise ValueError(tensor.message)
        if isinstance(tensor, Order):
            raise ValueError(f"input {n} ({self.names[n]}) is an order of the sequences")
        return tensor

    def has(self, n: int) -> bool:
        """Return whether an optional input is given."""
        return n < len(self.inputs) and self.inputs[n] is not None

    def signal(self, n: int = 0) -> Value:
        """Return an input that depends on the network's input."""
        value = self.take(n)
        if not isinstance(value, Value) or not value.signal:
            raise ValueError(f"input {n} ({self.names[n]}) is a constant; it is not folded")
        return value

    def constant(self, n: int) -> np.ndarray:
        """Return the numbers of an input that is a constant."""
        return as_constant(self.take(n), f"input {n} ({self.names[n]})")

    def whole(self, name: str, n: int) -> list[Number] | None:
        """Return whole numbers that are an attribute in old opsets, an input in new ones."""
        if name in self.attributes:
            return [int(number) for number in np.ravel(self.attributes[name])]
        if not self.has(n):
            return None
        return as_whole(self.take(n), f"input {n} ({self.names[n]})")

    def axes(self, name: str, n: int, rank: int) -> list[int] | None:
        """Return axes, counted from the front."""
        axes = self.whole(name, n)
        return None if axes is None else [find_axis(axis, rank) for axis in axes]

    def setting(self, name: str, default: Any) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def expect(self, name: str, *allowed: Any) -> None:
        """Raise unless an attribute, where it is given, has an allowed value."""
        if (value := self.attributes.get(name, allowed[0])) not in allowed:
            expected = " or ".join(repr(one) for one in allowed)
            raise ValueError(f"{name} is {value!r}; expected {expected}")


def find_axis(axis: Any, rank: int) -> int:
    """Return an axis counted from the front."""
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise ValueError(f"axis {axis} of a tensor with {rank} axes")
    return axis % rank
