"""Gradient times input, and integrated gradients (Sundararajan et al. 2017).

On the straight line `x(a) = x' + a (x - x')` from a baseline `x'` to the input,

    score(step t) = sum over nodes a_j of weight_j (x_t - x'_t) . df/dx_t (x(a_j))

is the integral of the gradient by quadrature. Over all steps the integrals add up to
`f(x) - f(x')`; what the scores lack of it is the quadrature's error, the *gap*. Gradient times
input is the one node `a = 1` with a baseline of zero vectors. The score of a span is the sum over
its steps.
"""

import functools
import warnings
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from cdjax.core.cells import Bidirectional
from cdjax.core.network import Classifier
from cdjax.core.split import Weight
from cdjax.methods.batches import (
    PaddedSequences,
    iterate_tiles,
    make_batches,
    project_word,
    put_network,
    run_padded,
    run_variants,
)
from cdjax.methods.contract import check_word

Output = Literal["probability", "sigmoid", "logits"]
"""What is explained: the probability of each of the labels that exclude each other (the softmax; of
one logit, its sigmoid, the second of two labels), that of each label by itself (the sigmoid of its
logit), or the logits."""
Quadrature = Literal["gauss-legendre", "middle", "right"]

MEMORY, DEVICE_MEMORY = 16 << 20, 256 << 20
"""Bytes that the forward and backward passes of one tile may take, on a CPU and on other devices.
Beyond 32 MB glibc takes memory from the system anew for every tile, which took 1.6 times as long in
one thread, 1.1 times in two."""
TILE_PASSES = 32, 128, 256, 512
"""Passes of a tile; the smallest number that holds all, within `MEMORY`."""

TOLERANCE = {"probability": 1e-3, "sigmoid": 1e-3, "logits": 1e-2}
"""Largest gap of a sequence that causes no warning, by output."""


class StepScores(NamedTuple):
    """The scores of one sequence's steps by integrated gradients."""

    scores: Float[np.ndarray, "t k"]
    gap: Float[np.ndarray, "k"]
    """`f(x) - f(x') - sum of scores`: the error of the quadrature, 0 in the limit."""


def quadrature_nodes(quadrature: Quadrature, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes in (0, 1] and their weights, in double precision.

    Args:
        quadrature: "gauss-legendre", or Riemann sums at the "middle" or "right" of each interval.
        steps: Number of nodes.

    Raises:
        ValueError: Where there is no such quadrature, or `steps` is below 1.

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
    classifier: Classifier, sequences: list[Int[np.ndarray, "_"]], output: Output = "probability"
) -> list[Float[np.ndarray, "_ k"]]:
    """Return the dot product of each input vector with the gradient of the output by it.

    Args:
        classifier: The model, in one float type.
        sequences: Word numbers of each sequence, checked.
        output: Whose gradient; the paper takes that of the probability.

    Returns:
        Scores `[T, K]` of each sequence's steps, in units of the output.
    """
    _check_output(output)
    node, weight = np.ones(1), np.ones(1)
    zero = project_word(classifier, None)
    return _sum_over_nodes(classifier, sequences, zero, (node, weight), output)


def integrate_gradients(
    classifier: Classifier,
    sequences: list[Int[np.ndarray, "_"]],
    baseline: int | None,
    output: Output = "probability",
    quadrature: Quadrature = "gauss-legendre",
    steps: int = 32,
) -> list[StepScores]:
    """Return the integrated gradient of each step, and the gap of each sequence.

    Args:
        classifier: The model, in one float type.
        sequences: Word numbers of each sequence, checked.
        baseline: The word whose vector is the baseline at every step; zero vectors when None.
        output: What is explained.
        quadrature: How to integrate.
        steps: Nodes of the quadrature. Each takes a forward pass of the sequence and a backward
            pass for each class.

    Raises:
        ValueError: Where the baseline is not in the embedding, or an option is unknown.
    """
    _check_output(output)
    check_word(classifier, baseline, "baseline")
    nodes = quadrature_nodes(quadrature, steps)
    start = project_word(classifier, baseline)
    scores = _sum_over_nodes(classifier, sequences, start, nodes, output)
    network = put_network(classifier)
    logits = np.zeros((2, len(sequences), len(classifier.bias)), classifier.bias.dtype)
    for batch in make_batches(classifier, sequences):
        # Two variants of each sequence: itself, and the baseline.
        count, length = len(batch.indices), _leaf(batch.projected).shape[1]
        source = np.tile(np.arange(count, dtype=np.int32), 2)

        def kept(variants, count=count, length=length):
            return np.repeat(variants[:, None] < count, length, axis=1)

        variants = run_variants(network, batch, source, kept, start)
        logits[:, batch.indices] = variants.reshape(2, count, -1)
    ends, begins = np.asarray(_value(logits, output))
    return [
        StepScores(of_steps, end - begin - of_steps.sum(axis=0))
        for of_steps, end, begin in zip(scores, ends, begins, strict=True)
    ]


def warn_of_gaps(results: list[StepScores], output: Output, steps: int) -> None:
    """Warn where a gap is larger than `TOLERANCE`.

    Between a distant baseline and the input, a saturated network's gradient is a few narrow peaks,
    and few nodes may miss them all.
    """
    gaps = np.array([np.abs(result.gap).max() for result in results])
    if np.any(wide := gaps > TOLERANCE[output]):
        warnings.warn(
            f"integrated gradients of {wide.sum()} of {len(results)} sequences miss the difference "
            f"they should add up to by more than {TOLERANCE[output]:g} ({output}), at most by "
            f"{gaps[wide].max():.2g}, with {steps} nodes. Take more: make_methods(ig_steps=...); "
            f"integrate_gradients returns each gap.",
            stacklevel=3,
        )


