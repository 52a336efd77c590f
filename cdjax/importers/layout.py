"""Weights of any framework in cdjax's layout: gates in front, in cdjax's order, checked.

A framework says the order of its gates in letters: of an LSTM i, f, g (the cell update) and o, of a
GRU r, z and n (the candidate). `[G * H, D]`, the fused matrix of all gates, becomes `[G, H, D]`.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from cdjax.activations import ACTIVATIONS
from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams

LSTM_GATES, GRU_GATES = "ifgo", "rzn"
MOST_NUMBERS = 2**25
"""Numbers of an array that a source describes and does not hold."""


def check_count(where: str, *sizes: int, held: int = 0) -> None:
    """Raise where an array that is made of smaller ones would fill memory.

    Args:
        where: What makes it, in a message.
        sizes: Of its axes.
        held: Numbers that the source does hold: eight times so many are never too many.
    """
    if (count := math.prod(sizes)) > max(MOST_NUMBERS, 8 * held):
        raise ValueError(
            f"{where} makes an array of {count:,} numbers, which the source does not hold; "
            f"expected at most {MOST_NUMBERS:,}.".strip()
        )


def make_identity(where: str, width: int, dtype: Any = np.float64) -> np.ndarray:
    """Return the matrix that changes nothing; `where` names what needs it in a message."""
    check_count(where, width, width)
    return np.eye(width, dtype=dtype)


def as_weight(value: Any, name: str) -> np.ndarray:
    """Return a weight's values as floats; those that NumPy has no type for (bfloat16) as float32.

    Args:
        value: A tensor of any framework, or anything that NumPy can read.
        name: How to name it in a message.

    Raises:
        ValueError: Where they are no floats, or not finite.
    """
    if hasattr(value, "detach"):  # a tensor of PyTorch, which may want its gradient or be elsewhere
        if not value.is_floating_point():
            raise ValueError(f"{name} holds {value.dtype}; expected floats.")
        try:
            value = value.detach().cpu()
            value = np.asarray(value if str(value.dtype) == "torch.float64" else value.float())
        except (RuntimeError, NotImplementedError, TypeError) as error:
            raise ValueError(
                f"{name} is a tensor without plain values ({value.layout}, on {value.device}); "
                f"expected a dense one that is in memory."
            ) from error
    array = np.asarray(value)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind != "f":
        raise ValueError(f"{name} holds {array.dtype}; expected floats.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite; the weights are damaged.")
    return array.astype(np.result_type(array.dtype, np.float32))


def split_gates(fused: np.ndarray, order: str) -> np.ndarray:
    """Return a fused array `[G * H, ...]` as `[G, H, ...]`, its gates in cdjax's order.

    Args:
        fused: The array; of a framework that has the gates last, transposed.
        order: The letters of the gates as the framework has them, for instance "iofg".

    >>> split_gates(np.arange(6), "zrn").tolist()
    [[2, 3], [0, 1], [4, 5]]
    """
    gates = LSTM_GATES if len(order) == len(LSTM_GATES) else GRU_GATES
    by_gate = fused.reshape(len(order), -1, *fused.shape[1:])
    return by_gate[[order.index(gate) for gate in gates]]


def make_lstm(
    where: str,
    order: str,
    W: np.ndarray,
    V: np.ndarray,
    biases: Sequence[np.ndarray] = (),
    *,
    projection: np.ndarray | None = None,
    peepholes: np.ndarray | None = None,
    activation: str = "sigmoid",
    content_activation: str = "tanh",
) -> LSTMParams:
    """Return an LSTM from fused weights.

    Args:
        where: How to name the layer in a message.
        order: The letters of its gates.
        W: Input weights `[4H, D]`.
        V: Recurrent weights `[4H, P]`.
        biases: Any number of biases `[4H]`, which are added.
        projection: `[P, H]`, if it has one.
        peepholes: `[3, H]` of i, f, o, if it has them.
        activation: Of the gates.
        content_activation: Of the cell update and the way out.

    Raises:
        ValueError: Where shapes do not fit; names the weight.
    """
    width = projection.shape[-1] if projection is not None else V.shape[-1] if V.ndim else 0
    _check_fused(where, 4 * width, W, V, biases)
    if projection is not None and projection.shape != (V.shape[1], width):
        shape = list(projection.shape)
        raise ValueError(
            f"{where}: the projection has shape {shape}; expected [{V.shape[1]}, {width}]."
        )
    if peepholes is not None and peepholes.shape != (3, width):
        raise ValueError(
            f"{where}: the peepholes have shape {list(peepholes.shape)}; expected [3, {width}]."
        )
    b = sum(biases, np.zeros(4 * width, V.dtype))
    W, V, b = (split_gates(array, order) for array in (W, V, b))
    return LSTMParams(W, V, b, projection, peepholes, activation, content_activation)


def make_gru(
    where: str,
    order: str,
    W: np.ndarray,
    V: np.ndarray,
    bias: np.ndarray | None = None,
    state_bias: np.ndarray | None = None,
    *,
    reset_after: bool,
    activation: str = "sigmoid",
    content_activation: str = "tanh",
) -> GRUParams:
    """Return a GRU from fused weights.

    Args:
        where: How to name the layer in a message.
        order: The letters of its gates.
        W: Input weights `[3H, D]`.
        V: Recurrent weights `[3H, H]`.
        bias: The input's bias `[3H]`, if it has one.
        state_bias: The state's bias `[3H]`, if it has one; with `reset_after`, that of the
            candidate is inside the product with the reset gate.
        reset_after: Whether the reset gate acts on the product with the candidate's weights.
        activation: Of r and z.
        content_activation: Of n.

    Raises:
        ValueError: Where shapes do not fit; names the weight.
    """
    width = V.shape[-1] if V.ndim else 0
    _check_fused(where, 3 * width, W, V, [b for b in (bias, state_bias) if b is not None])
    b = split_gates(np.zeros(3 * width, V.dtype) if bias is None else bias, order)
    c = None
    if state_bias is not None:
        from_state = split_gates(state_bias, order)
        b = np.concatenate([b[:2] + from_state[:2], b[2:] + (0 if reset_after else from_state[2:])])
        c = from_state[2] if reset_after else None
    W, V = split_gates(W, order), split_gates(V, order)
    return GRUParams(W, V, b, c, reset_after, activation, content_activation)


def make_backward(cell: LSTMParams | GRUParams) -> Bidirectional:
    """Return the layer of a cell that reads backward alone: the last of its outputs.

    cdjax has layers that run forward or both ways. The forward cell of this one has one output,
    which is always 0.
    """
    gates, dtype = len(cell.W), cell.W.dtype
    shapes = (gates, 1, cell.W.shape[2]), (gates, 1, 1), (gates, 1)
    W, V, b = (np.zeros(shape, dtype) for shape in shapes)
    silent = LSTMParams(W, V, b) if isinstance(cell, LSTMParams) else GRUParams(W, V, b)
    return Bidirectional(silent, cell)


def _check_fused(
    where: str, rows: int, W: np.ndarray, V: np.ndarray, biases: Sequence[np.ndarray]
) -> None:
    """Raise unless the fused weights of a cell have so many rows each."""
    wrong = [("recurrent weights", V, 2), ("input weights", W, 2)]
    wrong += [("bias", bias, 1) for bias in biases]
    for name, array, rank in wrong:
        if array.ndim != rank or array.shape[0] != rows or not rows:
            expected = [rows, *["any"] * (rank - 1)] if name != "recurrent weights" else [rows, "H"]
            raise ValueError(
                f"{where}: the {name} have shape {list(array.shape)} (gates first); expected "
                f"[{', '.join(map(str, expected))}]."
            )


def find_activation(name: Any, where: str, names: dict[str, str] | None = None) -> str:
    """Return cdjax's name of an activation.

    Args:
        name: The framework's name.
        where: How to name the layer in a message.
        names: Names of the framework that differ from cdjax's.

    Raises:
        ValueError: Where cdjax has no such activation.
    """
    known = (names or {}).get(name, name) if isinstance(name, str) else None
    if known not in ACTIVATIONS:
        raise ValueError(
            f"{where}: the activation {name!r} is not supported; expected one of "
            f"{', '.join(sorted({*ACTIVATIONS, *(names or {})}))}."
        )
    return known


def name_activation(function: Any, where: str) -> str:
    """Return cdjax's name of an activation that is given as a function, by what it computes.

    Args:
        function: An elementwise function of JAX arrays.
        where: How to name the layer in a message.

    Raises:
        ValueError: Where cdjax has no such activation.
    """
    z = np.concatenate([np.linspace(-12, 12, 193), [-100, 100]]).astype(np.float32)
    try:
        values = np.asarray(function(jnp.asarray(z)))
    except Exception as error:  # whatever a function of somebody else raises
        raise ValueError(f"{where}: the activation {function!r} fails: {error}") from error
    for name, known in ACTIVATIONS.items():
        expected = np.asarray(known(jnp.asarray(z)), np.float32)
        if values.shape == z.shape and np.allclose(values, expected, rtol=1e-5, atol=2e-6):
            return name
    named = getattr(function, "__name__", repr(function))
    raise ValueError(
        f"{where}: the activation {named} is not supported; expected one that computes "
        f"{', '.join(ACTIVATIONS)}."
    )
