"""Flax: modules of nnx as they are, and weights by their names (`cdjax.importers.flax_weights`)."""

import os
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams
from cdjax.importers.flax_weights import (
    EXPECTED,
    build_weights,
    join,
    make_cell,
    make_dense,
    read_file,
    unbox,
)
from cdjax.importers.layout import as_weight, name_activation
from cdjax.importers.modules import activate, find_arguments, find_kind, is_of, make_runs
from cdjax.importers.parts import Part, Wishes, build
from cdjax.importers.verify import Run
from cdjax.model import Model

_CELLS = "LSTMCell", "OptimizedLSTMCell", "GRUCell"
_WRAPPERS = "RNN", "Bidirectional"
_CONTAINERS = "Sequential", "List", "Dict"
_IGNORED = "Dropout", "Rngs", "RngStream"
_KNOWN = (*_CELLS, *_WRAPPERS, *_CONTAINERS, *_IGNORED, "Linear", "Embed")


def from_flax(
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
    """Turn a network of Flax, nnx or linen, into a model of cdjax.

    Weights do not say what happens between them. Where the forward pass can be run (a module, or
    `forward`) it is, on random inputs, and what is not said is found by comparison: the pool, the
    activations of the head, a softmax or sigmoid at the end, the order of layers. A forward pass
    that is anything else raises. Weights alone (parameters of linen, a state of nnx) are taken for
    a chain of layers with Flax's own gates (sigmoid, tanh), and what they do not say is asked for.

    Args:
        source: One of: a module of nnx, its parts LSTMCell, OptimizedLSTMCell or GRUCell (bare, in
            an RNN or Bidirectional), Embed, Linear, Dropout, Sequential, List and Dict; its state;
            a module of linen with its variables, `module.bind(variables)`; its parameters, with
            the same cells, Embed and Dense; a TrainState; the path of a `.msgpack` file of
            parameters or a TrainState, as `flax.serialization.to_bytes` makes them.
        forward: The forward pass of weights that are given alone, of a sequence or a batch:
            `lambda x: module.apply(variables, x)`.
        modules: Names of the parts in the order of their use, where it cannot be found; the two
            directions of a layer as a pair. Parts that are not named are left out.
        verify: Whether to run the forward pass; otherwise the parts are taken in the order of their
            definition, and what is not said is asked for.
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
        FileNotFoundError: Where there is no such file.
        ImportError: Where a file is to be read and Flax is not installed.
        ValueError: For anything else: a module or a setting that is not supported (SimpleCell,
            MGUCell, ConvLSTMCell, normalizations, a first state other than zeros, another merge
            of directions, a direction reversed on its own), a parameter that belongs to no layer,
            a forward pass that computes something else, something not said; names it.
    """
    wishes = Wishes(modules, verify, pool, activations, output, vocabulary, labels)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        source = read_file(path)
        return build_weights(path.name, source, forward, wishes)
    if isinstance(source, Mapping):
        return build_weights("the parameters", source, forward, wishes)
    if hasattr(source, "params") and hasattr(source, "apply_fn"):
        state, apply = source, source.apply_fn
        own = forward or (lambda *args, **kw: apply({"params": state.params}, *args, **kw))
        return build_weights("the TrainState", state.params, own, wishes)
    name = type(source).__name__
    if is_of(source, "flax.linen", "Module"):
        if source.scope is None:
            raise ValueError(
                f"{name} is a module of linen without its weights; expected "
                f"module.bind(variables), or variables and forward=."
            )
        return build_weights(name, source.variables, forward or source, wishes)
    given = list(source) if isinstance(source, list | tuple) else [source]
    if not given or not all(is_of(module, "flax.nnx", "Module") for module in given):
        raise ValueError(
            f"from_flax got {reprlib.repr(source)}; expected a module of flax.nnx, its state, a "
            f"bound module of linen, parameters, or the path of a .msgpack file."
        )
    if isinstance(source, list | tuple) or _kind(source) in (*_CELLS, *_WRAPPERS):
        runs = []  # nothing is left to find
    elif forward is not None:
        runs = make_runs(forward)
    else:
        runs = _make_runs(source)
    parts = _walk_all({_name_root(m, n): m for n, m in enumerate(given)}, verify and bool(runs))
    return build(name, "flax.nnx", parts, wishes, runs=runs, defined=True)


def _name_root(module: Any, n: int) -> str:
    return f"{type(module).__name__} {n}"


def _make_runs(module: Any) -> list[Run]:
    """Return the forward pass of a module of nnx, of a copy in which nothing is dropped."""
    if not callable(module):
        return []
    from flax import nnx

    copy: Any = nnx.clone(module)
    copy.eval()

    def call(*args: Any, **kw: Any) -> Any:
        # A copy at each call: random numbers are counted only where they were made, and a module
        # that counts them (every RNN) would not compile.
        return nnx.clone(copy)(*args, **kw)

    return make_runs(call, **find_arguments(module))


def _kind(module: Any) -> str:
    return find_kind(module, "flax.nnx", _KNOWN, ("Module", "Pytree"))


def _walk_all(modules: Mapping[str, Any], verified: bool) -> list[Part]:
    """Return the parts of modules, each once; a cell that is also in a wrapper, the wrapper's."""
    found = [
        (part, owned)
        for name, module in modules.items()
        for part, owned in _walk(module, name if len(modules) > 1 else "", verified)
    ]
    return [
        part
        for n, (part, owned) in enumerate(found)
        if not any(
            owned < other or (owned == other and m < n) for m, (_, other) in enumerate(found)
        )
    ]


def _walk(value: Any, name: str, verified: bool) -> Iterator[tuple[Part, frozenset[int]]]:
    """Yield the parts of a module in the order of their definition, and what each is made of."""
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, join(name, key), verified)
        return
    if is_of(value, "flax.nnx", "Variable") and not is_of(value, "flax.nnx", "RngState"):
        raise ValueError(
            f"{name} is a {type(value).__name__} that belongs to no layer; expected weights of "
            f"{EXPECTED} alone."
        )
    if not is_of(value, "flax.nnx", "Pytree") or type(value).__name__ in _IGNORED:
        return
    kind = _kind(value)
    where = name or type(value).__name__
    if kind == "Sequential":
        yield from _walk_sequential(list(value.layers), name, verified)
    elif kind == "List":
        yield from _walk(list(value), name, verified)
    elif kind == "Embed":
        _check_settings(value, where)
        yield Part(where, as_weight(unbox(value.embedding), where)), frozenset([id(value)])
    elif kind == "Linear":
        dense = make_dense(_read_linear(value, where), where)
        yield Part(where, dense, unsaid=True), frozenset([id(value)])
    elif kind == "Bidirectional":
        _check_merge(value.merge_fn, where)
        cells = [
            _read_rnn(rnn, f"{where}.{side}", reverse=True)
            for side, rnn in (("forward", value.forward_rnn), ("backward", value.backward_rnn))
        ]
        both = value.forward_rnn, value.backward_rnn
        owned = frozenset(id(module) for rnn in both for module in (rnn, rnn.cell, value))
        yield Part(where, Bidirectional(*cells)), owned
    elif kind == "RNN":
        yield (
            Part(where, _read_rnn(value, where, reverse=verified)),
            frozenset([id(value.cell), id(value)]),
        )
    elif kind in _CELLS:
        yield Part(where, _read_cell(value, where)), frozenset([id(value)])
    else:
        attributes = {k: v for k, v in vars(value).items() if not k.startswith("_pytree__")}
        yield from _walk(attributes, name, verified)


