"""Sequences in padded batches, projected by the first layer, and the forward pass of variants.

Every method of this package evaluates variants of a sequence: with some of its vectors replaced, or
on the straight line from a baseline. The first layer's `W x_t` is linear in the vector, so the
product with `W` is computed once a step, however many variants are made of it, and a gradient times
its input is the same number there:

    x . d/dx = (W x) . d/d(W x)
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.lstm import (
    HIGHEST,
    Classifier,
    LSTMParams,
    advance,
    project_input,
    run_layer,
    run_projected,
)

BATCH_STEPS = 512, 4096
"""Steps, padding included, of a small batch and of a large one."""
TILE_VARIANTS = 64, 1024
"""Variants of a small tile and of a large one."""


class Weights(NamedTuple):
    """A classifier without its word vectors, on the device."""

    layers: tuple[LSTMParams, ...]
    readout: Float[Array, "k h"]
    bias: Float[Array, "k"]


class PaddedSequences(NamedTuple):
    """Sequences padded to one length; `B` rows, of which the first `len(indices)` are used."""

    indices: list[int]  # of each sequence, in the list of all
    projected: Float[Array, "b t 4 h"]  # W x_t of the first layer; undefined beyond the length
    lengths: Int[np.ndarray, "b"]  # steps of each sequence; 1 in an unused row


def put_weights(classifier: Classifier) -> Weights:
    """Return the weights of a classifier without its embedding, on the device."""
    return Weights(*jax.device_put(classifier[1:]))


def padded_length(length: int) -> int:
    """Return the length a sequence is padded to: two sizes an octave, at least 8.

    >>> [padded_length(length) for length in (1, 8, 9, 12, 13, 17, 24, 25)]
    [8, 8, 12, 12, 16, 24, 24, 32]
    """
    power = max(8, 1 << (length - 1).bit_length())
    return power * 3 // 4 if power > 8 and length <= power * 3 // 4 else power


def make_batches(classifier: Classifier, sequences: list[np.ndarray]) -> Iterator[PaddedSequences]:
    """Yield all sequences that have steps, grouped by padded length."""
    order = np.argsort([len(sequence) for sequence in sequences], kind="stable")
    order = [n for n in order.tolist() if len(sequences[n])]
    for steps, group in itertools.groupby(order, key=lambda n: padded_length(len(sequences[n]))):
        group = list(group)
        few, many = (max(1, count // steps) for count in BATCH_STEPS)
        rows = few if len(group) <= few else many
        for first in range(0, len(group), rows):
            indices = group[first : first + rows]
            x = np.zeros((rows, steps, classifier.embedding.shape[1]), classifier.bias.dtype)
            lengths = np.ones(rows, np.int32)
            for row, n in enumerate(indices):
                x[row, : len(sequences[n])] = classifier.embedding[sequences[n]]
                lengths[row] = len(sequences[n])
            yield PaddedSequences(indices, _project(classifier.layers[0], x), lengths)


def project_word(classifier: Classifier, word: int | None) -> Float[Array, "4 h"]:
    """Return `W x` of a word of the embedding, or of a zero vector when None."""
    width = classifier.embedding.shape[1]
    x = np.zeros(width, classifier.bias.dtype) if word is None else classifier.embedding[word]
    return project_input(classifier.layers[0], jnp.asarray(x)[None])[0]


@jax.jit
def _project(params, x):
    return jax.vmap(lambda x: project_input(params, x))(x)


def iterate_tiles(count: int, sizes: Sequence[int]) -> Iterator[tuple[slice, np.ndarray]]:
    """Cut `count` rows into tiles of fixed size.

    Args:
        count: How many rows there are.
        sizes: Possible sizes, ascending; the first that holds all rows is taken, else the last.

    Yields:
        The slice of rows that the tile adds, and the indices of all rows of the tile: the last row
        is repeated to fill it.
    """
    size = next((size for size in sizes if count <= size), sizes[-1])
    for first in range(0, count, size):
        stop = min(first + size, count)
        yield slice(first, stop), np.minimum(np.arange(first, first + size), count - 1)


def run_variants(
    weights: Weights,
    batch: PaddedSequences,
    source: Int[np.ndarray, "n"],
    kept: Callable[[Int[np.ndarray, "s"]], Bool[np.ndarray, "s t"]],
    replacement: Float[Array, "4 h"],
    first: Int[np.ndarray, "n"] | None = None,
) -> Float[np.ndarray, "n k"]:
    """Return the logits of variants of sequences, in which some steps are replaced.

    Args:
        weights: Of the model.
        batch: The sequences.
        source: The row of the batch that each variant is made from.
        kept: Returns, for the indices of some variants, which steps of each are the sequence's own.
        replacement: `W x` of the vector that replaces the others, as `project_word` gives it.
        first: The first step of each variant that may be replaced. Its pass starts there, from the
            states of the sequence itself. Step 0 when None.

    Returns:
        The logits of every variant, output bias included.
    """
    logits = np.empty((len(source), len(weights.bias)), weights.bias.dtype)
    first = np.zeros(len(source), np.int32) if first is None else first.astype(np.int32)
    states = _run_sequences(weights, batch.projected)
    # A tile takes as many steps as its longest pass: passes of similar length go together.
    order = np.argsort(batch.lengths[source] - first, kind="stable")
    for new, rows in iterate_tiles(len(source), TILE_VARIANTS):
        tile = order[rows]
        variants = source[tile], first[tile], kept(tile)
        out = _run_tile(weights, batch.projected, batch.lengths, states, *variants, replacement)
        logits[order[new]] = np.asarray(out)[: new.stop - new.start]
    return logits


@jax.jit
def _run_sequences(weights: Weights, projected):
    """Return each layer's states `c, h` before every step of the sequences themselves."""
    first, *others = weights.layers
    traces = [jax.vmap(functools.partial(run_projected, first))(projected)]
    for params in others:
        traces.append(jax.vmap(functools.partial(run_layer, params))(traces[-1].h))
    return [
        tuple(jnp.pad(after[:, :-1], ((0, 0), (1, 0), (0, 0))) for after in (trace.c, trace.h))
        for trace in traces
    ]


@jax.jit
def _run_tile(weights: Weights, projected, lengths, states, source, first, kept, replacement):
    """Run each variant from its first replaced step to its last; then its states stay constant."""
    remaining = lengths[source] - first

    def step(done, states):
        running = jnp.expand_dims(done < remaining, 1)
        t = jnp.minimum(first + done, projected.shape[1] - 1)
        own = jnp.take_along_axis(kept, jnp.expand_dims(t, 1), axis=1)
        zx = jnp.where(
            jnp.expand_dims(own, 2), projected[source, t], jnp.expand_dims(replacement, 0)
        )
        new = []
        for n, (params, state) in enumerate(zip(weights.layers, states, strict=True)):
            if n:
                zx = project_input(params, new[-1][1])
            trace = jax.vmap(lambda state, zx, params=params: advance(params, state, zx))(state, zx)
            new.append(
                tuple(
                    jnp.where(running, after, before)
                    for after, before in zip((trace.c, trace.h), state, strict=True)
                )
            )
        return new

    start = jax.tree.map(lambda before: before[source, first], states)
    states = jax.lax.fori_loop(0, jnp.max(remaining), step, start)
    logits = jnp.matmul(states[-1][1], weights.readout.T, precision=HIGHEST)
    return logits + jnp.expand_dims(weights.bias, 0)
