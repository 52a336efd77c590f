"""Models of PyTorch: a live module, a state dict, or a file of one."""

import functools
import itertools
import os
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cdjax.importers.assemble import Found, assemble
from cdjax.importers.layout import find_activation
from cdjax.importers.readings import add_activation
from cdjax.importers.stages import Stage, Stages, read_through
from cdjax.importers.torch.chain import Chain, find_chain, find_chains
from cdjax.importers.torch.files import open_checkpoint, read_weights
from cdjax.importers.torch.modules import Live, is_module, read_module
from cdjax.importers.torch.parts import Part, read_parts, strip_wrappers
from cdjax.importers.torch.verify import check_module
from cdjax.importers.verify import DisagreementError
from cdjax.model import Model

_MOST_CHAINS, _MOST_FRONTS = 6, 64
_FRONT_ACTIVATIONS = ["linear", "relu", "tanh", "sigmoid", "leaky_relu", "elu", "gelu", "silu"]
"""What is tried after a module that acts on the rows of an embedding."""


def from_torch(
    source: Any,
    *,
    pool: str | None = None,
    activations: Sequence[str] | None = None,
    front_activations: Sequence[str] | None = None,
    output: str | None = None,
    vocabulary: Any = None,
    labels: Sequence[str] | None = None,
    padding: int | None = None,
    modules: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
    eps: float = 1e-5,
    verify: bool = True,
) -> Model | tuple[Any, ...]:
    """Turn a model of PyTorch into one of cdjax, or its recurrent modules into layers.

    Read are: `nn.LSTM` and `nn.GRU` (layers, both directions, projections, with or without biases),
    `nn.LSTMCell` and `nn.GRUCell` (a layer each; that `forward` loops over the steps in order,
    beginning with zeros, is taken for granted), several of them one after the other, an
    `nn.Embedding` in front, and `nn.Linear` and `nn.BatchNorm1d` (with its running statistics)
    behind. Those in front of a recurrent module, too, where they have no activation: they are
    folded, exactly, into its weights; with any activation, where they act on an embedding alone,
    whose rows then are what they give. Every tensor must belong to one of these: normalization of
    layers, convolutions, attention, branches, plain RNNs and quantized weights are refused by name.
    Dropout, which acts in training only, is left out. The weights stay in float64 where they are;
    half precision becomes float32.

    A live module says more than its weights, and is run, in its mode to evaluate, beside the
    network that was read, on random inputs (`verify`): its outputs must be the same, and tell what
    the module does not say in its parts, the pool and the activations in `forward`. It is refused
    where no network, or more than one, is the same.

    A state dict says neither what the head reads of the steps (`pool`), nor activations, nor what
    the outputs stand for: these are asked for. Nothing of it can be verified.

    Args:
        source: A module; its state dict, or any mapping of such names to arrays, also inside a
            checkpoint; or the path of one: `.pt`, `.pth`, `.bin` or `.ckpt` (read by PyTorch, as
            weights alone), `.safetensors` or `.npz`.
        pool: What the head reads: "last" for `output[:, -1]`, "ends" for the `h_n` of both
            directions side by side (of one direction, the same as "last"), "mean", "max", or
            "each" step.
        activations: Of each layer of the head, first to last, a batch norm being one; of a head of
            one layer, "linear" where not given. One name more: the first is applied to what the
            head reads.
        front_activations: Of each `nn.Linear` or batch norm in front of a recurrent module, first
            to last: "linear", on an embedding any other. A live module is tried.
        output: What the outputs stand for: "softmax", "sigmoid" or "value".
        vocabulary: The words of the embedding's rows: a `cdjax.Vocabulary`, a list of words or the
            path of a file of them.
        labels: Names of the outputs; their numbers when None.
        padding: The row of the embedding that the network leaves out, because it packs its
            sequences; it is kept in the provenance, and to be given to functions that score as
            `padding=`. `padding_idx` alone leaves nothing out. A live module is tried.
        modules: Names of modules in the order in which they are applied, where their widths allow
            several.
        names: For weights under other names, PyTorch's name of each that is to be read, and its
            name in the source: `{"weight_ih_l0": "enc_w_ih", ...}`. Others are left out.
        eps: Of batch norms, where a state dict, which does not hold it, is given.
        verify: Whether a live module is run. Where not, it is read like its state dict.

    Returns:
        The model; where the source holds no head, its layers alone, first to last, `LSTMParams` or
        `GRUParams`, or `Bidirectional` of two. (Its embedding, if any, is then for the caller to
        apply.)

    Raises:
        FileNotFoundError: Where there is no such file.
        ImportError: Where a file needs PyTorch, which is not installed.
        TypeError: Where `source` is none of these.
        ValueError: For anything that is not understood, naming what was found; where something is
            not said and not given.
    """
    live, ordered = None, True
    if isinstance(source, str | os.PathLike):
        weights, ordered = read_weights(Path(source))
        title = str(source)
    elif is_module(source):
        live = read_module(source)
        weights, title = live.weights, f"the module {type(live.module).__name__}"
    elif isinstance(source, Mapping):
        title = "the state dict"
        weights = source if names is not None else open_checkpoint(source, title)
    else:
        raise TypeError(
            f"source is a {type(source).__name__}; expected a torch.nn.Module, its state dict, or "
            f"the path of a file of it."
        )
    if other := [key for key in weights if not isinstance(key, str)]:
        raise ValueError(f"{title} has the key {other[0]!r}; expected names of weights.")
    if names is not None:
        weights = _rename(weights, names, live is not None)
    elif live is None:
        weights = strip_wrappers(weights)
    if live is not None and verify:

        def read(live: Live, fronted: bool) -> list[Found]:
            parts = read_parts(live.weights, live.eps, eps, live.kinds)
            chains = find_chains(parts, title, modules, _MOST_CHAINS, fronted=fronted)
            found = [
                _describe(chain, title, live, activations, front)
                for chain in chains
                for front in _list_fronts(chain, live, front_activations)
            ]
            told = [f for f in found if activations is None or len(f.head) == len(activations)]
            return told or found

        found = _check_module(live, read, pool, activations)
        activations = None
    else:
        parts = read_parts(weights, live.eps if live else {}, eps, live.kinds if live else {})
        chain = find_chain(parts, title, modules, ordered)
        front = _settle_front(chain, title, front_activations)
        found = _describe(chain, title, live, activations, front)
    if padding is not None:
        found = _set_padding(found, padding)
    return assemble(
        found,
        pool=pool,
        activations=activations,
        output=output,
        vocabulary=vocabulary,
        labels=labels,
    )


