"""Batches of examples of similar length, in few shapes, so that few programs compile."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

NO_WORD = np.iinfo(np.int32).max
"""Padding of word ids: beyond the rows of any embedding, so that it is neither read nor written."""


class Examples(NamedTuple):
    """Labelled sequences of word ids."""

    sequences: Sequence[Int[np.ndarray, "_"]]  # word ids of each
    labels: Int[np.ndarray, "n"]  # index of the class of each
    targets: Float[np.ndarray, "n k"] | None = None  # soft labels to learn: probability of a class
    weights: Float[np.ndarray, "n"] | None = None  # of each in the loss; 1 when None


class TrainingBatch(NamedTuple):
    """Padded examples."""

    words: Int[np.ndarray, "u"]  # ids of the words of the batch, each once; then NO_WORD
    positions: Int[np.ndarray, "b t"]  # position in `words` of each word of an example
    lengths: Int[np.ndarray, "b"]
    targets: Float[np.ndarray, "b k"]  # probability of each class
    weights: Float[np.ndarray, "b"]  # in the loss; 0 in the rows that fill up the batch
    members: Int[np.ndarray, "m"]  # indices of the examples


def padded_length(length: int) -> int:
    """Return the length that a sequence is padded to: 2, 4, 8, 12, 16, 24, 32, 48, 64, 96 ...

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
    buckets = Counter(padded_length(len(sequence)) for sequence in examples.sequences)
    return sum(-(-count // size) for count in buckets.values())


def count_classes(*sets: Examples) -> int:
    """Return how many classes there are: one more than the highest label."""
    return 1 + max(int(examples.labels.max()) for examples in sets)


def balance(examples: Examples) -> Examples:
    """Return the examples with weights whose sum is the same for each class.

    A weight is multiplied by N / (K N_k), with N_k the sum of the weights of its class k.

    >>> examples = Examples([np.array([1])] * 4, np.array([0, 1, 1, 1]))
    >>> [round(weight, 2) for weight in balance(examples).weights.tolist()]
    [2.0, 0.67, 0.67, 0.67]
    """
    labels = examples.labels
    weights = np.ones(len(labels)) if examples.weights is None else examples.weights
    sums = np.bincount(labels, weights)
    factors = weights.sum() / (np.count_nonzero(sums) * np.where(sums, sums, 1))
    return examples._replace(weights=(weights * factors[labels]).astype(np.float32))


def shuffled_batches(
    examples: Examples, size: int, classes: int, rng: np.random.Generator
) -> Iterator[TrainingBatch]:
    """Yield every example once, in random batches of similar length.

    Args:
        examples: The examples; none is empty.
        size: Rows of a batch.
        classes: Number K of classes.
        rng: Randomness of the order.
    """
    buckets: dict[int, list[int]] = {}
    for n in rng.permutation(len(examples.sequences)):
        buckets.setdefault(padded_length(len(examples.sequences[n])), []).append(n)
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
) -> TrainingBatch:
    """Return the batch of these examples, of a given shape: rows, and words of each row."""
    size, length = shape
    ids = np.full(shape, NO_WORD, np.int32)  # the largest id, so that it is the last of `words`
    lengths = np.ones(size, np.int32)
    for row, n in enumerate(members):
        sequence = examples.sequences[n]
        ids[row, : len(sequence)] = sequence
        lengths[row] = len(sequence)
    words = np.full(size * length, NO_WORD, np.int32)
    distinct, positions = np.unique(ids, return_inverse=True)
    words[: len(distinct)] = distinct
    targets = np.full((size, classes), 1 / classes, np.float32)
    if examples.targets is None:
        targets[: len(members)] = np.eye(classes, dtype=np.float32)[examples.labels[members]]
    else:
        targets[: len(members)] = examples.targets[members]
    weights = np.zeros(size, np.float32)
    weights[: len(members)] = 1 if examples.weights is None else examples.weights[members]
    positions = positions.reshape(shape).astype(np.int32)
    return TrainingBatch(words, positions, lengths, targets, weights, members)
