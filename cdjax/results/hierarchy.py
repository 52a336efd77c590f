"""A tree of the phrases of a sequence: the neighbours that interact most are joined first.

Agglomerative contextual decomposition (ACD) after Singh, Murdoch & Yu, "Hierarchical
interpretations for neural network predictions" (ICLR 2019), section 3.2. Every step begins as a
group of its own. In each round the two neighbouring groups that interact most are joined,

    strength(A, B) = | score(A B) - score(A) - score(B) |,

until one group is left: the sequence. Groups are spans, so every score of the tree is one of those
that `score_all_spans` returns; nothing is computed again.

This differs from the published algorithm and its code (package `acd`) in four ways:
(1) There a word outside all groups joins one by how much it changes the group's score,
    `|score(A b) - score(A)|`, which counts the word's own score as an interaction; here the scores
    of both parts are subtracted, so that words whose scores merely add up are joined last.
(2) There words are added in the order of those numbers, the strongest single words first, and
    groups that become adjacent are merged whatever their interaction. Here all words are groups
    from the beginning, and groups are merged only by their interaction.
(3) There all words above a percentile are added at once, 2 or 3 of the last 5. Here one pair is
    joined in a round; with `percentile`, all pairs from that percentile on, a group once at most.
(4) There the score is that of the package `acd`. Here it is any score of spans: under any rule, or
    by any other method that scores phrases.
"""

import itertools
import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from cdjax.spans import count_spans


class Group(NamedTuple):
    """A span of the tree."""

    start: int  # half-open
    stop: int
    scores: Float[np.ndarray, "k"]  # of the span, one a class, in the units given
    interaction: Float[np.ndarray, "k"]  # scores less those of its two parts; 0 for a leaf
    round: int  # in which it was joined, from 1; 0 for a leaf
    children: tuple[int, ...]  # indices of its two parts, left and right; none for a leaf


class Hierarchy(NamedTuple):
    """The groups of a sequence, in the order in which they were joined."""

    groups: tuple[Group, ...]  # leaves from left to right, then joined groups by round
    roots: tuple[int, ...]  # indices of the groups that are left, from left to right
    direction: Float[np.ndarray, "k"]  # strengths are those of `scores @ direction`


def build_hierarchy(
    spans: Int[np.ndarray, "s 2"],
    scores: Float[np.ndarray, "s k"],
    direction: ArrayLike,
    *,
    percentile: float | int | None = None,
    least: float | int = 0,
    leaves: ArrayLike | None = None,
) -> Hierarchy:
    """Join the steps of a sequence, strongest interaction first.

    Of equally strong pairs the leftmost is joined. The rounds end when one group is left, or when
    no two neighbours interact by `least`.

    Args:
        spans: All spans of the sequence, half-open, in any order.
        scores: The score of each.
        direction: `[K]`; the strengths are those of `scores @ direction`.
        percentile: Join in each round all pairs of at least this percentile of the strengths, from
            the strongest down, each group once at most. The strongest pair alone when None.
        least: The weakest interaction by which groups are still joined; 0 joins all.
        leaves: Adjacent half-open spans `[N, 2]` that are all steps together, and are not split;
            single steps when None.

    Returns:
        The tree; a forest where `least` leaves more than one group. A sequence without steps has no
        group.

    Raises:
        ValueError: Where spans are missing, scores are not finite, or an argument is out of range.

    >>> spans = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
    >>> scores = np.array([[0.0], [1.0], [2.0], [0.0], [-3.0], [-1.0]])
    >>> tree = build_hierarchy(spans, scores, [1])
    >>> [(group.start, group.stop, group.interaction.item()) for group in tree.groups[3:]]
    [(1, 3, -2.0), (0, 3, 5.0)]
    """
    if percentile is not None and not 0 <= percentile <= 100:
        raise ValueError(f"percentile is {percentile}; expected 0 to 100, or None.")
    if not least >= 0:
        raise ValueError(f"least is {least}; expected at least 0.")
    classes = scores.shape[1]
    direction = np.asarray(direction, float)
    if direction.shape != (classes,):
        raise ValueError(
            f"direction has shape {list(direction.shape)}; expected [{classes}], one number a "
            f"class."
        )
    square = _by_start_and_stop(spans, scores)
    numbers = square.astype(np.float64) @ direction  # [T + 1, T + 1]
    length = len(square) - 1
    zero = np.zeros_like(square[0, 0])
    # The starts of the groups that are left, and the stop of the last.
    bounds = np.arange(length + 1) if leaves is None else _find_bounds(leaves, length)
    pairs = itertools.pairwise(bounds.tolist())
    groups = [Group(start, stop, square[start, stop], zero, 0, ()) for start, stop in pairs]
    left = list(range(len(groups)))  # indices of the groups that are left
    joining_round = 0
    while len(left) > 1:
        start, middle, stop = bounds[:-2], bounds[1:-1], bounds[2:]
        strength = abs(numbers[start, stop] - numbers[start, middle] - numbers[middle, stop])
        pairs = _strongest(strength, percentile, least)
        if not pairs:
            break
        joining_round += 1
        for pair in pairs:
            first, second = left[pair], left[pair + 1]
            span = groups[first].start, groups[second].stop
            interaction = square[span] - groups[first].scores - groups[second].scores
            left[pair] = len(groups)
            groups.append(Group(*span, square[span], interaction, joining_round, (first, second)))
        for pair in sorted(pairs, reverse=True):
            del left[pair + 1]
        bounds = np.delete(bounds, np.array(pairs) + 1)
    return Hierarchy(tuple(groups), tuple(left), direction)


