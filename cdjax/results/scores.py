"""Scores of the spans of one sequence."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class SpanScores(NamedTuple):
    """Scores of spans of one sequence."""

    spans: Int[np.ndarray, "s 2"]  # half-open [start, stop)
    scores: Float[np.ndarray, "s k"]  # one number a class, in the method's units (logits for CD)
    logits: Float[np.ndarray, "k"]  # of the whole sequence, output bias included
