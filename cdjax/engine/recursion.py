"""The recursion, vmapped over tiles of fixed shape: for any network, and for any sets.

Only the phrase's part is carried (`cdjax.engine.beta_only`); or both parts, the definition itself.

Sequences are padded to a few lengths.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.decomposition import split_logits
from cdjax.core.network import Classifier, project_input, read_out, run_projected
from cdjax.core.rules import Rule
from cdjax.engine import beta_only
from cdjax.engine.devices import JobResult
from cdjax.engine.plan import Job
from cdjax.spans import padded_length, span_mask

TILE_STEPS = 8192
"""Spans times padded length: bounds the memory of a tile."""
TILE_SEQUENCES = 64
"""Sequences of a tile of forward passes; fewer where they are long."""
BLOCK_STEPS = 2**14
"""Steps of sequences whose inputs are projected together: bounds the memory that this takes."""
FEWEST_ROWS = 64
"""Rows that are projected together at least: bounds the number of shapes that are compiled."""

Vectors = Float[np.ndarray, "_ d"]
AnyArray = Array | np.ndarray  # NumPy's where nothing is compiled, under `jax.disable_jit`


def run_jobs(network: Classifier, jobs: Iterable[Job], rule: Rule) -> Iterator[JobResult]:
    """Score jobs, span by span.

    Args:
        network: The network, in one float type, without its embedding.
        jobs: What to score.
        rule: Which reading of the method.

    Yields:
        Of each job, the scores of its spans and the logits of its sequences, output bias included.
    """
    network = jax.device_put(network)
    for job in jobs:
        scores = np.empty((len(job.start), len(network.bias)), network.bias.dtype)
        spans = np.stack([job.start, job.stop], axis=1).astype(np.int32)
        for n, x in enumerate(job.x):
            indices = np.flatnonzero(job.sequence == n)
            padded = pad(x, padded_length(len(x)))
            for subset, tile in _cut(indices, max(8, TILE_STEPS // len(padded))):
                lanes = pad(spans[subset], tile)  # filled up with empty spans
                out = _score_spans(network, padded, np.int32(len(x)), lanes, rule)
                scores[subset] = np.asarray(out)[: len(subset)]
        yield JobResult(scores, predict(network, job.x))


def score_sets(
    network: Classifier,
    sequences: Sequence[np.ndarray],
    sets: Sequence[Bool[np.ndarray, "_ _"]],
    rule: Rule,
    embedding: Vectors | None = None,
    *,
    both: bool = False,
) -> list[Float[np.ndarray, "_ k"]]:
    """Score sets of steps, contiguous or not.

    Args:
        network: The network, in one float type, without its embedding.
        sequences: Input vectors of each sequence; its rows of `embedding` where that is given.
        sets: For each sequence the sets of its steps, bool `[S, T]`.
        rule: Which reading of the method.
        embedding: Looked up a tile at a time: the vectors of a corpus need not be in memory.
        both: Whether both parts are carried: the definition itself, which all else is held to.

    Returns:
        For each sequence, logits `[S, K]`.
    """
    scores = [np.zeros((len(mask), len(network.bias)), network.bias.dtype) for mask in sets]
    network = jax.device_put(network)
    filled = [n for n, x in enumerate(sequences) if len(x) and len(sets[n])]
    for length, members in _group_by_length(sequences, filled):
        counts = [len(sets[n]) for n in members]
        owner = np.repeat(np.arange(len(members)), counts)
        inside = np.concatenate([pad(sets[n].T, length).T for n in members])
        tile = min(max(8, TILE_STEPS // length), padded_length(len(owner)))
        out = []
        for first in range(0, len(owner), tile):
            lanes = [members[n] for n in owner[first : first + tile]]
            x = pad(_stack(sequences, lanes, length, embedding), tile)
            steps = pad(_lengths(sequences, lanes), tile)
            masks = pad(inside[first : first + tile], tile)
            out.append(np.asarray(_score_sets(network, x, masks, steps, rule, both))[: len(lanes)])
        parts = np.split(np.concatenate(out), np.cumsum(counts)[:-1])
        for n, part in zip(members, parts, strict=True):
            scores[n] = part
    return scores


def score_masks(
    network: Classifier,
    x: Vectors,
    count: int,
    masks: Callable[[int, int], Bool[np.ndarray, "..."]],
    rule: Rule,
    at: Int[np.ndarray, "_"] | None = None,
) -> Float[np.ndarray, "s ..."]:
    """Score sets of steps, or regions, of one sequence; no more than a tile is in memory.

    Args:
        network: The network, in one float type, without its embedding.
        x: The input vectors, at least one step.
        count: How many sets.
        masks: Returns the sets from the first to before the second number, bool `[n, T]`; or as
            many regions, bool `[n, T, D]`.
        rule: Which reading of the method.
        at: Of a network with the pool "each", the steps whose logits are wanted.

    Returns:
        Logits `[S, K]`, or `[S, N, K]` where `at` holds N steps.
    """
    length, outputs = padded_length(len(x)), len(network.bias)
    shape, wanted = (outputs,), None
    if at is not None:
        shape, wanted = (len(at), outputs), pad(at.astype(np.int32), padded_length(len(at), 2))
    # A lane holds the states at every step, and the logits at the steps wanted.
    hidden = np.shape(network.readout)[1]
    lane = length + (0 if wanted is None else len(wanted) * outputs // hidden)
    tile = min(max(1, TILE_STEPS // lane), padded_length(count))
    scores = np.empty((count, *shape), network.bias.dtype)
    network, padded = jax.device_put((network, pad(x, length)))
    for first in range(0, count, tile):
        given = masks(first, min(first + tile, count))
        lanes = np.zeros((tile, length, *given.shape[2:]), bool)
        lanes[: len(given), : len(x)] = given
        out = np.asarray(_score_masks(network, padded, lanes, np.int32(len(x)), wanted, rule))
        out = out if at is None else out[:, : len(at)]
        scores[first : first + tile] = out[: len(given)]
    return scores


def predict(
    network: Classifier, sequences: Sequence[np.ndarray], embedding: Vectors | None = None
) -> Float[np.ndarray, "b k"]:
    """Return the logits of sequences, output bias included; of at least one step each.

    Arguments are as for `score_sets`.
    """
    logits = np.empty((len(sequences), len(network.bias)), network.bias.dtype)
    network = jax.device_put(network)
    for block in _blocks(sequences):
        rows = np.concatenate([sequences[n] for n in block])
        row_of_step = np.arange(len(rows))
        if embedding is not None:  # the product with W is computed once a word, not once a step
            words, row_of_step = np.unique(rows, return_inverse=True)
            rows = embedding[words]
        size = 2 ** math.ceil(math.log2(max(len(rows), FEWEST_ROWS)))
        projected = _project(network.layers[0], pad(rows, size))
        ends = np.cumsum([len(sequences[n]) for n in block])
        rows_of = dict(zip(block, np.split(row_of_step, ends[:-1]), strict=True))
        for length, members in _group_by_length(sequences, block):
            lanes = max(1, min(TILE_SEQUENCES, 2 * BLOCK_STEPS // length))
            for first in range(0, len(members), lanes):
                tile = members[first : first + lanes]
                at = np.zeros((lanes, length), np.int32)
                for padded, n in zip(at, tile, strict=False):
                    padded[: len(sequences[n])] = rows_of[n]
                steps = pad(_lengths(sequences, tile), lanes)
                out = _predict(network, _take(projected, at), steps)
                logits[tile] = np.asarray(out)[: len(tile)]
    return logits


def _blocks(sequences: Sequence[np.ndarray]) -> Iterator[list[int]]:
    """Yield the indices of sequences, the short ones first, in blocks of `BLOCK_STEPS` steps."""
    block, steps = [], 0
    for n in sorted(range(len(sequences)), key=lambda n: len(sequences[n])):
        if block and steps + len(sequences[n]) > BLOCK_STEPS:
            yield block
            block, steps = [], 0
        block.append(n)
        steps += len(sequences[n])
    if block:
        yield block


def _cut(indices: Int[np.ndarray, "_"], most: int) -> Iterator[tuple[Int[np.ndarray, "_"], int]]:
    """Yield parts of the indices, each with the width of its tile.

    Widths are `most` and a quarter of it: two compilations, little filled up.
    """
    few = max(8, most // 4)
    while len(indices):
        width = most if len(indices) > 3 * few else few
        yield indices[:width], width
        indices = indices[width:]


def _group_by_length(
    sequences: Sequence[np.ndarray], indices: Iterable[int]
) -> Iterator[tuple[int, list[int]]]:
    """Yield each padded length and the indices of the sequences that are padded to it."""

    def length(n: int) -> int:
        return padded_length(len(sequences[n]))

    for padded, group in itertools.groupby(sorted(indices, key=length), key=length):
        yield padded, list(group)


def _lengths(sequences: Sequence[np.ndarray], indices: list[int]) -> Int[np.ndarray, "_"]:
    return np.array([len(sequences[n]) for n in indices], np.int32)


def _stack(
    sequences: Sequence[np.ndarray], indices: list[int], length: int, embedding: Vectors | None
) -> Float[np.ndarray, "n t d"]:
    """Return the input vectors of the given sequences, padded to one length."""
    vectors = [sequences[n] if embedding is None else embedding[sequences[n]] for n in indices]
    stacked = np.zeros((len(vectors), length, vectors[0].shape[1]), vectors[0].dtype)
    for row, x in zip(stacked, vectors, strict=True):
        row[: len(x)] = x
    return stacked


def pad(array: np.ndarray, count: int) -> np.ndarray:
    """Return the array, filled up with zeros to so many rows."""
    return np.pad(array, [(0, count - len(array)), *[(0, 0)] * (array.ndim - 1)])


@functools.partial(jax.jit, static_argnames="rule")
def _score_spans(
    network: Classifier,
    x: Float[AnyArray, "t d"],
    length: Int[AnyArray, ""],
    spans: Int[AnyArray, "s 2"],
    rule: Rule,
) -> Float[Array, "s k"]:
    """Score spans of one sequence of `length` steps; `x` is padded."""
    steps = jnp.arange(len(x), dtype=spans.dtype)

    def score(span: AnyArray) -> Array:
        inside = span_mask(span[0], span[1], steps)
        return beta_only.score(network, x, inside, rule, steps < length)

    return jax.vmap(score)(spans)


@functools.partial(jax.jit, static_argnames=("rule", "both"))
def _score_sets(
    network: Classifier,
    x: Float[AnyArray, "s t d"],
    inside: Bool[AnyArray, "s t"],
    length: Int[AnyArray, "s"],
    rule: Rule,
    both: bool = False,
) -> Float[Array, "s k"]:
    """Score sets of steps, each of a sequence of its own; all padded."""

    def score(x: AnyArray, inside: AnyArray, length: AnyArray) -> Array:
        valid = jnp.arange(len(x), dtype=length.dtype) < length
        if both:
            return split_logits(network, x, inside, rule, valid).beta
        return beta_only.score(network, x, inside, rule, valid)

    return jax.vmap(score)(x, inside, length)


@functools.partial(jax.jit, static_argnames="rule")
def _score_masks(
    network: Classifier,
    x: Float[AnyArray, "t d"],
    masks: Bool[AnyArray, "s t *d"],
    length: Int[AnyArray, ""],
    at: Int[AnyArray, "n"] | None,
    rule: Rule,
) -> Float[Array, "s *n k"]:
    """Score sets or regions of one sequence of `length` steps; `x` is padded."""
    valid = jnp.arange(len(x), dtype=length.dtype) < length

    def score(inside: AnyArray) -> Array:
        return beta_only.score(network, x, inside, rule, valid, at)

    return jax.vmap(score)(masks)


@jax.jit
def _project(layer: Any, x: Float[AnyArray, "n d"]) -> Any:
    return project_input(layer, x)


@jax.jit
def _take(projected: Any, at: Int[AnyArray, "b t"]) -> Any:
    return jax.tree.map(lambda rows: rows[at], projected)


@jax.jit
def _predict(
    network: Classifier, projected: Any, length: Int[AnyArray, "b"]
) -> Float[Array, "b k"]:
    steps = jnp.arange(jax.tree.leaves(projected)[0].shape[1], dtype=length.dtype)

    def read(projected: Any, length: AnyArray) -> Array:
        h = run_projected(network.layers, projected, valid=steps < length)
        return read_out(network, h, valid=steps < length)

    return jax.vmap(read)(projected, length)
