"""A phrase read alone: what the network makes of it as a sequence of its own.

    score(span) = f(the span's steps and nothing else) - output bias

It holds against the phrase in its context, which contextual decomposition scores: what the two
differ by is what the words around it do to the phrase. A span is read as a whole, so its score is
not the sum over its steps; that of the whole sequence is its logits less the output bias.

Where a network reads forward and its last state is what counts, the spans that start together are
the beginnings of one sequence, and one forward pass reads them all.
"""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from cdjax.core.cells import Bidirectional
from cdjax.core.network import Classifier, forward
from cdjax.methods.contract import check_request, make_results
from cdjax.model import Model
from cdjax.results import SpanScores
from cdjax.scoring.batch import output_bias, predict
from cdjax.text.splitting import Frame

TILE = 8, 64
"""Sequences of a small tile and of a large one."""


def read_alone(
    classifier: Classifier | Model,
    sequences: Sequence[ArrayLike],
    spans: Sequence[ArrayLike] | None = None,
    *,
    max_len: int | None = None,
    frame: Frame | None = None,
) -> list[SpanScores]:
    """Score spans by what the network makes of them alone.

    Args:
        classifier: The network, or a model that has one.
        sequences: Word numbers `[T]` of each sequence or, of a network of series, its vectors.
        spans: Spans of each sequence, see `Score`.
        max_len: Length of the longest span where `spans` is None.
        frame: How sequences are padded where the network reads padding like a word; so is a span.

    Returns:
        As `Score`, in logits.

    Raises:
        TypeError, ValueError: As `Score`.
    """
    classifier, ids, chosen = check_request(classifier, sequences, spans, max_len)
    bias = output_bias(classifier)
    forward_alone = not any(isinstance(layer, Bidirectional) for layer in classifier.layers)
    shares = forward_alone and classifier.pool in ("last", "ends") and frame is None
    results = make_results(classifier, ids, chosen)
    filled = [np.flatnonzero(spans[:, 0] < spans[:, 1]) for spans in chosen]
    asked = [spans[rows] for spans, rows in zip(chosen, filled, strict=True)]
    if shares:
        logits = _read_beginnings(classifier, ids, asked)
    else:
        alone = [ids[n][start:stop] for n, spans in enumerate(asked) for start, stop in spans]
        alone = alone if frame is None else [frame.pad(steps)[0] for steps in alone]
        logits = predict(classifier, alone)
    stops = np.cumsum([len(spans) for spans in asked])[:-1]
    for n, part in enumerate(np.split(logits, stops) if asked else ()):
        scores = np.zeros((len(chosen[n]), len(bias)), bias.dtype)
        scores[filled[n]] = part - bias
        results[n] = results[n]._replace(scores=scores)
    return results


def _read_beginnings(
    classifier: Classifier, sequences: list[np.ndarray], spans: list[np.ndarray]
) -> Float[np.ndarray, "s k"]:
    """Return the logits of all spans alone, those of a sequence that start together by one pass."""
    network = jax.device_put(classifier._replace(embedding=None, pool="each"))
    sequence = np.repeat(np.arange(len(spans)), [len(pairs) for pairs in spans])
    start, stop = np.concatenate([np.zeros((0, 2), int), *spans]).T
    # A row is a sequence from one of its steps on, as long as its longest span.
    rows, row = np.unique(np.stack([sequence, start]), axis=1, return_inverse=True)
    row = row.reshape(-1)  # numpy 2.0 gives it the axes of its input
    longest = np.zeros(rows.shape[1], int)
    np.maximum.at(longest, row, stop - start)
    order = np.argsort(row, kind="stable")
    bounds = np.searchsorted(row[order], np.arange(rows.shape[1] + 1))  # of each row's spans
    padded = np.maximum(8, 2 ** np.ceil(np.log2(np.maximum(longest, 1))).astype(int))
    logits = np.empty((len(start), len(classifier.bias)), classifier.bias.dtype)
    for length in np.unique(padded):
        (group,) = np.nonzero(padded == length)
        size = TILE[len(group) > TILE[0]]
        for first in range(0, len(group), size):
            tile = group[first : first + size]
            x = np.zeros((size, length, classifier.embedding.shape[1]), classifier.bias.dtype)
            for n, (of, begin) in enumerate(rows[:, tile].T):
                steps = sequences[of][begin : begin + length]
                x[n, : len(steps)] = classifier.embedding[steps]
            read = np.asarray(_read_steps(network, x))
            for n, of in enumerate(tile):
                here = order[bounds[of] : bounds[of + 1]]
                logits[here] = read[n, stop[here] - start[here] - 1]
    return logits


@jax.jit
def _read_steps(network: Classifier, x: Float[Array, "n t d"]) -> Float[Array, "n t k"]:
    """Return the logits after every step of many sequences."""
    return jax.vmap(lambda vectors: forward(network, vectors))(x)
