"""A live module of PyTorch: what its submodules are, as far as they say it themselves.

PyTorch is not imported: classes are told by their names.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cdjax.activations import SLOPES

# The settings that differ from cdjax's function of that name are refused.
_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "ReLU": ("relu", {}),
    "ReLU6": ("relu6", {}),
    "Sigmoid": ("sigmoid", {}),
    "Tanh": ("tanh", {}),
    "LeakyReLU": ("leaky_relu", {"negative_slope": 0.01}),
    "ELU": ("elu", {"alpha": 1.0}),
    "SELU": ("selu", {}),
    "GELU": ("gelu", {"approximate": "none"}),
    "SiLU": ("silu", {}),
    "Softplus": ("softplus", {"beta": 1.0}),
    "Softsign": ("softsign", {}),
    "Hardsigmoid": ("hard_sigmoid", {}),
    "Hardtanh": ("hard_tanh", {"min_val": -1.0, "max_val": 1.0}),
    "Softmax": ("softmax", {}),
    "LogSoftmax": ("softmax", {}),
}
_READ = ("LSTM", "GRU", "LSTMCell", "GRUCell", "Embedding", "Linear", "BatchNorm1d")
_IDLE = ("Identity", "Dropout", "Dropout1d", "AlphaDropout", "FeatureAlphaDropout", "Flatten")
_NORMS = ("LayerNorm", "RMSNorm", "GroupNorm", "InstanceNorm1d", "LocalResponseNorm")
_LOSSES = {
    "CrossEntropyLoss": "softmax",
    "NLLLoss": "softmax",
    "BCEWithLogitsLoss": "sigmoid",
    "BCELoss": "sigmoid",
    "MultiLabelSoftMarginLoss": "sigmoid",
    "MSELoss": "value",
    "L1Loss": "value",
    "SmoothL1Loss": "value",
    "HuberLoss": "value",
}
_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module"}


@dataclass
class Live:
    """A module that is there, and what it says of itself."""

    module: Any
    """The module, without its wrappers."""
    kind: str
    """The name of its class in PyTorch: "LSTM"; "Module" of a user's own."""
    weights: dict[str, Any]
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    """ "embedding" or "linear" by name of the submodule."""
    eps: dict[str, float] = field(default_factory=dict[str, float])
    activations: dict[str, str] = field(default_factory=dict[str, str])
    """What an `nn.Sequential` applies to the output of a submodule, "linear" if nothing."""
    used: set[str] = field(default_factory=set[str])
    """All activations that are modules, wherever they stand."""
    output: str | None = None
    """What a loss that is kept in the module says of the outputs."""
    padding: int | None = None
    """The `padding_idx` of the embedding, which by itself masks nothing."""
    steps_first: bool = True
    """Whether inputs are `[T, B]`."""


def is_module(source: Any) -> bool:
    """Return whether an object is a `torch.nn.Module`."""
    names = (f"{c.__module__}.{c.__name__}" for c in type(source).__mro__)
    return "torch.nn.modules.module.Module" in names


def _name_class(module: Any) -> str:
    """Return the name of the first class of PyTorch that a module is of."""
    for cls in type(module).__mro__:
        if cls.__module__.startswith("torch."):
            return cls.__name__
    return "Module"


def read_module(source: Any) -> Live:
    """Return what a module says of itself.

    Raises:
        ValueError: Where a submodule is of a kind that cdjax has no layer for.
    """
    source = _unwrap(source)
    submodules = dict(source.named_modules())
    losses = [name for name, m in submodules.items() if _is_loss(m)]
    for name, module in submodules.items():
        _check_class(name, module)
    state = source.state_dict()
    weights = {
        key: value
        for key, value in state.items()
        if (owner := key.rpartition(".")[0]) in submodules and owner not in losses
    }
    live = Live(source, _name_class(source), weights)
    for name, module in submodules.items():
        _read_submodule(live, name, module)
    said = {_LOSSES.get(_name_class(submodules[name])) for name in losses}
    live.output = said.pop() if len(said) == 1 else None
    return live


def _unwrap(source: Any) -> Any:
    """Return the module inside of `torch.compile` or `DataParallel`."""
    while True:
        if type(source).__name__ == "OptimizedModule" and hasattr(source, "_orig_mod"):
            source = source._orig_mod
        elif (inner := _WRAPPERS.get(_name_class(source))) is not None:
            source = getattr(source, inner)
        else:
            return source


def _is_loss(module: Any) -> bool:
    return any(c.__module__ == "torch.nn.modules.loss" for c in type(module).__mro__)


