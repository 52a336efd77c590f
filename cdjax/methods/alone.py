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
from cdjax.spans import padded_length
from cdjax.text.splitting import Frame

TILE = 64
"""Most starts that are read at once."""


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
    for n, (steps, pairs) in enumerate(zip(ids, chosen, strict=True)):
        scores = np.zeros((len(pairs), len(bias)), bias.dtype)
        (filled,) = np.nonzero(pairs[:, 0] < pairs[:, 1])
        if not len(filled):
            continue
        if shares:
            scores[filled] = _read_beginnings(classifier, steps, pairs[filled]) - bias
        else:
            alone = [steps[start:stop] for start, stop in pairs[filled]]
            if frame is not None:
                alone = [frame.pad(part)[0] for part in alone]
            scores[filled] = predict(classifier, alone) - bias
        results[n] = results[n]._replace(scores=scores)
    return results


def _read_beginnings(
    classifier: Classifier, steps: np.ndarray, spans: np.ndarray
) -> Float[np.ndarray, "s k"]:
    """Return the logits of each span of a sequence alone, one pass for all with a start."""
    network = jax.device_put(classifier._replace(embedding=None, pool="each"))
    starts, row = np.unique(spans[:, 0], return_inverse=True)
    longest = padded_length(int((spans[:, 1] - spans[:, 0]).max()))
    vectors = classifier.embedding[steps]
    # What comes after a span has no say in the outputs before; zeros are as good as the words.
    vectors = np.concatenate([vectors, np.zeros((longest, vectors.shape[1]), vectors.dtype)])
    rows = min(TILE, padded_length(len(starts)))
    logits = np.empty((len(starts), longest, len(classifier.bias)), classifier.bias.dtype)
    for first in range(0, len(starts), rows):
        tile = np.resize(starts[first : first + rows], rows)
        x = vectors[tile[:, None] + np.arange(longest)]
        logits[first : first + rows] = np.asarray(_read_steps(network, x))[: len(starts) - first]
    return logits[row, spans[:, 1] - spans[:, 0] - 1]


@jax.jit
def _read_steps(network: Classifier, x: Float[Array, "n t d"]) -> Float[Array, "n t k"]:
    """Return the logits after every step of many sequences."""
    return jax.vmap(lambda vectors: forward(network, vectors))(x)
