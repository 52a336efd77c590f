"""Equinox: LSTMCell (gates i, f, g, o) and GRUCell (r, z, n, reset after the product)."""

import dataclasses
import importlib
import reprlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cdjax.core.cells import GRUParams, LSTMParams
from cdjax.core.network import Dense
from cdjax.importers.layout import as_weight, make_gru, make_lstm
from cdjax.importers.modules import activate, find_arguments, find_kind, is_of, make_runs
from cdjax.importers.parts import Part, Wishes, build
from cdjax.importers.verify import Run
from cdjax.model import Model

_CELLS = "LSTMCell", "GRUCell"
_IGNORED = "Dropout", "Identity"
_KNOWN = (*_CELLS, "Embedding", "Linear", "MLP", "Sequential", "Lambda", *_IGNORED)


def from_equinox(
    source: Any,
    *,
    forward: Callable[..., Any] | None = None,
    modules: Sequence[Any] | None = None,
    verify: bool = True,
    pool: str | None = None,
    activations: Sequence[str] | None = None,
    output: str | None = None,
    vocabulary: Any = None,
    labels: Sequence[str] | None = None,
) -> Model | tuple[Any, ...]:
    """Turn a network of Equinox into a model of cdjax, or its cells into layers.

    A module of one's own holds the cells, and its `__call__` what happens between them. It is run,
    on random inputs, and what its parts do not say is found by comparison: the pool, the
    activations of the head, a softmax or sigmoid at the end, which cells are the two directions of
    a layer, and whether an array beside a Linear without bias is its bias. A forward pass that is
    anything else raises.

    Args:
        source: A module whose parts are LSTMCell, GRUCell, Embedding, Linear, MLP, Sequential,
            Lambda, Dropout and Identity; or one cell, or a tuple of cells, one above the other.
        forward: The forward pass of a sequence or a batch, where it is not the module's
            `__call__`: `lambda x: module.predict(x)`.
        modules: Names of the parts in the order of their use, where it cannot be found; the two
            directions of a layer as a pair. Parts that are not named are left out.
        verify: Whether to run the forward pass; otherwise the parts are taken in the order of their
            fields, and what is not said is asked for.
        pool: What the head reads of the steps.
        activations: Of the dense layers, first to last.
        output: What the outputs stand for, "softmax", "sigmoid" or "value", where no softmax or
            sigmoid is computed.
        vocabulary: The words of the embedding's rows, a `cdjax.Vocabulary` or what one is read from
            (`cdjax.importers.words`).
        labels: Names of the outputs.

    Returns:
        The model; the layers alone where there is no dense layer.

    Raises:
        ValueError: For anything else: a module that is not supported (normalizations, convolutions,
            attention), an array that belongs to no layer, a forward pass that computes something
            else, something not said; names it.
    """
    wishes = Wishes(modules, verify, pool, activations, output, vocabulary, labels)
    given = list(source) if isinstance(source, list | tuple) else [source]
    if not given or not all(is_of(module, "equinox", "Module") for module in given):
        raise ValueError(
            f"from_equinox got {reprlib.repr(source)}; expected a module of Equinox, or a tuple of "
            f"its cells."
        )
    name = type(source).__name__
    if isinstance(source, list | tuple) or _kind(source) in _CELLS:
        runs: list[Run] = []  # nothing is left to find
    else:
        runs = _make_runs(source) if forward is None else make_runs(forward)
    several = len(given) > 1
    parts = [part for n, m in enumerate(given) for part in _walk(m, f"cell {n}" if several else "")]
    parts = _place_arrays(name, parts, verified=verify and bool(runs))
    return build(name, "equinox", parts, wishes, runs=runs, defined=True)


def _kind(module: Any) -> str:
    return find_kind(module, "equinox", _KNOWN, ("Module",))


def _make_runs(module: Any) -> list[Run]:
    """Return the forward pass of a module in which nothing is dropped."""
    if not callable(module):
        return []
    nn: Any = importlib.import_module("equinox.nn")  # there, as it made the module
    return make_runs(nn.inference_mode(module), **find_arguments(module))


