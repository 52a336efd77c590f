"""Runs spans, or whole sequences, step by step through a cell of which it knows no formula.

The formulas are those of a `FastForm`. What the driver adds holds for every recurrent cell whose
phrase share `beta` is 0 before the phrase, and none of it is an approximation:

1. Before the phrase, gamma is the state of the network itself, so nothing is computed.
2. Spans with the same start share the steps inside the phrase: one *trunk* for each start. Each
   span then has a *tail*: the steps after the phrase, to the end of the sequence. The first step of
   a tail uses the same matrix product as the trunk's next step, so it is computed with the trunk.
3. What depends on the time step only, the *rows*, is computed once, in the forward pass.

How a job's steps, scans and tails are laid out is told in `layout.py`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from cdjax.core.split import HIGHEST, Weight
from cdjax.engine.layout import Scans, Tails
from cdjax.engine.shapes import JobShape

Indices = Int[Array, "s"]


@runtime_checkable
class FastForm(Protocol):
    """The formulas of a cell under one rule, on the lanes of a tile; hashable, so static.

    `state` is what is carried of a phrase from step to step, any pytree of arrays `[lanes, ...]`;
    `rows` is what `forward` leaves of every time step, gathered by `row`.
    """

    @property
    def limit(self) -> float:
        """Largest argument, as `forward` returns it, up to which these formulas hold."""
        ...

    @property
    def beyond(self) -> "FastForm":
        """The formulas to use beyond the limit."""
        ...

    @property
    def corrects_last_step(self) -> bool:
        """Whether the phrase's last step follows another formula than its other steps."""
        ...

    def start(self, params: Any, lanes: int) -> Any:
        """Return the states before the first step of a forward pass."""
        ...

    def forward(self, params: Any, state: Any, x: Float[Array, "s d"]) -> tuple[Any, ...]:
        """Return the new states, the output `h`, the rows and the largest argument of each lane."""
        ...

    def prepare(self, params: Any) -> Any:
        """Return the weights as the functions below take them."""
        ...

    def project(self, weights: Any, rows: Any, row: Indices, state: Any) -> Any:
        """Return the products with `beta` that the next step needs."""
        ...

    def begin(
        self, weights: Any, rows: Any, row: Indices, prefix: Bool[Array, "s"], last: bool
    ) -> Any:
        """Return the state after the first step of a phrase; `last` where there is no other."""
        ...

    def inside(
        self,
        weights: Any,
        rows: Any,
        row: Indices,
        products: Any,
        state: Any,
        prefix: Bool[Array, "s"],
        last: bool,
    ) -> Any:
        """Return the state after a further step of the phrase; `last` for its last one.

        `prefix` says whether the phrase starts at the first step of the sequence.
        """
        ...

    def outside(self, weights: Any, rows: Any, row: Indices, products: Any, state: Any) -> Any:
        """Return the state after a step beyond the phrase."""
        ...

    def output(self, weights: Any, rows: Any, row: Indices, state: Any) -> Float[Array, "s h"]:
        """Return the phrase's part of what is read of the sequence up to the given rows."""
        ...


class ForwardPass(NamedTuple):
    """What one forward pass over all sequences of a job leaves."""

    rows: Any  # of the form, one for each time step
    logits: Float[Array, "n k"]  # at every row, without the output bias
    largest: Float[Array, ""]  # largest argument of all steps


def run_packed(
    begin: Callable[[Scans], Any],
    step: Callable[..., tuple[Any, Any]],
    scans: Scans,
    lanes: int,
    buffers: Any,
) -> Any:
    """Run scans through their steps, tile by tile, and pack the results of all steps.

    Args:
        begin: `scans -> state`: the state before the first step of a tile.
        step: `(state, t, scans, active, row) -> (state, slabs)`: step `t` of a tile of scans, of
            which `active [lanes]` have not ended; its slabs `[lanes, ...]` are written from `row`
            on.
        scans: The scans.
        lanes: Width of a tile.
        buffers: Arrays to fill, with room for one slab beyond the last step.

    Returns:
        The buffers: by tile, then step, then scan.
    """

    def run_tile(n: Array, carry: Any) -> Any:
        tile = _slice_tile(scans, n, lanes)

        def run_step(t: Array, carry: Any) -> Any:
            state, buffers, row = carry
            active = tile.length > t
            state, slabs = step(state, t, tile, active, row)
            buffers = jax.tree.map(
                lambda buffer, slab: jax.lax.dynamic_update_slice_in_dim(buffer, slab, row, 0),
                buffers,
                slabs,
            )
            return state, buffers, row + jnp.sum(active, dtype=row.dtype)

        return jax.lax.fori_loop(0, tile.length[0], run_step, (begin(tile), *carry))[1:]

    start = buffers, jnp.zeros((), scans.length.dtype)
    return jax.lax.fori_loop(0, scans.tiles, run_tile, start)[0]


