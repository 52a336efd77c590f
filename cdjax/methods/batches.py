"""Reviews in padded batches, as the first layer takes them, and the forward pass of their variants.

The methods here all look at sequences of word vectors made from a review's: with words replaced, or
on the straight way from a baseline. The first layer's `W x_t` is linear in the vector, so every
such sequence is made of projected words: the product with `W` is taken once a word of a review,
however many sequences are made of it, and a gradient times its input is the same number there,

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

STEPS = 512, 4096
"""Time steps, padding included, of a small batch and of a large one."""
VARIANTS = 64, 1024
"""Variants that go through a step together, few or many."""


class Network(NamedTuple):
    """A classifier without its word vectors, on the device."""

    layers: tuple[LSTMParams, ...]
    readout: Float[Array, "k h"]
    bias: Float[Array, "k"]


class Batch(NamedTuple):
    """Some reviews, padded to one length."""

    place: list[int]  # which of all reviews each is; rows beyond are not taken
    z: Float[Array, "b t 4 h"]  # W x_t of the first layer; of no meaning beyond a review's end
    length: Int[np.ndarray, "b"]  # words; 1 where a row is not taken


def make_network(classifier: Classifier) -> Network:
    """Return all of a model but its word vectors, on the device."""
    return Network(*jax.device_put(classifier[1:]))


def padded_length(length: int) -> int:
    """Return the length a review is padded to: two sizes an octave, at least 8.

    >>> [padded_length(length) for length in (1, 8, 9, 12, 13, 17, 24, 25)]
    [8, 8, 12, 12, 16, 24, 24, 32]
    """
    power = max(8, 1 << (length - 1).bit_length())
    return power * 3 // 4 if power > 8 and length <= power * 3 // 4 else power


def make_batches(classifier: Classifier, reviews: list[np.ndarray]) -> Iterator[Batch]:
    """Yield all reviews that have words, those of about one length together."""
    order = np.argsort([len(review) for review in reviews], kind="stable")
    order = [n for n in order.tolist() if len(reviews[n])]
    for steps, same in itertools.groupby(order, key=lambda n: padded_length(len(reviews[n]))):
        same = list(same)
        few, many = (max(1, count // steps) for count in STEPS)
        rows = few if len(same) <= few else many
        for first in range(0, len(same), rows):
            place = same[first : first + rows]
            x = np.zeros((rows, steps, classifier.embedding.shape[1]), classifier.bias.dtype)
            length = np.ones(rows, np.int32)
            for row, n in enumerate(place):
                x[row, : len(reviews[n])] = classifier.embedding[reviews[n]]
                length[row] = len(reviews[n])
            yield Batch(place, _project(classifier.layers[0], x), length)


def project_word(classifier: Classifier, word: int | None) -> Float[Array, "4 h"]:
    """Return `W x` of a word of the embedding, or of a zero vector when None."""
    width = classifier.embedding.shape[1]
    x = np.zeros(width, classifier.bias.dtype) if word is None else classifier.embedding[word]
    return project_input(classifier.layers[0], jnp.asarray(x)[None])[0]


@jax.jit
def _project(params, x):
    return jax.vmap(lambda x: project_input(params, x))(x)


def tiles(count: int, sizes: Sequence[int]) -> Iterator[tuple[slice, np.ndarray]]:
    """Cut `count` rows into tiles of fixed size.

    Args:
        count: How many rows there are.
        sizes: Rows of a tile, from few to many; the first that holds all, or the last.

    Yields:
        The rows that are new, and the rows of the whole tile, the last one repeated to fill it.
    """
    size = next((size for size in sizes if count <= size), sizes[-1])
    for first in range(0, count, size):
        stop = min(first + size, count)
        yield slice(first, stop), np.minimum(np.arange(first, first + size), count - 1)


def run_variants(
    network: Network,
    batch: Batch,
    review: Int[np.ndarray, "n"],
    present: Callable[[Int[np.ndarray, "s"]], Bool[np.ndarray, "s t"]],
    absent: Float[Array, "4 h"],
    first: Int[np.ndarray, "n"] | None = None,
) -> Float[np.ndarray, "n k"]:
    """Return the logits of reviews of which some words are replaced.

    Args:
        network: The model.
        batch: The reviews.
        review: Of each variant, which of the batch's reviews it is made from.
        present: From variants to which words of each are the review's own.
        absent: What stands for the others, as `project_word` gives it.
        first: Of each variant, the first word that may be replaced, and so where its own pass
            begins: up to there its states are the review's. The first of all when None.

    Returns:
        The logits of every variant, output bias included.
    """
    logits = np.empty((len(review), len(network.bias)), network.bias.dtype)
    first = np.zeros(len(review), np.int32) if first is None else first.astype(np.int32)
    states = _run_reviews(network, batch.z)
    order = np.argsort(batch.length[review] - first, kind="stable")  # a tile runs to its longest
    for new, rows in tiles(len(review), VARIANTS):
        some = order[rows]
        which = review[some], first[some], present(some)
        out = _run_variants(network, batch.z, batch.length, states, *which, absent)
        logits[order[new]] = np.asarray(out)[: new.stop - new.start]
    return logits


@jax.jit
def _run_reviews(network: Network, z):
    """Return each layer's states `c, h` before every step of the reviews themselves."""
    first, *others = network.layers
    traces = [jax.vmap(functools.partial(run_projected, first))(z)]
    for params in others:
        traces.append(jax.vmap(functools.partial(run_layer, params))(traces[-1].h))
    return [
        tuple(jnp.pad(after[:, :-1], ((0, 0), (1, 0), (0, 0))) for after in (trace.c, trace.h))
        for trace in traces
    ]


@jax.jit
def _run_variants(network: Network, z, length, states, review, first, present, absent):
    """Run variants up to their last words; those that are done keep their states."""
    left = length[review] - first

    def step(done, states):
        under_way = jnp.expand_dims(done < left, 1)
        t = jnp.minimum(first + done, z.shape[1] - 1)
        own = jnp.take_along_axis(present, jnp.expand_dims(t, 1), axis=1)
        zx = jnp.where(jnp.expand_dims(own, 2), z[review, t], jnp.expand_dims(absent, 0))
        new = []
        for n, (params, state) in enumerate(zip(network.layers, states, strict=True)):
            if n:
                zx = project_input(params, new[-1][1])
            trace = jax.vmap(lambda state, zx, params=params: advance(params, state, zx))(state, zx)
            new.append(
                tuple(
                    jnp.where(under_way, after, before)
                    for after, before in zip((trace.c, trace.h), state, strict=True)
                )
            )
        return new

    begin = jax.tree.map(lambda before: before[review, first], states)
    states = jax.lax.fori_loop(0, jnp.max(left), step, begin)
    logits = jnp.matmul(states[-1][1], network.readout.T, precision=HIGHEST)
    return logits + jnp.expand_dims(network.bias, 0)
