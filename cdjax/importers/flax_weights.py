"""Weights of Flax by their names: parameters of linen, a state of nnx, a file of MessagePack.

Of an LSTM both have the gates i, f, g, o and a bias on the side of the state; nnx's cells may be
fused. Of a GRU they have r, z, n, reset after the product; nnx has no bias on the state's side.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams
from cdjax.core.network import Dense
from cdjax.importers.layout import as_weight, make_gru, make_lstm
from cdjax.importers.modules import find_arguments, is_of, make_runs
from cdjax.importers.parts import Part, Wishes, build

EXPECTED = "LSTMCell, OptimizedLSTMCell, GRUCell, RNN, Bidirectional, Embed, Linear or Dense"
_DEEPEST = 50
_SCOPES = {
    frozenset(("ii", "if", "ig", "io", "hi", "hf", "hg", "ho")): "an LSTM",
    frozenset(("ii", "if_", "ig", "io", "hi", "hf", "hg", "ho")): "an LSTM",
    frozenset(("ir", "iz", "in", "hr", "hz", "hn")): "a GRU",
    frozenset(("dense_i", "dense_h")): "a fused cell",
    frozenset(("if", "in", "hf", "hn")): "MGUCell",
    frozenset(("i", "h")): "SimpleCell",
    frozenset(("ih", "hh")): "ConvLSTMCell",
}
"""What a scope is, by the names in it."""


def build_weights(
    source: str, tree: Mapping[Any, Any], forward: Callable[..., Any] | None, wishes: Wishes
) -> Any:
    """Return the model of weights that are known by their names alone."""
    if "params" in tree:
        known = "params", "step", "opt_state"
        others = [
            key
            for key, value in tree.items()
            if key not in known and not (isinstance(value, Mapping) and not value)
        ]
        if others:
            raise ValueError(
                f"{source} holds {others[0]!r} beside 'params'; expected parameters alone. Layers "
                f"with a state, such as BatchNorm, are not supported."
            )
        tree = tree["params"]
    parts = list(_read_tree(tree, "")) if isinstance(tree, Mapping) else []
    runs = []
    if forward is not None:
        bound = is_of(forward, "flax.linen", "Module")
        runs = make_runs(forward, **(find_arguments(forward) if bound else {}))
    return build(source, "flax", parts, wishes, runs=runs, defined=False)


def _read_tree(tree: Mapping[Any, Any], name: str) -> Iterator[Part]:
    """Yield the parts of nested weights."""
    tree = {
        str(key): value
        for key, value in tree.items()
        if not is_of(value, "flax.nnx", "RngState")
        and not (isinstance(value, Mapping) and {*value} == {"count", "key"})
    }
    if name.count(".") > _DEEPEST:
        raise ValueError(f"{name[:60]}... is nested too deep; expected at most {_DEEPEST} names.")
    where, keys = name or "the network", frozenset(tree)
    leaves = [key for key, value in tree.items() if not isinstance(value, Mapping)]
    if keys in _SCOPES and not leaves:
        yield Part(where, make_cell(tree, where))
    elif keys == {"forward_rnn", "backward_rnn"}:
        cells = [
            part.value
            for side in ("forward_rnn", "backward_rnn")
            for part in _read_tree(tree[side], join(name, side))
        ]
        if len(cells) != 2 or not all(isinstance(c, LSTMParams | GRUParams) for c in cells):
            raise ValueError(f"{where} holds more than a cell a direction; expected one.")
        yield Part(where, Bidirectional(*cells))
    elif keys == {"embedding"} and leaves:
        embedding = as_weight(unbox(tree["embedding"]), where)
        if embedding.ndim != 2:
            raise ValueError(f"{where} has shape {list(embedding.shape)}; expected [V, D].")
        yield Part(where, embedding)
    elif "kernel" in leaves and keys <= {"kernel", "bias"}:
        yield Part(where, make_dense(tree, where), unsaid=True)
    elif leaves:
        norm = " (a normalization)" if "scale" in leaves else ""
        raise ValueError(
            f"{where} holds the parameters {sorted(keys)}{norm}, which belong to no layer that is "
            f"supported; expected those of {EXPECTED}."
        )
    else:
        for key, value in tree.items():
            yield from _read_tree(value, join(name, key) if key != "cell" or not name else name)


def make_cell(
    scope: Mapping[str, Any], where: str, gate: str = "sigmoid", content: str = "tanh"
) -> LSTMParams | GRUParams:
    """Return a cell from its weights by name, a kernel and a bias a gate or fused."""
    kind = _SCOPES.get(frozenset(scope), f"a cell with {sorted(scope)}")
    if kind not in ("an LSTM", "a GRU", "a fused cell"):
        raise ValueError(f"{where} is {kind}, which is not supported; expected {EXPECTED}.")
    weights = {name: _read_weights(scope[name], f"{where}.{name}") for name in scope}
    if kind == "a fused cell":
        from_input, from_state = weights["dense_i"], weights["dense_h"]
        rows, width = from_state[0].shape
        if rows not in (3 * width, 4 * width):
            raise ValueError(
                f"{where}: dense_h.kernel has shape {[width, rows]}; expected an LSTM's, [H, 4H], "
                f"or a GRU's, [H, 3H] (SimpleCell is not supported)."
            )
        kind = "an LSTM" if rows == 4 * width else "a GRU"
    else:
        gates = "ifgo" if kind == "an LSTM" else "rzn"
        from_input, from_state = (
            _fuse([weights.get(side + letter) or weights[f"{side}{letter}_"] for letter in gates])
            for side in "ih"
        )
    (W, bias), (V, state_bias) = from_input, from_state
    if kind == "an LSTM":
        biases = [b for b in (bias, state_bias) if b is not None]
        return make_lstm(where, "ifgo", W, V, biases, activation=gate, content_activation=content)
    return make_gru(
        where,
        "rzn",
        W,
        V,
        bias,
        state_bias,
        reset_after=True,
        activation=gate,
        content_activation=content,
    )


def _fuse(
    weights: Sequence[tuple[np.ndarray, np.ndarray | None]],
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the kernels and biases of gates one under the other; a missing bias is 0."""
    kernels = [kernel for kernel, _ in weights]
    biases = [np.zeros(len(kernel), kernel.dtype) if b is None else b for kernel, b in weights]
    none = all(bias is None for _, bias in weights)
    return np.concatenate(kernels), None if none else np.concatenate(biases)


