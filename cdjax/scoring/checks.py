"""What is given to be scored, checked before any work: reviews, spans, sets of words."""

import functools
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Bool, Int
from numpy.typing import ArrayLike

from cdjax.core.network import Classifier


def in_one_type(classifier: Classifier) -> Classifier:
    """Return the classifier as NumPy arrays of one float type, at least single precision."""
    arrays = jax.tree.map(np.asarray, classifier)
    widest = functools.reduce(
        np.promote_types, (array.dtype for array in jax.tree.leaves(arrays)), np.float32
    )
    dtype = jax.dtypes.canonicalize_dtype(widest)  # double precision only where JAX has it on
    return jax.tree.map(lambda array: array.astype(dtype, copy=False), arrays)


def check_vectors(classifier: Classifier, given: np.ndarray) -> np.ndarray:
    """Return a review's word vectors, all finite and of the model's width."""
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


def check_reviews(classifier: Classifier, reviews: Sequence[ArrayLike]) -> list[np.ndarray]:
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


def check_sets(sets: Sequence[ArrayLike], lengths: Sequence[int]) -> list[Bool[np.ndarray, "s t"]]:
    """Return the sets of words as arrays, one a review, of as many columns as it has words."""
    if len(sets) != len(lengths):
        raise ValueError(
            f"sets holds {len(sets)} arrays; expected {len(lengths)}, one for each review."
        )
    checked = []
    for n, (given, length) in enumerate(zip(sets, lengths, strict=True)):
        mask = np.asarray(given)
        if mask.dtype != bool:
            raise TypeError(f"sets {n} holds {mask.dtype}; expected booleans, one a word.")
        if mask.ndim != 2 or mask.shape[1] != length:
            raise ValueError(
                f"sets {n} has shape {list(mask.shape)}; expected [S, {length}], one column for "
                f"each word of review {n}."
            )
        checked.append(mask)
    return checked


def check_span_lists(
    spans: Sequence[ArrayLike], reviews: list[np.ndarray]
) -> list[Int[np.ndarray, "_ 2"]]:
    """Return the spans of each review as arrays, all of them within it."""
    if len(spans) != len(reviews):
        raise ValueError(
            f"spans has {len(spans)} entries for {len(reviews)} reviews; expected one array "
            f"[S, 2] a review."
        )
    checked = []
    for n, (given, review) in enumerate(zip(spans, reviews, strict=True)):
        try:
            checked.append(check_spans(given, len(review)))
        except (TypeError, ValueError) as error:
            raise type(error)(f"review {n}: {error}") from error
    return checked


def check_spans(spans: ArrayLike, length: int) -> Int[np.ndarray, "s 2"]:
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
