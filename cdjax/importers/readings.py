"""Every network that the parts of a source may make up, with its outputs for given inputs."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from cdjax.activations import ACTIVATIONS
from cdjax.core import network
from cdjax.core.cells import Bidirectional
from cdjax.core.network import POOLS, Classifier, Dense
from cdjax.importers.assemble import Found
from cdjax.importers.layout import make_identity

_LARGEST = 1e30
_MOST = 20_000
"""Combinations of activations that are tried."""
TRIED = {
    **ACTIVATIONS,
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
    "gelu_tanh": jax.nn.gelu,  # its approximation, which cdjax has not: told apart from gelu
}


class Candidate(NamedTuple):
    """A reading that is tried."""

    found: Found
    counts: tuple[int, ...]
    """Rows of its outputs for each input."""
    outputs: np.ndarray
    """For all inputs, `[N, K]`, in float64."""


def compute_all(
    found: Found,
    inputs: Sequence[np.ndarray],
    kind: str | None,
    activations: Sequence[str] | None,
) -> list[Candidate]:
    """Return every reading of what was found, with its outputs.

    Args:
        found: What was found.
        inputs: Sequences.
        kind: The pool; all where neither this nor `found` says it.
        activations: Of the head's layers; all where neither these nor `found` say them.

    Raises:
        ValueError: Where there are too many to try, or an activation is unknown.
    """
    candidates: list[Candidate] = []
    with jax.enable_x64(True):  # so that only the other side loses precision
        linear = tuple(dense._replace(activation="linear") for dense in found.head)
        layers, head = jax.tree.map(widen, (found.layers, linear))
        x, valid = _pad(found.embedding, inputs)
        names = _name_candidates(found, activations)
        said = kind or found.pool
        kinds = list(POOLS) if said is None else [said]
        if not isinstance(layers[-1], Bidirectional) and len(kinds) > 1:
            kinds.remove("ends")  # the same as "last"
        for kind, pooled in _read_all(layers, x, valid, tuple(kinds)).items():
            rows = np.asarray(pooled)[valid] if kind == "each" else np.asarray(pooled)
            counts = tuple(map(len, inputs)) if kind == "each" else (1,) * len(inputs)
            for chosen, outputs in _walk(head, names, rows):
                known = tuple(
                    dense._replace(activation="softmax" if name == "log_softmax" else name)
                    for dense, name in zip(found.head, chosen, strict=True)
                )
                reading = replace(found, pool=kind, head=known, unsaid_activations=())
                candidates.append(Candidate(reading, counts, outputs))
    return candidates


@functools.partial(jax.jit, static_argnames="kinds")  # else every operation compiles by itself
def _read_all(layers: Any, x: Any, valid: Any, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return what a head reads, `[N, P]` or `[N, T, P]`, by pool, of sequences that are padded."""
    nothing = np.zeros((1, 1)), np.zeros(1)
    read: dict[str, Any] = {}
    h = jax.vmap(lambda x, valid: network.run(layers, x, valid=valid))(x, valid)
    for kind in kinds:
        classifier = Classifier(None, layers, *nothing, kind)
        pool = functools.partial(network.pool, classifier)
        read[kind] = jax.vmap(lambda h, valid, pool=pool: pool(h, valid=valid))(h, valid)
    return read


@functools.partial(jax.jit, static_argnames="names")
def _apply_all(z: Any, names: tuple[str, ...]) -> list[Any]:
    return [TRIED[name](z) for name in names]


def _name_candidates(found: Found, activations: Sequence[str] | None) -> list[Sequence[str]]:
    """Return the activations to try, for each layer of the head."""
    if activations is not None:
        if isinstance(activations, str) or len(activations) != len(found.head):
            raise ValueError(
                f"activations is {activations!r}; expected {len(found.head)} names, one for each "
                f"layer of the head."
            )
        if unknown := [name for name in activations if name not in TRIED]:
            raise ValueError(
                f"activations holds {unknown[0]!r}; expected some of {', '.join(ACTIVATIONS)}."
            )
        return [(name,) for name in activations]
    names: list[Sequence[str]] = []
    for n, dense in enumerate(found.head):
        last = n == len(found.head) - 1
        tried = [*ACTIVATIONS, "gelu_tanh"]
        if last and len(dense.b) > 1:
            tried += ["softmax", "log_softmax"]
        names.append(tried if n in found.unsaid_activations else [dense.activation])
    if np.prod([len(tried) for tried in names]) > _MOST:
        raise ValueError(
            f"{found.source} does not say {len(found.unsaid_activations)} activations of its head, "
            f"too many to try all; give activations=, a name for each of its {len(found.head)} "
            f"layers."
        )
    return names


def _walk(
    head: Sequence[Any], names: Sequence[Sequence[str]], rows: np.ndarray
) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """Yield the head's outputs for every combination of its layers' activations."""
    if not head:
        yield (), rows
        return
    dense, *above = head
    sums = rows @ dense.W.T + dense.b[None]
    applied = _apply_all(sums, tuple(names[0]))
    for name, values in zip(names[0], map(np.asarray, applied), strict=True):
        if not (np.abs(values) < _LARGEST).all():  # no network gives exponentials of exponentials
            continue
        for combination, outputs in _walk(above, names[1:], values):
            yield (name, *combination), outputs


def compute_logits(classifier: Classifier, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return a network's logits for every input, `[1, K]` or `[T, K]`; for use with 64-bit types.

    Args:
        classifier: The network.
        inputs: Sequences, word numbers `[T]` or vectors `[T, D]`.
    """
    x, valid = _pad(classifier.embedding, inputs)
    widened = jax.tree.map(widen, classifier._replace(embedding=None))
    logits = np.asarray(_forward_all(widened, x, valid))
    return [z[real] if z.ndim > 1 else z[None] for z, real in zip(logits, valid, strict=True)]


_forward_all = jax.jit(jax.vmap(network.forward, (None, 0, 0)))


def _pad(embedding: Any, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of sequences `[N, T, D]`, all as long as the longest, and which are real.

    So that one program computes all of them.
    """
    vectors = [widen(x if embedding is None else embedding[x]) for x in inputs]
    lengths = [len(x) for x in inputs]
    longest = max(lengths)
    x = np.stack([np.pad(v, ((0, longest - len(v)), (0, 0))) for v in vectors])
    return x, np.arange(longest) < np.array(lengths)[:, None]


def widen(weight: Any) -> np.ndarray:
    """Return a weight in float64."""
    return np.asarray(weight, np.float64)


def add_activation(found: Found, name: str) -> Found:
    """Return a network whose head begins with an activation of what it reads."""
    width, dtype = found.head[0].W.shape[1], found.head[0].W.dtype
    identity = make_identity(f"the activation {name} of what the head reads", width, dtype)
    dense = Dense(identity, np.zeros(width, dtype), name)
    return replace(
        found,
        head=(dense, *found.head),
        head_names=("what the head reads", *found.head_names),
        unsaid_activations=tuple(n + 1 for n in found.unsaid_activations),
    )