def standardize(scores: Float[np.ndarray, "t k"]) -> Float[np.ndarray, "t k"]:
    """Return the scores of a sequence's steps divided by their standard deviation, by class.

    As the paper scales integrated gradients. NaN where the standard deviation is 0: in a sequence
    of one step, or whose steps all score the same.

    >>> standardize(np.array([[1.0], [3.0]])).tolist()
    [[1.0], [3.0]]
    """
    spread = scores.std(axis=0) if len(scores) else np.ones(scores.shape[1], scores.dtype)
    return scores / np.where(spread > 0, spread, np.nan)


def _check_output(output: str) -> None:
    if output not in TOLERANCE:
        raise ValueError(f"output is {output!r}; expected one of {', '.join(TOLERANCE)}.")


def _value(logits, output: Output):
    if output == "logits":
        return logits
    one = output == "sigmoid" or logits.shape[-1] == 1
    return jax.nn.sigmoid(logits) if one else jax.nn.softmax(logits)


def _sum_over_nodes(
    classifier: Classifier,
    sequences: list[np.ndarray],
    start: Any,
    nodes: tuple[np.ndarray, np.ndarray],
    output: Output,
) -> list[np.ndarray]:
    """Return the weighted sum over the nodes of each step's gradient times `x - start`."""
    network, dtype = put_network(classifier), classifier.bias.dtype
    scores = [np.zeros((len(sequence), len(classifier.bias)), dtype) for sequence in sequences]
    alpha, weight = (values.astype(dtype) for values in nodes)
    for batch in make_batches(classifier, sequences):
        count = len(batch.indices)
        source = np.repeat(np.arange(count, dtype=np.int32), len(alpha))
        alphas, node_weights = np.tile(alpha, count), np.tile(weight, count)
        total = np.zeros((len(classifier.bias), *_leaf(batch.projected).shape[:2]), dtype)
        for new, rows in iterate_tiles(len(source), _tile_sizes(network, batch)):
            # A row repeated to fill the tile weighs nothing.
            tile_weights = node_weights[rows] * (np.arange(len(rows)) < new.stop - new.start)
            passes = source[rows], alphas[rows], tile_weights
            total += np.asarray(
                _pull_back(network, batch.projected, batch.lengths, start, *passes, output)
            )
        for row, n in enumerate(batch.indices):
            scores[n] = np.ascontiguousarray(total[:, row, : len(sequences[n])].T)
    return scores


def _leaf(tree: Any) -> Any:
    return jax.tree.leaves(tree)[0]


def _tile_sizes(network: Classifier, batch: PaddedSequences) -> list[int]:
    """Return possible numbers of passes in a tile, ascending, within `MEMORY`."""
    both = [c if isinstance(c, Bidirectional) else (c,) for c in network.layers]
    hidden = sum(cell.W.shape[1] for cells in both for cell in cells)
    # About 24 numbers of the hidden width a step: gates, pre-activations, states and cotangents.
    step_bytes = 24 * hidden * network.bias.dtype.itemsize
    memory = MEMORY if jax.default_backend() == "cpu" else DEVICE_MEMORY
    fitting = max(1, memory // (step_bytes * _leaf(batch.projected).shape[1]))
    fitting = 1 << (fitting.bit_length() - 1)
    return [min(passes, fitting) for passes in TILE_PASSES]


@functools.partial(jax.jit, static_argnames="output")
def _pull_back(
    network: Classifier,
    projected: Any,
    lengths: Int[Weight, "b"],
    start: Any,
    source: Int[Weight, "n"],
    alpha: Float[Weight, "n"],
    node_weight: Float[Weight, "n"],
    output: Output,
) -> Float[Array, "k b t"]:
    """Return, by sequence, the weighted sum of gradient times `x - start` over some nodes."""
    at = jnp.expand_dims(alpha, (1, 2))
    difference = jax.tree.map(lambda z, s: (z - s[None, None])[source], projected, start)
    nodes = jax.tree.map(lambda s, d: s[None, None] + at * d, start, difference)

    def values(zx):
        logits = jax.vmap(lambda zx, length: run_padded(network, zx, length))(zx, lengths[source])
        return _value(logits, output)

    f, pull_back = jax.vjp(values, nodes)

    def sum_of_class(k):
        cotangent = jnp.where(jnp.arange(f.shape[1]) == k, jnp.expand_dims(node_weight, 1), 0)
        (gradient,) = pull_back(cotangent)
        by_gate = jax.tree.map(lambda g, d: jnp.sum(g * d, axis=2), gradient, difference)
        products = sum(jax.tree.leaves(by_gate))
        return jax.ops.segment_sum(products, source, num_segments=len(_leaf(projected)))

    classes = f.shape[1]
    if output != "probability" or classes == 1:
        return jax.lax.map(sum_of_class, jnp.arange(classes))
    # Probabilities add up to 1, so the last class's gradient is the negative sum of the others'.
    sums = jax.lax.map(sum_of_class, jnp.arange(classes - 1))
    return jnp.concatenate([sums, -jnp.sum(sums, axis=0, keepdims=True)])
