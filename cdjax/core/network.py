"""Networks of recurrent layers, a pool and a head, and how an interpreter goes through them.

Everything here is computed by the operations of an interpreter (`cdjax.core.split`): with `PLAIN`
it is the forward pass, with `Parts` the decomposition. Functions take one sequence; `vmap` them.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from cdjax.core.cells import Bidirectional, Cell, Layer, output_width
from cdjax.core.linearize import ACTIVATIONS
from cdjax.core.split import PLAIN, Ops, Parts, Weight, static_fields

POOLS = ("last", "ends", "mean", "max", "each")
"""What the head reads: the output at the last step; each direction's own last step (which is step 0
of a backward cell); the mean or the maximum over the steps; or every step by itself."""


@static_fields("activation")
class Dense(NamedTuple):
    """A layer of a head: `activation(W x + b)`."""

    W: Float[Weight, "m p"]
    b: Float[Weight, "m"]
    activation: str = "linear"  # a key of `ACTIVATIONS`


@static_fields("pool")
class Classifier(NamedTuple):
    """A network with `K` outputs, the logits: `readout @ head(pool(layers(x))) + bias`."""

    embedding: Any  # word vectors, Float[Weight, "v d"]; None where the input is a series [T, D]
    layers: tuple[Layer, ...]  # first to last
    readout: Float[Weight, "k m"]  # output weights
    bias: Float[Weight, "k"]  # output bias; no phrase is credited with it
    pool: str = "last"  # one of `POOLS`
    head: tuple[Dense, ...] = ()  # between the pool and the readout


def project_input(layer: Layer, x: Any, ops: Ops = PLAIN) -> Any:
    """Return `W_k x_t` of every gate and step of a layer, as `run_projected` takes it."""
    if isinstance(layer, Bidirectional):
        return tuple(ops.gates(cell.W, x) for cell in layer)
    return ops.gates(layer.W, x)


def run(
    layers: Sequence[Layer],
    x: Any,
    ops: Ops = PLAIN,
    initial: Sequence[Any] | None = None,
    valid: Bool[Array | np.ndarray, "t"] | None = None,
) -> Any:
    """Run a stack of layers over one sequence.

    Args:
        layers: The layers, first to last.
        x: The input, a number `[T, D]` of the interpreter: for `PLAIN` an array.
        ops: The interpreter.
        initial: The states before the first step, an entry a layer: a cell's `(h, c)` or `(h,)`, a
            pair of these for a `Bidirectional`; None for zeros.
        valid: The steps to go through; the others are left out (padding), and repeat the states of
            the step before. All when None.

    Returns:
        The outputs of the last layer at every step, a number `[T, P]`.
    """
    x = jax.tree.map(jnp.asarray, x)
    return run_projected(layers, project_input(layers[0], x, ops), ops, initial, valid)


def run_projected(
    layers: Sequence[Layer],
    projected: Any,
    ops: Ops = PLAIN,
    initial: Sequence[Any] | None = None,
    valid: Bool[Array | np.ndarray, "t"] | None = None,
) -> Any:
    """Run a stack over one sequence that is given as `project_input` of its first layer."""
    h = None
    for n, layer in enumerate(layers):
        zx = projected if n == 0 else project_input(layer, h, ops)
        start = None if initial is None else initial[n]
        if isinstance(layer, Bidirectional):
            starts = (None, None) if start is None else start
            forward = scan_cell(layer.forward, zx[0], ops, starts[0], valid)[0]
            backward = scan_cell(layer.backward, zx[1], ops, starts[1], valid, reverse=True)[0]
            h = jax.tree.map(lambda *both: jnp.concatenate(both, axis=-1), forward, backward)
        else:
            h = scan_cell(layer, zx, ops, start, valid)[0]
    return h


def scan_cell(
    cell: Cell,
    projected: Any,
    ops: Ops = PLAIN,
    initial: Any = None,
    valid: Bool[Array | np.ndarray, "t"] | None = None,
    reverse: bool = False,
) -> Any:
    """Run one cell over one sequence, given as `W_k x_t` of every gate.

    Returns:
        The states after every step, numbers `[T, width]`; the first is the output.
    """
    dtype = jax.tree.leaves(projected)[0].dtype
    if initial is None:
        initial = tuple(jnp.zeros(width, dtype) for width in cell.widths)
    start = tuple(ops.start(jnp.asarray(state, dtype)) for state in initial)
    return _scan(cell, ops.steps(reverse), projected, start, valid, reverse)


@functools.partial(jax.jit, static_argnames="reverse")  # a bare scan compiles at every call
def _scan(cell: Cell, ops: Ops, projected: Any, start: Any, valid: Any, reverse: bool) -> Any:
    def step(state: Any, at: Any) -> Any:
        ops, x, valid = at
        new = tuple(cell.step(ops, state, x))
        if valid is not None:
            new = jax.tree.map(lambda after, before: jnp.where(valid, after, before), new, state)
        return new, new

    if isinstance(ops, Parts):
        # Backwards, a step is computed again from its state: keeping the terms of all its
        # activations takes 4 times the memory and, for its traffic, longer.
        step = jax.checkpoint(step, prevent_cse=False)
    return jax.lax.scan(step, start, (ops, projected, valid), reverse=reverse)[1]


def pool(
    classifier: Classifier,
    h: Any,
    ops: Ops = PLAIN,
    valid: Bool[Array | np.ndarray, "t"] | None = None,
) -> Any:
    """Return what the head reads of the outputs of the last layer at every step.

    Every pool is linear in the outputs once the forward pass is known, and acts on parts one by
    one: the maximum takes, unit by unit, the parts at the step where the whole output is largest.
    """
    steps = jax.tree.leaves(h)[0].shape[0]
    if classifier.pool == "each":
        return h
    if not steps:  # nothing was read: the states are 0
        return jax.tree.map(lambda part: jnp.zeros(part.shape[1:], part.dtype), h)
    if classifier.pool == "mean":
        weight = jnp.ones(steps, bool) if valid is None else valid
        weight = weight.astype(jax.tree.leaves(h)[0].dtype)
        weight = weight / jnp.maximum(jnp.sum(weight), 1)
        return jax.tree.map(lambda part: jnp.sum(jnp.expand_dims(weight, 1) * part, axis=0), h)
    if classifier.pool == "max":
        whole = ops.total(h)
        if valid is not None:
            whole = jnp.where(jnp.expand_dims(valid, 1), whole, -jnp.inf)
        best = jnp.expand_dims(jnp.argmax(whole, axis=0), 0)
        return jax.tree.map(lambda part: jnp.take_along_axis(part, best, axis=0)[0], h)
    top = classifier.layers[-1]
    if classifier.pool == "ends" and isinstance(top, Bidirectional):
        # Steps left out repeat the states of the step before: each direction's end is the array's.
        width = output_width(top.forward)
        return jax.tree.map(lambda part: jnp.concatenate([part[-1, :width], part[0, width:]]), h)
    if valid is None:
        return jax.tree.map(lambda part: part[-1], h)
    last = steps - 1 - jnp.argmax(jnp.flip(valid))
    return jax.tree.map(lambda part: part[last], h)


def read_out(
    classifier: Classifier,
    h: Any,
    ops: Ops = PLAIN,
    valid: Bool[Array | np.ndarray, "t"] | None = None,
) -> Any:
    """Return the logits, a number `[K]` (`[T, K]` for the pool "each"), from the last outputs."""

    def read(y: Any) -> Any:
        for dense in classifier.head:
            y = ops.linear(dense.W, y, dense.b)
            if dense.activation != "linear":
                y = ops.activate(ACTIVATIONS[dense.activation], y)
        return ops.linear(classifier.readout, y, classifier.bias)

    pooled = pool(classifier, h, ops, valid)
    return jax.vmap(read)(pooled) if classifier.pool == "each" else read(pooled)


def forward(
    classifier: Classifier,
    x: Float[Weight, "t d"],
    valid: Bool[Array | np.ndarray, "t"] | None = None,
) -> Float[Array, "..."]:
    """Return the logits of one sequence, given as vectors, output bias included.

    Args:
        classifier: The network.
        x: The input vectors; words are embedded already.
        valid: The steps that are real; the others are left out. All when None.

    Returns:
        Logits `[K]`, or `[T, K]` for the pool "each".
    """
    x = jnp.asarray(x)
    if valid is not None:
        valid = jnp.asarray(valid)
        x = jnp.where(jnp.expand_dims(valid, 1), x, 0)  # be it NaN, it has no say, nor a gradient
    return read_out(classifier, run(classifier.layers, x, valid=valid), valid=valid)
