"""Batches of examples of similar length, in a handful of shapes so that few are compiled."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

NO_WORD = np.iinfo(np.int32).max
"""Fills up the words of a batch: beyond any table, so that it is neither read nor written."""


class Examples(NamedTuple):
    """Labelled reviews."""

    reviews: Sequence[Int[np.ndarray, "_"]]  # word numbers of each
    labels: Int[np.ndarray, "n"]  # number of its class
    targets: Float[np.ndarray, "n k"] | None = None  # to learn instead: a probability a class
    weights: Float[np.ndarray, "n"] | None = None  # of each in the loss; 1 when None


class Batch(NamedTuple):
    """Padded examples."""

    words: Int[np.ndarray, "u"]  # the numbers of its words, each once; then NO_WORD
    places: Int[np.ndarray, "b t"]  # of each word of a review, where it is in `words`
    lengths: Int[np.ndarray, "b"]
    targets: Float[np.ndarray, "b k"]  # probability of each class
    weights: Float[np.ndarray, "b"]  # in the loss; 0 where a row is there to fill the batch
    members: Int[np.ndarray, "m"]  # which examples these are


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


def count_classes(*sets: Examples) -> int:
    """Return how many classes there are: one more than the highest label."""
    return 1 + max(int(examples.labels.max()) for examples in sets)


def shuffled_batches(
    examples: Examples, size: int, classes: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """Yield every example once, in random batches of similar length.

    Args:
        examples: The examples; none is empty.
        size: Rows of a batch.
        classes: Number K of classes.
        rng: Randomness of the order.
    """
    buckets: dict[int, list[int]] = {}
    for n in rng.permutation(len(examples.reviews)):
        buckets.setdefault(padded_length(len(examples.reviews[n])), []).append(n)
    groups = [
        (length, np.array(members[first : first + size]))
        for length, members in sorted(buckets.items())
        for first in range(0, len(members), size)
    ]
    for g in rng.permutation(len(groups)):
        length, members = groups[g]
        yield make_batch(examples, members, (size, length), classes)


def make_batch(
    examples: Examples, members: Int[np.ndarray, "m"], shape: tuple[int, int], classes: int
) -> Batch:
    """Return the batch of some examples, of a given shape: rows, and words of each."""
    size, length = shape
    ids = np.full(shape, NO_WORD, np.int32)  # the highest number, so that it comes last
    lengths = np.ones(size, np.int32)
    for row, n in enumerate(members):
        review = examples.reviews[n]
        ids[row, : len(review)] = review
        lengths[row] = len(review)
    words = np.full(size * length, NO_WORD, np.int32)
    found, places = np.unique(ids, return_inverse=True)
    words[: len(found)] = found
    targets = np.full((size, classes), 1 / classes, np.float32)
    if examples.targets is None:
        targets[: len(members)] = np.eye(classes, dtype=np.float32)[examples.labels[members]]
    else:
        targets[: len(members)] = examples.targets[members]
    weights = np.zeros(size, np.float32)
    weights[: len(members)] = 1 if examples.weights is None else examples.weights[members]
    places = places.reshape(shape).astype(np.int32)
    return Batch(words, places, lengths, targets, weights, members)
