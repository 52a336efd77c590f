"""A recurrent layer of Keras becomes cells: gates i f c o of an LSTM, z r h of a GRU.

Weights are `[D, GH]` and `[H, GH]`, gates last. A GRU with `reset_after` has the biases `[2, 3H]`
of the input and of the state, one without `[3H]`. CuDNN layers keep the matrix of each gate the
other way round, and two biases in one vector.
"""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams
from cdjax.importers.keras.graph import Layer, to_snake_case
from cdjax.importers.keras.settings import Dialect, Settings, read_activation
from cdjax.importers.keras.weights import Part, Weights
from cdjax.importers.layout import make_gru, make_lstm

LSTM_ORDER, GRU_ORDER = "ifgo", "zrn"
LSTM_KINDS, GRU_KINDS = ("LSTM", "CuDNNLSTM", "UnifiedLSTM"), ("GRU", "CuDNNGRU", "UnifiedGRU")
CELL_KINDS = {"LSTMCell": "LSTM", "GRUCell": "GRU"}
RECURRENT = (*LSTM_KINDS, *GRU_KINDS, "RNN")
CUDNN = ("CuDNNLSTM", "CuDNNGRU")
Cell = LSTMParams | GRUParams


class Recurrent(NamedTuple):
    """A recurrent layer of Keras."""

    layers: tuple[Any, ...]
    """One layer of cdjax, or the stack of cells that Keras runs in one loop."""
    sequences: bool
    """Whether it gives its output at every step, or at the last alone."""
    zeros: bool
    """Whether its output is 0 at steps that a mask leaves out."""
    merge: str | None = None
    """How the outputs of two directions are merged; None of a single one."""
    backward: bool = False
    """Of a single one, whether it begins at the last step."""


class _Form(NamedTuple):
    """A cell before its weights are known."""

    kind: str
    part: str
    settings: Settings
    names: tuple[str, ...]
    reset_after: bool
    activations: tuple[str, str]
    units: float


def read_recurrent(layer: Layer, weights: Weights, dialect: Dialect) -> Recurrent:
    """Return a recurrent layer: LSTM, GRU, their CuDNN forms, RNN or Bidirectional.

    Raises:
        ValueError: For settings that cdjax has nothing for, and weights that do not fit.
    """
    if layer.kind != "Bidirectional":
        config = layer.config if isinstance(layer.config, Mapping) else {}
        backward = config.get("go_backwards") is True
        forms, sequences, zeros = _read_loop(layer.kind, layer.config, layer, "", dialect, backward)
        cells = _make_cells(forms, layer, weights)
        if backward and len(cells) > 1:
            raise ValueError(f"{layer.where}: go_backwards of a stack of cells is not supported.")
        return Recurrent(cells, sequences, zeros, backward=backward)
    settings = Settings(layer.config, layer.where)
    merge = settings.take("merge_mode", (str, type(None)), "concat")
    if merge not in ("concat", "sum", "ave"):
        raise ValueError(
            f"{layer.where}: merge_mode={merge!r} is not supported; expected concat, sum or ave."
        )
    inner = settings.take("layer", dict)
    other = settings.take("backward_layer", (dict, type(None)), None) or inner
    settings.finish()
    forms: list[_Form] = []
    modes: list[tuple[bool, bool]] = []
    for part, wrapped in (("forward_layer", inner), ("backward_layer", other)):
        kind, config = str(wrapped.get("class_name")), wrapped.get("config")
        backward = part == "backward_layer" and other is not inner
        found, sequences, zeros = _read_loop(kind, config, layer, part, dialect, backward)
        if len(found) != 1:
            raise ValueError(f"{layer.where}: a stack of cells in each direction is not supported.")
        forms += found
        modes.append((sequences, zeros))
    if modes[0][0] != modes[1][0]:
        raise ValueError(f"{layer.where}: return_sequences differs between its directions.")
    both = Bidirectional(*_make_cells(forms, layer, weights))
    return Recurrent((both,), *modes[0], merge)


def _read_loop(
    kind: str, config: Any, layer: Layer, part: str, dialect: Dialect, backward: bool
) -> tuple[list[_Form], bool, bool]:
    """Return the cells of one loop over the steps, and what it returns."""
    where = layer.where if not part else f"{layer.where}, {part}"
    if kind not in RECURRENT:
        raise ValueError(
            f"{where}: a {kind} has no counterpart in cdjax; expected LSTM, GRU or RNN."
        )
    settings = Settings(config, where)
    sequences = settings.take("return_sequences", bool, False)
    zeros = settings.take("zero_output_for_mask", bool, bool(part) and sequences)
    if settings.take("return_state", bool, False) and (part or layer.tensor > 1):
        raise ValueError(
            f"{where}: return_state=True is supported where its output or, of one direction, its "
            f"state h is all that is used."
        )
    if settings.take("go_backwards", bool, False) is not backward:
        raise ValueError(
            f"{where}: go_backwards={not backward} inside a Bidirectional is not supported; "
            f"expected the default."
        )
    settings.refuse(
        "stateful",
        "the state of one batch is where the next begins. Where every sequence is to begin with "
        "zeros, set it to false in the model's JSON and give that as config=.",
    )
    settings.refuse("time_major", "steps come before sequences in it; expected false.")
    prefix = f"{part}/cell" if part else "cell"
    if kind != "RNN":
        base = "LSTM" if kind in LSTM_KINDS else "GRU"
        own = prefix if kind not in CUDNN else part
        return [_read_cell(base, kind, settings, own, dialect)], sequences, zeros
    entry = settings.take("cell", (dict, list))
    settings.finish(("num_constants",))
    return _read_cells(entry, where, prefix, dialect), sequences, zeros