def _check_class(name: str, module: Any) -> None:
    """Raise where a submodule is one that cdjax has no layer for."""
    where = f"{name or 'the module'} is of class {type(module).__name__}"
    origins = [c.__module__ for c in type(module).__mro__]
    kind = _name_class(module)
    if any("quantized" in origin for origin in origins):
        raise ValueError(
            f"{where} of quantized weights ({origins[0]}); give the float model from before its "
            f"quantization."
        )
    if any(origin.startswith("torch.jit") for origin in origins):
        raise ValueError(
            f"{where}, a TorchScript program; give its module.state_dict(), or the model exported "
            f"as ONNX to cdjax.from_onnx."
        )
    if hasattr(module, "parametrizations"):
        raise ValueError(
            f"{where} with the parametrized weights {list(module.parametrizations)}; apply "
            f"torch.nn.utils.parametrize.remove_parametrizations(module, name) to each first."
        )
    if kind in ("RNN", "RNNCell", "RNNBase"):
        raise ValueError(f"{where}, a plain RNN, which cdjax has no cell for; expected LSTM, GRU.")
    if kind in _NORMS:
        raise ValueError(
            f"{where}, which depends on all units or steps at once; cdjax has no layer for it. Of "
            f"norms, it reads BatchNorm1d with running statistics."
        )
    if "Attention" in kind or "Transformer" in kind:
        raise ValueError(f"{where}, attention, which cdjax has no layer for.")
    if "torch.nn.modules.activation" in origins and kind not in _ACTIVATIONS:
        raise ValueError(
            f"{where}, which cdjax has no function for; expected one of {', '.join(_ACTIVATIONS)}."
        )
    own = {**module._parameters, **module._buffers}
    if any(_is_lazy(value) for value in own.values()):
        raise ValueError(f"{where} without weights yet; run the module once first.")
    if kind == "Embedding" and module.max_norm is not None:
        raise ValueError(
            f"{where} with max_norm={module.max_norm}, which changes its rows as it reads them; "
            f"write the rows as they are to be used, and set max_norm to None."
        )
    if kind == "BatchNorm1d" and module.running_mean is None:
        raise ValueError(
            f"{where} without running statistics, so that one sequence depends on the others of "
            f"its batch; expected track_running_stats=True."
        )
    held = [key for key in own if own[key] is not None and key not in _unsaved(module)]
    if held and kind not in _READ and not _is_loss(module):
        raise ValueError(
            f"{where} with {', '.join(held)}, which cdjax has no layer for; expected the tensors "
            f"of {', '.join(_READ)} alone."
        )


def _unsaved(module: Any) -> set[str]:
    """Return the names of buffers that are no part of the state."""
    return getattr(module, "_non_persistent_buffers_set", set[str]())


def _is_lazy(value: Any) -> bool:
    return type(value).__name__ in ("UninitializedParameter", "UninitializedBuffer")


def _read_submodule(live: Live, name: str, module: Any) -> None:
    kind = _name_class(module)
    if kind == "Embedding":
        live.kinds[name], live.padding = "embedding", module.padding_idx
    elif kind == "Linear":
        live.kinds[name] = "linear"
    elif kind == "BatchNorm1d":
        live.eps[name] = module.eps
    elif kind in ("LSTM", "GRU"):
        live.steps_first = not module.batch_first
    elif kind in _ACTIVATIONS:
        live.used.add(_name_activation(name, module))
    elif _is_sequence(module):
        prefix = f"{name}." if name else ""
        _read_sequence(live, list(_flatten(prefix, module)))


def _name_activation(name: str, module: Any) -> str:
    known, settings = _ACTIVATIONS[_name_class(module)]
    if known == "leaky_relu" and module.negative_slope in SLOPES:
        return f"leaky_relu_{module.negative_slope}"
    for setting, value in settings.items():
        if (own := getattr(module, setting)) != value:
            raise ValueError(
                f"{name} is of class {type(module).__name__} with {setting}={own}; "
                f"cdjax's {known!r} has {setting}={value}."
            )
    return known


def _is_sequence(module: Any) -> bool:
    """Return whether a module is an `nn.Sequential`, not of a class that changes it."""
    return f"{type(module).__module__}.{type(module).__name__}" == (
        "torch.nn.modules.container.Sequential"
    )


def _flatten(prefix: str, sequence: Any) -> Iterator[tuple[str, Any]]:
    """Yield the modules of an `nn.Sequential` in order, of those inside it too."""
    for key, module in sequence._modules.items():
        if _is_sequence(module):
            yield from _flatten(f"{prefix}{key}.", module)
        elif _name_class(module) not in _IDLE:
            yield f"{prefix}{key}", module


def _read_sequence(live: Live, modules: list[tuple[str, Any]]) -> None:
    """Note what a sequence applies to the output of its dense layers and batch norms."""
    dense = ("Linear", "BatchNorm1d")
    for n, (name, module) in enumerate(modules):
        following = [m for _, m in modules[n + 1 : n + 3]]
        kinds = [_name_class(m) for m in following]
        if _name_class(module) not in dense or not following:
            continue
        if kinds[0] in dense:
            live.activations[name] = "linear"
        elif kinds[0] in _ACTIVATIONS and (len(kinds) == 1 or kinds[1] not in _ACTIVATIONS):
            live.activations[name] = _name_activation(modules[n + 1][0], following[0])


def in_evaluation(module: Any, call: Callable[[], Any]) -> Any:
    """Return what a call gives while a module and all inside it are in their mode to evaluate."""
    modes: Mapping[Any, bool] = {m: m.training for m in module.modules()}
    try:
        module.eval()
        return call()
    finally:
        for m, training in modes.items():
            m.training = training


def to_array(tensor: Any) -> np.ndarray:
    """Return a tensor's values as doubles."""
    return tensor.detach().cpu().double().numpy()