def _walk(value: Any, name: str) -> Iterator[Part]:
    """Yield the parts of a module in the order of its fields, and arrays of its own."""
    where = name or type(value).__name__
    if isinstance(value, list | tuple):
        for n, item in enumerate(value):
            yield from _walk(item, _join(name, n))
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, _join(name, key))
        return
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        if np.dtype(value.dtype).kind == "f":
            yield Part(where, _Array(as_weight(value, where)))
        return
    if not is_of(value, "equinox", "Module"):
        return
    kind = _kind(value)
    if kind == "Sequential":
        yield from _walk_sequential(list(value.layers), name)
    elif kind == "MLP":
        yield from _walk_mlp(value, name)
    elif kind == "Linear":
        yield Part(where, _make_dense(value, where), unsaid=True)
    elif kind == "Embedding":
        yield Part(where, as_weight(value.weight, where))
    elif kind in _CELLS:
        yield Part(where, _make_cell(value, kind, where))
    elif kind == "Lambda" or kind in _IGNORED:
        return
    else:
        for field in dataclasses.fields(value):
            yield from _walk(getattr(value, field.name, None), _join(name, field.name))


def _walk_sequential(items: Sequence[Any], name: str) -> Iterator[Part]:
    """Yield the parts of a Sequential; a Lambda after a Linear is its activation."""
    layers = [n for n, item in enumerate(items) if _kind(item) not in ("Lambda", *_IGNORED)]
    for n in layers:
        after = next((m for m in layers if m > n), len(items))
        functions = [item.fn for item in items[n + 1 : after] if _kind(item) == "Lambda"]
        parts = list(_walk(items[n], _join(name, n)))
        said = _kind(items[n]) in ("Linear", "Sequential") and (functions or after < len(items))
        if said and parts and parts[-1].unsaid:
            parts.append(activate(parts.pop(), functions))
        yield from parts


def _walk_mlp(mlp: Any, name: str) -> Iterator[Part]:
    """Yield the dense layers of an MLP."""
    for n, linear in enumerate(mlp.layers):
        (part,) = _walk(linear, _join(name, n))
        last = n == len(mlp.layers) - 1
        # Its activations may have parameters for each unit, or be mapped over them.
        part = activate(part, [mlp.final_activation if last else mlp.activation])
        # After a last layer that is linear there may be more outside of the MLP.
        yield part._replace(unsaid=True) if last and part.value.activation == "linear" else part


class _Array:
    """An array that is a field of a module of one's own."""

    def __init__(self, value: np.ndarray):
        self.value = value


def _place_arrays(source: str, parts: Sequence[Part], verified: bool) -> list[Part]:
    """Return the parts without arrays: one may be the bias of a Linear that has none of its own.

    Raises:
        ValueError: Where it is not, or the forward pass is not run to verify it.
    """
    kept = [part for part in parts if not isinstance(part.value, _Array)]
    for part in parts:
        if not isinstance(part.value, _Array):
            continue
        bias = part.value.value
        fitting = [
            n
            for n, other in enumerate(kept)
            if isinstance(other.value, Dense)
            and other.value.b.shape == bias.shape
            and not other.value.b.any()
        ]
        if len(fitting) != 1 or not verified:
            raise ValueError(
                f"{part.name} of {source} is an array {list(bias.shape)} that belongs to no layer; "
                f"expected weights of {', '.join(_KNOWN)} alone (or the bias of one Linear without "
                f"bias, which is verified)."
            )
        dense = kept[fitting[0]]
        kept[fitting[0]] = dense._replace(value=dense.value._replace(b=bias))
    return kept


def _make_cell(cell: Any, kind: str, where: str) -> LSTMParams | GRUParams:
    """Return a cell; without biases they are None."""
    W, V = as_weight(cell.weight_ih, where), as_weight(cell.weight_hh, where)
    bias = None if cell.bias is None else as_weight(cell.bias, f"{where}.bias")
    if kind == "LSTMCell":
        return make_lstm(where, "ifgo", W, V, [] if bias is None else [bias])
    state_bias = None
    if cell.bias_n is not None:
        inner = as_weight(cell.bias_n, f"{where}.bias_n")
        state_bias = np.concatenate([np.zeros(2 * len(inner), inner.dtype), inner])
    return make_gru(where, "rzn", W, V, bias, state_bias, reset_after=True)


def _make_dense(linear: Any, where: str) -> Dense:
    W = as_weight(linear.weight, where)
    return Dense(
        W, np.zeros(len(W), W.dtype) if linear.bias is None else as_weight(linear.bias, where)
    )


def _join(name: str, key: Any) -> str:
    return f"{name}.{key}" if name else str(key)
