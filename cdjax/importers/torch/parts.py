"""The modules that a state dict holds the weights of, told by the names and shapes of the weights.

`lstm.weight_ih_l0` is a weight of the module `lstm`. Every tensor belongs to a module that is read,
or is refused by name.
"""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cdjax.core.cells import Bidirectional
from cdjax.core.network import Dense
from cdjax.importers.layout import as_weight, check_count
from cdjax.importers.torch.cells import make_cells

_CELL_WEIGHT = re.compile(
    r"(?P<name>(?:weight|bias)_(?:ih|hh|hr))(?P<cell>(?:_l\d+(?:_reverse)?)?)"
)
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.")  # DataParallel, compile, ...
MOST_MODULES = 256
_LAYER_NORM = "layer normalization, which depends on all units at once"
_QUANTIZED = "a quantized module; give the float model from before its quantization"
_PARAMETRIZED = "a parametrization; apply torch.nn.utils.parametrize.remove_parametrizations first"
_KINDS = {  # what is known by the ends of its names, and refused
    "in_proj_weight": "attention (MultiheadAttention)",
    "q_proj_weight": "attention (MultiheadAttention)",
    "_g": "weight normalization; apply torch.nn.utils.remove_weight_norm first",
    "_orig": "pruned weights; apply torch.nn.utils.prune.remove first",
    "original0": _PARAMETRIZED,
    "original": _PARAMETRIZED,
    "param": _QUANTIZED,
    "_packed_params": _QUANTIZED,
    "zero_point": _QUANTIZED,
}


@dataclass(frozen=True, eq=False)
class Part:
    """A module with weights: recurrent layers, a matrix (Embedding or Linear), a batch norm."""

    name: str
    kind: str
    """ "recurrent", "linear", "embedding", "matrix" (one or the other) or "norm"."""
    takes: int
    """The width of its input; of an embedding's matrix read as a Linear."""
    gives: int
    layers: tuple[Any, ...] = ()
    dense: Dense | None = None

    @property
    def title(self) -> str:
        """How to name it in a message: "fc (5 to 2)"."""
        return f"{self.name or 'the module itself'} ({self.takes} to {self.gives})"


def is_recurrent(key: str) -> bool:
    """Return whether a name is that of a weight of a recurrent module."""
    return _CELL_WEIGHT.fullmatch(key.rpartition(".")[2]) is not None


