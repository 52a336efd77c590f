"""Weights of `torch.nn.LSTM`: `[4H, D]` matrices, gates i f g o, two biases to add."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from cdjax.core.cells import LSTMParams

_WEIGHT = re.compile(
    r"^(?P<module>.*?)(?P<name>(?:weight|bias)_(?:ih|hh|hr)(?:_l\d+(?:_reverse)?)?)$"
)


def from_torch(state_dict: Mapping[str, Any]) -> tuple[LSTMParams, ...]:
    """Turn the weights of a `torch.nn.LSTM` into a cdjax LSTM.

    Takes the LSTM out of the state dict of a whole model, too, where it is the only one; the
    embedding and the output layer are for the caller to pick. PyTorch itself is not needed: the
    values may be tensors or anything NumPy can read.

    Args:
        state_dict: `module.state_dict()`, of one layer and one direction.

    Returns:
        The layers, first to last (one, for now), in the float type they were in; half precision
        becomes float32.

    Raises:
        ValueError: For anything else, naming what was found: no LSTM, several, more than one layer,
            a reverse direction, a projection, a GRU or plain RNN, a weight that is missing,
            misshapen or not finite.
    """
    modules: dict[str, dict[str, str]] = {}
    for key in state_dict:
        if match := _WEIGHT.match(key):
            modules.setdefault(match["module"], {})[match["name"]] = key
    if not modules:
        raise ValueError(
            f"no LSTM among {list(state_dict)}; expected weight_ih_l0, weight_hh_l0, bias_ih_l0 "
            f"and bias_hh_l0, the names torch.nn.LSTM gives."
        )
    if len(modules) > 1:
        raise ValueError(
            f"{len(modules)} recurrent modules ({sorted(modules)}); expected one. Pass "
            f"module.state_dict() of the one to explain."
        )
    ((module, names),) = modules.items()
    for pattern, what in (
        (r"_reverse$", "a bidirectional LSTM"),
        (r"_hr", "an LSTM with a projection (proj_size)"),
        (r"_l[1-9]\d*$", "a stacked LSTM (num_layers > 1)"),
        (r"_(ih|hh)$", "a torch.nn.LSTMCell"),
    ):
        if hits := [name for name in names if re.search(pattern, name)]:
            raise ValueError(
                f"{module}{hits[0]} belongs to {what}, which from_torch does not support; "
                f"expected one layer, one direction."
            )
    arrays = {name: _to_numpy(state_dict[key]) for name, key in names.items()}
    expected = {"weight_ih_l0", "weight_hh_l0"} | (
        {"bias_ih_l0", "bias_hh_l0"} if any(n.startswith("bias") for n in names) else set()
    )
    if missing := sorted(expected - set(names)):
        raise ValueError(f"{missing[0]} is missing; found {sorted(names)}.")
    shape = arrays["weight_hh_l0"].shape
    hidden = shape[-1] if len(shape) == 2 else shape[0] // 4
    if other := {(3 * hidden, hidden): "a GRU", (hidden, hidden): "a plain RNN"}.get(shape):
        raise ValueError(
            f"weight_hh_l0 has shape {list(shape)}: {other}; expected an LSTM's, [4H, H]."
        )
    inputs = arrays["weight_ih_l0"].shape[-1]
    for name, array in arrays.items():
        width = {"weight_ih_l0": [inputs], "weight_hh_l0": [hidden]}.get(name, [])
        if list(array.shape) != [4 * hidden, *width]:
            raise ValueError(
                f"{name} has shape {list(array.shape)}; expected {[4 * hidden, *width]}."
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds values that are not finite; the weights are damaged.")
    biases = (array for name, array in arrays.items() if name.startswith("bias"))
    b = sum(biases, np.zeros(4 * hidden, arrays["weight_hh_l0"].dtype))
    return (
        LSTMParams(
            W=arrays["weight_ih_l0"].reshape(4, hidden, inputs),
            V=arrays["weight_hh_l0"].reshape(4, hidden, hidden),
            b=b.reshape(4, hidden),
        ),
    )


def _to_numpy(value: Any) -> np.ndarray:
    """Return a tensor's values; those that NumPy has no type for (bfloat16) as float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value if str(value.dtype) == "torch.float64" else value.float()
    array = np.asarray(value)
    return array.astype(np.result_type(array.dtype, np.float32))
