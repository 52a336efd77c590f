"""Sequences in padded batches, projected by the first layer, and the forward pass of variants.

Every method of this package evaluates variants of a sequence: with some of its vectors replaced, or
on the straight line from a baseline. The first layer's `W x_t` is linear in the vector, so the
product with `W` is computed once a step, however many variants are made of it, and a gradient times
its input is the same number there:

    x . d/dx = (W x) . d/d(W x)
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.cells import Bidirectional
from cdjax.core.network import Classifier, project_input, read_out, run_projected, scan_cell
from cdjax.core.split import PLAIN
from cdjax.spans import padded_length

BATCH_STEPS = 512, 4096
"""Steps, padding included, of a small batch and of a large one."""
TILE_VARIANTS = 64, 1024
"""Variants of a small tile and of a large one."""


class PaddedSequences(NamedTuple):
    """Sequences padded to one length; `B` rows, of which the first `len(indices)` are used."""

    indices: list[int]  # of each sequence, in the list of all
    projected: Any  # W x_t of the first layer, arrays [B, T, H]; undefined beyond the length
    lengths: Int[np.ndarray, "b"]  # steps of each sequence; 1 in an unused row


def put_network(classifier: Classifier) -> Classifier:
    """Return a classifier without its embedding, on the device."""
    return jax.device_put(classifier._replace(embedding=None))


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


def project_word(classifier: Classifier, word: int | None) -> Any:
    """Return `W x` of a word of the embedding, or of a zero vector when None: arrays `[H]`."""
    width = classifier.embedding.shape[1]
    x = np.zeros(width, classifier.bias.dtype) if word is None else classifier.embedding[word]
    return _project(classifier.layers[0], x)


@jax.jit
def _project(layer, x):
    return project_input(layer, x)


def run_padded(network: Classifier, projected: Any, length: Int[Array, ""]) -> Float[Array, "k"]:
    """Return the logits of one padded sequence, given as its `W x_t`, output bias included."""
    steps = jax.tree.leaves(projected)[0].shape[0]
    valid = jnp.arange(steps, dtype=length.dtype) < length
    # Padding lies behind a pass from the start, but before one from the end.
    left_out = valid if _reads_from_the_end(network) else None
    h = run_projected(network.layers, projected, valid=left_out)
    return read_out(network, h, valid=valid)


def _reads_from_the_end(network: Classifier) -> bool:
    return any(isinstance(layer, Bidirectional) for layer in network.layers)


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
    network: Classifier,
    batch: PaddedSequences,
    source: Int[np.ndarray, "n"],
    kept: Callable[[Int[np.ndarray, "s"]], Bool[np.ndarray, "s t"]],
    replacement: Any,
    first: Int[np.ndarray, "n"] | None = None,
) -> Float[np.ndarray, "n k"]:
    """Return the logits of variants of sequences, in which some steps are replaced.

    Args:
        network: The model, as `put_network` returns it.
        batch: The sequences.
        source: The row of the batch that each variant is made from.
        kept: Returns, for the indices of some variants, which steps of each are the sequence's own.
        replacement: `W x` of the vector that replaces the others, as `project_word` gives it.
        first: The first step of each variant that may be replaced. Its pass starts there, from the
            states of the sequence itself, where the last step of a pass from the start is read.
            Step 0 when None.

    Returns:
        The logits of every variant, output bias included.
    """
    logits = np.empty((len(source), len(network.bias)), network.bias.dtype)
    first = np.zeros(len(source), np.int32) if first is None else first.astype(np.int32)
    at_end = network.pool in ("last", "ends") and not _reads_from_the_end(network)
    states = _run_sequences(network, batch.projected) if at_end else None
    # A tile takes as many steps as its longest pass: passes of similar length go together.
    order = np.argsort(batch.lengths[source] - first, kind="stable")
    for new, rows in iterate_tiles(len(source), TILE_VARIANTS):
        tile = order[rows]
        variants = batch.projected, batch.lengths, source[tile], kept(tile), replacement
        if states is None:
            out = _run_whole(network, *variants)
        else:
            out = _run_from(network, *variants, states, first[tile])
        logits[order[new]] = np.asarray(out)[: new.stop - new.start]
    return logits


@jax.jit
def _run_sequences(network: Classifier, projected):
    """Return each layer's states before every step of the sequences themselves."""
    states = []
    for n, cell in enumerate(network.layers):

        def run(x, cell=cell, n=n):
            return scan_cell(cell, project_input(cell, x) if n else x, PLAIN)

        states.append(jax.vmap(run)(states[-1][0] if n else projected))
    shift = (0, 0), (1, 0), (0, 0)
    return jax.tree.map(lambda after: jnp.pad(after[:, :-1], shift), states)


@jax.jit
def _run_whole(network: Classifier, projected, lengths, source, kept, replacement):
    """Run each variant from step to step, all of them."""

    def run(n, kept):
        own = jnp.expand_dims(kept, 1)
        zx = jax.tree.map(lambda z, r: jnp.where(own, z[n], r[None]), projected, replacement)
        return run_padded(network, zx, lengths[n])

    return jax.vmap(run)(source, kept)


@jax.jit
def _run_from(network: Classifier, projected, lengths, source, kept, replacement, states, first):
    """Run each variant from its first replaced step to its last; then its states stay constant."""
    remaining = lengths[source] - first

    def step(done, states):
        running = jnp.expand_dims(done < remaining, 1)
        t = jnp.minimum(first + done, kept.shape[1] - 1)
        own = jnp.take_along_axis(kept, jnp.expand_dims(t, 1), axis=1)
        x = jax.tree.map(lambda z, r: jnp.where(own, z[source, t], r[None]), projected, replacement)
        new = []
        for n, (cell, state) in enumerate(zip(network.layers, states, strict=True)):
            if n:
                x = project_input(cell, new[-1][0])
            after = jax.vmap(lambda state, x, cell=cell: cell.step(PLAIN, state, x))(state, x)
            new.append(jax.tree.map(lambda a, b: jnp.where(running, a, b), after, state))
        return new

    start = jax.tree.map(lambda before: before[source, first], states)
    states = jax.lax.fori_loop(0, jnp.max(remaining), step, start)
    return jax.vmap(lambda h: read_out(network, h[None]))(states[-1][0])
