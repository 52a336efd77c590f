"""Which words of a review join first: a tree of its phrases, from their scores.

Agglomerative contextual decomposition (ACD) after Singh, Murdoch & Yu, "Hierarchical
interpretations for neural network predictions" (ICLR 2019), section 3.2. Every word begins as a
group of its own. Again and again the two neighbouring groups join that interact most,

    strength(A, B) = | score(A B) - score(A) - score(B) |,

until one group is left: the review. Groups are spans, so every score of the tree is in the table
of all spans that `score_all_spans` gives; nothing is computed again.

This differs from the published algorithm and its code (package `acd`) in four ways:
(1) There a word outside of all groups joins one by how much it changes the group's score,
    `|score(A b) - score(A)|`, which counts the word's own score as an interaction; here the scores
    of both parts are subtracted, so that words which merely add up join last.
(2) There words enter in the order of those numbers, the strongest by themselves first, and groups
    that come to touch become one whatever they say together. Here all words are there from the
    beginning, and whatever joins does so by its interaction.
(3) There all words above a percentile enter at a time, 2 or 3 of the last 5. Here one pair joins
    at a time; with `percentile`, all pairs from that percentile on of which no group is in two.
(4) There the score is the one that `acd` gives. Here it is whatever the table holds: of any rule,
    or of any other method that scores phrases.
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from cdjax.core.spans import count_spans
from cdjax.results import SpanScores


class Group(NamedTuple):
    """A phrase of the tree."""

    start: int  # half-open span of its words
    stop: int
    scores: Float[np.ndarray, "k"]  # of the phrase, one a class, in the units of the table
    interaction: Float[np.ndarray, "k"]  # scores less those of its two parts; 0 for a word
    round: int  # in which it joined, from 1; 0 for a word
    children: tuple[int, ...]  # places of its two parts, left and right; none for a word


class Hierarchy(NamedTuple):
    """The phrases of a review, by how they joined."""

    groups: tuple[Group, ...]  # the words in order, then what joined, in the order it did
    roots: tuple[int, ...]  # places of the groups that are left, from left to right; one, or some
    direction: Float[np.ndarray, "k"]  # `scores @ direction` is the number that joining went by


def build_hierarchy(
    table: SpanScores,
    *,
    percentile: float | int | None = None,
    least: float | int = 0,
    direction: ArrayLike | None = None,
) -> Hierarchy:
    """Join the words of a review, strongest interaction first.

    Of equally strong pairs the leftmost joins. It ends where one group is left, or where no
    two neighbours interact by `least`.

    Args:
        table: The scores of all spans of the review.
        percentile: Join in each round all pairs of at least this percentile of the strengths, from
            the strongest down, a group once at most. The strongest alone when None.
        least: The weakest interaction by which groups still join; 0 joins all.
        direction: `[K]`: the number that joining goes by is `scores @ direction`. When None, the
            second class's score less the first's where there are two, else the predicted class's.

    Returns:
        The tree; a forest where `least` has left more than one group. A review without words has no
        group.

    Raises:
        ValueError: Where the table lacks spans or holds scores that are not finite, or an argument
            is out of range.

    >>> spans = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
    >>> scores = np.array([[0.0], [1.0], [2.0], [0.0], [-3.0], [-1.0]])
    >>> tree = build_hierarchy(SpanScores(spans, scores, np.zeros(1)))
    >>> [(group.start, group.stop, group.interaction.item()) for group in tree.groups[3:]]
    [(1, 3, -2.0), (0, 3, 5.0)]
    """
    if percentile is not None and not 0 <= percentile <= 100:
        raise ValueError(f"percentile is {percentile}; expected 0 to 100, or None.")
    if not least >= 0:
        raise ValueError(f"least is {least}; expected at least 0.")
    scores = _square(table)
    direction = _direction(table, direction)
    numbers = scores.astype(np.float64) @ direction  # [T + 1, T + 1]
    length = len(scores) - 1
    nothing = np.zeros_like(scores[0, 0])
    groups = [Group(t, t + 1, scores[t, t + 1], nothing, 0, ()) for t in range(length)]
    left = list(range(length))  # the groups that are left, by their places
    bounds = np.arange(length + 1)  # where they begin, and the last one ends
    number = 0
    while len(left) > 1:
        start, middle, stop = bounds[:-2], bounds[1:-1], bounds[2:]
        strength = abs(numbers[start, stop] - numbers[start, middle] - numbers[middle, stop])
        pairs = _strongest(strength, percentile, least)
        if not pairs:
            break
        number += 1
        for pair in pairs:
            first, second = left[pair], left[pair + 1]
            span = groups[first].start, groups[second].stop
            interaction = scores[span] - groups[first].scores - groups[second].scores
            left[pair] = len(groups)
            groups.append(Group(*span, scores[span], interaction, number, (first, second)))
        for pair in sorted(pairs, reverse=True):
            del left[pair + 1]
        bounds = np.delete(bounds, np.array(pairs) + 1)
    return Hierarchy(tuple(groups), tuple(left), direction)


def build_hierarchies(
    tables: Iterable[SpanScores],
    *,
    percentile: float | int | None = None,
    least: float | int = 0,
    direction: ArrayLike | None = None,
) -> list[Hierarchy]:
    """Return the tree of each review of a batch: what `score_all_spans` gives, or a stream of it.

    Arguments and errors are those of `build_hierarchy`; an error says which review.
    """
    trees = []
    for n, table in enumerate(tables):
        try:
            tree = build_hierarchy(table, percentile=percentile, least=least, direction=direction)
        except ValueError as error:
            raise ValueError(f"review {n}: {error}") from error
        trees.append(tree)
    return trees


def to_json(tree: Hierarchy, tokens: Sequence[str]) -> str:
    """Return a tree as JSON: `tokens`, `groups` with the fields of `Group`, `roots`, `direction`.

    The groups are a list and name their parts by number. (Nested, the tree of a long review would
    be deeper than what readers of JSON take.)

    Raises:
        ValueError: Where there is not one token a word.
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

    As the trees of a treebank, with the number that joining went by for a label; brackets in tokens
    are written -LRB- and -RRB-.

    Raises:
        ValueError: Where there is not one token a word.
    """
    _check_tokens(tree, tokens)
    texts: list[str] = []  # of each group; its parts come before it
    for group in tree.groups:
        inside = " ".join(texts[child] for child in group.children)
        if not group.children:
            inside = tokens[group.start].replace("(", "-LRB-").replace(")", "-RRB-")
        texts.append(f"({group.scores @ tree.direction:+.2f} {inside})")
    return "\n".join(texts[root] for root in tree.roots)


def _strongest(
    strength: Float[np.ndarray, "p"], percentile: float | int | None, least: float | int
) -> list[int]:
    """Return which pairs of neighbours join, the strongest first, none with a group of another."""
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


def _square(table: SpanScores) -> Float[np.ndarray, "n n k"]:
    """Return a table of all spans by start and stop; NaN where there is none."""
    length, count = int(table.spans.max(initial=0)), len(table.spans)
    scores = np.full((length + 1, length + 1, table.scores.shape[1]), np.nan, table.scores.dtype)
    scores[table.spans[:, 0], table.spans[:, 1]] = table.scores
    if count < count_spans(length):
        longest = int((table.spans[:, 1] - table.spans[:, 0]).max(initial=0))
        raise ValueError(
            f"the table holds {count:,} spans, the longest of {longest} words; expected all "
            f"{count_spans(length):,} of a review of {length} words. Score them with max_len=None."
        )
    if not np.isfinite(scores[np.triu_indices(length + 1, 1)]).all():
        raise ValueError("the table holds scores that are not finite; expected finite numbers.")
    return scores


def _direction(table: SpanScores, given: ArrayLike | None) -> Float[np.ndarray, "k"]:
    """Return what to multiply scores with."""
    classes = table.scores.shape[1]
    if given is not None:
        direction = np.asarray(given, float)
        if direction.shape != (classes,):
            raise ValueError(
                f"direction has shape {list(direction.shape)}; expected [{classes}], one number a "
                f"class."
            )
        return direction
    if classes == 2:
        return np.array([-1.0, 1.0])
    return np.eye(classes)[int(table.logits.argmax())]


def _check_tokens(tree: Hierarchy, tokens: Sequence[str]) -> None:
    words = sum(not group.children for group in tree.groups)
    if len(tokens) != words:
        raise ValueError(f"there are {len(tokens)} tokens; expected {words}, one a word.")
