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
    Layout,
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
    devices = jax.local_devices()
    mesh = jax.make_mesh((len(devices),), ("job",), devices=devices)
    layer = jax.device_put(layer, NamedSharding(mesh, P()))
    jobs = iter(jobs)
    while together := list(itertools.islice(jobs, len(devices))):
        lengths = [np.array([len(x) for x in job.x]) for job in together]
        states = [
            count_stored_states(job.start, job.stop, *trunk_bounds(job.sequence, job.start)).sum()
            for job in together
        ]
        shape = choose_shape(int(max(map(np.sum, lengths))), int(max(states)), shapes)
        layouts = [
            lay_out(length, job.sequence, job.start, job.stop, shape)
            for length, job in zip(lengths, together, strict=True)
        ]
        width, dtype = together[0].x[0].shape[1], layer.readout.dtype
        x = np.zeros((len(devices), shape.rows + shape.forward_lanes, width), dtype)
        for rows, job, layout in zip(x, together, layouts, strict=False):
            steps = np.concatenate(job.x)
            rows[: len(steps)] = steps[layout.step[: len(steps)]]
        idle = [lay_out_nothing(shape)] * (len(devices) - len(together))
        scores, logits = _run(form, layer, x, [*layouts, *idle], shape, mesh)
        for n, (length, layout) in enumerate(zip(lengths, layouts, strict=True)):
            ordered = np.empty((len(layout.order), scores.shape[2]), dtype)
            ordered[layout.order] = scores[n, : len(layout.order)]
            yield JobResult(ordered, logits[n, layout.row_of_step[np.cumsum(length) - 1]])


def _run(
    form: FastForm, layer: Layer, x: np.ndarray, layouts: list[Layout], shape: JobShape, mesh: Mesh
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of each job's tails and the logits at its rows."""
    arrays = [(plan.sequences, plan.row_of_step, plan.trunks, plan.tails) for plan in layouts]
    stacked = x, *jax.tree.map(lambda *fields: np.stack(fields), *arrays)
    x_, sequences, row_of_step, trunks, tails = jax.device_put(
        stacked, NamedSharding(mesh, P("job"))
    )
    forward, score = (jitted(program, jax.default_backend()) for program in (_forward, _score))
    result = forward(layer, x_, sequences, form=form, shape=shape, mesh=mesh)
    if not np.max(result.largest) <= form.limit:
        form = form.beyond
        result = forward(layer, x_, sequences, form=form, shape=shape, mesh=mesh)
    jobs = result.rows, row_of_step, trunks, tails
    scores = score(layer, *jobs, form=form, shape=shape, mesh=mesh)
    return np.asarray(scores), np.asarray(result.logits)


@functools.cache
def jitted(program: Callable[..., Any], platform: str) -> Any:
    """Return a program of a job, jitted with the platform's options."""
    options = COMPILER_OPTIONS.get(platform)
    return jax.jit(program, static_argnames=("form", "shape", "mesh"), compiler_options=options)


def _forward(
    layer: Layer, x: Array, sequences: Scans, form: FastForm, shape: JobShape, mesh: Mesh
) -> ForwardPass:
    def run(layer: Layer, x: Array, sequences: Scans) -> ForwardPass:
        return run_forward(form, layer.params, layer.readout, x, sequences, shape)

    return _each_on_its_device(run, mesh)(layer, (x, sequences))


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
