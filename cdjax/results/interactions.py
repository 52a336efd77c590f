"""Interactions: what a span scores beyond the sum of its parts (section 4.5 of the paper).

    interaction = score(span) - sum over its parts of score(part)

All interactions of adjacent parts follow from the scores of a sequence's spans, as
`score_all_spans` returns them; nothing is computed again. They are defined for every method that
scores spans as a whole: contextual decomposition, in logits, or leave one out, in log probability.
Where the score of a span is the sum over its steps, all interactions are 0.

Here parts are spans; `cdjax.phrases.sets` has the interactions of any sets of steps.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from cdjax.spans import enumerate_spans


def interactions(
    spans: Int[np.ndarray, "s 2"],
    scores: Float[np.ndarray, "s *k"],
    counts: Int[np.ndarray, "n"] | None = None,
) -> Float[np.ndarray, "s *k"]:
    """Return the score of each span less the sum over its steps.

        score([start, stop)) - sum over t in [start, stop) of score([t, t + 1))

    For two adjacent steps that is their interaction; for a single step it is 0.

    Args:
        spans: Half-open spans of one sequence, by start and then by stop, with all single steps;
            or of several sequences, one after the other.
        scores: A number a span, or a row of them.
        counts: Spans of each sequence; all are of one when None.

    >>> spans = np.array([[0, 1], [0, 2], [1, 2]])
    >>> interactions(spans, np.array([-1.0, 2.0, -2.0])).tolist()
    [0.0, 5.0, 0.0]
    """
    counts = np.array([len(spans)]) if counts is None else counts
    owner = np.repeat(np.arange(len(counts)), counts)
    single = spans[:, 1] - spans[:, 0] == 1
    lengths = np.bincount(owner[single], minlength=len(counts))
    stops = np.cumsum(lengths)
    first = stops - lengths + np.arange(len(counts))  # of each sequence's sums, one more than steps
    sums = np.zeros((len(counts) + int(lengths.sum()), *scores.shape[1:]))
    steps = scores[single]
    for begin, stop, length in zip(first, stops, lengths, strict=True):
        into = sums[begin + 1 : begin + 1 + length]
        np.cumsum(steps[stop - length : stop], axis=0, dtype=np.float64, out=into)
    start, stop = first[owner] + spans.T
    beyond = scores - (sums[stop] - sums[start])
    beyond[single] = 0
    return beyond.astype(scores.dtype)


def look_up(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s *k"], wanted: ArrayLike
) -> Float[np.ndarray, "n *k"]:
    """Return the scores of some spans.

    Args:
        spans: The spans of one sequence that have scores, in any order.
        scores: A number a span, or a row of them.
        wanted: Half-open spans `[N, 2]` to look up. An empty one scores 0.

    Raises:
        TypeError: Where `wanted` does not hold integers.
        ValueError: Where a wanted span has no score; names it and the longest span that has one.
    """
    wanted = _as_integers(wanted, "wanted", "[N, 2]: start, stop")
    if wanted.shape[1] != 2:
        raise ValueError(f"wanted has shape {list(wanted.shape)}; expected [N, 2]: start, stop.")
    base = 1 + max(spans.max(initial=0), wanted.max(initial=0))
    keys, wanted_keys = (
        pair[:, 0].astype(np.int64) * base + pair[:, 1] for pair in (spans, wanted)
    )
    order = np.argsort(keys, kind="stable")
    # One entry more: a key beyond all others is compared with -1, which is no key.
    index = np.append(order, -1)[np.searchsorted(keys[order], wanted_keys)]
    known = np.append(keys, -1)[index] == wanted_keys
    empty = wanted[:, 0] == wanted[:, 1]
    if not (known | empty).all():
        start, stop = wanted[~(known | empty)][0].tolist()
        longest = int((spans[:, 1] - spans[:, 0]).max(initial=0))
        raise ValueError(
            f"there is no score of the span [{start}, {stop}); the longest of the {len(spans):,} "
            f"spans given has {longest} steps and the last ends at {spans.max(initial=0)}. "
            f"Score all spans of the sequence (max_len=None)."
        )
    result = np.zeros((len(wanted), *scores.shape[1:]), scores.dtype)
    result[~empty] = scores[index[~empty]]
    return result


def split_interactions(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s *k"], bounds: ArrayLike
) -> Float[np.ndarray, "n *k"]:
    """Return the scores of spans less those of the parts that they are split into.

        score([b_0, b_n)) - sum over m < n of score([b_m, b_{m+1}))

    Args:
        spans: The spans of one sequence that have scores: all those of the bounds and their parts.
        scores: A number a span, or a row of them.
        bounds: Where each span starts, is split and stops, `[N, n + 1]`, ascending: `start, middle,
            stop` for two parts. An empty part scores 0, so spans of fewer parts are padded by
            repeating their last bound.

    Returns:
        A number for each row of `bounds`, or a row of them, in the units of the scores.

    Raises:
        TypeError: Where `bounds` does not hold integers.
        ValueError: Where bounds descend, or a span has no score.

    >>> spans = np.array([[0, 1], [0, 2], [1, 2]])
    >>> split_interactions(spans, np.array([-1.0, 2.0, -2.0]), [[0, 1, 2]]).tolist()
    [5.0]
    """
    bounds = _as_integers(bounds, "bounds", "[N, n + 1]: start, middle, ..., stop")
    if bounds.shape[1] < 2:
        raise ValueError(
            f"bounds has shape {list(bounds.shape)}; expected [N, n + 1], at least a start and a "
            f"stop."
        )
    descending = (np.diff(bounds, axis=1) < 0).any(axis=1)
    if descending.any():
        raise ValueError(
            f"bounds {bounds[descending][0].tolist()} descend; expected start, middle, ..., stop."
        )
    parts = np.stack([bounds[:, :-1], bounds[:, 1:]], axis=-1)  # [N, n, 2]
    part_scores = look_up(spans, scores, parts.reshape(-1, 2))
    part_scores = part_scores.reshape(*parts.shape[:2], *scores.shape[1:])
    return look_up(spans, scores, bounds[:, [0, -1]]) - part_scores.sum(axis=1)


def adjacent_pairs(length: int) -> Int[np.ndarray, "s 3"]:
    """Return the bounds of all pairs of adjacent steps: `t, t + 1, t + 2`.

    >>> adjacent_pairs(3).tolist()
    [[0, 1, 2], [1, 2, 3]]
    """
    start = np.arange(max(length - 1, 0))
    return np.stack([start, start + 1, start + 2], axis=1)


def heads_and_rests(length: int, max_len: int | None = None) -> Int[np.ndarray, "s 3"]:
    """Return the bounds of all spans of two steps or more, split after their first step.

    Args:
        length: Steps of the sequence.
        max_len: Length of the longest span; all when None.

    >>> heads_and_rests(3).tolist()
    [[0, 1, 2], [0, 1, 3], [1, 2, 3]]
    """
    start, stop = enumerate_spans(length, max_len).T
    long = stop - start > 1
    return np.stack([start, start + 1, stop], axis=1)[long]


def all_splits(length: int, max_len: int | None = None) -> Int[np.ndarray, "s 3"]:
    """Return the bounds of all spans of two steps or more, split in two in every possible way.

    Args:
        length: Steps of the sequence.
        max_len: Length of the longest span; all when None.

    >>> all_splits(3).tolist()
    [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
    """
    start, stop = enumerate_spans(length, max_len).T
    splits = stop - start - 1  # of each span
    span = np.repeat(np.arange(len(start)), splits)
    offset = np.arange(len(span)) - np.repeat(np.cumsum(splits) - splits, splits)
    return np.stack([start[span], start[span] + offset + 1, stop[span]], axis=1)


def _as_integers(given: ArrayLike, name: str, expected: str) -> Int[np.ndarray, "s n"]:
    """Return a table of integers as an array."""
    array = np.asarray(given)
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {list(array.shape)}; expected {expected}.")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} holds {array.dtype}; expected integers {expected}.")
    return array
