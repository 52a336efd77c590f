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

import functools
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
    """The formulas of layers under one rule, on the lanes of a tile; hashable, so static.

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

    def forward(
        self, params: Any, x: Float[Array, "n d"], steps: "Steps"
    ) -> tuple[Any, Float[Array, "n h"], Float[Array, "n"]]:
        """Return of every time step the rows, what is read up to it, and the largest argument."""
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


class Steps(NamedTuple):
    """The time steps of a job's sequences as rows, and how to go through them."""

    sequences: Scans
    previous: Int[Array, "n"]  # row of the step before; -1 where there is none
    lanes: int
    """How many sequences go through a step together."""

    def scan(self, step: Callable[[Any, Any], tuple[Any, Any]], start: Any, inputs: Any) -> Any:
        """Return the results of `(state, inputs) -> (state, results)` at every row.

        Args:
            step: Takes and returns arrays `[lanes, ...]`.
            start: The states before the first step of a sequence, `[lanes, ...]`.
            inputs: Arrays `[n, ...]`.
        """

        def run_step(state: Any, t: Array, scans: Scans, active: Array, row: Array) -> Any:
            return step(state, _slice_rows(inputs, row, self.lanes))

        slabs = jax.eval_shape(step, start, _slice_rows(inputs, 0, self.lanes))[1]
        buffers = _make_buffers(slabs, len(self.previous))
        return run_packed(lambda scans: start, run_step, self.sequences, self.lanes, buffers)

    def map(self, function: Callable[..., Any], *arrays: Any) -> Any:
        """Return a function of arrays `[n, ...]`, computed for many rows at a time.

        Rows beyond the last one in use are left out, but for those of its tile.
        """
        count = len(self.previous)
        tile = min(8 * self.lanes, count)

        def run_tile(n: Array, buffers: Any) -> Any:
            # The last tile begins earlier where it would not fit: it computes some rows again.
            results = function(*_slice_rows(arrays, n * tile, tile))
            return _write_rows(buffers, results, n * tile)

        slabs = jax.eval_shape(function, *_slice_rows(arrays, 0, tile))
        tiles = -(-jnp.sum(self.sequences.length) // tile)
        return jax.lax.fori_loop(0, tiles, run_tile, _make_buffers(slabs, count))

    def before(self, states: Any, previous: Int[Array, "s"]) -> Any:
        """Return the states before given rows, given the states after every row."""

        def gather(states: Array) -> Array:
            first = jnp.expand_dims(previous < 0, range(1, states.ndim))
            return jnp.where(first, 0, gather_rows(states, previous))

        return jax.tree.map(gather, states)


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
            buffers = _write_rows(buffers, slabs, row)
            return state, buffers, row + jnp.sum(active, dtype=row.dtype)

        return jax.lax.fori_loop(0, tile.length[0], run_step, (begin(tile), *carry))[1:]

    start = buffers, jnp.zeros((), scans.length.dtype)
    return jax.lax.fori_loop(0, scans.tiles, run_tile, start)[0]


def run_forward(
    form: FastForm,
    params: Any,
    readout: Float[Weight, "k h"],
    x: Float[Array, "n d"],
    previous: Int[Array, "n"],
    sequences: Scans,
    shape: JobShape,
) -> ForwardPass:
    """Run layers over all sequences of a job.

    Args:
        form: The formulas.
        params: The layers.
        readout: What is read of their outputs.
        x: For each row its input vector; with room for one slab beyond the last.
        previous: For each row the row of the step before, -1 where there is none.
        sequences: The sequences.
        shape: The static shapes.
    """
    steps = Steps(sequences, previous, shape.forward_lanes)
    rows, h, largest = form.forward(params, x, steps)
    logits = steps.map(lambda h: jnp.matmul(h, readout.T, precision=HIGHEST), h)
    # Rows that are not in use, and inputs that are not finite, are left out of the maximum.
    in_use = jnp.arange(len(largest)) < jnp.sum(sequences.length)
    largest = jnp.max(jnp.where(in_use & jnp.isfinite(largest), largest, 0))
    return ForwardPass(rows, logits, largest)


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
    buffers = _make_buffers(state, shape.states + lanes)
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
    leaves, structure = jax.tree.flatten(params)
    kinds = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves)
    return _count_numbers(form, structure, kinds, inputs)


@functools.lru_cache  # tracing takes longer than scoring a sentence
def _count_numbers(
    form: FastForm, structure: Any, kinds: tuple[jax.ShapeDtypeStruct, ...], inputs: int
) -> tuple[int, int]:
    def take_steps(params: Any) -> tuple[Any, Any]:
        x, row = jnp.zeros((1, inputs), kinds[0].dtype), jnp.zeros(1, int)
        scan = Scans(row + 1, row, row, row == 0, jnp.array(1))
        rows = form.forward(params, x, Steps(scan, row - 1, 1))[0]
        return rows, form.begin(form.prepare(params), rows, row, row == 0, False)

    params = jax.tree.unflatten(structure, kinds)
    rows, state = (
        sum(array.size for array in jax.tree.leaves(stored))
        for stored in jax.eval_shape(take_steps, params)
    )
    return inputs + rows, state


def gather_rows(rows: Shaped[Weight, "n ..."], row: Int[Array, "s"]) -> Shaped[Array, "s ..."]:
    """Return the given rows; indices beyond the last (of finished lanes) are clipped."""
    return jnp.take(rows, row, axis=0, mode="clip")


def _make_buffers(slabs: Any, count: int) -> Any:
    """Return room for so many rows of slabs."""
    return jax.tree.map(lambda slab: jnp.zeros((count, *slab.shape[1:]), slab.dtype), slabs)


def _slice_rows(arrays: Any, first: int | Array, count: int) -> Any:
    return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, first, count), arrays)


def _write_rows(buffers: Any, slabs: Any, first: Array) -> Any:
    return jax.tree.map(
        lambda buffer, slab: jax.lax.dynamic_update_slice_in_dim(buffer, slab, first, 0),
        buffers,
        slabs,
    )


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
