"""Run jobs of bounded size: compile `cdjax.engine.lstm`, one job at a time on every device."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Float, Int

from cdjax.core.network import Classifier
from cdjax.core.rules import Rule
from cdjax.engine import lstm
from cdjax.engine.schedule import (
    Schedule,
    Size,
    count_stored_states,
    empty_schedule,
    schedule,
    trunk_bounds,
)

# A job takes the first size it fits into: narrow tiles waste little on a single review, wide ones
# keep the products of a corpus busy. Each is compiled once for a shape of model.
SIZES = (
    Size(rows=512, spans=4096, span_tile=128, trunk_tile=64, review_tile=16),
    Size(rows=4096, spans=32768, span_tile=512, trunk_tile=256, review_tile=64),
    Size(rows=32768, spans=262144, span_tile=2048, trunk_tile=512, review_tile=128),
)
MEMORY = 768 << 20
"""Bytes that the arrays of the jobs on all devices may take, where JAX reports no limit."""
COMPILER_OPTIONS = {"cpu": {"xla_cpu_prefer_vector_width": 512}}
"""By platform. XLA uses 256 bits of a register by default, which took 1.15 times as long; on
processors with narrower registers the option has no effect."""


class Job(NamedTuple):
    """Spans of one or more sequences, scored in one call of the compiled program."""

    ids: list[Int[np.ndarray, "t"]]  # words of each review, at least one
    review: Int[np.ndarray, "s"]  # of each span, which of the reviews it is in
    start: Int[np.ndarray, "s"]  # sorted by review, then start, then stop
    stop: Int[np.ndarray, "s"]  # beyond the start


def sizes_for(classifier: Classifier) -> tuple[Size, ...]:
    """Return the sizes of jobs of a model, the largest as large as memory allows.

    They may take a quarter of a device's memory where JAX reports it, else a share of `MEMORY`.
    """
    device = jax.local_devices()[0]
    limit = (device.memory_stats() or {}).get("bytes_limit")
    memory = limit // 4 if limit else MEMORY // jax.local_device_count()
    (classes, hidden), number = classifier.readout.shape, classifier.bias.dtype.itemsize

    def needs(size: Size) -> int:
        # Scores and logits are there twice, on the device and in order on the host.
        states = hidden * (14 * size.rows + size.spans)
        return number * (states + 2 * classes * (size.rows + size.spans))

    sizes = []
    for size in SIZES:
        while len(sizes) and needs(size) > memory:
            size = size._replace(rows=size.rows // 2, spans=size.spans // 2)
        if not sizes or size.spans > sizes[-1].spans:
            sizes.append(size)
    return tuple(sizes)


def size_for(rows: int, spans: int, sizes: tuple[Size, ...]) -> Size:
    """Return the first size that holds so many rows and spans, or one made for them."""
    for size in sizes:
        if rows <= size.rows and spans <= size.spans:
            return size
    return sizes[-1]._replace(
        rows=max(sizes[-1].rows, 1 << (rows - 1).bit_length()),
        spans=max(sizes[-1].spans, 1 << (spans - 1).bit_length()),
    )


def run_jobs(
    classifier: Classifier, jobs: Iterable[Job], rule: Rule
) -> Iterator[tuple[Float[np.ndarray, "s k"], Float[np.ndarray, "b k"]]]:
    """Score jobs, as many at a time as there are local devices.

    Args:
        classifier: The model, of one layer.
        jobs: What to score.
        rule: Which reading of the method.

    Yields:
        Of each job, the scores of its spans and the logits of its reviews less the output bias.
    """
    devices = jax.local_devices()
    mesh = jax.make_mesh((len(devices),), ("job",), devices=devices)
    sizes = sizes_for(classifier)
    classifier = jax.device_put(classifier, NamedSharding(mesh, P()))
    jobs = iter(jobs)
    while together := list(itertools.islice(jobs, len(devices))):
        lengths = [np.array([len(review) for review in job.ids]) for job in together]
        states = [
            count_stored_states(job.start, job.stop, *trunk_bounds(job.review, job.start)).sum()
            for job in together
        ]
        size = size_for(int(max(map(np.sum, lengths))), int(max(states)), sizes)
        plans = [
            schedule(length, job.review, job.start, job.stop, size)
            for length, job in zip(lengths, together, strict=True)
        ]
        ids = np.zeros((len(devices), size.rows + size.review_tile), np.int32)
        for row, job, plan in zip(ids, together, plans, strict=False):
            words = np.concatenate(job.ids)
            row[: len(words)] = words[plan.step[: len(words)]]
        idle = [empty_schedule(size)] * (len(devices) - len(together))
        out, logits = _run(classifier, ids, [*plans, *idle], size, rule, mesh)
        for n, (length, plan) in enumerate(zip(lengths, plans, strict=True)):
            scores = np.empty((len(plan.order), out.shape[2]), out.dtype)
            scores[plan.order] = out[n, : len(plan.order)]
            yield scores, logits[n, plan.row_of_step[np.cumsum(length) - 1]]


def _run(classifier, ids, plans: list[Schedule], size: Size, rule: Rule, mesh: Mesh):
    """Return the scores of each job's tails and the logits at its rows."""
    arrays = [(plan.reviews, plan.row_of_step, plan.trunks, plan.tails) for plan in plans]
    stacked = ids, *jax.tree.map(lambda *fields: np.stack(fields), *arrays)
    ids, reviews, row_of_step, trunks, tails = jax.device_put(
        stacked, NamedSharding(mesh, P("job"))
    )
    platform = jax.default_backend()
    forward, score = jitted(_forward, platform), jitted(_score, platform)
    for exponential in (True, False):
        settings = lstm.Settings(rule, exponential, *size[2:])
        rows, logits, largest = forward(classifier, ids, reviews, settings, mesh)
        if np.max(largest) <= lstm.EXPONENT_LIMIT:
            break
    scores = score(classifier, rows, row_of_step, trunks, tails, settings, mesh)
    return np.asarray(scores), np.asarray(logits)


@functools.cache
def jitted(program: Callable, platform: str):
    """Return a program of a job, jitted with the platform's options."""
    options = COMPILER_OPTIONS.get(platform)
    return jax.jit(program, static_argnames=("settings", "mesh"), compiler_options=options)


def _forward(classifier, ids, reviews, settings: lstm.Settings, mesh: Mesh):
    def run(classifier, ids, reviews):
        return lstm.run_forward(classifier, ids, lstm.Scans(*reviews), settings)

    return _each_on_its_device(run, mesh)(classifier, (ids, reviews))


def _score(classifier, rows, row_of_step, trunks, tails, settings: lstm.Settings, mesh: Mesh):
    def run(classifier, rows, row_of_step, trunks, tails):
        trunks, tails = lstm.Scans(*trunks), lstm.Tails(*tails)
        return lstm.run_spans(classifier, rows, row_of_step, trunks, tails, settings)

    return _each_on_its_device(run, mesh)(classifier, (rows, row_of_step, trunks, tails))


def _each_on_its_device(run, mesh: Mesh):
    """Map a function of the model and one job over jobs stacked in front, one a device."""

    def run_one(classifier, stacked):
        result = run(classifier, *jax.tree.map(lambda a: a[0], stacked))
        return jax.tree.map(lambda a: a[None], result)

    specs = P(), P("job")
    return jax.shard_map(run_one, mesh=mesh, in_specs=specs, out_specs=P("job"), check_vma=False)