def strip_wrappers(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return weights without the name in front that wrappers (Lightning's too) give to all.

    >>> list(strip_wrappers({"module.model.fc.weight": 0, "module.model.fc.bias": 0}))
    ['fc.weight', 'fc.bias']
    """
    weights = dict(weights)
    while prefix := next((p for p in _WRAPPERS if all(k.startswith(p) for k in weights)), ""):
        if not weights or not all("." in key.removeprefix(prefix) for key in weights):
            break
        weights = {key.removeprefix(prefix): value for key, value in weights.items()}
    return weights


def read_parts(
    weights: Mapping[str, Any],
    eps: Mapping[str, float],
    default_eps: float,
    kinds: Mapping[str, str],
) -> list[Part]:
    """Return the modules of a state dict, in its order.

    Args:
        weights: The state dict.
        eps: Of batch norms by module, where known.
        default_eps: Of the other batch norms.
        kinds: "embedding" or "linear" by module, where known.

    Raises:
        ValueError: Where a tensor belongs to no module that cdjax reads, or is misshapen.
    """
    grouped: dict[str, dict[str, Any]] = {}
    for key, value in weights.items():
        module, _, name = key.rpartition(".")
        grouped.setdefault(module, {})[name] = value
    if not any(is_recurrent(key) for key in weights):
        raise ValueError(
            f"no LSTM or GRU among {reprlib.repr(list(weights))}; expected weight_ih_l0, "
            f"weight_hh_l0, bias_ih_l0 and bias_hh_l0, the names torch.nn.LSTM and torch.nn.GRU "
            f"give, or weight_ih, weight_hh ... of a cell. Other names: names={{'weight_ih_l0': "
            f"...}}."
        )
    if len(grouped) > MOST_MODULES:
        raise ValueError(f"{len(grouped):,} modules; expected at most {MOST_MODULES}.")
    parts: list[Part] = []
    unread: list[str] = []
    for module, tensors in grouped.items():
        if all(map(is_recurrent, tensors)):
            parts.append(_read_recurrent(module, tensors))
        elif part := _read_other(module, tensors, eps.get(module, default_eps), kinds.get(module)):
            parts.append(part)
        else:
            unread.append(_describe(module, tensors))
    if unread:
        raise ValueError(
            f"no layer of cdjax for {'; '.join(unread[:6])}{'; ...' * (len(unread) > 6)}. Expected "
            f"an Embedding, LSTMs or GRUs, Linears and BatchNorm1ds alone. Tensors that have no "
            f"part in the forward pass (of a loss, of a metric): take them out of the state dict."
        )
    return parts


def _read_recurrent(module: str, tensors: Mapping[str, Any]) -> Part:
    cells: dict[str, dict[str, Any]] = {}
    for key, value in tensors.items():
        match = _CELL_WEIGHT.fullmatch(key)
        assert match is not None
        cells.setdefault(match["cell"], {})[match["name"]] = value
    layers = make_cells(f"{module}." if module else "", cells)
    top = layers[-1]
    both = tuple(top) if isinstance(top, Bidirectional) else (top,)
    first = layers[0].forward if isinstance(layers[0], Bidirectional) else layers[0]
    gives = sum(cell.widths[0] for cell in both)
    return Part(module, "recurrent", first.W.shape[-1], gives, layers)


def _read_other(
    module: str, tensors: Mapping[str, Any], eps: float, kind: str | None
) -> Part | None:
    """Return a Linear, an Embedding or a batch norm; None where it is none of these."""
    names = set(tensors) - {"num_batches_tracked"}
    shapes = {name: np.shape(tensors[name]) for name in names if hasattr(tensors[name], "shape")}
    arrays = {}
    if names in ({"weight"}, {"weight", "bias"}) and len(shapes.get("weight", ())) == 2:
        arrays = {name: as_weight(tensors[name], f"{module}.{name}") for name in sorted(names)}
        W = arrays["weight"]
        b = arrays.get("bias", np.zeros(len(W), W.dtype))
        if b.shape != (len(W),) or 0 in W.shape:
            raise ValueError(
                f"{module}.weight has shape {list(W.shape)} and {module}.bias {list(b.shape)}; "
                f"expected [M, P] and [M]."
            )
        told = kind or ("matrix" if "bias" not in arrays else "linear")
        return Part(module, told, W.shape[1], len(W), dense=Dense(W, b))
    if {"running_mean", "running_var"} <= names <= {*_NORM}:
        arrays = {name: as_weight(tensors[name], f"{module}.{name}") for name in sorted(names)}
        mean, var = arrays["running_mean"], arrays["running_var"]
        if any(a.shape != mean.shape or a.ndim != 1 for a in arrays.values()) or (var < 0).any():
            raise ValueError(
                f"{module} has running_var of shape {list(var.shape)} and running_mean of shape "
                f"{list(mean.shape)}; expected [M], and no variance below 0."
            )
        check_count(module, len(mean), len(mean))
        scale = arrays.get("weight", np.ones_like(mean)) / np.sqrt(var + mean.dtype.type(eps))
        b = arrays.get("bias", np.zeros_like(mean)) - mean * scale
        return Part(module, "norm", len(mean), len(mean), dense=Dense(np.diag(scale), b))
    return None


_NORM = ("running_mean", "running_var", "weight", "bias")


def _describe(module: str, tensors: Mapping[str, Any]) -> str:
    """Return what is refused, with what it seems to be."""
    ends = (kind for end, kind in _KINDS.items() if any(name.endswith(end) for name in tensors))
    seems = next(ends, "")
    shape = np.shape(tensors["weight"]) if hasattr(tensors.get("weight"), "shape") else None
    if not seems and shape is not None and set(tensors) <= {"weight", "bias"}:
        by_rank = {1: _LAYER_NORM if "bias" in tensors else "", 3: "a convolution (Conv1d)"}
        seems = by_rank.get(len(shape), "a convolution" if len(shape) > 3 else "")
    prefix = f"{module}." if module else ""
    held = {
        name: list(np.shape(value)) if hasattr(value, "shape") else f"({type(value).__name__})"
        for name, value in sorted(tensors.items(), key=lambda item: is_recurrent(item[0]))[:4]
    }
    listed = ", ".join(f"{prefix}{name} {what}" for name, what in held.items())
    return f"{listed}{', ...' * (len(tensors) > 4)}{f': {seems}' * bool(seems)}"
