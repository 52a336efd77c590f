"""Where a job stores the state of each step: its scans and tails as arrays. NumPy only.

The time steps of a job are numbered through all its sequences. Scans (forward passes and trunks)
run longest first, in tiles of fixed width. Each step writes its results as one slab of the tile's
width. The next slab starts after the lanes still active, so it overwrites the finished ones and the
buffers have no gaps. Rows are therefore not in the order of time steps; `row_of_step` maps a step
to its row. All tails end at the last step of their sequence, so the lanes of a tile are aligned at
their ends: longer tails start earlier, and from the step at which the shortest one starts, no lane
is masked.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from cdjax.engine.shapes import JobShape

Numbers = Int[np.ndarray, "..."]


class Scans(NamedTuple):
    """Scans of steps, longest first, in tiles. Arrays of NumPy here, of JAX in the driver."""

    length: Any  # int [m], steps of each; 0 for an unused lane of the last tile
    first: Any  # int [m], time step of the job at which each begins
    last: Any  # int [m], the last time step of its sequence
    prefix: Any  # bool [m], whether it begins at the first step of its sequence
    tiles: Any  # int, number of tiles in use


class Tails(NamedTuple):
    """The spans of a job, longest tail first, in tiles."""

    state: Any  # int [p], position of the state that its trunk stored
    last: Any  # int [p], the last time step of its sequence
    steps: Any  # int [p], steps from there to the end of the sequence
    tiles: Any  # int, number of tiles in use


class Layout(NamedTuple):
    """One job as arrays of static size."""

    step: Numbers  # [rows] time step of the job that each row is
    row_of_step: Numbers  # [rows] row of each time step of the job
    previous: Numbers  # [rows] row of the step before each row's; -1 where there is none
    sequences: Scans  # the forward passes
    trunks: Scans  # one for each start, to the furthest end asked for
    tails: Tails  # one for each span
    order: Numbers  # [spans of the job] which span each tail is


class Packing(NamedTuple):
    """Where the results of each step of each scan are stored."""

    order: Numbers  # [m] scans, longest first
    rank: Numbers  # [m] position of each scan in that order
    lanes: int
    first_step: Numbers  # [tiles] number of steps of all tiles before
    start: Numbers  # [steps of all tiles] where the slab of each step begins

    def position(self, scan: Numbers, step: Numbers) -> Numbers:
        """Return the positions of the given steps of the given scans."""
        tile, lane = np.divmod(self.rank[scan], self.lanes)
        return self.start[self.first_step[tile] + step] + lane


def pack(length: Numbers, lanes: int) -> Packing:
    """Assign scans of the given lengths to tiles, longest first."""
    order = np.argsort(-length, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    tiles = [length[order[n : n + lanes]] for n in range(0, len(order), lanes)]
    steps = np.array([lengths[0] for lengths in tiles], np.int64)
    # How many of a tile's scans have not ended at each of its steps.
    active = [
        len(lengths) - np.searchsorted(lengths[::-1], np.arange(lengths[0]), side="right")
        for lengths in tiles
    ]
    ends = np.cumsum(np.concatenate([*active, []]).astype(np.int64))
    start = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    return Packing(order, rank, lanes, np.cumsum(steps) - steps, start)


def lay_out(
    length: Numbers, sequence: Numbers, start: Numbers, stop: Numbers, shape: JobShape
) -> Layout:
    """Lay a job out.

    Args:
        length: Steps of each of its sequences, at least 1.
        sequence: Of each span, which of these sequences it is in.
        start: Of each span; sorted by sequence, then start, then stop.
        stop: Of each span, beyond its start.
        shape: The shape to fill.
    """
    first = np.cumsum(length) - length
    last = first + length - 1
    forward = pack(length, shape.forward_lanes)
    owner = np.repeat(np.arange(len(length)), length)
    row_of_step = forward.position(owner, np.arange(len(owner)) - first[owner])
    step = np.empty_like(row_of_step)
    step[row_of_step] = np.arange(len(row_of_step))
    previous = np.empty_like(row_of_step)
    previous[row_of_step] = np.concatenate([[-1], row_of_step[:-1]])
    previous[row_of_step[first]] = -1

    head, end = trunk_bounds(sequence, start)
    trunk = np.repeat(np.arange(len(head)), end - head + 1)  # of each span
    trunk_length = stop[end] - start[head]
    if (states := max(len(start), int(trunk_length.sum()))) > shape.states:
        raise ValueError(f"the job stores {states:,} states; its shape holds {shape.states:,}.")
    trunks = pack(trunk_length, shape.trunk_lanes)
    state = trunks.position(trunk, stop - start - 1)
    owner = sequence[head]

    steps = np.maximum(length[sequence] - stop - 1, 0)  # the first is the trunk's
    order = np.argsort(-steps, kind="stable")
    return Layout(
        step=_fill(step, shape.rows),
        row_of_step=_fill(row_of_step, shape.rows),
        previous=_fill(previous, shape.rows + shape.forward_lanes, -1),
        sequences=_scans(length, first, last, np.ones(len(length), bool), forward, shape.rows),
        trunks=_scans(
            trunk_length,
            first[owner] + start[head],
            last[owner],
            start[head] == 0,
            trunks,
            shape.rows,
        ),
        tails=Tails(
            state=_fill(state[order], shape.states),
            last=_fill(last[sequence[order]], shape.states),
            # Padding lanes of the last tile are as short as its shortest tail: none of them waits.
            steps=_fill(steps[order], shape.states, int(steps[order[-1]])),
            tiles=np.int32(-(-len(order) // shape.tail_lanes)),
        ),
        order=order,
    )


def trunk_bounds(sequence: Numbers, start: Numbers) -> tuple[Numbers, Numbers]:
    """Return the first and the last span of each trunk, of spans sorted as in `lay_out`."""
    new = np.ones(len(start), bool)
    new[1:] = (sequence[1:] != sequence[:-1]) | (start[1:] != start[:-1])
    head = np.flatnonzero(new)
    last = np.empty_like(head)
    last[:-1], last[-1:] = head[1:] - 1, len(start) - 1  # the last one ends furthest
    return head, last


def count_stored_states(start: Numbers, stop: Numbers, head: Numbers, last: Numbers) -> Numbers:
    """Return how many states each trunk stores: the larger of its numbers of spans and of steps.

    A trunk stores a state at every step, whether or not a span ends there, so a few spans that
    start apart and end late need more memory than all spans of short phrases.
    """
    return np.maximum(last - head + 1, stop[last] - start[head])


def lay_out_nothing(shape: JobShape) -> Layout:
    """Return the layout of a device that has nothing to do."""
    rows, states = np.zeros(shape.rows, np.int32), np.zeros(shape.states, np.int32)
    none = np.int32(0)
    scans = Scans(rows, rows, rows, rows.astype(bool), none)
    previous = np.full(shape.rows + shape.forward_lanes, -1, np.int32)
    return Layout(
        rows, rows, previous, scans, scans, Tails(states, states, states, none), states[:0]
    )


def _scans(
    length: Numbers, first: Numbers, last: Numbers, prefix: np.ndarray, packing: Packing, count: int
) -> Scans:
    """Return scans in the order of their packing, padded to `count`."""
    length, first, last, prefix = (
        _fill(a[packing.order], count) for a in (length, first, last, prefix)
    )
    tiles = np.int32(-(-len(packing.order) // packing.lanes))
    return Scans(length, first, last, prefix, tiles)


def _fill(values: np.ndarray, count: int, value: int = 0) -> np.ndarray:
    """Return the values, padded to `count`: numbers as int32."""
    filled = np.full(count, value, bool if values.dtype == bool else np.int32)
    filled[: len(values)] = values
    return filled
