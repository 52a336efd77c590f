"""The engine's work on the host: which spans form a job, and where each step's state is stored.

NumPy only. `plan` cuts a corpus into jobs of bounded size; `schedule` lays one job out as the scans
and tails that `cdjax.engine.lstm` drives.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from cdjax.spans import count_spans

Numbers = Int[np.ndarray, "..."]
Number = np.integer


class Size(NamedTuple):
    """The static shapes of a job: one compilation a size serves reviews of any length."""

    rows: int  # time steps of all its reviews together, at most
    spans: int  # at most, and at most so many steps of all trunks together (`count_stored_states`)
    span_tile: int  # spans that go through a step together
    trunk_tile: int  # trunks that do
    review_tile: int  # reviews that do, in the forward passes


class Piece(NamedTuple):
    """The spans of one review whose starts lie in `[first, stop)`."""

    review: int
    first: int
    stop: int


class Packing(NamedTuple):
    """Where `run_packed` stores the results of each step of each scan."""

    order: Numbers  # [m] scans, longest first
    rank: Numbers  # [m] position of each scan in that order
    tile: int
    first_step: Numbers  # [tiles] number of steps of all tiles before
    start: Numbers  # [steps of all tiles] where the slab of each step begins

    def position(self, scan: Numbers, step: Numbers) -> Numbers:
        """Return the positions of the given steps of the given scans."""
        tile, lane = np.divmod(self.rank[scan], self.tile)
        return self.start[self.first_step[tile] + step] + lane


class Schedule(NamedTuple):
    """One job as arrays of static size; scans and tails as tuples of their fields."""

    step: Numbers  # [rows] time step of the job that each row is
    row_of_step: Numbers  # [rows] row of each time step of the job
    reviews: tuple[Numbers, Number, Numbers, Numbers, np.ndarray]  # Scans of the forward passes
    trunks: tuple[Numbers, Number, Numbers, Numbers, np.ndarray]  # Scans, one for each start
    tails: tuple[Numbers, Numbers, Numbers, Number]  # Tails, one for each span
    order: Numbers  # [spans of the job] which span each tail is


def pack(length: Numbers, tile: int) -> Packing:
    """Assign scans of the given lengths to tiles, longest first."""
    order = np.argsort(-length, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    tiles = [length[order[n : n + tile]] for n in range(0, len(order), tile)]
    steps = np.array([lengths[0] for lengths in tiles], np.int64)
    # How many of a tile's scans have not ended at each of its steps.
    active = [
        len(lengths) - np.searchsorted(lengths[::-1], np.arange(lengths[0]), side="right")
        for lengths in tiles
    ]
    ends = np.cumsum(np.concatenate([*active, []]).astype(np.int64))
    start = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    return Packing(order, rank, tile, np.cumsum(steps) - steps, start)


def schedule(
    length: Numbers, review: Numbers, start: Numbers, stop: Numbers, size: Size
) -> Schedule:
    """Lay a job out.

    Args:
        length: Words of each of its reviews, at least 1.
        review: Of each span, which of these reviews it is in.
        start: Of each span; sorted by review, then start, then stop.
        stop: Of each span, beyond its start.
        size: The shapes to fill.
    """
    first = np.cumsum(length) - length
    reviews = pack(length, size.review_tile)
    owner = np.repeat(np.arange(len(length)), length)
    row_of_step = reviews.position(owner, np.arange(len(owner)) - first[owner])
    step = np.empty_like(row_of_step)
    step[row_of_step] = np.arange(len(row_of_step))

    head, last = trunk_bounds(review, start)
    trunk = np.repeat(np.arange(len(head)), last - head + 1)  # of each span
    trunk_length = stop[last] - start[head]
    if (states := max(len(start), int(trunk_length.sum()))) > size.spans:
        raise ValueError(f"the job stores {states:,} states; its size holds {size.spans:,}.")
    trunks = pack(trunk_length, size.trunk_tile)
    state = trunks.position(trunk, stop - start - 1)

    steps = np.maximum(length[review] - stop - 1, 0)  # the first is the trunk's
    order = np.argsort(-steps, kind="stable")
    return Schedule(
        step=_fill(step, size.rows),
        row_of_step=_fill(row_of_step, size.rows),
        reviews=_scans(length, first, first + length - 1, np.zeros_like(first), reviews, size.rows),
        trunks=_scans(
            trunk_length,
            (first[review] + start)[head],
            (first + length - 1)[review[head]],
            start[head],
            trunks,
            size.rows,
        ),
        tails=(
            _fill(state[order], size.spans),
            _fill((first + length - 1)[review[order]], size.spans),
            # Padding lanes of the last tile are as short as its shortest tail: none of them waits.
            _fill(steps[order], size.spans, int(steps[order[-1]])),
            np.int32(-(-len(order) // size.span_tile)),
        ),
        order=order,
    )


def trunk_bounds(review: Numbers, start: Numbers) -> tuple[Numbers, Numbers]:
    """Return the first and the last span of each trunk, of spans sorted as in `schedule`."""
    new = np.ones(len(start), bool)
    new[1:] = (np.diff(review) != 0) | (np.diff(start) != 0)
    head = np.flatnonzero(new)
    return head, np.append(head, len(start))[1:] - 1  # the last one ends furthest


def count_stored_states(start: Numbers, stop: Numbers, head: Numbers, last: Numbers) -> Numbers:
    """Return how many states each trunk stores: the larger of its numbers of spans and of steps.

    A trunk stores a state at every step, whether or not a span ends there, so a few spans that
    start apart and end late need more memory than all spans of short phrases.
    """
    return np.maximum(last - head + 1, stop[last] - start[head])


def split_groups(costs: Numbers, most: int) -> Iterator[tuple[int, int]]:
    """Cut a list into consecutive groups `[first, stop)` of total cost `most`, or one element."""
    ends = np.cumsum(costs)
    first = 0
    while first < len(ends):
        done = ends[first - 1] if first else 0
        stop = max(first + 1, int(np.searchsorted(ends, done + most, side="right")))
        yield first, stop
        first = stop


def empty_schedule(size: Size) -> Schedule:
    """Return the schedule of a device that has nothing to do."""
    rows, spans, none = np.zeros(size.rows, np.int32), np.zeros(size.spans, np.int32), np.int32(0)
    scans = rows, none, rows, rows, rows.astype(bool)
    tails = spans, spans, spans, none
    return Schedule(rows, rows, scans, scans, tails, order=spans[:0])


def _scans(
    length: Numbers, first: Numbers, last: Numbers, start: Numbers, packing: Packing, count: int
):
    """Return the fields of `Scans`."""
    order = packing.order
    tiles = np.int32(-(-len(order) // packing.tile))
    length, first, last, start = (_fill(a[order], count) for a in (length, first, last, start))
    return length, tiles, first, last, start == 0


def _fill(values: Numbers, count: int, value: int = 0) -> Numbers:
    """Return the values as int32, padded to `count`."""
    filled = np.full(count, value, np.int32)
    filled[: len(values)] = values
    return filled


def plan(
    lengths: Sequence[int], max_len: int | None, rows: int, spans: int
) -> Iterator[list[Piece]]:
    """Cut all spans of a corpus into jobs, in order of review and start.

    Args:
        lengths: Words of each review. One without words is in no job.
        max_len: Longest span wanted; all when None.
        rows: Time steps a job may have, no fewer than the longest review has.
        spans: Spans a job may have, no fewer than a start of the longest review has.

    Yields:
        The pieces of a job. A review is cut only where it does not fit into a job by itself.
    """
    job: list[Piece] = []
    rows_left, spans_left = rows, spans
    for review, length in enumerate(lengths):
        if not length:
            continue
        count = count_spans(length, max_len)
        if job and (length > rows_left or count > spans_left):
            yield job
            job, rows_left, spans_left = [], rows, spans
        if count <= spans_left:
            job.append(Piece(review, 0, length))
            rows_left, spans_left = rows_left - length, spans_left - count
            continue
        longest = length if max_len is None else min(max_len, length)
        costs = np.minimum(length - np.arange(length), longest)
        for first, stop in split_groups(costs, spans):
            if stop < length:
                yield [Piece(review, first, stop)]
            else:
                job = [Piece(review, first, stop)]
                rows_left, spans_left = rows - length, spans - int(costs[first:].sum())
    if job:
        yield job
