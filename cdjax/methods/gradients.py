"""Gradient times input, and integrated gradients (Sundararajan et al. 2017).

With `x(a) = x' + a (x - x')` the straight way from a baseline `x'` to the review,

    score(word t) = sum over nodes a_j of weight_j (x_t - x'_t) . df/dx_t (x(a_j))

is the integral along it by quadrature; over all words it adds up to `f(x) - f(x')`, and what is
missing from that is the quadrature's error, the *gap*. Gradient times input is the one node `a = 1`
with a baseline of zero vectors. A phrase has the sum of its words.
"""

import functools
import warnings
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from cdjax.core.lstm import HIGHEST, Classifier, Weight, run, run_projected
from cdjax.methods.batches import (
    Batch,
    Network,
    make_batches,
    make_network,
    project_word,
    run_variants,
    tiles,
)
from cdjax.methods.contract import check_word

Output = Literal["probability", "logits"]
Quadrature = Literal["gauss-legendre", "middle", "right"]

MEMORY = 256 << 20
"""Bytes that one tile of forward and backward passes may keep."""
PASSES = 32, 128, 256, 512
"""Passes of a tile, from few to as many as there may be."""


TOLERANCE = {"probability": 1e-3, "logits": 1e-2}
"""Gap of a review without a warning, by output."""


class WordScores(NamedTuple):
    """The scores of one review's words by integrated gradients."""

    scores: Float[np.ndarray, "t k"]
    gap: Float[np.ndarray, "k"]
    """`f(x) - f(x') - sum of scores`: the error of the quadrature, 0 in the limit."""