def run_forward(
    form: FastForm,
    params: Any,
    readout: Float[Weight, "k h"],
    x: Float[Array, "n d"],
    sequences: Scans,
    shape: JobShape,
) -> ForwardPass:
    """Run a layer over all sequences of a job.

    Args:
        form: The formulas.
        params: The layer.
        readout: What is read of its outputs.
        x: For each row its input vector; with room for one slab beyond the last.
        sequences: The sequences.
        shape: The static shapes.
    """
    lanes = shape.forward_lanes

    def step(state: Any, t: Any, scans: Scans, active: Array, row: Any) -> tuple[Any, ForwardPass]:
        inputs = jax.lax.dynamic_slice_in_dim(x, row, lanes)
        state, h, rows, largest = form.forward(params, state, inputs)
        logits = jnp.matmul(h, readout.T, precision=HIGHEST)
        # Finished lanes and inputs that are not finite are left out of the maximum.
        largest = jnp.where(active & jnp.isfinite(largest), largest, 0)
        return state, ForwardPass(rows, logits, largest)

    start, active = form.start(params, lanes), jnp.ones(lanes, bool)
    slabs = jax.eval_shape(step, start, 0, sequences, active, 0)[1]
    buffers = jax.tree.map(lambda s: jnp.zeros((len(x), *s.shape[1:]), s.dtype), slabs)
    packed = run_packed(lambda scans: start, step, sequences, lanes, buffers)
    return packed._replace(largest=jnp.max(packed.largest))


def run_trunks(
    form: FastForm,
    weights: Any,
    rows: Any,
    row_of_step: Int[Array, "n"],
    trunks: Scans,
    shape: JobShape,
) -> Any:
    """Run the trunks, and for each possible end the first step after the phrase.

    Returns:
        The state of each span one step after the phrase, or at its last step where the sequence
        ends there; packed by `run_packed`, with room for one slab beyond the last.
    """
    # The states of a trunk go on from step to step; a span that ends is taken from the last ones.
    ends = (False, True) if form.corrects_last_step else (False,)

    def begin(scans: Scans) -> list[Any]:
        row = gather_rows(row_of_step, scans.first)
        return [form.begin(weights, rows, row, scans.prefix, last) for last in ends]

    def step(states: list[Any], t: Any, scans: Scans, active: Array, row: Any) -> tuple[Any, Any]:
        row = gather_rows(row_of_step, scans.first + t)
        following = gather_rows(row_of_step, scans.first + t + 1)
        state, ended = states[0], states[-1]
        products = form.project(weights, rows, row, state)
        new = [
            form.inside(weights, rows, following, products, state, scans.prefix, last)
            for last in ends
        ]
        if ended is not state:
            products = form.project(weights, rows, row, ended)
        # Without the barrier XLA writes shared exponentials and rows to memory and reads them
        # again; with it each use recomputes them: 0.83 (acd) and 0.7 (paper) times the time.
        products, following = jax.lax.optimization_barrier((products, following))
        outside = form.outside(weights, rows, following, products, ended)
        return new, _choose(scans.first + t == scans.last, ended, outside)

    lanes = shape.trunk_lanes
    state = jax.eval_shape(begin, jax.eval_shape(lambda: _slice_tile(trunks, 0, lanes)))[0]
    buffers = jax.tree.map(
        lambda s: jnp.zeros((shape.states + lanes, *s.shape[1:]), s.dtype), state
    )
    return run_packed(begin, step, trunks, lanes, buffers)


