"""What every importer is held to, whatever it reads: one suite, applied to each supported case.

A case is saved or built by its framework itself, which also computes the outputs to agree with. The
README's table of what is supported, and of what raises, is made of the cases' parameters.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cdjax
import jax
import numpy as np
from cdjax.core.decomposition import split_logits
from cdjax.core.network import forward, run


class Supported(NamedTuple):
    """A kind of network that is read, a row of the README's table and a test."""

    framework: str  # as in the table: "Keras 3"
    source: str  # what is given: ".keras", "nnx module"
    what: str  # as in the table: "LSTM, two layers, both directions"
    make: Callable[..., Any]  # the test module says with what it is called


class Refused(NamedTuple):
    """What is refused, a row of the README's table and a test."""

    framework: str
    what: str
    make: Callable[..., Any]
    message: str  # a pattern of the error's message, which names it and the remedy


# Step by step: programs of scans would compile for each network, single operations but once.
@jax.disable_jit()
def check_case(
    imported: Any, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray], tolerance: float
) -> None:
    """Hold an imported network against its framework's outputs, and its parts against each other.

    Args:
        imported: A `Model`, or layers alone.
        inputs: Sequences: word numbers `[T]` where it has an embedding, else vectors `[T, D]`.
        outputs: The framework's output for each: after the last activation `[K]` (`[T, K]` of the
            pool "each"), of layers alone the last layer's at every step `[T, H]`.
        tolerance: The largest difference allowed: 1e-5 in float32, 1e-10 in float64.
    """
    rng = np.random.default_rng(0)
    for n, (x, expected) in enumerate(zip(inputs, outputs, strict=True)):
        x = np.asarray(x)
        rules = () if n else (cdjax.PAPER, cdjax.SHARED)  # each compiles for each length
        inside = rng.random(len(x)) < 0.5
        if isinstance(imported, cdjax.Model):
            network = imported.classifier
            vectors = x if network.embedding is None else np.asarray(network.embedding)[x]
            network = network._replace(embedding=None)
            logits = np.asarray(forward(network, vectors))
            np.testing.assert_allclose(apply_output(imported, logits), expected, 0, tolerance)
            for rule in rules:
                split = split_logits(network, vectors, inside, rule)
                total = split.beta + split.gamma + split.bias
                np.testing.assert_allclose(total, logits, 0, 10 * tolerance)
        else:
            h = np.asarray(run(imported, x))
            np.testing.assert_allclose(h, expected, rtol=0, atol=tolerance)
            for rule in rules:
                split = cdjax.decompose(imported, x, inside, rule)
                np.testing.assert_allclose(split.beta + split.gamma, h, 0, 10 * tolerance)


def apply_output(model: cdjax.Model, logits: np.ndarray) -> np.ndarray:
    """Return the outputs that a framework gives for logits."""
    if model.output == "softmax":
        return np.asarray(jax.nn.softmax(logits, axis=-1))
    return np.asarray(jax.nn.sigmoid(logits)) if model.output == "sigmoid" else logits