def _walk_sequential(
    items: Sequence[Any], name: str, verified: bool
) -> Iterator[tuple[Part, frozenset[int]]]:
    """Yield the parts of a Sequential; functions after a Linear are its activation."""
    modules = [n for n, item in enumerate(items) if _is_layer(item)]
    for n in modules:
        after = next((m for m in modules if m > n), len(items))
        functions = [f for f in items[n + 1 : after] if not is_of(f, "flax.nnx", "Module")]
        said = _kind(items[n]) in ("Linear", "Sequential") and (functions or after < len(items))
        parts = list(_walk(items[n], join(name, n), verified))
        if said and parts and parts[-1][0].unsaid:
            part, owned = parts.pop()
            parts.append((activate(part, functions), owned))
        yield from parts


def _is_layer(item: Any) -> bool:
    return is_of(item, "flax.nnx", "Module") and _kind(item) != "Dropout"


def _read_rnn(rnn: Any, where: str, *, reverse: bool) -> LSTMParams | GRUParams:
    """Return the cell of an RNN; one that reads backward is for a pair."""
    if _kind(rnn) != "RNN":
        raise ValueError(f"{where} is a {type(rnn).__name__}; expected RNN(LSTMCell(...)).")
    if rnn.reverse and not reverse:
        raise ValueError(
            f"{where} reads the sequence backward (reverse=True) on its own; expected a forward "
            f"RNN, or both directions: Bidirectional(forward_rnn, backward_rnn)."
        )
    if _kind(rnn.cell) not in _CELLS:
        raise ValueError(
            f"{where}: the cell is a {type(rnn.cell).__name__}; expected {', '.join(_CELLS)}."
        )
    return _read_cell(rnn.cell, where)


