"""Shapley values of steps, by sampling orders (Castro et al. 2009; Strumbelj & Kononenko 2010).

    phi_t = mean over all orders of the steps of [f(steps up to t, and t) - f(steps before t)]

where `f` is the logits of the sequence with all other steps replaced. A sampled order gives an
unbiased estimate for every step at one forward pass a step; its reverse gives another, whose error
tends to have the opposite sign. In every order the gains add up to `f(sequence) - f(nothing)`, and
so do the estimates. The score of a span is the sum over its steps.
"""

import jax
import numpy as np
from jaxtyping import Float, Int

from cdjax.core.network import Classifier
from cdjax.methods.batches import make_batches, project_word, put_network, run_variants
from cdjax.methods.contract import check_word


def sample_shapley(
    classifier: Classifier,
    sequences: list[Int[np.ndarray, "_"]],
    replacement: int | None,
    orders: int = 16,
    seed: int = 0,
) -> list[Float[np.ndarray, "_ k"]]:
    """Estimate the Shapley value of each step.

    Args:
        classifier: The model, in one float type.
        sequences: Word numbers of each sequence, checked.
        replacement: The word whose vector replaces absent steps; a zero vector when None.
        orders: Orders sampled a sequence; every second one is the reverse of the one before.
        seed: Of the orders, which depend on nothing else but the sequence itself.

    Returns:
        Logits `[T, K]` of each sequence.

    Raises:
        ValueError: Where the replacement is not in the embedding, or `orders` is not even.
    """
    check_word(classifier, replacement, "replacement")
    if orders < 2 or orders % 2:
        raise ValueError(f"orders is {orders}; expected an even number of at least 2.")
    network, substitute = put_network(classifier), project_word(classifier, replacement)
    classes, dtype = len(classifier.bias), classifier.bias.dtype
    scores = [np.zeros((len(sequence), classes), dtype) for sequence in sequences]
    for batch in make_batches(classifier, sequences):
        count, steps = len(batch.indices), jax.tree.leaves(batch.projected)[0].shape[1]
        lengths = batch.lengths[:count]
        # The position of each step in each order; padding comes after all steps.
        positions = np.full((count, orders, steps), steps, np.int32)
        for row, n in enumerate(batch.indices):
            positions[row, :, : lengths[row]] = draw_positions(sequences[n], orders, seed)
        # Each order makes `length + 1` variants: its first 0, 1, ..., length steps are kept.
        sizes = np.repeat(lengths, orders) + 1
        order = np.repeat(np.arange(count * orders), sizes)  # that a variant belongs to
        start = np.cumsum(sizes) - sizes  # of the variants of each order
        present = np.arange(len(order)) - start[order]  # steps of a variant that are kept
        flat = positions.reshape(-1, steps)

        def kept(variants, flat=flat, order=order, present=present):
            return flat[order[variants]] < present[variants, None]

        source = (order // orders).astype(np.int32)
        gains = np.diff(run_variants(network, batch, source, kept, substitute), axis=0)
        for row, n in enumerate(batch.indices):
            first = start.reshape(count, orders, 1)[row]
            scores[n] = gains[first + positions[row, :, : lengths[row]]].mean(axis=0)
    return scores


def draw_positions(
    sequence: Int[np.ndarray, "t"], orders: int, seed: int
) -> Int[np.ndarray, "{orders} t"]:
    """Return the position of each step in each order: pairs of an order and its reverse."""
    length, rng = len(sequence), np.random.default_rng([seed, *sequence])
    drawn = np.tile(np.arange(length, dtype=np.int32), (orders // 2, 1))
    drawn = rng.permuted(drawn, axis=1)
    return np.stack([drawn, length - 1 - drawn], axis=1).reshape(orders, length)
