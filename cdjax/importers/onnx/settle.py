"""From the elements of a signal to the one stage of the network whose outputs they are."""

import numpy as np

from cdjax.core.cells import Bidirectional
from cdjax.importers.layout import check_count
from cdjax.importers.onnx.values import (
    EACH,
    FIRST,
    LAST,
    MAX,
    MEAN,
    MOMENTS,
    Network,
    Stage,
    Value,
    decode,
    encode,
)


def settle(network: Network, x: Value) -> Stage:
    """Return the stage whose outputs, in order, are the elements of a signal.

    It is a new one where they are taken from the steps, or are not all outputs in order.

    Raises:
        ValueError: Where they are of several stages, or taken from the steps in several ways.
    """
    number, moment, unit = (part.ravel() for part in decode(x.array))
    numbers = np.unique(number)
    if len(numbers) == 2:
        x = _pair(network, x, numbers)
        number, moment, unit = (part.ravel() for part in decode(x.array))
        numbers = np.unique(number)
    if len(numbers) != 1:
        names = ", ".join(repr(network.stages[n].name) for n in numbers)
        raise ValueError(f"joins outputs of different parts of the network ({names})")
    stage = network.stages[numbers[0]]
    timed = any(network.time == label.lstrip("~") for labels in x.labels for label in labels)
    if not timed and over_steps(stage):  # an axis of one step was dropped
        moment = np.where(moment == EACH, LAST, moment)
    if (moment != EACH).any():
        stage = _pool(network, stage, moment, unit)
    if np.array_equal(unit, np.arange(stage.width)):
        return stage
    matrix = choose(unit, stage.width)
    return network.add("dense", stage, (matrix, np.zeros(len(unit))), len(unit), stage.name)


def choose(units: np.ndarray, width: int) -> np.ndarray:
    """Return the matrix that picks units."""
    check_count("", len(units), width)
    matrix = np.zeros((len(units), width))
    matrix[np.arange(len(units)), units] = 1
    return matrix


def find_layer(stage: Stage | None) -> Stage | None:
    """Return the last layer, or the pool after it, that a stage is computed from."""
    while stage is not None and stage.kind not in ("pool", "layer"):
        stage = stage.source
    return stage


def over_steps(stage: Stage) -> bool:
    """Return whether a stage has an output for every step."""
    last = find_layer(stage)
    return last is not None and last.kind == "layer"


def _pool(network: Network, stage: Stage, moment: np.ndarray, unit: np.ndarray) -> Stage:
    """Return the stage that takes units from the steps."""
    moments = set(np.unique(moment).tolist())
    kinds = {LAST: "last", MEAN: "mean", MAX: "max"}
    if len(moments) == 1 and moments <= {*kinds}:
        kind = kinds[moments.pop()]
    elif moments <= {FIRST, LAST}:
        if stage.kind != "layer" or not isinstance(stage.what, Bidirectional):
            raise ValueError("reads the first step; expected it of a backward layer alone")
        backward = unit >= stage.what.forward.widths[0]
        if not np.array_equal(moment, np.where(backward, FIRST, LAST)):
            raise ValueError(
                "reads the first step of a forward layer; expected each direction's own end, or "
                "the last step of both"
            )
        kind = "ends"
    else:
        names = ", ".join(MOMENTS[n] for n in sorted(moments))
        raise ValueError(f"reads {names} together; expected one of them")
    key = stage.number, kind
    if key not in network.pools:
        network.pools[key] = network.add("pool", stage, kind, stage.width, stage.name)
    return network.pools[key]


def _pair(network: Network, x: Value, numbers: np.ndarray) -> Value:
    """Return a signal of a forward and a backward layer as one of the layer of both."""
    both = [network.stages[n] for n in numbers]
    forward = [s for s in both if s.kind == "layer" and not isinstance(s.what, Bidirectional)]
    backward = [s for s in both if s.kind == "layer" and s.number in network.ends]
    if len(forward) != 1 or len(backward) != 1 or forward[0].source is not backward[0].source:
        return x
    (a,), (b,) = forward, backward
    key = a.number, b.number
    if key not in network.pairs:
        layer = Bidirectional(a.what, b.what.backward)
        name = f"{a.name}, {b.name}"
        width = a.width + b.width - 1  # the silent forward cell of b has one output
        network.pairs[key] = network.add("layer", a.source, layer, width, name)
    number, moment, unit = decode(x.array)
    unit = np.where(number == b.number, unit + a.width - 1, unit)
    array = encode(network.pairs[key], unit, moment)
    return Value(array, x.labels, True)
