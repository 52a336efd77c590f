"""Vectors of phrases: the mean of `beta_T` over a corpus (section 4.6 of the paper).

Besides scores, contextual decomposition gives each occurrence of a phrase a vector, `beta_T` [H],
of which the score is a projection. A phrase's vector is the mean over its occurrences; the vector
of its interaction is the mean of `beta_T` less the sum of its words' `beta_T`.

`count_phrases` finds the phrases, by word numbers alone; `average_vectors` scores the corpus once,
as a stream, and sums. Memory: 4 bytes a word of the corpus for each length of phrase (and about 100
a word while counting), 8 H bytes a phrase, and a job of the engine.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from cdjax.core.network import Classifier
from cdjax.core.rules import PAPER, Rule
from cdjax.model import Model
from cdjax.results import SpanScores
from cdjax.results.interactions import interactions
from cdjax.scoring.batch import stream_all_spans, with_vector_readout

MEMORY = 2 << 30
"""Bytes that the vectors of all phrases may take."""

BLOCK_SPANS = 1 << 15  # summed at a time


class Phrases(NamedTuple):
    """The phrases of a corpus that occur often enough, by length."""

    words: Int[np.ndarray, "p n"]  # word numbers of each, padded with -1
    counts: Int[np.ndarray, "p"]  # occurrences, at least `min_count`
    lengths: Int[np.ndarray, "b"]  # words of each review of the corpus
    occurrences: Int[np.ndarray, "n t"]  # index of the phrase of n + 1 words from word t on, or -1


class PhraseVectors(NamedTuple):
    """The mean vectors of the phrases of a corpus."""

    words: Int[np.ndarray, "p n"]  # word numbers of each phrase, padded with -1
    counts: Int[np.ndarray, "p"]  # occurrences
    vectors: Float[np.ndarray, "p h"]  # mean beta_T; readout @ vector is the mean score
    interactions: Float[np.ndarray, "p h"]  # mean of beta_T less its words'; a word's own beta_T


def count_phrases(
    reviews: Sequence[ArrayLike], max_len: int = 5, min_count: int = 2, *, unknown: int | None
) -> Phrases:
    """Find the phrases that occur at least `min_count` times in a corpus.

    Phrases are equal where their word numbers are. A phrase with the unknown word is not counted,
    since its number stands for many words.

    A phrase cannot occur more often than its first n - 1 words do, so phrases of n words are
    searched only at the occurrences of those.

    Args:
        reviews: Word numbers `[T]` of each review.
        max_len: Length of the longest phrase.
        min_count: The smallest number of occurrences.
        unknown: Number of the unknown word, `vocabulary.unknown`; None where there is none.

    Raises:
        TypeError: Where a review does not hold integers.
        ValueError: Where a number is out of range.

    >>> phrases = count_phrases([[1, 2, 3], [1, 2, 0, 0]], max_len=2, unknown=0)
    >>> phrases.words.tolist(), phrases.counts.tolist()
    ([[1, -1], [2, -1], [1, 2]], [2, 2, 2])
    """
    for name, number in (("max_len", max_len), ("min_count", min_count)):
        if number < 1:
            raise ValueError(f"{name} is {number}; expected at least 1.")
    arrays = [_check_numbers(n, review) for n, review in enumerate(reviews)]
    lengths = np.array([len(review) for review in arrays], np.int64)
    word = np.concatenate([np.zeros(0, np.int64), *arrays])
    remaining = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(word))  # words to the end
    base = int(word.max(initial=0)) + 1
    occurrences = np.full((max_len, len(word)), -1, np.int32)
    all_words = [np.zeros((0, max_len), np.int32)]
    all_counts = [np.zeros(0, np.int64)]
    total = 0
    start = np.flatnonzero(word != (-1 if unknown is None else unknown))
    key = word[start]  # of the phrase of n + 1 words from each start on
    for n in range(max_len):
        keys, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
        kept = counts >= min_count
        index = np.where(kept, total + np.cumsum(kept) - 1, -1)
        occurrences[n, start] = index[inverse]
        before, last = np.divmod(keys[kept], base)
        words = np.full((len(last), max_len), -1, np.int32)
        if n:
            words[:, :n] = np.concatenate(all_words)[before, :n]
        words[:, n] = last
        all_words.append(words)
        all_counts.append(counts[kept])
        total += len(words)
        start = start[kept[inverse]]
        start = start[remaining[start] > n + 1]
        start = start[occurrences[0, start + n + 1] >= 0]
        # A phrase is identified by that of its first words, and its last word.
        key = occurrences[n, start] * np.int64(base) + word[start + n + 1]
    return Phrases(np.concatenate(all_words), np.concatenate(all_counts), lengths, occurrences)


def find_phrase(phrases: Phrases | PhraseVectors, ids: ArrayLike) -> int | None:
    """Return the index of the phrase of the given words; None where there is none.

    >>> find_phrase(count_phrases([[1, 2, 3], [1, 2]], max_len=2, unknown=0), [1, 2])
    2
    """
    given = np.asarray(ids)
    width = phrases.words.shape[1]
    if not 0 < len(given) <= width or (given < 0).any():
        return None
    padded = np.pad(given, (0, width - len(given)), constant_values=-1)
    equal = (phrases.words == padded).all(axis=1)
    return int(equal.argmax()) if equal.any() else None


def average_vectors(
    classifier: Classifier | Model,
    reviews: Sequence[ArrayLike],
    phrases: Phrases,
    rule: Rule = PAPER,
    *,
    progress: Callable[[int], None] | None = None,
) -> PhraseVectors:
    """Average the vectors of phrases over a corpus, in one pass and in float32.

    Args:
        classifier: The model.
        reviews: Word numbers `[T]` of each review.
        phrases: The phrases that `count_phrases` found in these reviews.
        rule: The rule of the decomposition.
        progress: Called at intervals with the number of reviews done.

    Raises:
        TypeError, ValueError: As `stream_all_spans`; ValueError also where the reviews are not
            those that were counted, or the vectors would take more than `MEMORY`: names a
            `min_count` that leaves few enough phrases.
    """
    model = with_vector_readout(classifier)
    hidden = len(model.bias)
    check_memory(phrases, hidden)
    if [len(review) for review in map(np.asarray, reviews)] != phrases.lengths.tolist():
        raise ValueError("the reviews are not those in which the phrases were counted.")
    results = stream_all_spans(model, reviews, rule, len(phrases.occurrences))
    vectors, interacting = (np.zeros((len(phrases.words), hidden), np.float32) for _ in range(2))
    first = np.cumsum(phrases.lengths) - phrases.lengths
    block: list[tuple[np.ndarray, SpanScores]] = []  # the phrase of each span, and its vector
    spans = 0
    for n, result in enumerate(results):
        start, stop = result.spans.T
        block.append((phrases.occurrences[stop - start - 1, first[n] + start], result))
        spans += len(result.spans)
        if spans >= BLOCK_SPANS or n == len(first) - 1:
            index = np.concatenate([indices for indices, _ in block])
            _add(vectors, index, np.concatenate([result.scores for _, result in block]))
            beyond = [interactions(result.spans, result.scores) for _, result in block]
            _add(interacting, index, np.concatenate(beyond))
            block, spans = [], 0
            if progress:
                progress(n + 1)
    counts = phrases.counts[:, None].astype(np.float32)
    vectors, interacting = vectors / counts, interacting / counts
    single = phrases.words[:, 1:].max(axis=1, initial=-1) == -1
    interacting[single] = vectors[single]
    return PhraseVectors(phrases.words, phrases.counts, vectors, interacting)


def check_memory(phrases: Phrases, hidden: int) -> None:
    """Raise where the vectors of the phrases would take more than `MEMORY`.

    Raises:
        ValueError: Names the number of phrases, the largest allowed, and a `min_count` for it.
    """
    largest = MEMORY // (2 * 4 * hidden)
    if len(phrases.words) > largest:
        min_count = int(np.sort(phrases.counts)[::-1][largest]) + 1
        raise ValueError(
            f"{len(phrases.words):,} phrases occur often enough; expected at most {largest:,}, "
            f"whose vectors take {MEMORY / 2**30:g} GiB. Count fewer: with a min_count of "
            f"{min_count}, or a smaller max_len."
        )


def _add(sums: Float[np.ndarray, "p h"], index: Int[np.ndarray, "s"], rows) -> None:
    """Add each row to the sum at its index; leave out those at -1."""
    order = np.argsort(index, kind="stable")
    order = order[np.searchsorted(index[order], 0) :]
    index = index[order]
    first = np.flatnonzero(np.diff(index, prepend=-1))
    if len(first):
        sums[index[first]] += np.add.reduceat(rows[order], first, axis=0)


def _check_numbers(n: int, review: ArrayLike) -> Int[np.ndarray, "t"]:
    ids = np.asarray(review)
    if ids.ndim != 1:
        raise ValueError(f"review {n} has shape {list(ids.shape)}; expected [T], word numbers.")
    if ids.size and ids.dtype.kind not in "iu":
        raise TypeError(f"review {n} holds {ids.dtype}; expected integers, word numbers.")
    if ids.min(initial=0) < 0:
        raise ValueError(f"review {n} holds the word number {ids.min()}; expected at least 0.")
    return ids.astype(np.int64)