def _read_cell(cell: Any, where: str) -> LSTMParams | GRUParams:
    """Return a cell of nnx."""
    _check_settings(cell, where)
    if cell.carry_init is not None:
        state = np.asarray(cell.carry_init(jax.random.key(0), (16,), np.dtype(np.float32)))
        if state.any():
            raise ValueError(f"{where}: carry_init gives a first state other than zeros.")
    scope = {
        name: _read_linear(linear, f"{where}.{name}")
        for name, linear in vars(cell).items()
        if is_of(linear, "flax.nnx", "Module")
    }
    gate, content = (
        name_activation(function, f"{where}, {name}")
        for name, function in (("gate_fn", cell.gate_fn), ("activation_fn", cell.activation_fn))
    )
    return make_cell(scope, where, gate, content)


def _read_linear(linear: Any, where: str) -> dict[str, Any]:
    """Return the kernel and the bias of a Linear."""
    if _kind(linear) != "Linear":
        raise ValueError(f"{where} is a {type(linear).__name__}; expected Linear.")
    _check_settings(linear, where)
    weights = {"kernel": unbox(linear.kernel)}
    return weights if linear.bias is None else weights | {"bias": unbox(linear.bias)}


def _check_settings(module: Any, where: str) -> None:
    """Raise where a module computes its products or sums otherwise than Flax does."""
    promote = module.promote_dtype
    if promote.__name__ != "promote_dtype" or not promote.__module__.startswith("flax."):
        raise ValueError(f"{where}: promote_dtype is {promote!r}; expected Flax's own.")
    if getattr(module, "dot_general", jax.lax.dot_general) is not jax.lax.dot_general:
        raise ValueError(
            f"{where}: dot_general is {module.dot_general!r}; expected jax.lax.dot_general."
        )


def _check_merge(merge: Callable[..., Any], where: str) -> None:
    """Raise unless the two directions are put side by side."""
    one, other = np.array([[1.0, 2], [3, 4]]), np.array([[5.0], [6]])
    try:
        merged = np.asarray(merge(jax.numpy.asarray(one), jax.numpy.asarray(other)))
    except Exception:  # whatever the code of somebody else raises for two widths
        merged = one
    if not np.array_equal(merged, np.concatenate([one, other], axis=-1)):
        raise ValueError(
            f"{where}: merge_fn is {getattr(merge, '__name__', merge)}; expected the default, "
            f"which puts the two directions side by side."
        )
