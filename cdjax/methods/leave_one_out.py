"""Leave one out (Li et al. 2016), and occlusion: the change of the output without a span.

    score(span) = f(sequence) - f(sequence with the span's vectors replaced)

A span is replaced as a whole, so its score is not the sum over its steps. Leave one out, as in the
paper's comparison: log probabilities, zero vectors instead of the span's. Occlusion: logits, the
unknown word's vector. One forward pass a span, from the span's first step on.
"""

from collections.abc import Sequence
from typing import Literal

import jax
import numpy as np
from numpy.typing import ArrayLike

from cdjax.core.network import Classifier
from cdjax.methods.batches import make_batches, project_word, put_network, run_variants
from cdjax.methods.contract import (
    check_has_probability,
    check_request,
    check_word,
    find_output,
    make_results,
)
from cdjax.model import Model
from cdjax.results import SpanScores
from cdjax.scoring.checks import as_classifier

Output = Literal["log probability", "logits"]


def leave_out(
    classifier: Classifier | Model,
    sequences: Sequence[ArrayLike],
    spans: Sequence[ArrayLike] | None = None,
    *,
    max_len: int | None = None,
    replacement: int | None = None,
    output: Output = "log probability",
) -> list[SpanScores]:
    """Score spans by how much the output falls when they are replaced.

    Args:
        classifier: The network, or a model that has one.
        sequences: Word numbers `[T]` of each sequence or, of a network of series, its vectors.
        spans: Spans of each sequence, see `Score`.
        max_len: Length of the longest span where `spans` is None.
        replacement: The word whose vector replaces the span's; a zero vector when None.
        output: What is compared: the logits (or values), or the log probability. That is of labels
            that exclude each other the logarithm of the softmax, so that two classes' scores differ
            as those of the logits do; of one logit of two labels, the difference of both (which is
            the logit); of a model's labels that do not exclude each other, that of each one's
            sigmoid.

    Returns:
        As `Score`, in units of the output.

    Raises:
        TypeError, ValueError: As `Score`; also where the replacement is not in the embedding, or
            where the model's output is a value and the log probability is asked for.
    """
    check_word(as_classifier(classifier), replacement, "replacement")
    if output not in ("log probability", "logits"):
        raise ValueError(f"output is {output!r}; expected 'log probability' or 'logits'.")
    stands_for = find_output(classifier)
    if output == "log probability":
        check_has_probability(stands_for, "leave one out")
    classifier, ids, chosen = check_request(classifier, sequences, spans, max_len)
    network, substitute = put_network(classifier), project_word(classifier, replacement)

    def value(logits):
        if output == "log probability" and stands_for == "sigmoid":
            return -np.logaddexp(0, -logits)
        # One logit of two labels is the difference of their log probabilities.
        if output == "logits" or logits.shape[-1] == 1:
            return logits
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)

    results = make_results(classifier, ids, chosen)
    for batch in make_batches(classifier, ids):
        counts = [len(chosen[n]) for n in batch.indices]
        row = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        pairs = np.concatenate([chosen[n] for n in batch.indices])
        (filled,) = np.nonzero(pairs[:, 0] < pairs[:, 1])  # replacing an empty span changes nothing
        start, stop = pairs[filled].T
        steps = np.arange(jax.tree.leaves(batch.projected)[0].shape[1])

        def kept(variants, start=start, stop=stop, steps=steps):
            return (steps < start[variants, None]) | (steps >= stop[variants, None])

        without = value(run_variants(network, batch, row[filled], kept, substitute, start))
        whole = value(np.stack([results[n].logits for n in batch.indices]))
        scores = np.zeros((len(pairs), without.shape[1]), without.dtype)
        scores[filled] = whole[row[filled]] - without
        parts = np.split(scores, np.cumsum(counts)[:-1])
        for n, part in zip(batch.indices, parts, strict=True):
            results[n] = results[n]._replace(scores=part)
    return results