def run_tails(
    form: FastForm,
    weights: Any,
    readout: Float[Weight, "k h"],
    rows: Any,
    row_of_step: Int[Array, "n"],
    states: Any,
    tails: Tails,
    shape: JobShape,
) -> Float[Array, "p k"]:
    """Run the tails to the ends of their sequences and return `readout @ beta_T`."""
    lanes = shape.tail_lanes

    def run_tile(n: Array, scores: Array) -> Array:
        position, last, steps, _ = _slice_tile(tails, n, lanes)
        longest, shortest = steps[0], steps[-1]

        def step(left: Array, state: Any) -> Any:
            row = gather_rows(row_of_step, last - left)
            products = form.project(weights, rows, row, state)
            row = gather_rows(row_of_step, last - left + 1)
            return form.outside(weights, rows, row, products, state)

        def step_if_begun(m: Array, state: Any) -> Any:
            return _choose(steps >= longest - m, step(longest - m, state), state)

        state = jax.tree.map(lambda a: gather_rows(a, position), states)
        state = jax.lax.fori_loop(0, longest - shortest, step_if_begun, state)
        state = jax.lax.fori_loop(0, shortest, lambda m, s: step(shortest - m, s), state)
        beta = form.output(weights, rows, gather_rows(row_of_step, last), state)
        score = jnp.matmul(beta, readout.T, precision=HIGHEST)
        return jax.lax.dynamic_update_slice_in_dim(scores, score, n * lanes, 0)

    scores = jnp.zeros((tails.state.shape[0], readout.shape[0]), readout.dtype)
    return jax.lax.fori_loop(0, tails.tiles, run_tile, scores)


def run_spans(
    form: FastForm,
    params: Any,
    readout: Float[Weight, "k h"],
    rows: Any,
    row_of_step: Int[Array, "n"],
    trunks: Scans,
    tails: Tails,
    shape: JobShape,
) -> Float[Array, "p k"]:
    """Score the spans of a job, given the rows of its sequences.

    Args:
        form: The formulas.
        params: The layer.
        readout: What is read of its outputs.
        rows: The rows that `run_forward` returned.
        row_of_step: Row of each time step of the job.
        trunks: One scan for each start, to the furthest end asked for.
        tails: The spans.
        shape: The static shapes.

    Returns:
        `readout @ beta_T`, in the order of the tails.
    """
    weights = form.prepare(params)
    states = run_trunks(form, weights, rows, row_of_step, trunks, shape)
    return run_tails(form, weights, readout, rows, row_of_step, states, tails, shape)


def count_numbers(form: FastForm, params: Any, inputs: int) -> tuple[int, int]:
    """Return how many numbers are stored of a time step, and of a phrase that has ended."""

    def take_steps(params: Any) -> tuple[Any, Any]:
        x, row = jnp.zeros((1, inputs), jax.tree.leaves(params)[0].dtype), jnp.zeros(1, int)
        rows = form.forward(params, form.start(params, 1), x)[2]
        return rows, form.begin(form.prepare(params), rows, row, row == 0, False)

    rows, state = (
        sum(array.size for array in jax.tree.leaves(stored))
        for stored in jax.eval_shape(take_steps, params)
    )
    return inputs + rows, state


def gather_rows(rows: Shaped[Weight, "n ..."], row: Int[Array, "s"]) -> Shaped[Array, "s ..."]:
    """Return the given rows; indices beyond the last (of finished lanes) are clipped."""
    return jnp.take(rows, row, axis=0, mode="clip")


def _slice_tile(lanes: Any, n: int | Int[Array, ""], count: int) -> Any:
    """Return the scans or tails of the tile `n`, `count` lanes wide."""

    def cut(array: Any) -> Any:
        return jax.lax.dynamic_slice_in_dim(array, n * count, count) if jnp.ndim(array) else array

    return jax.tree.map(cut, lanes)


def _choose(first: Bool[Array, "s"], one: Any, other: Any) -> Any:
    """Return the states of `one` in the lanes where `first` is set, else those of `other`."""

    def choose(a: Array, b: Array) -> Array:
        return jnp.where(jnp.expand_dims(first, range(1, a.ndim)), a, b)

    return jax.tree.map(choose, one, other)