def _rename(weights: Mapping[str, Any], names: Mapping[str, str], live: bool) -> dict[str, Any]:
    """Return the weights that `names` lists, under PyTorch's names."""
    if live:
        raise ValueError("names is given with a module, whose weights have names; leave it out.")
    for name, own in names.items():
        if own not in weights:
            raise ValueError(
                f"names gives {own!r} for {name}; expected one of {reprlib.repr(list(weights))}."
            )
    return {name: weights[own] for name, own in names.items()}


def _check_module(
    live: Live,
    read: Callable[..., list[Found]],
    pool: str | None,
    activations: Sequence[str] | None,
) -> Found:
    """Return the network that is the same as a module: one with its head last, where there is."""
    errors: list[DisagreementError] = []
    for fronted in (False, True):
        if read(live, fronted):
            try:
                own = functools.partial(read, fronted=fronted)
                return check_module(live, own, pool=pool, activations=activations)
            except DisagreementError as error:
                errors.append(error)
    raise errors[0]


def _settle_front(chain: Chain, title: str, given: Sequence[str] | None) -> Sequence[str]:
    """Return the activations in front of recurrent modules as they are given."""
    names = ", ".join(part.name for part in chain.front)
    if chain.front and given is None:
        linear = ",".join(["linear"] * len(chain.front))
        raise ValueError(
            f"{title} holds {names} in front of a recurrent module, and does not say what follows "
            f"it; give front_activations=NAMES, one for each: {linear}."
        )
    given = (given,) if isinstance(given, str) else given or ()
    if len(given) != len(chain.front):
        raise ValueError(
            f"front_activations holds {len(given)} names; expected {len(chain.front)}, one for "
            f"each Linear or batch norm in front of a recurrent module ({names or 'none'})."
        )
    for name in given:
        find_activation(name, "front_activations")
    return given


