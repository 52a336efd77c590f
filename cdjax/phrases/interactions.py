"""What words say together beyond what each says alone (section 4.5 of the paper).

    interaction = score(phrase) - sum over its parts of score(part)

All of a review's interactions of adjacent parts come from one table of its spans' scores, as
`score_all_spans` gives it; nothing is computed again. Any method whose scores are of phrases has
such a table: contextual decomposition, in logits, or leaving the phrase out, in log probability.
Where scores of phrases are sums of scores of words, all interactions are 0.

The parts of `set_interactions` are any sets of words, and their unions are scored by the recursion.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from cdjax.core.lstm import Classifier
from cdjax.core.rules import PAPER, Rule
from cdjax.core.spans import enumerate_spans
from cdjax.results import SpanScores
from cdjax.scoring.batch import score_sets


def interactions(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s *k"]
) -> Float[np.ndarray, "s *k"]:
    """Return what each span's score has beyond the sum of its words' scores.

        score([start, stop)) - sum over t in [start, stop) of score([t, t + 1))

    For two adjacent words that is their interaction; for a single word it is 0.

    Args:
        spans: Half-open spans of one review, by start and then by stop, with all single words.
        scores: A number a span, or a row of them.

    >>> spans = np.array([[0, 1], [0, 2], [1, 2]])
    >>> interactions(spans, np.array([-1.0, 2.0, -2.0])).tolist()
    [0.0, 5.0, 0.0]
    """
    single = spans[:, 1] - spans[:, 0] == 1
    words = np.cumsum(scores[single], axis=0, dtype=np.float64)
    sums = np.concatenate([np.zeros((1, *words.shape[1:])), words])
    together = scores - (sums[spans[:, 1]] - sums[spans[:, 0]])
    together[single] = 0
    return together.astype(scores.dtype)


def look_up(table: SpanScores, spans: ArrayLike) -> Float[np.ndarray, "s k"]:
    """Return the scores that a table has of some spans.

    Args:
        table: Scores of spans of one review, in any order.
        spans: Half-open spans `[S, 2]`. An empty one scores 0.

    Raises:
        TypeError: Where `spans` does not hold integers.
        ValueError: Where the table lacks a span; says which and how long its own are.
    """
    wanted = _integers(spans, "spans", "[S, 2]: start, stop")
    if wanted.shape[1] != 2:
        raise ValueError(f"spans has shape {list(wanted.shape)}; expected [S, 2]: start, stop.")
    base = 1 + max(table.spans.max(initial=0), wanted.max(initial=0))
    keys, wanted_keys = (s[:, 0].astype(np.int64) * base + s[:, 1] for s in (table.spans, wanted))
    order = np.argsort(keys, kind="stable")
    # One place more, so that what sorts behind all others finds a key that is not its own.
    place = np.append(order, -1)[np.searchsorted(keys[order], wanted_keys)]
    there = np.append(keys, -1)[place] == wanted_keys
    empty = wanted[:, 0] == wanted[:, 1]
    if not (there | empty).all():
        start, stop = wanted[~(there | empty)][0].tolist()
        longest = int((table.spans[:, 1] - table.spans[:, 0]).max(initial=0))
        raise ValueError(
            f"the table of scores has no span [{start}, {stop}); the longest of its "
            f"{len(table.spans):,} spans has {longest} words and the last ends at "
            f"{table.spans.max(initial=0)}. Score all spans of the review (max_len=None)."
        )
    scores = np.zeros((len(wanted), table.scores.shape[1]), table.scores.dtype)
    scores[~empty] = table.scores[place[~empty]]
    return scores


def split_interactions(table: SpanScores, bounds: ArrayLike) -> Float[np.ndarray, "s k"]:
    """Return what phrases say beyond the parts that they are split into.

        score([b_0, b_n)) - sum over m < n of score([b_m, b_{m+1}))

    Args:
        table: Scores of spans of one review that hold the phrases and the parts.
        bounds: Where each phrase begins, is split and ends `[S, n + 1]`, ascending: `start, middle,
            stop` for two parts. A part may be empty and then scores 0, so that phrases of fewer
            parts are filled up by repeating their last bound.

    Returns:
        One number a phrase and class, in the units of the table.

    Raises:
        TypeError: Where `bounds` does not hold integers.
        ValueError: Where bounds descend, or the table lacks a span.

    >>> spans = np.array([[0, 1], [0, 2], [1, 2]])
    >>> table = SpanScores(spans, np.array([[-1.0], [2.0], [-2.0]]), np.zeros(1))
    >>> split_interactions(table, [[0, 1, 2]]).tolist()
    [[5.0]]
    """
    bounds = _integers(bounds, "bounds", "[S, n + 1]: start, middle, ..., stop")
    if bounds.shape[1] < 2:
        raise ValueError(
            f"bounds has shape {list(bounds.shape)}; expected [S, n + 1], a start and a stop at "
            f"least."
        )
    descending = (np.diff(bounds, axis=1) < 0).any(axis=1)
    if descending.any():
        raise ValueError(
            f"bounds {bounds[descending][0].tolist()} descend; expected start, middle, ..., stop."
        )
    parts = np.stack([bounds[:, :-1], bounds[:, 1:]], axis=-1)  # [S, n, 2]
    scores = look_up(table, parts.reshape(-1, 2)).reshape(*parts.shape[:2], table.scores.shape[1])
    return look_up(table, bounds[:, [0, -1]]) - scores.sum(axis=1)


def adjacent_pairs(length: int) -> Int[np.ndarray, "s 3"]:
    """Return the bounds of all pairs of adjacent words: `t, t + 1, t + 2`.

    >>> adjacent_pairs(3).tolist()
    [[0, 1, 2], [1, 2, 3]]
    """
    start = np.arange(max(length - 1, 0))
    return np.stack([start, start + 1, start + 2], axis=1)


def heads_and_rests(length: int, max_len: int | None = None) -> Int[np.ndarray, "s 3"]:
    """Return the bounds of all phrases of two words or more, split after their first word.

    Args:
        length: Words of the review.
        max_len: Length of the longest phrase wanted; all when None.

    >>> heads_and_rests(3).tolist()
    [[0, 1, 2], [0, 1, 3], [1, 2, 3]]
    """
    start, stop = enumerate_spans(length, max_len).T
    phrase = stop - start > 1
    return np.stack([start, start + 1, stop], axis=1)[phrase]


def all_splits(length: int, max_len: int | None = None) -> Int[np.ndarray, "s 3"]:
    """Return the bounds of all phrases of two words or more, split in two at every place.

    Args:
        length: Words of the review.
        max_len: Length of the longest phrase wanted; all when None.

    >>> all_splits(3).tolist()
    [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
    """
    start, stop = enumerate_spans(length, max_len).T
    places = stop - start - 1
    phrase = np.repeat(np.arange(len(start)), places)
    nth = np.arange(len(phrase)) - np.repeat(np.cumsum(places) - places, places)
    return np.stack([start[phrase], start[phrase] + nth + 1, stop[phrase]], axis=1)


def set_interactions(
    classifier: Classifier,
    reviews: Sequence[ArrayLike],
    parts: Sequence[ArrayLike],
    rule: Rule = PAPER,
) -> list[Float[np.ndarray, "s k"]]:
    """Return what sets of words, contiguous or not, say together beyond what each says alone.

        score(A_1 and ... and A_n) - sum over m of score(A_m)

    Args:
        classifier: The model, of any number of layers.
        reviews: Word numbers `[T]` of each review.
        parts: For each review, bool `[S, n, T]`: `S` times the `n` sets that are held against their
            union. No word may be in two of them. A set without words scores 0.
        rule: Which reading of the method.

    Returns:
        For each review, logits `[S, K]`.

    Raises:
        TypeError, ValueError: As `score_sets`; ValueError also where sets share a word.
    """
    given = [np.asarray(some) for some in parts]
    for n, some in enumerate(given):
        if some.dtype != bool:
            raise TypeError(f"parts {n} holds {some.dtype}; expected booleans [S, n, T].")
        if some.ndim != 3:
            raise ValueError(f"parts {n} has shape {list(some.shape)}; expected [S, n, T].")
        shared = some.sum(axis=1) > 1
        if shared.any():
            row, word = np.argwhere(shared)[0].tolist()
            raise ValueError(
                f"parts {n}, row {row}: word {word} is in more than one set; expected each in at "
                f"most one, or it would be counted twice."
            )
    # Of each row the union, then its parts.
    sets = [np.concatenate([some.any(axis=1, keepdims=True), some], axis=1) for some in given]
    flat = [some.reshape(some.shape[0] * some.shape[1], some.shape[2]) for some in sets]
    interacting = []
    for some, scores in zip(sets, score_sets(classifier, reviews, flat, rule), strict=True):
        scores = scores.reshape(*some.shape[:2], scores.shape[1])
        interacting.append(scores[:, 0] - scores[:, 1:].sum(axis=1))
    return interacting


def _integers(given: ArrayLike, name: str, expected: str) -> Int[np.ndarray, "s n"]:
    """Return a table of integers as an array."""
    array = np.asarray(given)
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {list(array.shape)}; expected {expected}.")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} holds {array.dtype}; expected integers {expected}.")
    return array