def make_dense(weights: Mapping[str, Any], where: str) -> Dense:
    """Return a dense layer, its activation not known yet."""
    kernel, bias = _read_weights(weights, where)
    return Dense(kernel, np.zeros(len(kernel), kernel.dtype) if bias is None else bias)


def _read_weights(weights: Any, where: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a kernel `[out, in]` and its bias, if it has one."""
    if not isinstance(weights, Mapping) or not {"kernel"} <= {*weights} <= {"kernel", "bias"}:
        found = sorted(weights) if isinstance(weights, Mapping) else type(weights).__name__
        raise ValueError(f"{where} holds {found}; expected kernel, and perhaps bias.")
    kernel = as_weight(unbox(weights["kernel"]), f"{where}.kernel")
    bias = None
    if weights.get("bias") is not None:
        bias = as_weight(unbox(weights["bias"]), f"{where}.bias")
    if kernel.ndim != 2 or (bias is not None and bias.shape != kernel.shape[1:]):
        raise ValueError(
            f"{where}: the kernel has shape {list(kernel.shape)}"
            f"{'' if bias is None else f' and the bias {list(bias.shape)}'}; expected [in, out] "
            f"and [out], as Linear and Dense have them (convolutions and attention are not "
            f"supported)."
        )
    return kernel.T, bias


def unbox(value: Any) -> Any:
    """Return the array that a variable of nnx or a partitioned parameter of linen holds."""
    if is_of(value, "flax.nnx", "Variable"):
        return value[...]
    return value.unbox() if hasattr(value, "unbox") else value


def join(name: str, key: Any) -> str:
    """Return the name of a part by that of what it is in."""
    return f"{name}.{key}" if name else str(key)


def read_file(path: Path) -> Mapping[str, Any]:
    """Return the nested arrays of a file of MessagePack; nothing in it can run code."""
    if path.suffix != ".msgpack" or path.is_dir():
        raise ValueError(
            f"{path} is no .msgpack file; expected one of flax.serialization.to_bytes. A folder of "
            f"Orbax is read by Orbax; give from_flax the parameters that it restores."
        )
    try:
        from flax.serialization import msgpack_restore
    except ImportError as error:
        raise ImportError(f"{path} needs Flax: pip install 'cdjax[train]'") from error
    content = path.read_bytes()
    try:
        tree = msgpack_restore(content)
    except Exception as error:  # whatever the reader meets in a damaged file
        raise ValueError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    if not isinstance(tree, Mapping):
        raise ValueError(f"{path} holds {type(tree).__name__}; expected parameters by name.")
    return tree