def _read_cells(entry: Any, where: str, prefix: str, dialect: Dialect) -> list[_Form]:
    """Return the cell of an RNN, or the cells that are stacked in it."""
    stacked = isinstance(entry, list)
    if isinstance(entry, Mapping) and entry.get("class_name") == "StackedRNNCells":
        settings = Settings(entry.get("config"), f"{where}, cells")
        settings.refuse("reverse_state_order", "expected false.")
        entry, stacked = settings.take("cells", list), True
        settings.finish()
    cells = entry if isinstance(entry, list) else [entry]
    forms: list[_Form] = []
    counts: dict[str, int] = {}
    for cell in cells:
        kind = cell.get("class_name") if isinstance(cell, Mapping) else None
        if kind not in CELL_KINDS or (cell.get("registered_name") or "").count(">"):
            raise ValueError(
                f"{where}: a cell {reprlib.repr(kind)} has no counterpart in cdjax; expected "
                f"LSTMCell, GRUCell or a stack of them."
            )
        snake = to_snake_case(kind)
        rank = counts[snake] = counts.get(snake, -1) + 1
        part = f"{prefix}/cells/{snake}" + (f"_{rank}" if rank else "") if stacked else prefix
        settings = Settings(cell.get("config"), f"{where}, {kind}")
        forms.append(_read_cell(CELL_KINDS[kind], kind, settings, part, dialect))
    if not forms:
        raise ValueError(f"{where}: it has no cells.")
    return forms


def _read_cell(base: str, kind: str, settings: Settings, part: str, dialect: Dialect) -> _Form:
    """Return a cell from its settings."""
    where = settings.where
    units = settings.take("units", (int, float))
    cudnn = kind in CUDNN
    # CuDNN's layers have neither setting: they are always so.
    names = [settings.take("recurrent_activation", (str, dict, type(None)), "sigmoid")]
    names += [settings.take("activation", (str, dict, type(None)), "tanh")]
    biased = settings.take("use_bias", bool, True)
    # Keras before 2.1.3 had no such setting, and reset before.
    after = cudnn or (base == "GRU" and settings.take("reset_after", bool, False))
    settings.finish()
    gates, content = (read_activation(name, where, dialect) for name in names)
    for activation in (gates, content):
        if activation == "softmax":
            raise ValueError(f"{where}: a softmax inside a cell is not supported.")
    weights = ("kernel", "recurrent_kernel", *["bias"] * biased)
    return _Form(base, part, settings, weights, after, (gates, content), units)


def _make_cells(forms: Sequence[_Form], layer: Layer, weights: Weights) -> tuple[Cell, ...]:
    """Return the cells of a layer with their weights."""
    parts: list[Part] = [(form.part, form.names) for form in forms]
    taken = weights.take(layer, parts)
    return tuple(_make_cell(form, arrays) for form, arrays in zip(forms, taken, strict=True))


def _make_cell(form: _Form, arrays: Mapping[str, np.ndarray]) -> Cell:
    """Return one cell from its weights in Keras's layout."""
    where, order = form.settings.where, LSTM_ORDER if form.kind == "LSTM" else GRU_ORDER
    kernel, recurrent, bias = arrays["kernel"], arrays["recurrent_kernel"], arrays.get("bias")
    gates, width = len(order), recurrent.shape[0] if recurrent.ndim else 0
    for name, array in (("kernel", kernel), ("recurrent_kernel", recurrent)):
        if array.ndim != 2 or array.shape[1] != gates * width or width != form.units:
            raise ValueError(
                f"{where}: {name} has shape {list(array.shape)}; expected "
                f"[{'D' if name == 'kernel' else 'H'}, {gates} H], H = {form.units}."
            )
    if bias is not None and bias.shape == (2 * gates * width,):
        # As CuDNN has them: the values of a gate are those of its matrix [H, D].
        W, V = (
            np.concatenate([gate.reshape(width, -1) for gate in np.hsplit(array, gates)])
            for array in (kernel, recurrent)
        )
        bias = bias.reshape(2, -1)
        if form.kind == "GRU" and not form.reset_after:
            raise ValueError(f"{where}: its weights are those of a CuDNNGRU; expected reset_after.")
    else:
        W, V = kernel.T, recurrent.T
        expected = [2, gates * width] if form.reset_after else [gates * width]
        if bias is not None and list(bias.shape) != expected:
            raise ValueError(f"{where}: bias has shape {list(bias.shape)}; expected {expected}.")
    # One for the input and one for the state, or one alone.
    biases = [] if bias is None else list(np.atleast_2d(bias))
    gate, content = form.activations
    if form.kind == "LSTM":
        return make_lstm(where, order, W, V, biases, activation=gate, content_activation=content)
    from_input, from_state = (*biases, None, None)[:2]
    after = form.reset_after
    return make_gru(
        where,
        order,
        W,
        V,
        from_input,
        from_state,
        reset_after=after,
        activation=gate,
        content_activation=content,
    )