def _list_fronts(chain: Chain, live: Live, given: Sequence[str] | None) -> list[Sequence[str]]:
    """Return what may follow each module in front of a recurrent one, all of it to be tried."""
    if given is not None or not chain.front:
        return [_settle_front(chain, "the module", given)]
    on_rows = len(chain.fronts[0]) if chain.embedding is not None else 0
    options = [
        [live.activations[part.name]]
        if part.name in live.activations
        else _FRONT_ACTIVATIONS
        if n < on_rows
        else ["linear"]
        for n, part in enumerate(chain.front)
    ]
    return list(itertools.islice(itertools.product(*options), _MOST_FRONTS))


def _fold_front(
    chain: Chain, activations: Sequence[str]
) -> tuple[np.ndarray | None, tuple[Any, ...]]:
    """Return the embedding and the layers, with all that stands in front of them folded in."""
    table = None if chain.embedding is None else _matrix(chain.embedding)
    layers: list[Any] = []
    stages, names = Stages(), iter(activations)
    for front, part in zip(chain.fronts, chain.recurrent, strict=True):
        for other in front:
            assert other.dense is not None
            W, b = np.asarray(other.dense.W), np.asarray(other.dense.b)
            stages.add(Stage(other.name, W, b, next(names)))
        first, *others = part.layers
        if table is not None and not layers:
            table = stages.map_rows(table)
        below = stages.join(part.name)
        first = first if below is None else read_through(first, below, part.name)
        layers += [first, *others]
    return table, tuple(layers)


def _describe(
    chain: Chain,
    title: str,
    live: Live | None,
    activations: Sequence[str] | None,
    front: Sequence[str],
) -> Found:
    """Return what a chain of modules is, as far as it is said."""
    said = live.activations if live is not None else {}
    head, unsaid = [], []
    for n, part in enumerate(chain.head):
        assert part.dense is not None
        activation = said.get(part.name)
        if activation is None and (len(chain.head) > 1 or activations is not None or live):
            unsaid.append(n)
        if activation == "softmax" and n < len(chain.head) - 1:
            raise ValueError(
                f"{title}: a softmax follows {part.name}, which is not the last layer; cdjax has "
                f"no such activation of a hidden layer."
            )
        head.append(part.dense._replace(activation=activation or "linear"))
    embedding, layers = _fold_front(chain, front)
    found = Found(
        source=title,
        framework="PyTorch",
        layers=layers,
        embedding=embedding,
        head=tuple(head),
        unsaid_activations=tuple(unsaid),
        output=None if live is None else live.output,
        head_names=tuple(part.name for part in chain.head),
        notes={"modules": list(chain.names)}
        | ({"front_activations": list(front)} if front else {}),
    )
    if head and isinstance(activations, list | tuple) and len(activations) == len(head) + 1:
        return add_activation(found, activations[0])
    return found


def _matrix(part: Part) -> np.ndarray:
    assert part.dense is not None
    return np.asarray(part.dense.W)


def _set_padding(found: Found, padding: int) -> Found:
    """Return what was found, with the row that is said to be left out."""
    rows = 0 if found.embedding is None else len(found.embedding)
    if not 0 <= padding < rows:
        raise ValueError(
            f"padding is {padding}; expected a row of the embedding, "
            + (f"from 0 to {rows - 1}." if rows else "and there is none.")
        )
    return replace(found, padding=padding, notes={**found.notes, "padding": padding})
