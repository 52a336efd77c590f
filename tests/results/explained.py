"""Explanations whose scores are known, for tests."""

import cdjax
import numpy as np
from cdjax.results import Explanation


def make_explanation(tokens, scores=0.0, labels=("blame", "praise"), max_len=None, **changes):
    """An explanation with these scores for the last label, of all spans or as `{span: score}`.

    A span that is not named scores the sum of its words.
    """
    spans = cdjax.enumerate_spans(len(tokens), max_len)
    given = scores if isinstance(scores, dict) else {}
    words = [given.get((t, t + 1), 0.0) for t in range(len(tokens))]
    last = [given.get((a, b), sum(words[a:b])) for a, b in spans.tolist()]
    numbers = np.zeros((len(spans), len(labels)))
    numbers[:, -1] = last if isinstance(scores, dict) else scores
    direction = dict.fromkeys(labels, 0.0) | {labels[-1]: 1.0}
    if len(labels) == 2:
        direction[labels[0]] = -1.0
    fields = {
        "spans": spans,
        "scores": numbers,
        "logits": np.arange(len(labels), dtype=float),
        "output_bias": np.zeros(len(labels)),
        "labels": labels,
        "direction": direction,
        "rule": "paper",
        "tokens": tuple(tokens),
        "known": np.array([token != "???" for token in tokens]),
    }
    return Explanation(**(fields | changes))
