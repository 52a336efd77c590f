"""One call for every network: its fast form where there is one, else the definition."""

import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from cdjax.checks import check_stack
from cdjax.core.cells import Bidirectional, cells_of
from cdjax.core.network import Classifier, read_out
from cdjax.core.rules import PAPER, Rule
from cdjax.core.split import Parts, Split, Weight
from cdjax.engine import recursion, stack
from cdjax.engine.devices import JobResult, Layer, run_layer
from cdjax.engine.driver import FastForm, count_numbers
from cdjax.engine.plan import Job
from cdjax.engine.pools import Pool
from cdjax.engine.shapes import JobShape, fit_shapes

HEAD_TILES = 128, 4096
"""Spans or sequences that go through a head together, few and many."""


class Direction(NamedTuple):
    """A pass of layers over the sequences from one end, with a fast form."""

    form: FastForm
    layer: Layer
    reverse: bool


def find_directions(network: Classifier, rule: Rule) -> list[Direction] | None:
    """Return the passes that make up a network's fast form; None where it has none.

    It has one where its layers, of one direction, have one, or where it is one layer of two
    directions; and where one vector of their outputs is read. A head is computed from what is
    pooled: the readout here is then the identity.
    """
    first, *others = network.layers
    both = isinstance(first, Bidirectional)
    if network.pool == "each" or (both and others):
        return None
    passes = [(cell,) for cell in first] if both else [network.layers]
    readout = np.asarray(network.readout)
    if network.head:
        readout = np.eye(check_stack(network.layers, None), dtype=readout.dtype)
    directions, column = [], 0
    for n, cells in enumerate(passes):
        found = stack.find_form(cells, rule, _find_pool(network.pool, reverse=n == 1))
        if found is None:
            return None
        form, params = found
        columns = slice(column, column := column + cells[-1].widths[0])
        directions.append(Direction(form, Layer(params, readout[:, columns]), reverse=n == 1))
    return directions


def _find_pool(pool: str, reverse: bool) -> Pool | None:
    """Return how a pass reads its outputs for a network's pool; None: the last one."""
    if pool in ("mean", "max"):
        return Pool(pool, reverse)
    # At the sequence's last step, the pass that begins there has gone one step only.
    return Pool("first") if pool == "last" and reverse else None


def shapes_for(network: Classifier) -> tuple[JobShape, ...]:
    """Return the shapes of a network's jobs, the largest as large as memory allows."""
    hidden, outputs = check_stack(network.layers, None), np.shape(network.readout)[0]
    inputs = np.shape(cells_of(network.layers[0])[0].W)[2]
    itemsize = np.dtype(network.bias.dtype).itemsize
    # Under this rule most is stored. By the definition, jobs are of any size.
    directions = find_directions(network, PAPER) or ()
    stored = [count_numbers(form, layer.params, inputs) for form, layer, _ in directions]
    row, state = np.max([*stored, (inputs, hidden)], axis=0).tolist()
    return fit_shapes(row, state, hidden if network.head else outputs, itemsize)


def run_jobs(
    network: Classifier,
    jobs: Iterable[Job],
    rule: Rule,
    shapes: tuple[JobShape, ...] | None = None,
) -> Iterator[JobResult]:
    """Score jobs.

    Args:
        network: The network, in one float type; its embedding is not used.
        jobs: What to score.
        rule: Which reading of the method.
        shapes: The shapes that jobs may have; `shapes_for` the network when None.

    Yields:
        Of each job, the scores of its spans and the logits of its sequences, output bias included.
    """
    network = network._replace(embedding=None)
    directions = find_directions(network, rule)
    if directions is None:
        yield from recursion.run_jobs(network, jobs, rule)
        return
    shapes = shapes or shapes_for(network)
    copies = itertools.tee(jobs, len(directions) + 1)
    passes = [
        _run_direction(direction, copy, shapes)
        for direction, copy in zip(directions, copies, strict=False)
    ]
    for job, *results in zip(copies[-1], *passes, strict=True):
        scores, logits = (functools.reduce(np.add, parts) for parts in zip(*results, strict=True))
        if network.head:
            yield _apply_head(network, rule, job, scores, logits)
        else:
            yield JobResult(scores, logits + network.bias)


def _run_direction(
    direction: Direction, jobs: Iterable[Job], shapes: tuple[JobShape, ...]
) -> Iterator[JobResult]:
    """Yield `readout @ beta` and `readout @ h` of one direction's last outputs, for each job."""
    form, layer, reverse = direction
    if not reverse:
        yield from run_layer(form, layer, jobs, shapes)
        return
    orders: deque[np.ndarray] = deque()

    def turn_jobs() -> Iterator[Job]:
        for job in jobs:
            turned, order = turn(job)
            orders.append(order)
            yield turned

    for result in run_layer(form, layer, turn_jobs(), shapes):
        scores = np.empty_like(result.scores)
        scores[orders.popleft()] = result.scores
        yield result._replace(scores=scores)


def turn(job: Job) -> tuple[Job, Int[np.ndarray, "s"]]:
    """Return the job of the reversed sequences, and which span of `job` each of its spans is."""
    length = np.array([len(x) for x in job.x])[job.sequence]
    start, stop = length - job.stop, length - job.start
    order = np.lexsort((stop, start, job.sequence))
    return Job([x[::-1] for x in job.x], job.sequence[order], start[order], stop[order]), order


def _apply_head(
    network: Classifier, rule: Rule, job: Job, beta: np.ndarray, h: np.ndarray
) -> JobResult:
    """Return the scores and logits of a network with a head, from what its head reads.

    Args:
        network: The network.
        rule: Which reading of the method.
        job: The job.
        beta: The phrase's part of what the head reads `[S, H]`, of each span.
        h: What the head reads `[B, H]`, of each sequence.
    """
    scores = _in_tiles(lambda *tile: _split_heads(network, *tile, rule), beta, h[job.sequence])
    return JobResult(scores, _in_tiles(lambda tile: _read_heads(network, tile), h))


def _in_tiles(function: Callable[..., Array], *arrays: np.ndarray) -> np.ndarray:
    """Return the function of arrays `[N, ...]`, called with tiles of fixed size."""
    count = len(arrays[0])
    tile = next((size for size in HEAD_TILES if count <= size), HEAD_TILES[-1])
    results = []
    for first in range(0, count, tile):
        parts = [array[first : first + tile] for array in arrays]
        out = function(*(recursion.pad(part, tile) for part in parts))
        results.append(np.asarray(out)[: len(parts[0])])
    return np.concatenate(results)


@jax.jit
def _read_heads(network: Classifier, h: Float[Weight, "b h"]) -> Float[Array, "b k"]:
    return jax.vmap(lambda h: read_out(network, h[None]))(h)


@functools.partial(jax.jit, static_argnames="rule")
def _split_heads(
    network: Classifier, beta: Float[Weight, "s h"], h: Float[Weight, "s h"], rule: Rule
) -> Float[Array, "s k"]:
    """Return the phrase's part of the logits of a pooled output, of each span."""
    ops = Parts(rule, jnp.ones(1, bool))

    def read(beta: Any, h: Any) -> Array:
        one_step = Split(beta[None], (h - beta)[None])  # which every pool here returns as it is
        return read_out(network, one_step, ops).beta

    return jax.vmap(read)(beta, h)
