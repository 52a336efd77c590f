"""Every method by its definition, to hold the fast ones against: one review at a time, in float64.

Contextual decomposition has its own, `cdjax.scoring.verify`.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from cdjax import Classifier
from cdjax.core.network import run
from cdjax.core.split import Weight
from cdjax.methods.shapley import draw_positions

PAD = 16  # lengths are rounded up to multiples, so that few programs are compiled


def float64(classifier: Classifier) -> Classifier:
    """Return the model with its weights as they are, in float64."""
    return jax.tree.map(lambda weight: np.asarray(weight, np.float64), classifier)


def value(logits, output: str):
    """Return what is explained."""
    outputs = {"logits": lambda z: z, "log": jax.nn.log_softmax, "probability": jax.nn.softmax}
    return outputs[output](logits)


def pad(x: Weight) -> np.ndarray:
    """Return vectors with zero vectors after them."""
    return np.pad(x, ((0, -len(x) % PAD), (0, 0)))


@functools.partial(jax.jit, static_argnames="output")
def _output(network, x, last, output):
    layers, readout, bias = network
    return value(readout @ run(layers, x)[last] + bias, output)


_jacobian = jax.jit(jax.jacrev(_output, argnums=1), static_argnames="output")


def outputs(exact: Classifier, x: Weight, output: str) -> np.ndarray:
    """Return what the model says of vectors `[T, D]`: `[K]`."""
    return np.asarray(_output(exact[1:4], pad(x), len(x) - 1, output))


def jacobian(exact: Classifier, x: Weight, output: str) -> np.ndarray:
    """Return its derivatives by the vectors: `[K, T, D]`."""
    return np.asarray(_jacobian(exact[1:4], pad(x), len(x) - 1, output))[:, : len(x)]


def leave_out(exact: Classifier, ids, start: int, stop: int, word: int | None, output: str):
    """Return what the output loses without a span."""
    x = exact.embedding[ids]
    without = x.copy()
    without[start:stop] = 0 if word is None else exact.embedding[word]
    return outputs(exact, x, output) - outputs(exact, without, output)


def integrate(exact: Classifier, ids, word: int | None, output: str, steps: int):
    """Return the integrated gradient of each word `[T, K]`, by Gauss and Legendre."""
    x = exact.embedding[ids]
    base = np.zeros_like(x) if word is None else np.tile(exact.embedding[word], (len(ids), 1))
    scores = np.zeros((len(ids), len(exact.bias)))
    for node, weight in zip(*np.polynomial.legendre.leggauss(steps), strict=True):
        at = base + (node + 1) / 2 * (x - base)
        scores += weight / 2 * ((x - base) * jacobian(exact, at, output)).sum(axis=2).T
    return scores


def decompose_cells(exact: Classifier, ids, additive: bool):
    """Return how far the cell moves at each word, read by the last output gate `[T, K]`."""
    ((W, V, b, *_),) = exact.layers
    h = c = np.zeros(len(V[0]))
    o, cells, inputs, forgets = c, [c], [], []
    for x in exact.embedding[ids]:
        z = W @ x + V @ h + b
        i, f, o = (1 / (1 + np.exp(-z[k])) for k in (0, 1, 3))
        inputs.append(i * np.tanh(z[2]))
        forgets.append(f)
        c = f * c + inputs[-1]
        h = o * np.tanh(c)
        cells.append(c)
    if additive:
        kept = [e * np.prod(forgets[t + 1 :], axis=0) for t, e in enumerate(inputs)]
        cells = np.cumsum([np.zeros_like(c), *kept], axis=0)
    return o * np.diff(np.tanh(cells), axis=0) @ exact.readout.T


def sample_shapley(exact: Classifier, ids, word: int, orders: int, seed: int):
    """Return the mean gain of each word over the sampled orders `[T, K]`."""
    scores = np.zeros((len(ids), len(exact.bias)))
    for positions in draw_positions(ids, orders, seed):
        x = np.tile(exact.embedding[word], (len(ids), 1))
        before = outputs(exact, x, "logits")
        for t in np.argsort(positions):
            x[t] = exact.embedding[ids[t]]
            after = outputs(exact, x, "logits")
            scores[t] += (after - before) / orders
            before = after
    return scores


def make_definitions(
    classifier: Classifier, period: int, unknown: int, ig_steps: int, orders: int, seed: int
) -> dict[str, Callable[[np.ndarray, int, int], np.ndarray]]:
    """Return by name of method what scores a span of a review: from ids, start and stop to `[K]`.

    To be called with `jax.enable_x64`.
    """
    exact = float64(classifier)

    def gradient(ids):
        x = exact.embedding[ids]
        return (x * jacobian(exact, x, "probability")).sum(axis=2).T

    def paper_ig(ids):
        scores = integrate(exact, ids, period, "probability", ig_steps)
        return scores / scores.std(axis=0)

    words: dict[str, Callable[[Any], Any]] = {
        "gradient": gradient,
        "ig": paper_ig,
        "ig_zero": lambda ids: integrate(exact, ids, None, "logits", ig_steps),
        "cell": lambda ids: decompose_cells(exact, ids, False),
        "cell_gamma": lambda ids: decompose_cells(exact, ids, True),
        "shapley": lambda ids: sample_shapley(exact, ids, unknown, orders, seed),
    }

    def add_up(score):
        return lambda ids, start, stop: score(ids)[start:stop].sum(axis=0)

    return {name: add_up(score) for name, score in words.items()} | {
        "loo": lambda ids, start, stop: leave_out(exact, ids, start, stop, None, "log"),
        "occlusion": lambda ids, start, stop: leave_out(exact, ids, start, stop, unknown, "logits"),
        "alone": lambda ids, start, stop: (
            outputs(exact, exact.embedding[ids[start:stop]], "logits") - exact.bias
        ),
    }
