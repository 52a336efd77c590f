"""Vectors of phrases: `beta_T`, averaged over all places of a corpus (section 4.6 of the paper).

Besides scores, contextual decomposition gives each occurrence of a phrase a vector, `beta_T` [H],
of which the score is a projection. A phrase's vector is its mean over a corpus; the vector of an
interaction is the mean of what `beta_T` has beyond the sum of the `beta_T` of the words.

`count_phrases` finds the phrases, by the words' numbers alone; `average_vectors` scores the reviews
once, as a stream, and adds up. Memory: 4 bytes a word of the corpus for each length of phrase (and
some 100 a word while counting), 8 H bytes a phrase kept, and a job of the engine.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from cdjax.core.lstm import Classifier
from cdjax.core.rules import PAPER, Rule
from cdjax.phrases.interactions import interactions
from cdjax.results import SpanScores
from cdjax.scoring.batch import stream_all_spans, with_vector_readout

MEMORY = 2 << 30
"""Bytes that the vectors of all phrases may take."""

SPANS_A_BLOCK = 1 << 15  # added up together


class Phrases(NamedTuple):
    """The phrases of a corpus that occur often enough, shorter ones first."""

    words: Int[np.ndarray, "p n"]  # word numbers of each, filled up with 0
    counts: Int[np.ndarray, "p"]  # occurrences, at least `min_count`
    lengths: Int[np.ndarray, "b"]  # words of each review of the corpus
    places: Int[np.ndarray, "n t"]  # phrase of n + 1 words at each word of the corpus; -1: none


class PhraseVectors(NamedTuple):
    """The mean vectors of the phrases of a corpus."""

    words: Int[np.ndarray, "p n"]  # word numbers of each phrase, filled up with 0
    counts: Int[np.ndarray, "p"]  # occurrences
    vectors: Float[np.ndarray, "p h"]  # mean beta_T; readout @ vector is the mean score
    interactions: Float[np.ndarray, "p h"]  # mean of beta_T less its words'; of a word, its beta_T


def count_phrases(reviews: Sequence[ArrayLike], max_len: int = 5, min_count: int = 2) -> Phrases:
    """Find the phrases that occur at least so often in a corpus.

    Phrases are the same where the numbers of their words are. One with an unknown word (number 0)
    is not counted, since different words would be taken for one.

    A phrase cannot occur more often than the words before its last, so phrases of n words are
    looked for only where one of n - 1 words has been found.

    Args:
        reviews: Word numbers `[T]` of each review.
        max_len: Words of the longest phrase.
        min_count: Occurrences that a phrase must have.

    Raises:
        TypeError: Where a review does not hold integers.
        ValueError: Where a number is out of range.

    >>> phrases = count_phrases([[1, 2, 3], [1, 2]], max_len=2)
    >>> phrases.words.tolist(), phrases.counts.tolist()
    ([[1, 0], [2, 0], [1, 2]], [2, 2, 2])
    """
    for name, number in (("max_len", max_len), ("min_count", min_count)):
        if number < 1:
            raise ValueError(f"{name} is {number}; expected at least 1.")
    arrays = [_check_numbers(n, review) for n, review in enumerate(reviews)]
    lengths = np.array([len(review) for review in arrays], np.int64)
    word = np.concatenate([np.zeros(0, np.int64), *arrays])
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(word))  # words to the end
    base = int(word.max(initial=0)) + 1
    places = np.full((max_len, len(word)), -1, np.int32)
    found = [np.zeros((0, max_len), np.int32)]
    counted = [np.zeros(0, np.int64)]
    total = 0
    at, key = np.flatnonzero(word), word[word > 0]  # where a phrase begins, and what it is
    for n in range(max_len):
        keys, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
        kept = counts >= min_count
        number = np.where(kept, total + np.cumsum(kept) - 1, -1)
        places[n, at] = number[inverse]
        before, last = np.divmod(keys[kept], base)
        words = np.zeros((len(last), max_len), np.int32)
        if n:
            words[:, :n] = np.concatenate(found)[before, :n]
        words[:, n] = last
        found.append(words)
        counted.append(counts[kept])
        total += len(words)
        at = at[kept[inverse]]
        at = at[left[at] > n + 1]
        at = at[places[0, at + n + 1] >= 0]
        key = places[n, at] * np.int64(base) + word[at + n + 1]
    return Phrases(np.concatenate(found), np.concatenate(counted), lengths, places)


def find_phrase(phrases: Phrases | PhraseVectors, ids: ArrayLike) -> int | None:
    """Return the number of the phrase of the given words; None where there is none.

    >>> find_phrase(count_phrases([[1, 2, 3], [1, 2]], max_len=2), [1, 2])
    2
    """
    given = np.asarray(ids)
    width = phrases.words.shape[1]
    if not 0 < len(given) <= width or not given.all():  # 0 is an unknown word, and fills up
        return None
    same = (phrases.words == np.pad(given, (0, width - len(given)))).all(axis=1)
    return int(same.argmax()) if same.any() else None


def average_vectors(
    classifier: Classifier,
    reviews: Sequence[ArrayLike],
    phrases: Phrases,
    rule: Rule = PAPER,
    *,
    progress: Callable[[int], None] | None = None,
) -> PhraseVectors:
    """Average the vectors of phrases over a corpus, in one pass; the means are in float32.

    Args:
        classifier: The model.
        reviews: Word numbers `[T]` of each review.
        phrases: What `count_phrases` has found in these reviews.
        rule: Which reading of the method.
        progress: Called now and then with the number of reviews that are done.

    Raises:
        TypeError, ValueError: As `stream_all_spans`; ValueError also where the reviews are not
            those that were counted, or the vectors would take more than `MEMORY`: says which
            `min_count` leaves few enough phrases.
    """
    hidden = np.shape(classifier.readout)[1]
    check_memory(phrases, hidden)
    if [len(review) for review in map(np.asarray, reviews)] != phrases.lengths.tolist():
        raise ValueError("the reviews are not those in which the phrases were counted.")
    model = with_vector_readout(classifier)
    results = stream_all_spans(model, reviews, rule, len(phrases.places))
    vectors, beyond = (np.zeros((len(phrases.words), hidden), np.float32) for _ in range(2))
    first = np.cumsum(phrases.lengths) - phrases.lengths
    block: list[tuple[np.ndarray, SpanScores]] = []  # phrases of the spans, and their vectors
    spans = 0
    for n, result in enumerate(results):
        start, stop = result.spans.T
        block.append((phrases.places[stop - start - 1, first[n] + start], result))
        spans += len(result.spans)
        if spans >= SPANS_A_BLOCK or n == len(first) - 1:
            number = np.concatenate([numbers for numbers, _ in block])
            _add(vectors, number, np.concatenate([scores for _, (_, scores, _) in block]))
            more = [interactions(spans, scores) for _, (spans, scores, _) in block]
            _add(beyond, number, np.concatenate(more))
            block, spans = [], 0
            if progress:
                progress(n + 1)
    counts = phrases.counts[:, None].astype(np.float32)
    vectors, beyond = vectors / counts, beyond / counts
    single = phrases.words[:, 1:].max(axis=1, initial=0) == 0
    beyond[single] = vectors[single]
    return PhraseVectors(phrases.words, phrases.counts, vectors, beyond)


def check_memory(phrases: Phrases, hidden: int) -> None:
    """Raise where the vectors of so many phrases would take more than `MEMORY`.

    Raises:
        ValueError: Says how many there are, how many there may be, and the `min_count` for it.
    """
    most = MEMORY // (2 * 4 * hidden)
    if len(phrases.words) > most:
        enough = int(np.sort(phrases.counts)[::-1][most]) + 1
        raise ValueError(
            f"{len(phrases.words):,} phrases occur often enough; expected at most {most:,}, whose "
            f"vectors take {MEMORY / 2**30:g} GiB. Count fewer: a min_count of {enough}, or a "
            f"smaller max_len."
        )


def _add(sums: Float[np.ndarray, "p h"], number: Int[np.ndarray, "s"], rows) -> None:
    """Add each row to the sum of its number; drop those of number -1."""
    order = np.argsort(number, kind="stable")
    order = order[np.searchsorted(number[order], 0) :]
    number = number[order]
    first = np.flatnonzero(np.diff(number, prepend=-1))
    if len(first):
        sums[number[first]] += np.add.reduceat(rows[order], first, axis=0)


def _check_numbers(n: int, review: ArrayLike) -> Int[np.ndarray, "t"]:
    ids = np.asarray(review)
    if ids.ndim != 1:
        raise ValueError(f"review {n} has shape {list(ids.shape)}; expected [T], word numbers.")
    if ids.size and ids.dtype.kind not in "iu":
        raise TypeError(f"review {n} holds {ids.dtype}; expected integers, word numbers.")
    if ids.min(initial=0) < 0:
        raise ValueError(f"review {n} holds the word number {ids.min()}; expected at least 0.")
    return ids.astype(np.int64)
