"""Leave one out (Li et al. 2016), and occlusion: what changes when a phrase is taken away.

    score(phrase) = f(review) - f(review with the phrase's vectors replaced)

A phrase is replaced as a whole, so it has a score of its own and not the sum of its words'. Leave
one out, as the paper compares with it: log probabilities, and zero vectors in the phrase's place.
Occlusion: logits, and the unknown word. One forward pass a span, from the span's first word on.
"""

from collections.abc import Sequence
from typing import Literal

import jax
import numpy as np
from numpy.typing import ArrayLike

from cdjax.core.lstm import Classifier
from cdjax.methods.batches import make_batches, make_network, project_word, run_variants
from cdjax.methods.contract import check_request, check_word, make_results
from cdjax.results import SpanScores

Output = Literal["log probability", "logits"]


def leave_out(
    classifier: Classifier,
    reviews: Sequence[ArrayLike],
    spans: Sequence[ArrayLike] | None = None,
    *,
    max_len: int | None = None,
    replacement: int | None = None,
    output: Output = "log probability",
) -> list[SpanScores]:
    """Score spans by what the output loses without them.

    Args:
        classifier: The model.
        reviews: Word numbers `[T]` of each review.
        spans: Spans of each review, see `Score`.
        max_len: Longest span wanted where `spans` is None.
        replacement: The word whose vector takes the place of the span's; a zero vector when None.
        output: What is compared. The differences of two classes' scores are the same either way.

    Returns:
        As `Score`, in units of the output.

    Raises:
        TypeError, ValueError: As `Score`; also where the replacement is no word of the model.
    """
    classifier, ids, chosen = check_request(classifier, reviews, spans, max_len)
    check_word(classifier, replacement, "replacement")
    if output not in ("log probability", "logits"):
        raise ValueError(f"output is {output!r}; expected 'log probability' or 'logits'.")
    network, absent = make_network(classifier), project_word(classifier, replacement)

    def value(logits):
        return np.asarray(jax.nn.log_softmax(logits)) if output == "log probability" else logits

    results = make_results(classifier, ids, chosen)
    for batch in make_batches(classifier, ids):
        mine = [chosen[n] for n in batch.place]
        row = np.repeat(np.arange(len(mine), dtype=np.int32), [len(some) for some in mine])
        both = np.concatenate(mine)
        (some,) = np.nonzero(both[:, 0] < both[:, 1])  # without an empty span nothing changes
        start, stop = both[some].T
        steps = np.arange(batch.z.shape[1])

        def present(at, start=start, stop=stop, steps=steps):
            return (steps < start[at, None]) | (steps >= stop[at, None])

        without = value(run_variants(network, batch, row[some], present, absent, start))
        whole = value(np.stack([results[n].logits for n in batch.place]))
        scores = np.zeros((len(both), without.shape[1]), without.dtype)
        scores[some] = whole[row[some]] - without
        parts = np.split(scores, np.cumsum([len(some) for some in mine])[:-1])
        for n, part in zip(batch.place, parts, strict=True):
            results[n] = results[n]._replace(scores=part)
    return results