def to_json(tree: Hierarchy, tokens: Sequence[str]) -> str:
    """Return a tree as JSON: `tokens`, `groups` with the fields of `Group`, `roots`, `direction`.

    The groups are a list and refer to their parts by index. (Nested, the tree of a long sequence
    would be deeper than JSON readers accept.)

    Raises:
        ValueError: Where there is not one token a leaf.
    """
    _check_tokens(tree, tokens)
    groups = [
        group._asdict()
        | {"scores": group.scores.tolist(), "interaction": group.interaction.tolist()}
        for group in tree.groups
    ]
    return json.dumps(
        {
            "tokens": list(tokens),
            "groups": groups,
            "roots": tree.roots,
            "direction": tree.direction.tolist(),
        },
        ensure_ascii=False,
    )


def to_brackets(tree: Hierarchy, tokens: Sequence[str]) -> str:
    """Return a tree as nested brackets, `(-2.10 (-2.10 n't) (+0.31 a))`; roots a line each.

    As the trees of a treebank, labelled by `scores @ direction`; brackets in tokens are written
    -LRB- and -RRB-.

    Raises:
        ValueError: Where there is not one token a leaf.
    """
    _check_tokens(tree, tokens)
    texts: list[str] = []  # of each group, after those of its parts
    for n, group in enumerate(tree.groups):
        inside = " ".join(texts[child] for child in group.children)
        if not group.children:
            inside = tokens[n].replace("(", "-LRB-").replace(")", "-RRB-")
        texts.append(f"({group.scores @ tree.direction:+.2f} {inside})")
    return "\n".join(texts[root] for root in tree.roots)


def _strongest(
    strength: Float[np.ndarray, "p"], percentile: float | int | None, least: float | int
) -> list[int]:
    """Return the pairs of neighbours to join, strongest first, no group in two of them."""
    if percentile is None:
        pair = int(np.argmax(strength))  # the leftmost of equals
        return [pair] if strength[pair] >= least else []
    threshold = max(least, np.percentile(strength, percentile))
    free = np.ones(len(strength) + 1, bool)
    pairs = []
    for pair in np.argsort(-strength, kind="stable").tolist():
        if strength[pair] < threshold:
            break
        if free[pair] and free[pair + 1]:
            free[pair : pair + 2] = False
            pairs.append(pair)
    return pairs


def _by_start_and_stop(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s k"]
) -> Float[np.ndarray, "n n k"]:
    """Return the scores of all spans as an array by start and stop; NaN where there is no span."""
    length, count = int(spans.max(initial=0)), len(spans)
    square = np.full((length + 1, length + 1, scores.shape[1]), np.nan, scores.dtype)
    square[spans[:, 0], spans[:, 1]] = scores
    if count < count_spans(length):
        longest = int((spans[:, 1] - spans[:, 0]).max(initial=0))
        raise ValueError(
            f"there are {count:,} spans, the longest of {longest} steps; expected all "
            f"{count_spans(length):,} of a sequence of {length} steps. Score them with "
            f"max_len=None."
        )
    if not np.isfinite(square[np.triu_indices(length + 1, 1)]).all():
        raise ValueError("there are scores that are not finite; expected finite numbers.")
    return square


def _find_bounds(leaves: ArrayLike, length: int) -> Int[np.ndarray, "_"]:
    """Return the starts of the leaves, and the stop of the last."""
    spans = np.asarray(leaves)
    if spans.ndim != 2 or spans.shape[1:] != (2,) or spans.dtype.kind not in "iu":
        raise ValueError(
            f"leaves is {spans.dtype} {list(spans.shape)}; expected half-open spans [N, 2]."
        )
    bounds = np.append(spans[:, 0], length)
    if bounds[0] != 0 or (bounds[1:] != spans[:, 1]).any() or (np.diff(bounds) < 1).any():
        raise ValueError(f"the leaves are not all {length} steps, in order and each once.")
    return bounds


def _check_tokens(tree: Hierarchy, tokens: Sequence[str]) -> None:
    leaves = sum(not group.children for group in tree.groups)
    if len(tokens) != leaves:
        raise ValueError(f"there are {len(tokens)} tokens; expected {leaves}, one a leaf.")
