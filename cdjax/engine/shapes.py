"""The static shapes of a job: one compilation a shape serves sequences of any length."""

import os
from typing import NamedTuple

import jax


class JobShape(NamedTuple):
    """How much a job has room for, and how wide its tiles are."""

    rows: int  # time steps of all its sequences together
    states: int  # spans; and stored states of all its trunks (`layout.count_stored_states`)
    tail_lanes: int  # spans that go through a step together
    trunk_lanes: int  # trunks that do
    forward_lanes: int  # sequences that do, in the forward passes


SHAPES = (
    JobShape(rows=512, states=4096, tail_lanes=128, trunk_lanes=64, forward_lanes=16),
    JobShape(rows=4096, states=32768, tail_lanes=512, trunk_lanes=256, forward_lanes=64),
    JobShape(rows=32768, states=262144, tail_lanes=2048, trunk_lanes=512, forward_lanes=128),
)
"""A job takes the first that it fits into: narrow tiles waste little on a single sequence, wide
ones keep the products of a corpus busy."""
NARROW_LANES = {"tail_lanes": 512, "trunk_lanes": 128, "forward_lanes": 64}
"""Of the largest shape where a CPU computes in one thread: the arrays of a tile then fit into its
L2 cache, and the phrases of SST dev took 0.83 of the time. Two threads share a tile: a wide one."""
MEMORY = 192 << 20
"""Bytes that the arrays of the jobs on all devices may take, where JAX reports no limit; while they
are scored, the rows of the next ones are made beside them. Twice as much saved 2% of the time, and
5% where jobs are of the middle shape or smaller, as those of stacks are: they may take that."""


def fit_shapes(row: int, state: int, outputs: int, itemsize: int) -> tuple[JobShape, ...]:
    """Return the shapes of jobs of a network, the largest as large as memory allows.

    They may take a quarter of a device's memory where JAX reports it, else a share of `MEMORY`.

    Args:
        row: Numbers that are stored of a time step, its input vector among them.
        state: Numbers that are stored of a phrase that has ended.
        outputs: Scores of a span.
        itemsize: Bytes of a number.
    """
    device = jax.local_devices()[0]
    limit = (device.memory_stats() or {}).get("bytes_limit")
    memory = limit // 4 if limit else MEMORY // jax.local_device_count()

    def needs(shape: JobShape) -> int:
        # Scores and logits are there twice, on the device and in order on the host.
        stored = row * shape.rows + state * shape.states
        return itemsize * (stored + 2 * outputs * (shape.rows + shape.states))

    def allowed(shape: JobShape) -> int:
        return memory if shape.states > SHAPES[1].states else 2 * memory

    shapes: list[JobShape] = []
    for shape in SHAPES:
        while shapes and needs(shape) > allowed(shape):
            shape = shape._replace(rows=shape.rows // 2, states=shape.states // 2)
        if not shapes or shape.states > shapes[-1].states:
            shapes.append(shape)
    if len(shapes) == len(SHAPES) and device.platform == "cpu" and count_threads() == 1:
        shapes[-1] = shapes[-1]._replace(**NARROW_LANES)
    return tuple(shapes)


def count_threads() -> int:
    """Return in how many threads XLA computes on a CPU: what `NPROC` says, or a thread a core."""
    given = os.environ.get("NPROC", "")
    if given.isdigit():
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_shape(rows: int, states: int, shapes: tuple[JobShape, ...]) -> JobShape:
    """Return the first shape that holds so many rows and states, or one made for them."""
    for shape in shapes:
        if rows <= shape.rows and states <= shape.states:
            return shape
    return shapes[-1]._replace(
        rows=max(shapes[-1].rows, 1 << (rows - 1).bit_length()),
        states=max(shapes[-1].states, 1 << (states - 1).bit_length()),
    )
