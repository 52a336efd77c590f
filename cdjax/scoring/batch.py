"""Scores of many spans of many reviews, jitted: the recursion of `core`, vmapped.

Reviews are padded to a few lengths and spans come in tiles of fixed shape, so that a second corpus
of similar lengths compiles nothing. Padding is never read: a score is taken at the review's own
last word.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from cdjax.core.checks import check_classifier
from cdjax.core.decomposition import decompose
from cdjax.core.lstm import HIGHEST, Classifier, LSTMParams, run
from cdjax.core.rules import PAPER, Rule
from cdjax.core.spans import enumerate_spans, span_mask

REVIEWS_A_TILE = 8
STEPS_A_TILE = 8192  # spans times padded length, a review: bounds the memory of a tile


class SpanScores(NamedTuple):
    """The scores of some spans of one review."""

    spans: Int[np.ndarray, "s 2"]  # half-open [start, stop)
    scores: Float[np.ndarray, "s k"]  # logits, one a class


def score_spans(
    classifier: Classifier, x_or_ids: ArrayLike, spans: ArrayLike, rule: Rule = PAPER
) -> Float[np.ndarray, "s k"]:
    """Score spans of one review: what each contributes to the logits, `readout @ beta_T`.

    Args:
        classifier: The model.
        x_or_ids: The review, as word numbers `[T]` or as word vectors `[T, D]`.
        spans: Half-open `[start, stop)` pairs `[S, 2]`. An empty span (`start == stop`) scores 0.
        rule: Which reading of the method.

    Returns:
        Logits `[S, K]`, in the float type of the classifier.

    Raises:
        TypeError: Where an argument holds the wrong kind of values.
        ValueError: Where shapes do not fit, a word number is not in the embedding, a word vector is
            not finite or a span does not lie in the review.
    """
    check_classifier(classifier)
    given = _word_vectors(classifier, x_or_ids)
    spans = _check_spans(spans, len(given))
    if not len(given):
        return np.zeros((len(spans), len(classifier.bias)), given.dtype)
    length = _padded(len(given))
    x = np.pad(given, ((0, length - len(given)), (0, 0)))
    tile = _spans_a_tile(length)
    results = []
    for first in range(0, len(spans), tile):
        part = spans[first : first + tile]
        padded = np.zeros((1, tile, 2), np.int32)
        padded[0, : len(part)] = part
        scores = _score_tile(
            classifier.layers,
            classifier.readout,
            x[None],
            np.array([len(given)], np.int32),
            padded,
            rule,
        )
        results.append(np.asarray(scores)[0, : len(part)])
    return np.concatenate(results) if results else np.zeros((0, len(classifier.bias)), x.dtype)


def score_all_spans(
    classifier: Classifier,
    reviews: Sequence[ArrayLike],
    rule: Rule = PAPER,
    max_len: int | None = None,
) -> list[SpanScores]:
    """Score every span of every review.

    Args:
        classifier: The model.
        reviews: Word numbers `[T]` of each review; lengths may differ and may be 0.
        rule: Which reading of the method.
        max_len: Longest span wanted, in words; all when None.

    Returns:
        One result a review, spans by start and then by stop, scores in logits.

    Raises:
        TypeError: Where a review does not hold integers.
        ValueError: Where a word number is not in the embedding, or `max_len` is below 1. Says which
            review.
    """
    check_classifier(classifier)
    ids = _check_reviews(classifier, reviews)
    if max_len is not None and max_len < 1:
        raise ValueError(f"max_len is {max_len}; expected at least 1, or None for all lengths.")
    embedding = np.asarray(classifier.embedding)
    results = []
    for review in ids:
        spans = enumerate_spans(len(review), max_len)
        scores = np.zeros((len(spans), len(classifier.bias)), embedding.dtype)
        results.append(SpanScores(spans, scores))
    for length, rows in _rows(results, [len(review) for review in ids]):
        tile = _spans_a_tile(length)
        x = np.zeros((REVIEWS_A_TILE, length, embedding.shape[1]), embedding.dtype)
        lengths = np.ones(REVIEWS_A_TILE, np.int32)
        spans = np.zeros((REVIEWS_A_TILE, tile, 2), np.int32)
        for row, (review, first) in enumerate(rows):
            x[row, : len(ids[review])] = embedding[ids[review]]
            lengths[row] = len(ids[review])
            part = results[review].spans[first : first + tile]
            spans[row, : len(part)] = part
        scores = np.asarray(
            _score_tile(classifier.layers, classifier.readout, x, lengths, spans, rule)
        )
        for row, (review, first) in enumerate(rows):
            target = results[review].scores[first : first + tile]
            target[:] = scores[row, : len(target)]
    return results


def predict(classifier: Classifier, reviews: Sequence[ArrayLike]) -> Float[np.ndarray, "b k"]:
    """Return the logits of every review, output bias included.

    Args:
        classifier: The model.
        reviews: Word numbers `[T]` of each review. An empty one gets the output bias.

    Raises:
        TypeError, ValueError: As `score_all_spans`.
    """
    check_classifier(classifier)
    ids = _check_reviews(classifier, reviews)
    logits = np.tile(np.asarray(classifier.bias), (len(ids), 1))
    order = sorted((n for n in range(len(ids)) if len(ids[n])), key=lambda n: len(ids[n]))
    embedding = np.asarray(classifier.embedding)
    for length, group in _groups(order, key=lambda n: _padded(len(ids[n])), most=64):
        x = np.zeros((64, length, embedding.shape[1]), embedding.dtype)
        lengths = np.ones(64, np.int32)
        for row, n in enumerate(group):
            x[row, : len(ids[n])] = embedding[ids[n]]
            lengths[row] = len(ids[n])
        out = _predict_tile(classifier.layers, classifier.readout, classifier.bias, x, lengths)
        logits[group] = np.asarray(out)[: len(group)]
    return logits


@functools.partial(jax.jit, static_argnames="rule")
def _score_tile(
    layers: tuple[LSTMParams, ...],
    readout: Float[Array, "k h"],
    x: Float[Array, "b t d"],
    lengths: Int[Array, "b"],
    spans: Int[Array, "b s 2"],
    rule: Rule,
) -> Float[Array, "b s k"]:
    def score(x, length, span):
        inside = span_mask(span[0], span[1], jnp.arange(len(x), dtype=span.dtype))
        beta = decompose(layers, x, inside, rule).beta[length - 1]
        return jnp.matmul(readout, beta, precision=HIGHEST)

    return jax.vmap(jax.vmap(score, (None, None, 0)))(x, lengths, spans)


@jax.jit
def _predict_tile(layers, readout, bias, x, lengths):
    def logits(x, length):
        return jnp.matmul(readout, run(layers, x)[length - 1], precision=HIGHEST) + bias

    return jax.vmap(logits)(x, lengths)


def _padded(length: int) -> int:
    """Return the length a review is padded to: a power of two, or the middle of two of them."""
    power = 8
    while power < length:
        if length <= power * 3 // 2:
            return power * 3 // 2
        power *= 2
    return power


def _spans_a_tile(length: int) -> int:
    return max(8, STEPS_A_TILE // length)


def _groups(items: Sequence[int], key, most: int) -> Iterator[tuple[int, list[int]]]:
    """Cut a sequence into runs of one key and of at most so many items."""
    group: list[int] = []
    for item in items:
        if group and (len(group) == most or key(item) != key(group[0])):
            yield key(group[0]), group
            group = []
        group.append(item)
    if group:
        yield key(group[0]), group


def _rows(results, lengths) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield tiles of rows (review, first span), all of one padded length."""
    by_length: dict[int, list[tuple[int, int]]] = {}
    for review, result in enumerate(results):
        length = _padded(lengths[review])
        for first in range(0, len(result.spans), _spans_a_tile(length)):
            by_length.setdefault(length, []).append((review, first))
    for length, rows in sorted(by_length.items()):
        for first in range(0, len(rows), REVIEWS_A_TILE):
            yield length, rows[first : first + REVIEWS_A_TILE]


