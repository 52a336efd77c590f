"""Shapley values of words, by sampling orders (Castro et al. 2009; Strumbelj & Kononenko 2010).

    phi_t = mean over all orders of the words of [f(those up to and with t) - f(those before t)]

where `f` is the logits of the review in which all other words are replaced. A sampled order gives
an unbiased estimate for every word with one forward pass a word, and its reverse another that tends
to err the other way. In every order the words add up to `f(review) - f(nothing)`, so their
estimates do, too. A phrase has the sum of its words.
"""

import numpy as np
from jaxtyping import Float, Int

from cdjax.core.lstm import Classifier
from cdjax.methods.batches import make_batches, make_network, project_word, run_variants
from cdjax.methods.contract import check_word


def sample_shapley(
    classifier: Classifier,
    reviews: list[Int[np.ndarray, "_"]],
    replacement: int | None,
    orders: int = 16,
    seed: int = 0,
) -> list[Float[np.ndarray, "_ k"]]:
    """Estimate the Shapley value of each word.

    Args:
        classifier: The model, in one float type.
        reviews: Word numbers of each review, checked.
        replacement: The word whose vector takes the place of absent words; a zero vector when None.
        orders: How many orders a review; each second one is the one before, reversed.
        seed: Of the orders, which depend on nothing else but the review's own words.

    Returns:
        Logits `[T, K]` of each review.

    Raises:
        ValueError: Where the replacement is no word of the model, or `orders` is not even.
    """
    check_word(classifier, replacement, "replacement")
    if orders < 2 or orders % 2:
        raise ValueError(f"orders is {orders}; expected an even number of at least 2.")
    network, absent = make_network(classifier), project_word(classifier, replacement)
    scores = [np.zeros((len(review), len(network.bias)), network.bias.dtype) for review in reviews]
    for batch in make_batches(classifier, reviews):
        length, steps = batch.length, batch.z.shape[1]
        count = len(batch.place)
        # The turn of each word in each order; what pads a review never has one.
        turns = np.full((count, orders, steps), steps, np.int32)
        for row in range(count):
            turns[row, :, : length[row]] = draw_turns(reviews[batch.place[row]], orders, seed)
        # A variant is what is there after so many turns of an order: 0 to the review's words.
        sizes = np.repeat(length[:count], orders) + 1
        owner = np.repeat(np.arange(count * orders), sizes)
        taken = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        turns = turns.reshape(-1, steps)

        def present(at, turns=turns, owner=owner, taken=taken):
            return turns[owner[at]] < taken[at, None]

        review = (owner // orders).astype(np.int32)
        logits = run_variants(network, batch, review, present, absent)
        gains = np.diff(logits, axis=0)
        first = (np.cumsum(sizes) - sizes).reshape(count, orders, 1)
        for row, n in enumerate(batch.place):
            its_turns = turns.reshape(count, orders, steps)[row, :, : length[row]]
            scores[n] = gains[first[row] + its_turns].mean(axis=0)
    return scores


def draw_turns(ids: Int[np.ndarray, "t"], orders: int, seed: int) -> Int[np.ndarray, "{orders} t"]:
    """Return the turn of each word in each order, pairs of an order and its reverse."""
    length, rng = len(ids), np.random.default_rng([seed, *ids])
    drawn = np.tile(np.arange(length, dtype=np.int32), (orders // 2, 1))
    drawn = rng.permuted(drawn, axis=1)
    return np.stack([drawn, length - 1 - drawn], axis=1).reshape(orders, length)
