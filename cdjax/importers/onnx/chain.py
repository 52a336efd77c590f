"""From the stages of a network to its embedding, layers, pool and head."""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cdjax.activations import ACTIVATIONS
from cdjax.core.cells import Bidirectional, cells_of
from cdjax.core.network import Dense
from cdjax.importers.assemble import Found
from cdjax.importers.layout import as_weight, check_count, make_identity
from cdjax.importers.onnx.values import Stage

Affine = tuple[np.ndarray, np.ndarray]  # W and b, in float64


@dataclass
class Parts:
    """A network as far as its stages have been gone through."""

    embedding: np.ndarray | None = None
    layers: list[Any] = field(default_factory=list)
    pending: Affine | None = None
    """A map of the last stage that is to become a part of what follows."""
    before_pool: list[Affine | str] = field(default_factory=list)
    pool: str | None = None
    head: list[tuple[Affine, str]] = field(default_factory=list)


def read_chain(stage: Stage, timed: bool, source: str) -> Found:
    """Return what a network is whose output a stage is.

    Args:
        stage: The stage.
        timed: Whether it is the output at every step.
        source: How to name the source in messages.

    Raises:
        ValueError: Where a stage is at a place that cdjax's networks do not have.
    """
    chain = [stage]
    while chain[-1].source is not None:
        chain.append(chain[-1].source)
    parts = Parts()
    for one in chain[::-1]:
        try:
            _add(parts, one)
        except ValueError as error:
            raise ValueError(f"{source}: node {one.name!r} {error}.") from error
    if not parts.layers:
        raise ValueError(
            f"{source} holds no LSTM or GRU between its input and its output {stage.name!r}; "
            f"expected one. output_name= names another output."
        )
    if parts.pending is not None:
        parts.head.append((parts.pending, "linear"))
    dtype = np.result_type(*(cell.W.dtype for layer in parts.layers for cell in cells_of(layer)))
    head = [Dense(W.astype(dtype), b.astype(dtype), name) for (W, b), name in parts.head]
    output = None
    if not any(one.kind in ("dense", "activation", "softmax") for one in chain[: _top(chain)]):
        # The outputs of the layers are no logits.
        output = "value"
        if parts.embedding is not None or parts.pool in ("mean", "max"):
            width = chain[0].width
            head = [Dense(make_identity(source, width, dtype), np.zeros(width, dtype))]
    embedding = None if parts.embedding is None else as_weight(parts.embedding, "the embedding")
    return Found(
        source,
        "ONNX",
        tuple(parts.layers),
        embedding,
        "each" if timed else parts.pool,
        tuple(head),
        output=output if head else None,
    )


def _top(chain: list[Stage]) -> int:
    """Return how many stages there are after the last layer."""
    return next(n for n, stage in enumerate(chain) if stage.kind == "layer")


def _add(parts: Parts, stage: Stage) -> None:
    """Add the next stage."""
    if parts.head and parts.head[-1][1] == "softmax":
        raise ValueError("follows Softmax; name the output of Softmax as output_name=")
    if stage.kind == "embedding":
        parts.embedding = stage.what
    elif stage.kind == "layer":
        _add_layer(parts, stage)
    elif stage.kind == "pool":
        _add_pool(parts, stage.what)
    elif stage.kind == "dense":
        _add_map(parts, *stage.what)
    elif stage.kind in ("activation", "softmax"):
        name = stage.what if stage.kind == "activation" else "softmax"
        _add_activation(parts, name, stage.width)
    elif stage.kind == "cell":
        raise ValueError("is read for its cell state; expected its output")


def _add_layer(parts: Parts, stage: Stage) -> None:
    """Add a layer, which takes over the map before it."""
    if parts.pool or parts.head:
        raise ValueError("reads what a pool or an activation gives; expected layers one on another")
    layer = stage.what
    if parts.pending is not None:
        W, b = parts.pending

        def absorb(cell: Any) -> Any:
            check_count("", *cell.W.shape[:2], W.shape[1], held=cell.W.size + W.size)
            gates = cell.W.astype(np.float64)
            shift = (cell.b + gates @ b).astype(cell.b.dtype)
            return cell._replace(W=(gates @ W).astype(cell.W.dtype), b=shift)

        both = isinstance(layer, Bidirectional)
        layer = Bidirectional(*map(absorb, layer)) if both else absorb(layer)
    parts.layers.append(layer)
    parts.pending = None
    parts.before_pool = []


def _add_map(parts: Parts, W: np.ndarray, b: np.ndarray) -> None:
    """Add a map `W x + b`."""
    if not parts.layers and parts.embedding is not None:
        check_count("", len(parts.embedding), len(W), held=parts.embedding.size)
        table = parts.embedding.astype(np.float64) @ W.T + b
        parts.embedding = table.astype(parts.embedding.dtype)
        return
    if not parts.pool:
        parts.before_pool.append((W, b))
    if parts.pending is not None:
        inner, shift = parts.pending
        check_count("", len(W), inner.shape[1], held=W.size + inner.size)
        W, b = W @ inner, W @ shift + b
    parts.pending = W, b


def _add_activation(parts: Parts, name: str, width: int) -> None:
    """Add an activation to the map before it."""
    if name == "erf":
        raise ValueError("computes erf; expected it as a part of gelu alone")
    if not parts.layers:
        if parts.embedding is None or name == "softmax":
            raise ValueError(f"is an activation ({name}) before the first layer, of a series")
        with jax.enable_x64(True):
            table = np.asarray(ACTIVATIONS[name](jnp.asarray(parts.embedding, float)))
        parts.embedding = table.astype(parts.embedding.dtype)
        return
    pending = parts.pending or (make_identity("", width), np.zeros(width))
    parts.head.append((pending, name))
    parts.pending = None
    if not parts.pool:
        parts.before_pool.append(name)


def _add_pool(parts: Parts, kind: str) -> None:
    """Add a pool; what was computed of every step before it is computed after it."""
    if parts.pool:
        raise ValueError("takes something from the steps twice")
    between = parts.before_pool
    picks = [isinstance(one, tuple) and _is_pick(one) for one in between]
    allowed = {
        "last": True,
        "ends": not between,
        "mean": all(isinstance(one, tuple) for one in between),
        "max": all(picks),
    }
    if not allowed[kind]:
        raise ValueError(
            f"takes {kind!r} over the steps of dense layers or activations; expected the pool "
            f"right after the recurrent layers"
        )
    parts.pool = kind


def _is_pick(affine: Affine) -> bool:
    """Return whether a map only picks units, which the maximum commutes with."""
    W, b = affine
    return bool(not b.any() and ((W == 1).sum(1) == 1).all() and ((W != 0).sum(1) == 1).all())
