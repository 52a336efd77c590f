"""Haiku: weights of LSTM and GRU by the names of their modules.

An LSTM has one matrix for input and state, gates i, g, f, o, and adds 1 to the forget gate's
argument. A GRU has z, r, a, resets before the product, and its z is what others call 1 - z.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cdjax.core.cells import GRUParams, LSTMParams
from cdjax.core.network import Dense
from cdjax.importers.layout import as_weight, make_gru, make_lstm
from cdjax.importers.modules import make_runs
from cdjax.importers.parts import Part, Wishes, build
from cdjax.model import Model

_EXPECTED = "hk.LSTM, hk.GRU, hk.Embed and hk.Linear"


def from_haiku(
    source: Mapping[str, Mapping[str, Any]],
    *,
    forward: Callable[..., Any] | None = None,
    modules: Sequence[Any] | None = None,
    lstms: Sequence[str] = (),
    verify: bool = True,
    pool: str | None = None,
    activations: Sequence[str] | None = None,
    output: str | None = None,
    vocabulary: Any = None,
    labels: Sequence[str] | None = None,
) -> Model | tuple[Any, ...]:
    """Turn the parameters of a network of Haiku into a model of cdjax.

    Parameters do not say what happens between them. With `forward` it is run, on random inputs, and
    what is not said is found by comparison: the pool, the activations of the head, a softmax or
    sigmoid at the end, the order of layers and which are the two directions of one; a forward pass
    that is anything else raises. Without, the parameters are taken for a chain of layers, and what
    they do not say is asked for.

    Args:
        source: The parameters, as `transform(...).init` returns them, of hk.LSTM, hk.GRU, hk.Embed
            and hk.Linear (alone, in hk.DeepRNN, hk.nets.MLP or modules of one's own).
        forward: The forward pass of a sequence or a batch: `lambda x: net.apply(params, None, x)`.
        modules: Names of the parts in the order of their use, where it cannot be found; the two
            directions of a layer as a pair. Parts that are not named are left out.
        lstms: Modules that are LSTMs under a name other than `lstm`.
        verify: Whether to run the forward pass.
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
        ValueError: For anything else: a module that is not supported (VanillaRNN, convolutions,
            normalizations), parameters that belong to none, a forward pass that computes something
            else, something not said; names it.
    """
    wishes = Wishes(modules, verify, pool, activations, output, vocabulary, labels)
    if not isinstance(source, Mapping) or not all(isinstance(m, Mapping) for m in source.values()):
        raise ValueError(
            f"from_haiku got {type(source).__name__}; expected parameters: names of modules, each "
            f"with its arrays by name, as hk.transform(...).init returns them."
        )
    unknown = [name for name in lstms if f"{name}/linear" not in source]
    if unknown:
        raise ValueError(f"lstms names {unknown[0]!r}; found {', '.join(source)}.")
    parts = [_read(name, weights, lstms) for name, weights in source.items()]
    runs = [] if forward is None else make_runs(forward)
    return build("the parameters", "haiku", parts, wishes, runs=runs, defined=False)


def _read(name: str, weights: Mapping[str, Any], lstms: Sequence[str]) -> Part:
    """Return the part that a module's parameters make."""
    module, _, inner = name.rpartition("/")
    kind = module.rpartition("/")[2].rstrip("0123456789").rstrip("_")
    keys = {*weights}
    if kind == "vanilla_rnn" or (inner.startswith(("input_to_hidden", "hidden_to_hidden"))):
        raise ValueError(
            f"{name} belongs to {'hk.VanillaRNN' if kind == 'vanilla_rnn' else 'a ConvLSTM'}, "
            f"which is not supported; expected {_EXPECTED}."
        )
    arrays = {key: as_weight(value, f"{name}, {key}") for key, value in weights.items()}
    shapes = {key: list(array.shape) for key, array in arrays.items()}
    ranks = {key: array.ndim for key, array in arrays.items()}
    if keys == {"embeddings"} and ranks["embeddings"] == 2:
        return Part(name, arrays["embeddings"])
    if keys == {"w_i", "w_h", "b"} and ranks == {"w_i": 2, "w_h": 2, "b": 1}:
        return Part(name, _make_gru(name, **arrays))
    if {"w"} <= keys <= {"w", "b"} and ranks["w"] == 2:
        if inner == "linear" and (kind == "lstm" or module in lstms):
            return Part(module, _make_lstm(module, **arrays))
        W = arrays["w"].T
        b = arrays.get("b", np.zeros(len(W), W.dtype))
        if b.shape != W.shape[:1]:
            raise ValueError(f"{name}: b has shape {shapes['b']}; expected [{len(W)}].")
        return Part(name, Dense(W, b), unsaid=True)
    raise ValueError(
        f"{name} holds {', '.join(f'{key} {shape}' for key, shape in shapes.items()) or 'nothing'}"
        f"{' (a normalization)' if 'scale' in keys else ''}, which belongs to no module that is "
        f"supported; expected those of {_EXPECTED}."
    )


def _make_lstm(where: str, w: np.ndarray, b: np.ndarray | None = None) -> LSTMParams:
    """Return an LSTM; `w` is `[D + H, 4H]`."""
    width = w.shape[1] // 4
    if b is None or b.shape != w.shape[1:] or not 0 < width < len(w) or w.shape[1] % 4:
        raise ValueError(
            f"{where}: w has shape {list(w.shape)} and b {None if b is None else list(b.shape)}; "
            f"expected an LSTM's, [D + H, 4H] and [4H]."
        )
    one = np.repeat(np.array([0, 0, 1, 0], b.dtype), width)  # added where it is run
    return make_lstm(where, "igfo", w[:-width].T, w[-width:].T, [b + one])


def _make_gru(where: str, w_i: np.ndarray, w_h: np.ndarray, b: np.ndarray) -> GRUParams:
    """Return a GRU; 1 - sigmoid(x) = sigmoid(-x) turns its z round."""
    sign = np.repeat(np.array([-1, 1, 1], b.dtype), w_h.shape[0])
    if not w_i.shape[1] == w_h.shape[1] == len(b) == len(sign):
        raise ValueError(
            f"{where}: w_i has shape {list(w_i.shape)}, w_h {list(w_h.shape)} and b "
            f"{list(b.shape)}; expected a GRU's, [D, 3H], [H, 3H] and [3H]."
        )
    W, V = (np.ascontiguousarray((w * sign[None]).T) for w in (w_i, w_h))
    return make_gru(where, "zrn", W, V, b * sign, reset_after=False)
