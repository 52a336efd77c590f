"""Runs the jobs of one layer in one direction: compiled once a shape, one job a device a time."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Float

from cdjax.engine.driver import FastForm, ForwardPass, run_forward, run_spans
from cdjax.engine.layout import (
    Scans,
    Tails,
    count_stored_states,
    lay_out,
    lay_out_nothing,
    trunk_bounds,
)
from cdjax.engine.plan import Job
from cdjax.engine.shapes import JobShape, choose_shape

COMPILER_OPTIONS = {"cpu": {"xla_cpu_prefer_vector_width": 512}}
"""By platform. XLA uses 256 bits of a register by default, which took 1.15 times as long; on
processors with narrower registers the option has no effect."""


class JobResult(NamedTuple):
    """What a job computes."""

    scores: Float[np.ndarray, "s k"]  # of its spans
    logits: Float[np.ndarray, "b k"]  # of its sequences


class Layer(NamedTuple):
    """What jobs are run with: one layer, and the part of the readout that reads it."""

    params: Any
    readout: Any  # [K, H]


def run_layer(
    form: FastForm, layer: Layer, jobs: Iterable[Job], shapes: tuple[JobShape, ...]
) -> Iterator[JobResult]:
    """Score jobs, as many at a time as there are local devices.

    Args:
        form: The formulas.
        layer: The layer, in one float type.
        jobs: What to score.
        shapes: The shapes that jobs may have, ascending.

    Yields:
        Of each job, `readout @ beta_T` of its spans and `readout @ h_T` of its sequences.
    """
    mesh = jax.make_mesh((jax.local_device_count(),), ("job",), devices=jax.local_devices())
    layer = jax.device_put(layer, NamedSharding(mesh, P()))
    jobs = iter(jobs)
    # Programs run while Python goes on: while the spans of a group of jobs are scored, the results
    # of the group before are used, and the next group is laid out.
    scoring: Iterator[list[JobResult]] = iter([[]])
    while together := list(itertools.islice(jobs, mesh.size)):
        group = _run_group(form, layer, together, shapes, mesh)
        next(group)  # starts its forward pass
        results = next(scoring)
        next(group)  # starts its scoring
        scoring = group
        yield from results
    yield from next(scoring)


def _run_group(
    form: FastForm, layer: Layer, jobs: list[Job], shapes: tuple[JobShape, ...], mesh: Mesh
) -> Iterator[list[JobResult]]:
    """Run jobs of one shape, one a device.

    Yields:
        Nothing when the forward pass has been started, nothing when the scoring has, and the
        results.
    """
    lengths = [np.array([len(x) for x in job.x]) for job in jobs]
    states = [
        count_stored_states(job.start, job.stop, *trunk_bounds(job.sequence, job.start)).sum()
        for job in jobs
    ]
    shape = choose_shape(int(max(map(np.sum, lengths))), int(max(states)), shapes)
    layouts = [
        lay_out(length, job.sequence, job.start, job.stop, shape)
        for length, job in zip(lengths, jobs, strict=True)
    ]
    width, dtype = jobs[0].x[0].shape[1], layer.readout.dtype
    inputs = np.zeros((mesh.size, shape.rows + shape.forward_lanes, width), dtype)
    for rows, job, layout in zip(inputs, jobs, layouts, strict=False):
        steps = np.concatenate(job.x)
        rows[: len(steps)] = steps[layout.step[: len(steps)]]
    plans = [*layouts, *[lay_out_nothing(shape)] * (mesh.size - len(jobs))]
    arrays = [
        (plan.previous, plan.sequences, plan.row_of_step, plan.trunks, plan.tails) for plan in plans
    ]
    stacked = inputs, *jax.tree.map(lambda *fields: np.stack(fields), *arrays)
    x, previous, sequences, *spans = jax.device_put(stacked, NamedSharding(mesh, P("job")))

    forward, score = (jitted(program, jax.default_backend()) for program in (_forward, _score))
    passed = forward(layer, x, previous, sequences, form=form, shape=shape, mesh=mesh)
    yield []
    if not np.max(passed.largest) <= form.limit:
        form = form.beyond
        passed = forward(layer, x, previous, sequences, form=form, shape=shape, mesh=mesh)
    scores = score(layer, passed.rows, *spans, form=form, shape=shape, mesh=mesh)
    yield []
    scores, logits = np.asarray(scores), np.asarray(passed.logits)
    results = []
    for n, (length, layout) in enumerate(zip(lengths, layouts, strict=True)):
        ordered = np.empty((len(layout.order), scores.shape[2]), dtype)
        ordered[layout.order] = scores[n, : len(layout.order)]
        ends = layout.row_of_step[np.cumsum(length) - 1]
        results.append(JobResult(ordered, logits[n, ends]))
    yield results


@functools.cache
def jitted(program: Callable[..., Any], platform: str) -> Any:
    """Return a program of a job, jitted with the platform's options."""
    options = COMPILER_OPTIONS.get(platform)
    return jax.jit(program, static_argnames=("form", "shape", "mesh"), compiler_options=options)


def _forward(
    layer: Layer,
    x: Array,
    previous: Array,
    sequences: Scans,
    form: FastForm,
    shape: JobShape,
    mesh: Mesh,
) -> ForwardPass:
    def run(layer: Layer, x: Array, previous: Array, sequences: Scans) -> ForwardPass:
        params, readout = layer
        return run_forward(form, params, readout, x, previous, sequences, shape)

    return _each_on_its_device(run, mesh)(layer, (x, previous, sequences))


def _score(
    layer: Layer,
    rows: Any,
    row_of_step: Array,
    trunks: Scans,
    tails: Tails,
    form: FastForm,
    shape: JobShape,
    mesh: Mesh,
) -> Array:
    def run(layer: Layer, rows: Any, row_of_step: Array, trunks: Scans, tails: Tails) -> Array:
        params, readout = layer
        return run_spans(form, params, readout, rows, row_of_step, trunks, tails, shape)

    return _each_on_its_device(run, mesh)(layer, (rows, row_of_step, trunks, tails))


def _each_on_its_device(run: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """Map a function of the layer and one job over jobs stacked in front, one a device."""

    def run_one(layer: Layer, stacked: Any) -> Any:
        result = run(layer, *jax.tree.map(lambda a: a[0], stacked))
        return jax.tree.map(lambda a: a[None], result)

    specs = P(), P("job")
    return jax.shard_map(run_one, mesh=mesh, in_specs=specs, out_specs=P("job"), check_vma=False)
