"""Batches of examples of similar length, in a handful of shapes so that few are compiled."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Examples(NamedTuple):
    """Labelled reviews."""

    reviews: Sequence[Int[np.ndarray, "_"]]  # word numbers of each
    labels: Int[np.ndarray, "n"]  # number of its class


class Batch(NamedTuple):
    """Padded examples."""

    ids: Int[np.ndarray, "b t"]
    lengths: Int[np.ndarray, "b"]
    labels: Int[np.ndarray, "b"]
    weights: Float[np.ndarray, "b"]  # 0 where a row is there to fill the batch


def padded_length(length: int) -> int:
    """Return the length a review is padded to: 2, 4, 8, 12, 16, 24, 32, 48, 64, 96 ...

    >>> [padded_length(length) for length in (1, 3, 9, 13, 17, 25, 1000)]
    [2, 4, 12, 16, 24, 32, 1024]
    """
    power = 2
    while power < length:
        power *= 2
    middle = power * 3 // 4
    return middle if power > 8 and length <= middle else power


def count_batches(examples: Examples, size: int) -> int:
    """Return how many batches `shuffled_batches` makes."""
    buckets = Counter(padded_length(len(review)) for review in examples.reviews)
    return sum(-(-count // size) for count in buckets.values())


def shuffled_batches(examples: Examples, size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Yield every example once, in random batches of similar length.

    Args:
        examples: The examples; none is empty.
        size: Rows of a batch.
        rng: Randomness of the order.
    """
    buckets: dict[int, list[int]] = {}
    for n in rng.permutation(len(examples.reviews)):
        buckets.setdefault(padded_length(len(examples.reviews[n])), []).append(n)
    groups = [
        (length, members[first : first + size])
        for length, members in sorted(buckets.items())
        for first in range(0, len(members), size)
    ]
    for g in rng.permutation(len(groups)):
        length, members = groups[g]
        batch = Batch(
            ids=np.zeros((size, length), np.int32),
            lengths=np.ones(size, np.int32),
            labels=np.zeros(size, np.int32),
            weights=np.zeros(size, np.float32),
        )
        for row, n in enumerate(members):
            review = examples.reviews[n]
            batch.ids[row, : len(review)] = review
            batch.lengths[row] = len(review)
        batch.labels[: len(members)] = examples.labels[members]
        batch.weights[: len(members)] = 1
        yield batch
