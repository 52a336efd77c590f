"""Temperature scaling: one factor for all logits, so that their softmax is calibrated.

A network trained on soft labels is less confident than accurate. One factor for all its logits,
fitted on the development set (Guo et al., On Calibration of Modern Neural Networks, ICML 2017),
corrects that. It changes no prediction, and multiplies every contribution to the logits alike.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from cdjax.core.network import Classifier
from cdjax.scoring.batch import predict
from cdjax.training.batches import Examples

BOUNDS = 0.05, 20.0
"""Least and largest factor."""


def calibrate(classifier: Classifier, examples: Examples) -> tuple[Classifier, float]:
    """Return the classifier with the logits of least log loss on the examples, and their factor."""
    logits = predict(classifier, examples.sequences)
    factor = best_factor(logits, examples.labels, examples.weights)
    scaled = classifier._replace(
        readout=np.asarray(classifier.readout) * np.float32(factor),
        bias=np.asarray(classifier.bias) * np.float32(factor),
    )
    return scaled, factor


def best_factor(
    logits: Float[np.ndarray, "n k"],
    labels: Int[np.ndarray, "n"],
    weights: Float[np.ndarray, "n"] | None = None,
) -> float:
    """Return the factor of the logits with the least mean log loss, within `BOUNDS`."""
    logits = np.asarray(logits, np.float64)
    count, classes = logits.shape
    # Smoothed as if one more example of each class had these logits (Platt 1999): a few predictions
    # that all are right do not drive the factor to its bound.
    targets = (np.eye(classes)[labels] * count + 1) / (count + classes)
    target_logits = (targets * logits).sum(axis=1)

    def slope(factor: float) -> float:
        probabilities = np.exp(factor * (logits - logits.max(axis=1, keepdims=True)))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return float(
            np.average((probabilities * logits).sum(axis=1) - target_logits, weights=weights)
        )

    # The loss is convex in the factor: bisect its slope, on a logarithmic scale.
    low, high = BOUNDS
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return math.sqrt(low * high)
