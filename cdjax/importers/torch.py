"""Weights of `torch.nn.LSTM` and `torch.nn.GRU`: `[GH, D]` matrices, gates i f g o or r z n."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from cdjax.checks import check_stack
from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams

_WEIGHT = re.compile(
    r"^(?P<module>.*?)(?P<name>(?:weight|bias)_(?:ih|hh|hr)(?P<cell>_l\d+(?:_reverse)?)?)$"
)
REVERSE = "_reverse"


def from_torch(state_dict: Mapping[str, Any]) -> tuple[Any, ...]:
    """Turn the weights of a `torch.nn.LSTM` or `torch.nn.GRU` into layers of cdjax.

    Takes the module out of the state dict of a whole model, too, where it is the only recurrent
    one; the embedding and the output layer are for the caller to pick. PyTorch itself is not
    needed: the values may be tensors or anything NumPy can read.

    Args:
        state_dict: `module.state_dict()`: any number of layers, one direction or both, with or
            without biases and, of an LSTM, with a projection (`proj_size`).

    Returns:
        The layers, first to last, `LSTMParams` or `GRUParams`, or `Bidirectional` of two; in the
        float type they were in, half precision as float32.

    Raises:
        ValueError: For anything else, naming what was found: no recurrent module, several, a plain
            RNN, a single cell (`torch.nn.LSTMCell`), a weight that is missing, misshapen or not
            finite.
    """
    modules: dict[str, dict[str, dict[str, Any]]] = {}  # module: cell ("_l0"): weight: value
    for key, value in state_dict.items():
        if match := _WEIGHT.match(key):
            cell = match["cell"] or ""
            weights = modules.setdefault(match["module"], {}).setdefault(cell, {})
            weights[match["name"].removesuffix(cell)] = value
    if not modules:
        raise ValueError(
            f"no LSTM or GRU among {list(state_dict)}; expected weight_ih_l0, weight_hh_l0, "
            f"bias_ih_l0 and bias_hh_l0, the names torch.nn.LSTM and torch.nn.GRU give."
        )
    if len(modules) > 1:
        raise ValueError(
            f"{len(modules)} recurrent modules ({sorted(modules)}); expected one. Pass "
            f"module.state_dict() of each, and add the tuples where one reads the other's output."
        )
    ((module, cells),) = modules.items()
    if "" in cells:
        raise ValueError(
            f"{module}{sorted(cells[''])[0]} belongs to a torch.nn.LSTMCell or GRUCell, whose loop "
            f"over the steps is not known; expected the weights of torch.nn.LSTM or torch.nn.GRU, "
            f"named weight_ih_l0 and so on."
        )
    count = 1 + max(int(re.findall(r"\d+", cell)[0]) for cell in cells)
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
        arrays = {n: _to_numpy(value, f"{module}{n}{cell}") for n, value in weights.items()}
        return _make_cell(arrays, module, cell)

    layers: list[Any] = []
    for n in range(count):
        forward = make(f"_l{n}")
        layers.append(Bidirectional(forward, make(f"_l{n}{REVERSE}")) if both else forward)
    check_stack(layers, None)
    return tuple(layers)


def _make_cell(arrays: dict[str, np.ndarray], module: str, cell: str) -> LSTMParams | GRUParams:
    """Return one cell from its weights in PyTorch's layout, all of them there."""
    V, projection = arrays["weight_hh"], arrays.get("weight_hr")
    shape = list(V.shape)
    # V is [GH, P]; without a projection [P, H], P = H.
    hidden = (V if projection is None else projection).shape[-1]
    gates = shape[0] / max(hidden, 1) if len(shape) == 2 else 0
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
    gates = int(gates)
    rows, inputs = gates * hidden, arrays["weight_ih"].shape[-1:]
    expected = {
        "weight_ih": [rows, *inputs],
        "weight_hr": [shape[1], hidden],
        "bias_ih": [rows],
        "bias_hh": [rows],
    }
    for name, array in arrays.items():
        if list(array.shape) != expected.get(name, shape):
            raise ValueError(
                f"{module}{name}{cell} has shape {list(array.shape)}; expected {expected[name]}."
            )
    zeros = np.zeros(rows, V.dtype)
    from_input, from_state = (
        arrays.get(name, zeros).reshape(gates, hidden) for name in ("bias_ih", "bias_hh")
    )
    W = arrays["weight_ih"].reshape(gates, hidden, -1)
    V = V.reshape(gates, hidden, -1)
    if gates == 4:
        return LSTMParams(W, V, from_input + from_state, projection)
    # The candidate's second bias is inside the product with the reset gate.
    b = np.concatenate([from_input[:2] + from_state[:2], from_input[2:]])
    return GRUParams(W, V, b, from_state[2] if "bias_hh" in arrays else None)


def _to_numpy(value: Any, name: str) -> np.ndarray:
    """Return a tensor's values; those that NumPy has no type for (bfloat16) as float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value if str(value.dtype) == "torch.float64" else value.float()
    array = np.asarray(value)
    if array.dtype.kind != "f":
        raise ValueError(f"{name} holds {array.dtype}; expected floats.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite; the weights are damaged.")
    return array.astype(np.result_type(array.dtype, np.float32))
