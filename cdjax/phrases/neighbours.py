"""The phrases most like a phrase, by the cosine of their vectors (section 4.6 of the paper)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.split import HIGHEST

BLOCK_ROWS = 1 << 16  # vectors on a device at a time
CELLS_PER_PROBE = 16  # one cell in so many of the approximate index is searched


class Neighbours(NamedTuple):
    """The nearest phrases of each query, nearest first; fewer where there are no more."""

    indices: tuple[Int[np.ndarray, "n"], ...]
    cosines: tuple[Float[np.ndarray, "n"], ...]


def find_neighbours(
    vectors: Float[np.ndarray, "p h"],
    queries: Float[np.ndarray, "q h"],
    count: int = 10,
    *,
    leave_out: Bool[np.ndarray, "q p"] | None = None,
    approximate: bool = False,
) -> Neighbours:
    """Find the vectors with the highest cosine to each query.

        cosine(a, b) = a . b / (|a| |b|),    0 where `b` is 0

    The exact search goes through all vectors in blocks; of equal ones the first is the nearer. The
    approximate one is for millions of vectors and many queries: faiss sorts the vectors into cells
    and searches only those nearest the query, a sixteenth of all. It may miss neighbours.

    Args:
        vectors: The vectors to search.
        queries: The vectors whose neighbours are returned.
        count: Number of neighbours of each query.
        leave_out: For each query the vectors to leave out.
        approximate: Whether to search by faiss.

    Raises:
        ImportError: Where faiss is asked for and not installed.
        ValueError: Where widths differ, `count` is below 1, there is no vector, one is not finite,
            or a query is 0.

    >>> table = np.array([[1, 0], [1, 1], [-1, 0]], np.float32)
    >>> find_neighbours(table, table[:1], 2).indices
    (array([0, 1]),)
    """
    if count < 1:
        raise ValueError(f"count is {count}; expected at least 1.")
    if queries.shape[1] != vectors.shape[1]:
        raise ValueError(f"queries are {queries.shape[1]} wide; expected {vectors.shape[1]}.")
    size = np.linalg.norm(queries, axis=1, keepdims=True)
    if not (np.isfinite(size) & (size > 0)).all():
        raise ValueError("a query is 0 or not finite, and has no direction.")
    if not len(vectors):
        raise ValueError("there is no vector to find; expected at least one.")
    if not np.isfinite(vectors).all():
        raise ValueError("the vectors are not all finite; expected finite numbers.")
    unit = (queries / size).astype(np.float32)
    wanted = count
    if leave_out is not None:
        wanted += int(leave_out.sum(axis=1).max(initial=0))
    search = _search_approximately if approximate else _search
    all_cosines, all_indices = search(vectors, unit, min(wanted, len(vectors)))
    results = []
    for n, (cosines, indices) in enumerate(zip(all_cosines, all_indices, strict=True)):
        valid = indices >= 0
        if leave_out is not None:
            valid &= ~leave_out[n, indices]
        results.append((indices[valid][:count], cosines[valid][:count]))
    return Neighbours(tuple(i for i, _ in results), tuple(c for _, c in results))


def overlaps(words: Int[np.ndarray, "p n"], ids: Int[np.ndarray, "t"]) -> Bool[np.ndarray, "p"]:
    """Return which phrases contain the given one or are contained in it.

    Args:
        words: Word numbers of each phrase, padded with -1.
        ids: Word numbers of the given phrase.

    >>> overlaps(np.array([[1, 2, 3], [2, -1, -1], [2, 1, -1]]), np.array([1, 2])).tolist()
    [True, True, False]
    """
    width, length = words.shape[1], len(ids)
    overlapping = np.zeros(len(words), bool)
    for first in range(width - length + 1):
        overlapping |= (words[:, first : first + length] == ids).all(axis=1)
    for start in range(length):
        for stop in range(start + 1, min(length, start + width) + 1):
            part = np.pad(ids[start:stop], (0, width - (stop - start)), constant_values=-1)
            overlapping |= (words == part).all(axis=1)
    return overlapping


def _normalize(vectors: Float[np.ndarray, "p h"]) -> Float[np.ndarray, "p h"]:
    size = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(size > 0, size, 1)).astype(np.float32)


def _search(vectors, queries, count: int):
    """Return cosines and indices `[Q, count]`, block by block."""
    cosines = np.zeros((len(queries), 0), np.float32)
    indices = np.zeros((len(queries), 0), np.int64)
    # One shape for all tables of more than a block, and few for smaller ones.
    rows = min(BLOCK_ROWS, 1 << (len(vectors) - 1).bit_length())
    kept = min(rows, 1 << (count - 1).bit_length())
    for first in range(0, len(vectors), rows):
        block = np.zeros((rows, vectors.shape[1]), np.float32)
        filled = min(rows, len(vectors) - first)
        block[:filled] = _normalize(vectors[first : first + filled])
        block_cosines, block_indices = _nearest(block, queries, np.int32(filled), kept)
        cosines = np.concatenate([cosines, np.asarray(block_cosines)], axis=1)
        indices = np.concatenate([indices, np.asarray(block_indices) + first], axis=1)
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        cosines, indices = (np.take_along_axis(a, order, axis=1) for a in (cosines, indices))
    return cosines, indices


@jax.jit(static_argnames="count")
def _nearest(
    block: Float[Array, "p h"], queries: Float[Array, "q h"], filled: Int[Array, ""], count: int
):
    """Return the cosines of the nearest of a block's filled rows, and their indices."""
    cosines = jnp.matmul(queries, block.T, precision=HIGHEST)
    valid = jnp.expand_dims(jnp.arange(len(block), dtype=filled.dtype) < filled, 0)
    return jax.lax.top_k(jnp.where(valid, cosines, -jnp.inf), count)


def _search_approximately(vectors, queries, count: int):
    """Return cosines and indices `[Q, count]`; index -1 where fewer were found."""
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            "approximate neighbours need faiss: pip install 'cdjax[neighbours]'"
        ) from error
    cells = max(1, int(4 * np.sqrt(len(vectors))))
    # Any: on import faiss replaces its methods by ones of other signatures.
    index: Any = faiss.index_factory(
        vectors.shape[1], f"IVF{cells},Flat", faiss.METRIC_INNER_PRODUCT
    )
    unit = _normalize(vectors)
    index.cp.min_points_per_centroid = 1  # no warning about a small table
    index.train(unit)
    index.add(unit)
    index.nprobe = -(-cells // CELLS_PER_PROBE)
    return index.search(queries, count)
