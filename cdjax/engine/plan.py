"""Which spans are asked for, and how they are cut into jobs of bounded size. NumPy only."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from cdjax.engine.layout import count_stored_states, trunk_bounds
from cdjax.engine.shapes import JobShape
from cdjax.spans import enumerate_spans

Numbers = Int[np.ndarray, "..."]


class Job(NamedTuple):
    """Spans of one or more sequences, scored in one call of a compiled program."""

    x: list[Float[np.ndarray, "t d"]]  # input vectors of each sequence, at least one step
    sequence: Int[np.ndarray, "s"]  # of each span, which of the sequences it is in
    start: Int[np.ndarray, "s"]  # sorted by sequence, then start, then stop
    stop: Int[np.ndarray, "s"]  # beyond the start


class Piece(NamedTuple):
    """Spans of one sequence: those of its trunks `[first, stop)`, one trunk for each start."""

    sequence: int
    first: int
    stop: int
    is_last: bool  # whether the sequence has no further trunks


@runtime_checkable
class Spans(Protocol):
    """The spans asked for of each sequence, by start and then by stop, none of them empty."""

    def costs(self, sequence: int) -> Numbers:
        """Return the states that each trunk of a sequence stores."""
        ...

    def of_piece(self, piece: Piece) -> Int[np.ndarray, "_ 2"]:
        """Return the spans of a piece."""
        ...


class AllSpans(NamedTuple):
    """Every span of every sequence, up to a length."""

    lengths: Sequence[int]  # steps of each sequence
    max_len: int | None  # longest span wanted; all when None

    def costs(self, sequence: int) -> Numbers:
        """Return the states that each trunk stores: one for each of its spans."""
        length = self.lengths[sequence]
        left = length - np.arange(length)
        return left if self.max_len is None else np.minimum(left, self.max_len)

    def of_piece(self, piece: Piece) -> Int[np.ndarray, "_ 2"]:
        """Return the spans whose starts lie in `[first, stop)`."""
        starts = piece.first, piece.stop
        return enumerate_spans(self.lengths[piece.sequence], self.max_len, starts)


class ChosenSpans:
    """The spans that are listed.

    Args:
        spans: Of each sequence, sorted.
    """

    def __init__(self, spans: Sequence[Int[np.ndarray, "_ 2"]]):
        owner = np.repeat(np.arange(len(spans)), [len(array) for array in spans])
        self._spans = np.concatenate([np.zeros((0, 2), np.int32), *spans])
        start, stop = self._spans.T
        self._head, self._last = trunk_bounds(owner, start)
        self._costs = count_stored_states(start, stop, self._head, self._last)
        # The first trunk of each sequence, and the end of the last one's.
        self._trunks = np.searchsorted(owner[self._head], np.arange(len(spans) + 1)).tolist()

    def costs(self, sequence: int) -> Numbers:
        """Return the states that each trunk stores."""
        return self._costs[slice(*self._trunks[sequence : sequence + 2])]

    def of_piece(self, piece: Piece) -> Int[np.ndarray, "_ 2"]:
        """Return the spans of the trunks `[first, stop)`."""
        trunk = self._trunks[piece.sequence]
        return self._spans[self._head[trunk + piece.first] : self._last[trunk + piece.stop - 1] + 1]


def plan_jobs(
    lengths: Sequence[int], spans: Spans, shapes: Sequence[JobShape], devices: int
) -> list[list[Piece]]:
    """Cut the spans asked for into jobs: few, of about one size, and some for every device.

    Args:
        lengths: Steps of each sequence.
        spans: The spans.
        shapes: The shapes that jobs may have, ascending.
        devices: How many jobs run at a time.

    Returns:
        The pieces of each job, in order of sequence and start. A sequence without spans is in none.
    """
    smallest, largest = shapes[0], shapes[-1]
    counts = [int(spans.costs(n).sum()) for n in range(len(lengths))]
    jobs = -(-sum(counts) // largest.states)
    jobs = max(1, -(-jobs // devices) * devices)
    states = max(-(-sum(counts) // jobs), smallest.states)
    # A sequence that fits into a job is not cut: leave room for the last one of each.
    states += max((count for count in counts if count <= states), default=0)
    states = min(states, largest.states)
    rows = max(largest.rows, max(lengths, default=0))
    return list(cut(lengths, spans, rows, states))


def cut(lengths: Sequence[int], spans: Spans, rows: int, states: int) -> Iterator[list[Piece]]:
    """Cut spans into jobs, in order of sequence and start.

    Args:
        lengths: Steps of each sequence.
        spans: The spans.
        rows: Time steps a job may have, no fewer than the longest sequence has.
        states: States a job may store; a trunk that stores more gets a job of its own.

    Yields:
        The pieces of a job. A sequence is cut only where it does not fit into a job by itself.
    """
    job: list[Piece] = []
    rows_left, states_left = rows, states
    for sequence, length in enumerate(lengths):
        costs = spans.costs(sequence)
        count = int(costs.sum())
        if not count:
            continue
        if job and (length > rows_left or count > states_left):
            yield job
            job, rows_left, states_left = [], rows, states
        if count <= states_left:
            job.append(Piece(sequence, 0, len(costs), True))
            rows_left, states_left = rows_left - length, states_left - count
            continue
        for first, stop in split_groups(costs, states):
            if stop < len(costs):
                yield [Piece(sequence, first, stop, False)]
            else:
                job = [Piece(sequence, first, stop, True)]
                rows_left, states_left = rows - length, states - int(costs[first:].sum())
    if job:
        yield job


def split_groups(costs: Numbers, most: int) -> Iterator[tuple[int, int]]:
    """Cut a list into consecutive groups `[first, stop)` of total cost `most`, or one element."""
    ends = np.cumsum(costs)
    first = 0
    while first < len(ends):
        done = ends[first - 1] if first else 0
        stop = max(first + 1, int(np.searchsorted(ends, done + most, side="right")))
        yield first, stop
        first = stop
