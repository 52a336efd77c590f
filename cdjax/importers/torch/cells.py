"""Weights of one recurrent module of PyTorch: `[GH, D]` matrices, gates i f g o or r z n."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from cdjax.checks import MOST_LAYERS, check_stack
from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams
from cdjax.importers.layout import GRU_GATES, LSTM_GATES, as_weight, make_gru, make_lstm

REVERSE = "_reverse"
Cells = Mapping[str, Mapping[str, Any]]


def make_cells(module: str, cells: Cells) -> tuple[Any, ...]:
    """Return the layers of a module from its weights.

    Args:
        module: Its name with a dot behind, or nothing.
        cells: The weights (`weight_ih`, ...) of each cell: "_l0", "_l0_reverse", ...; of an
            `nn.LSTMCell` or `nn.GRUCell`, "".

    Raises:
        ValueError: Where a weight is missing, misshapen or not finite, or it is a plain RNN.
    """
    if "" in cells and len(cells) > 1:
        raise ValueError(
            f"{module}{sorted(cells[''])[0]} is a single cell's, beside those of layers "
            f"({sorted(cells)[1:]}); expected one or the other."
        )
    numbers = {int(re.findall(r"\d+", cell)[0]) for cell in cells if cell}
    count = 1 + max(numbers, default=0)
    if count > MOST_LAYERS:
        raise ValueError(f"{module}: {count:,} layers; expected at most {MOST_LAYERS}.")
    both = any(cell.endswith(REVERSE) for cell in cells)
    biased = any(name.startswith("bias") for weights in cells.values() for name in weights)
    projected = any("weight_hr" in weights for weights in cells.values())
    names = ["weight_ih", "weight_hh"] + ["bias_ih", "bias_hh"] * biased
    names += ["weight_hr"] * projected

    def make(cell: str) -> LSTMParams | GRUParams:
        weights = cells.get(cell, {})
        for name in names:
            if name not in weights:
                found = sorted(name + cell for cell, weights in cells.items() for name in weights)
                raise ValueError(f"{module}{name}{cell} is missing; found {found}.")
        arrays = {n: as_weight(value, f"{module}{n}{cell}") for n, value in weights.items()}
        return _make_cell(arrays, module, cell)

    layers: list[Any] = []
    for n in range(count):
        cell = "" if "" in cells else f"_l{n}"
        forward = make(cell)
        layers.append(Bidirectional(forward, make(cell + REVERSE)) if both else forward)
    check_stack(layers, None)
    return tuple(layers)


def _make_cell(arrays: Mapping[str, np.ndarray], module: str, cell: str) -> LSTMParams | GRUParams:
    """Return one cell from its weights in PyTorch's layout, all of them there."""
    V, projection = arrays["weight_hh"], arrays.get("weight_hr")
    shape = list(V.shape)
    # V is [GH, P]; without a projection [P, H], P = H.
    hidden = (V if projection is None else projection).shape[-1:]
    gates = shape[0] / max(*hidden, 1) if len(shape) == 2 and hidden else 0
    if gates == 1:
        raise ValueError(
            f"{module}weight_hh{cell} has shape {shape}: a plain RNN, which cdjax has no cell for; "
            f"expected an LSTM's, [4H, H], or a GRU's, [3H, H]."
        )
    if gates not in (3, 4) or (gates == 3 and projection is not None):
        raise ValueError(
            f"{module}weight_hh{cell} has shape {shape}; expected an LSTM's, [4H, H] (with a "
            f"projection weight_hr [P, H], [4H, P]), or a GRU's, [3H, H]."
        )
    rows, inputs = int(gates) * hidden[0], arrays["weight_ih"].shape[-1:]
    expected = {
        "weight_ih": [rows, *inputs],
        "weight_hr": [shape[1], *hidden],
        "bias_ih": [rows],
        "bias_hh": [rows],
    }
    for name, array in arrays.items():
        if list(array.shape) != expected.get(name, shape) or (name == "weight_ih" and not inputs):
            raise ValueError(
                f"{module}{name}{cell} has shape {list(array.shape)}; expected {expected[name]}."
            )
    where, W = f"{module}{cell}", arrays["weight_ih"]
    from_input, from_state = arrays.get("bias_ih"), arrays.get("bias_hh")
    if gates == 4:
        biases = [bias for bias in (from_input, from_state) if bias is not None]
        return make_lstm(where, LSTM_GATES, W, V, biases, projection=projection)
    return make_gru(where, GRU_GATES, W, V, from_input, from_state, reset_after=True)