def _word_vectors(classifier: Classifier, x_or_ids: ArrayLike) -> np.ndarray:
    """Return a review's word vectors, looked up where it is given by numbers."""
    given = np.asarray(x_or_ids)
    if given.ndim == 1:
        (ids,) = _check_reviews(classifier, [given])
        return np.asarray(classifier.embedding)[ids]
    width = np.shape(classifier.embedding)[1]
    if given.ndim != 2 or given.shape[1] != width:
        raise ValueError(
            f"the review has shape {list(given.shape)}; expected word numbers [T] or word vectors "
            f"[T, {width}]."
        )
    if given.dtype.kind != "f":
        raise TypeError(f"the word vectors hold {given.dtype}; expected floats.")
    if not np.isfinite(given).all():
        row = int(np.argwhere(~np.isfinite(given))[0, 0])
        raise ValueError(f"the word vector of word {row} is not finite; expected finite numbers.")
    return given


def _check_reviews(classifier: Classifier, reviews: Sequence[ArrayLike]) -> list[np.ndarray]:
    """Return the reviews as arrays of word numbers, all of them in the embedding."""
    rows = np.shape(classifier.embedding)[0]
    checked = []
    for n, review in enumerate(reviews):
        ids = np.asarray(review)
        if ids.ndim != 1:
            raise ValueError(
                f"review {n} has shape {list(ids.shape)}; expected [T], the numbers of its words."
            )
        if ids.size and ids.dtype.kind not in "iu":
            raise TypeError(
                f"review {n} holds {ids.dtype}; expected integers, the numbers of its words. "
                f"model.vocabulary.encode(tokens) gives them."
            )
        if ids.size and not 0 <= ids.min() <= ids.max() < rows:
            wrong = int(ids[(ids < 0) | (ids >= rows)][0])
            raise ValueError(
                f"review {n} holds the word number {wrong}; expected 0 to {rows - 1}, "
                f"the rows of the embedding."
            )
        checked.append(ids.astype(np.int32))
    return checked


def _check_spans(spans: ArrayLike, length: int) -> Int[np.ndarray, "s 2"]:
    """Return the spans as an array, all of them within a review of so many words."""
    given = np.asarray(spans)
    if given.size == 0:
        return np.zeros((0, 2), np.int32)
    if given.ndim != 2 or given.shape[1] != 2:
        raise ValueError(f"spans has shape {list(given.shape)}; expected [S, 2]: start, stop.")
    if given.dtype.kind not in "iu":
        raise TypeError(f"spans holds {given.dtype}; expected integers.")
    wrong = ~((given[:, 0] >= 0) & (given[:, 0] <= given[:, 1]) & (given[:, 1] <= length))
    if wrong.any():
        raise ValueError(
            f"span {given[wrong][0].tolist()} does not lie in the review; expected "
            f"0 <= start <= stop <= {length}, half-open."
        )
    return given.astype(np.int32)
