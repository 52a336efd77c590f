"""Networks of recurrent layers, a pool and a head, and how an interpreter goes through them.

With the interpreter `PLAIN` (`cdjax.core.split`) everything here is the forward pass, with `Parts`
the decomposition. Functions take one sequence; `vmap` them.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cdjax.activations import ACTIVATIONS
from cdjax.core.cells import Bidirectional, cells_of
from cdjax.core.split import PLAIN, Parts, Weight, static_fields

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
    layers: tuple[Any, ...]  # first to last: cells, or `Bidirectional`
    readout: Float[Weight, "k m"]  # output weights
    bias: Float[Weight, "k"]  # output bias; no phrase is credited with it
    pool: str = "last"  # one of `POOLS`
    head: tuple[Dense, ...] = ()  # between the pool and the readout

    def problem(self) -> str | None:
        """Return what does not fit besides the shapes above."""
        wrong = f"pool is {self.pool!r}; expected one of {', '.join(POOLS)}."
        return None if self.pool in POOLS else wrong


def project_input(layer: Any, x: Any, ops: Any = PLAIN) -> Any:
    """Return `W_k x_t` of every gate and step of a layer, as `run_projected` takes it."""
    both = tuple(ops.gates(cell.W, x) for cell in cells_of(layer))
    return both if isinstance(layer, Bidirectional) else both[0]


def run(
    layers: Sequence[Any], x: Any, ops: Any = PLAIN, initial: Any = None, valid: Any = None
) -> Any:
    """Return the outputs of a stack of layers at every step of a sequence, a number `[T, P]`.

    Args:
        layers: The layers, first to last.
        x: The input, a number `[T, D]` of the interpreter: for `PLAIN` an array.
        ops: The interpreter.
        initial: The states before the first step, an entry a layer, see `decompose`.
        valid: The steps to go through, bool `[T]`; the others are left out (padding), and repeat
            the states of the step before. All when None.
    """
    x = jax.tree.map(jnp.asarray, x)
    return run_projected(layers, project_input(layers[0], x, ops), ops, initial, valid)


def run_projected(
    layers: Sequence[Any], projected: Any, ops: Any = PLAIN, initial: Any = None, valid: Any = None
) -> Any:
    """Run a stack over one sequence that is given as `project_input` of its first layer."""
    h, initial = None, initial or [None] * len(layers)
    for layer, start in zip(layers, initial, strict=True):
        x = projected if h is None else project_input(layer, h, ops)
        if isinstance(layer, Bidirectional):
            starts = start or (None, None)
            forward = scan_cell(layer.forward, x[0], ops, starts[0], valid)[0]
            backward = scan_cell(layer.backward, x[1], ops, starts[1], valid, reverse=True)[0]
            h = jax.tree.map(lambda *both: jnp.concatenate(both, axis=-1), forward, backward)
        else:
            h = scan_cell(layer, x, ops, start, valid)[0]
    return h


def scan_cell(
    cell: Any, x: Any, ops: Any, initial: Any = None, valid: Any = None, reverse: bool = False
) -> Any:
    """Return a cell's states after every step, numbers `[T, width]`, from its `W_k x_t`."""
    dtype = jax.tree.leaves(x)[0].dtype
    initial = [jnp.zeros(width) for width in cell.widths] if initial is None else initial
    start = tuple(ops.start(jnp.asarray(state, dtype)) for state in initial)
    return _scan(cell, ops.steps(reverse), x, start, valid, reverse)


@functools.partial(jax.jit, static_argnames="reverse")  # a bare scan compiles at every call
def _scan(cell: Any, ops: Any, x: Any, start: Any, valid: Any, reverse: bool) -> Any:
    def step(state: Any, at: Any) -> Any:
        ops, x, valid = at
        new = tuple(cell.step(ops, state, x))
        if valid is not None:
            new = jax.tree.map(lambda after, before: jnp.where(valid, after, before), new, state)
        return new, new

    if isinstance(ops, Parts):
        # In reverse mode a step is computed again: keeping all its terms takes longer, and memory.
        step = jax.checkpoint(step, prevent_cse=False)
    return jax.lax.scan(step, start, (ops, x, valid), reverse=reverse)[1]


def pool(classifier: Classifier, h: Any, ops: Any = PLAIN, valid: Any = None) -> Any:
    """Return what the head reads of the outputs of the last layer at every step.

    Every pool is linear once the forward pass is known, and acts on parts one by one: the maximum
    takes, unit by unit, the parts at the step where the whole output is largest (of equal ones,
    rounding decides).
    """
    kind, steps, top = classifier.pool, len(jax.tree.leaves(h)[0]), classifier.layers[-1]
    real = jnp.expand_dims(jnp.ones(steps, bool) if valid is None else valid, 1)
    if kind == "each":
        return h
    if not steps:  # nothing was read: the states are 0
        return jax.tree.map(lambda part: jnp.zeros(part.shape[1:], part.dtype), h)
    if kind == "mean":
        return jax.tree.map(lambda part: jnp.mean(part, axis=0, where=real), h)
    if kind == "max":
        best = jnp.argmax(jnp.where(real, ops.total(h), -jnp.inf), axis=0, keepdims=True)
        return jax.tree.map(lambda part: jnp.take_along_axis(part, best, axis=0)[0], h)
    if kind == "ends" and isinstance(top, Bidirectional):
        # Steps left out repeat the states of the step before: each direction's end is the array's.
        width = top.forward.widths[0]
        return jax.tree.map(lambda part: jnp.concatenate([part[-1, :width], part[0, width:]]), h)
    last = -1 if valid is None else steps - 1 - jnp.argmax(jnp.flip(valid))
    return jax.tree.map(lambda part: part[last], h)


def read_out(classifier: Classifier, h: Any, ops: Any = PLAIN, valid: Any = None) -> Any:
    """Return the logits, a number `[K]` (`[T, K]` for the pool "each"), from the last outputs."""

    def read(y: Any) -> Any:
        for dense in classifier.head:
            y = ops.linear(dense.W, y, dense.b)
            if dense.activation != "linear":
                y = ops.activate(ACTIVATIONS[dense.activation], y)
        return ops.linear(classifier.readout, y, classifier.bias)

    pooled = pool(classifier, h, ops, valid)
    return jax.vmap(read)(pooled) if classifier.pool == "each" else read(pooled)


def forward(classifier: Classifier, x: Float[Weight, "t d"], valid: Any = None) -> Array:
    """Return the logits of one sequence of (embedded) vectors, output bias included.

    Logits `[K]`, or `[T, K]` for the pool "each". Steps that are not `valid` are left out.
    """
    if valid is not None:
        valid = jnp.asarray(valid)
        x = jnp.where(jnp.expand_dims(valid, 1), x, 0)  # be it NaN, it has no say, nor a gradient
    return read_out(classifier, run(classifier.layers, x, valid=valid), valid=valid)