def quadrature_nodes(quadrature: Quadrature, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes in (0, 1] and their weights, in double precision.

    Args:
        quadrature: "gauss-legendre", or Riemann sums at the "middle" or the "right" of each step.
        steps: How many.

    Raises:
        ValueError: Where there is no such quadrature, or no step.

    >>> quadrature_nodes("middle", 2)
    (array([0.25, 0.75]), array([0.5, 0.5]))
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; expected at least 1.")
    if quadrature == "gauss-legendre":
        node, weight = np.polynomial.legendre.leggauss(steps)
        return (node + 1) / 2, weight / 2
    offsets = {"middle": 0.5, "right": 1.0}
    if quadrature not in offsets:
        raise ValueError(
            f"quadrature is {quadrature!r}; expected 'gauss-legendre', 'middle' or 'right'."
        )
    return (np.arange(steps) + offsets[quadrature]) / steps, np.full(steps, 1 / steps)


def gradient_times_input(
    classifier: Classifier, reviews: list[Int[np.ndarray, "_"]], output: Output = "probability"
) -> list[Float[np.ndarray, "_ k"]]:
    """Return the dot product of each word vector with the output's gradient there.

    Args:
        classifier: The model, in one float type.
        reviews: Word numbers of each review, checked.
        output: Whose gradient. The paper's is the probability's.

    Returns:
        Scores `[T, K]` of each review's words.
    """
    _check_output(output)
    one = np.ones(1)
    return _sum_along(classifier, reviews, project_word(classifier, None), (one, one), output)


def integrate_gradients(
    classifier: Classifier,
    reviews: list[Int[np.ndarray, "_"]],
    baseline: int | None,
    output: Output = "probability",
    quadrature: Quadrature = "gauss-legendre",
    steps: int = 32,
) -> list[WordScores]:
    """Return each word's integrated gradient, and what is missing from the sum.

    Args:
        classifier: The model, in one float type.
        reviews: Word numbers of each review, checked.
        baseline: The word that a whole baseline consists of, as many times as the review has words;
            zero vectors when None.
        output: What is explained.
        quadrature: How to integrate.
        steps: Nodes of the quadrature: as many forward and backward passes a review, and backward
            ones for each class.

    Raises:
        ValueError: Where the baseline is no word of the model, or an option is unknown.
    """
    _check_output(output)
    check_word(classifier, baseline, "baseline")
    nodes = quadrature_nodes(quadrature, steps)
    start = project_word(classifier, baseline)
    scores = _sum_along(classifier, reviews, start, nodes, output)
    gaps = [np.zeros(len(classifier.bias), classifier.bias.dtype) for _ in reviews]
    network = make_network(classifier)
    for batch in make_batches(classifier, reviews):
        count, steps = len(batch.place), batch.z.shape[1]
        review = np.tile(np.arange(count, dtype=np.int32), 2)

        def present(at, count=count, steps=steps):
            return np.repeat(at[:, None] < count, steps, axis=1)

        logits = run_variants(network, batch, review, present, start)
        values = np.asarray(_value(logits, output))
        for n, end, begin in zip(batch.place, values[:count], values[count:], strict=True):
            gaps[n] = end - begin - scores[n].sum(axis=0)
    return [WordScores(*row) for row in zip(scores, gaps, strict=True)]


def warn_of_gaps(found: list[WordScores], output: Output, steps: int) -> None:
    """Warn where scores miss by more than `TOLERANCE` what they should add up to.

    From a baseline far away a saturated LSTM's gradient is a few narrow peaks, which few nodes may
    all miss.
    """
    gaps = np.array([np.abs(one.gap).max() for one in found])
    if np.any(wide := gaps > TOLERANCE[output]):
        warnings.warn(
            f"integrated gradients of {wide.sum()} of {len(found)} reviews miss the difference "
            f"they should add up to by more than {TOLERANCE[output]:g} ({output}), at most by "
            f"{gaps[wide].max():.2g}, with {steps} nodes. Take more: make_methods(ig_steps=...); "
            f"integrate_gradients gives each review's gap.",
            stacklevel=3,
        )


def standardize(scores: Float[np.ndarray, "t k"]) -> Float[np.ndarray, "t k"]:
    """Return a review's scores divided by their standard deviation, class by class.

    What the paper does with integrated gradients. NaN where there is no spread to divide by: in a
    review of one word, or whose words all score the same.

    >>> standardize(np.array([[1.0], [3.0]])).tolist()
    [[1.0], [3.0]]
    """
    spread = scores.std(axis=0) if len(scores) else np.ones(scores.shape[1], scores.dtype)
    return scores / np.where(spread > 0, spread, np.nan)


def _check_output(output: str) -> None:
    if output not in ("probability", "logits"):
        raise ValueError(f"output is {output!r}; expected 'probability' or 'logits'.")


def _value(logits, output: Output):
    return jax.nn.softmax(logits) if output == "probability" else logits


def _sum_along(
    classifier: Classifier,
    reviews: list[np.ndarray],
    start: Float[Array, "4 h"],
    nodes: tuple[np.ndarray, np.ndarray],
    output: Output,
) -> list[np.ndarray]:
    """Return the weighted sum over the nodes of each word's gradient times its way from `start`."""
    network, dtype = make_network(classifier), classifier.bias.dtype
    scores = [np.zeros((len(review), len(classifier.bias)), dtype) for review in reviews]
    alpha, weight = (values.astype(dtype) for values in nodes)
    for batch in make_batches(classifier, reviews):
        count = len(batch.place)
        review = np.repeat(np.arange(count, dtype=np.int32), len(alpha))
        alphas, weights = np.tile(alpha, count), np.tile(weight, count)
        total = np.zeros((len(classifier.bias), *batch.z.shape[:2]), dtype)
        for new, rows in tiles(len(review), _tile_sizes(network, batch)):
            fresh = weights[rows] * (np.arange(len(rows)) < new.stop - new.start)
            total += _pull_back(
                network, batch.z, batch.length, start, review[rows], alphas[rows], fresh, output
            )
        for row, n in enumerate(batch.place):
            scores[n] = np.ascontiguousarray(total[:, row, : len(reviews[n])].T)
    return scores


def _tile_sizes(network: Network, batch: Batch) -> list[int]:
    """Return how many passes may go together, from few to many, within the memory allowed."""
    hidden = sum(params.V.shape[-1] for params in network.layers)
    # Some 24 numbers of the hidden width a step: gates, their arguments, states, and cotangents.
    fitting = max(1, MEMORY // (24 * hidden * batch.z.shape[1] * network.bias.dtype.itemsize))
    fitting = 1 << (fitting.bit_length() - 1)
    return [min(passes, fitting) for passes in PASSES]


@functools.partial(jax.jit, static_argnames="output")
def _pull_back(
    network: Network,
    z: Float[Array, "b t 4 h"],
    length: Int[Weight, "b"],
    start: Float[Array, "4 h"],
    review: Int[Weight, "n"],
    alpha: Float[Weight, "n"],
    weight: Float[Weight, "n"],
    output: Output,
) -> Float[Array, "k b t"]:
    """Return, by review, the weighted sum of gradients times the way, at some nodes."""
    start = jnp.expand_dims(start, (0, 1))
    way = (z - start)[review]
    first, *others = network.layers

    def values(zx):
        def logits(zx, last):
            h = run(tuple(others), run_projected(first, zx).h)
            return jnp.matmul(network.readout, h[last], precision=HIGHEST) + network.bias

        return _value(jax.vmap(logits)(zx, length[review] - 1), output)

    f, pull = jax.vjp(values, start + jnp.expand_dims(alpha, (1, 2, 3)) * way)

    def share(k):
        cotangent = jnp.where(jnp.arange(f.shape[1]) == k, jnp.expand_dims(weight, 1), 0)
        (gradient,) = pull(cotangent)
        products = jnp.sum(gradient * way, axis=(2, 3))
        return jax.ops.segment_sum(products, review, num_segments=len(z))

    classes = f.shape[1]
    if output == "logits":
        return jax.lax.map(share, jnp.arange(classes))
    # Probabilities add up to 1, so the last class's gradient is what the others leave.
    shares = jax.lax.map(share, jnp.arange(classes - 1))
    return jnp.concatenate([shares, -jnp.sum(shares, axis=0, keepdims=True)])
