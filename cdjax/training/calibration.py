"""Temperature scaling: logits that mean the probabilities they stand for.

A network that learned soft labels is less sure than it is right. One factor for all its logits,
fitted on the development set (Guo et al., On Calibration of Modern Neural Networks, ICML 2017),
mends that; no prediction changes, and every contribution to the logits is multiplied by the same.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from cdjax.core.lstm import Classifier
from cdjax.scoring.batch import predict
from cdjax.training.batches import Examples

BOUNDS = 0.05, 20.0
"""The factor is searched between these."""


def calibrate(classifier: Classifier, examples: Examples) -> tuple[Classifier, float]:
    """Return the classifier with its logits scaled to the least log loss, and the factor."""
    factor = best_factor(predict(classifier, examples.reviews), examples.labels)
    scaled = classifier._replace(
        readout=np.asarray(classifier.readout) * np.float32(factor),
        bias=np.asarray(classifier.bias) * np.float32(factor),
    )
    return scaled, factor


def best_factor(logits: Float[np.ndarray, "n k"], labels: Int[np.ndarray, "n"]) -> float:
    """Return the factor of the logits with the least mean log loss, within `BOUNDS`."""
    logits = np.asarray(logits, np.float64)
    count, classes = logits.shape
    # As if one more example of each class had been seen with these very logits (Platt 1999): where
    # all of a few predictions are right, they are not made certain for it.
    targets = (np.eye(classes)[labels] * count + 1) / (count + classes)
    wanted = (targets * logits).sum(axis=1)

    def slope(factor: float) -> float:
        probabilities = np.exp(factor * (logits - logits.max(axis=1, keepdims=True)))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return float(np.mean((probabilities * logits).sum(axis=1) - wanted))

    # The loss is convex in the factor, so its slope rises: halve on a logarithmic scale.
    low, high = BOUNDS
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return math.sqrt(low * high)
