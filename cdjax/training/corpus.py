"""Labelled texts to train on, as words."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cdjax.text.vocabulary import Vocabulary
from cdjax.training.batches import Examples

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")


class Corpus(NamedTuple):
    """Labelled texts, tokenized."""

    tokens: Sequence[Sequence[str]]
    labels: Sequence[str]
    targets: Float[np.ndarray, "n k"] | None = None
    """Soft labels to learn: the probability of each label, in the order of `order_labels`."""
    weights: Float[np.ndarray, "n"] | None = None
    """Of each text in the loss; 1 when None."""


class TrainingData(NamedTuple):
    """What a model is fitted to (`cdjax.training.fit.fit`)."""

    task: str  # in a few words, for the provenance
    training: Corpus
    held_out: dict[str, Corpus]  # "dev" to choose and calibrate by; others are reported only
    facts: dict[str, Any]  # about the data, for the provenance: anything that JSON can hold
    word_counts: dict[str, int] | None = None  # those of the training texts when None
    min_count: int = 2  # words counted less often are unknown, unless a file of vectors has them


def order_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return each label once: by size where all are numbers, else by name.

    Raises:
        ValueError: Where two differ in nothing but case or space.

    >>> order_labels(["10", "2", "2"])
    ('2', '10')
    """
    distinct = sorted(set(labels))
    alike: dict[str, str] = {}
    for label in distinct:
        other = alike.setdefault(label.strip().casefold(), label)
        if other != label:
            raise ValueError(
                f"there are the labels {other!r} and {label!r}; expected one spelling of a label."
            )
    if all(_NUMBER.fullmatch(label) for label in distinct):
        return tuple(sorted(distinct, key=float))
    return tuple(distinct)


def split_off(corpus: Corpus, share: float, seed: int) -> tuple[Corpus, Corpus]:
    """Split texts at random into two corpora, the second with this share of each label's.

    Raises:
        ValueError: Where a label has fewer than two texts. Says which.
    """
    rng = np.random.default_rng(seed)
    labels = np.array(corpus.labels)
    second: list[int] = []
    for label in sorted(set(corpus.labels)):
        indices = rng.permutation(np.flatnonzero(labels == label))
        if len(indices) < 2:
            raise ValueError(
                f"only one text has the label {label!r}; expected at least two of each label, one "
                f"to train on and one to choose by. Or give the texts to choose by, dev=FILE."
            )
        second += indices[: max(1, min(len(indices) - 1, round(share * len(indices))))].tolist()
    first = np.setdiff1d(np.arange(len(labels)), second)
    return _select(corpus, first.tolist()), _select(corpus, sorted(second))


def _select(corpus: Corpus, indices: list[int]) -> Corpus:
    return Corpus(
        [corpus.tokens[n] for n in indices],
        [corpus.labels[n] for n in indices],
        None if corpus.targets is None else corpus.targets[indices],
        None if corpus.weights is None else corpus.weights[indices],
    )


def encode(corpus: Corpus, vocabulary: Vocabulary, labels: Sequence[str]) -> Examples:
    """Return texts as word ids, and their labels as indices into `labels`."""
    index = {label: n for n, label in enumerate(labels)}
    return Examples(
        [vocabulary.encode(tokens) for tokens in corpus.tokens],
        np.array([index[label] for label in corpus.labels], np.int32),
        corpus.targets,
        corpus.weights,
    )


def check_corpus(corpus: Corpus, labels: Sequence[str], name: str) -> None:
    """Raise ValueError unless each text has words, and one of at least two labels."""
    if not corpus.labels:
        raise ValueError(f"there are no {name} texts.")
    if len(labels) < 2:
        raise ValueError(f"all texts have the label {labels[0]!r}; expected at least two labels.")
    for n, (tokens, label) in enumerate(zip(corpus.tokens, corpus.labels, strict=True)):
        if label not in labels:
            raise ValueError(
                f"{name} text {n} has the label {label!r}; expected one of those trained on: "
                f"{', '.join(labels[:20])}."
            )
        if not tokens:
            raise ValueError(f"{name} text {n} has no words; leave it out.")
