"""What a tensor of a graph is: a constant, one number everywhere, or a part of the network.

A tensor that depends on the input is known by what each of its elements is: which unit (output
number) of which stage of the network. So an array of units stands for it, whole in the axes of its
features and of size 1 in the axes of the batch and the steps; these carry labels instead.
Operations that only move elements act on this array as they do on the values.
"""

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from cdjax.importers.layout import MOST_NUMBERS
from cdjax.importers.onnx.sizes import Number, Size, as_array, multiply

MOST_UNITS = 2**16
"""Columns of an input, or outputs of a layer."""
MOST_BYTES = 2**30
"""Bytes of all arrays that the graph describes and the file does not hold."""

# How a unit was taken from the steps: not yet, or at one step, or over all of them.
EACH, LAST, FIRST, MEAN, MAX = range(5)
MOMENTS = "every step", "the last step", "the first step", "the mean", "the maximum"
_UNIT, _MOMENT = 32, 40  # bits: unit, moment, stage

Labels = tuple[str, ...]
"""The axes of the input that one axis stands for, merged in this order; none of a feature axis. A
label that begins with ~ is of an axis that runs from the end."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A vector that the network computes, for every step or once, and from which other one."""

    kind: str
    """"input", "ids", "embedding", "layer", "cell", "dense", "activation", "pool", "softmax"."""
    source: "Stage | None"
    what: Any
    """The table, the layer, (W, b) of a dense stage, the name of an activation or pool."""
    width: int
    number: int
    name: str
    """How to name it in messages."""


@dataclass(frozen=True)
class Value:
    """A constant, or a signal: a tensor that depends on the input."""

    array: np.ndarray
    """The numbers of a constant; of a signal what each element is, see `encode`."""
    labels: tuple[Labels, ...]
    signal: bool

    @classmethod
    def constant(cls, array: np.ndarray) -> "Value":
        """Return a constant."""
        return cls(array, ((),) * array.ndim, False)


@dataclass(frozen=True)
class Uniform:
    """A constant that is one number everywhere, of a shape that may be open."""

    number: Any
    shape: tuple[Number, ...] | None = None


@dataclass(frozen=True)
class Refusal:
    """A tensor that is not understood, and why; an error only where it matters."""

    message: str


@dataclass(frozen=True)
class Order:
    """An order of the sequences of a batch."""

    size: Number
    kind: str
    """"counted" from the first to the last, "sorted" by length, or "inverse" to that."""


Tensor = Value | Uniform | Order | Refusal


@dataclass
class Network:
    """The stages found so far, and the axes of the inputs."""

    sizes: dict[str, Number] = field(default_factory=dict)
    """Of every label without ~."""
    time: str | None = None
    batch: str | None = None
    stages: list[Stage] = field(default_factory=list)
    pools: dict[tuple[int, str], Stage] = field(default_factory=dict)
    pairs: dict[tuple[int, int], Stage] = field(default_factory=dict)
    ends: set[int] = field(default_factory=set)
    """Stages that are a layer of a backward cell alone."""
    read: int = 0
    """Bytes of the arrays that were read from the file, each once."""
    made: int = 0
    """Bytes of the arrays that were made of these, whatever became of them."""

    def add(self, kind: str, source: Stage | None, what: Any, width: int, name: str) -> Stage:
        """Return a new stage."""
        if not 0 < width <= MOST_UNITS:
            raise ValueError(f"has {width:,} outputs; expected 1 to {MOST_UNITS:,}")
        self.count(what)
        self.stages.append(Stage(kind, source, what, int(width), len(self.stages), name))
        return self.stages[-1]

    def count(self, arrays: Any) -> None:
        """Raise where all that was made would fill memory, with some arrays more.

        A file may name one weight in many nodes, or describe a large array in each.
        """
        owned = [a for a in jax.tree.leaves(arrays) if isinstance(a, np.ndarray) and a.base is None]
        self.made += sum(array.nbytes for array in owned)
        if self.made > MOST_BYTES + 8 * self.read:
            raise ValueError(
                f"makes {self.made:,} bytes with the nodes before, of which the file holds "
                f"{self.read:,}; it is damaged, or hostile"
            )

    def shape(self, value: Value) -> list[Number]:
        """Return the sizes of a value's axes."""
        return [
            multiply(self.sizes[label.lstrip("~")] for label in labels) if labels else size
            for labels, size in zip(value.labels, value.array.shape, strict=True)
        ]


def encode(stage: Stage, units: Any, moment: Any = EACH) -> np.ndarray:
    """Return the elements that are given units of a stage."""
    units, moment = np.asarray(units, np.int64), np.asarray(moment, np.int64)
    return np.asarray(units | moment << _UNIT | stage.number << _MOMENT, np.int64)


def decode(array: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the stage's number, the moment and the unit of elements."""
    stage, rest = np.divmod(array, 1 << _MOMENT)
    moment, unit = np.divmod(rest, 1 << _UNIT)
    return np.asarray(stage), np.asarray(moment), np.asarray(unit)


def at_moment(array: np.ndarray, moment: int) -> np.ndarray:
    """Return elements that are of every step, taken from the steps."""
    return np.asarray(array | moment << _UNIT)


def all_units(stage: Stage, like: Value, shape: tuple[int, ...] | None = None) -> Value:
    """Return a stage's units, in order, in the axes of another signal."""
    array = encode(stage, np.arange(stage.width)).reshape(shape or like.array.shape)
    return Value(array, like.labels, True)


def number_of(value: Value | Uniform) -> Any:
    """Return the one number that a constant is everywhere; None where it is several."""
    if isinstance(value, Uniform):
        return value.number
    if value.signal or not value.array.size:
        return None
    first = value.array.ravel()[0]
    return first if (value.array == first).all() else None


def as_constant(value: Any, what: str) -> np.ndarray:
    """Return the numbers of a constant.

    Raises:
        ValueError: Where it depends on the input, is not understood, or too large.
    """
    if isinstance(value, Uniform) and value.shape is not None:
        shape = as_array(value.shape)
        if shape.dtype != object and 0 <= np.prod(shape, dtype=float) <= MOST_NUMBERS:
            return np.full(shape, value.number)
    if isinstance(value, Refusal):
        raise ValueError(value.message)
    if not isinstance(value, Value) or value.signal:
        raise ValueError(f"{what} is computed from the input; expected a constant")
    return value.array


def as_whole(value: Any, what: str) -> list[Number]:
    """Return the whole numbers of a constant: sizes, or axes."""
    numbers = as_constant(value, what).ravel().tolist()
    if not all(isinstance(number, (int, Size)) for number in numbers):
        raise ValueError(f"{what} is {numbers[:4]}; expected whole numbers")
    return numbers
