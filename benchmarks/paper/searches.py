"""The phrases that the paper examines: found in trees by label, in reviews by a regression."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cdjax.text.trees import NEUTRAL, Node, Tree
from cdjax.training.linear import LinearModel

NEGATIONS = frozenset(
    ("not", "n't", "lacks", "nobody", "nor", "nothing", "neither", "never", "none", "nowhere",
     "remotely")
)  # fmt: skip
"""Appendix A.3."""
NEGATION_WITHIN = 2  # first words of the first child
NEGATION_LENGTH = 9  # words, "length less than ten"
INTERACTION_LENGTH = 4  # words, "length less than 5"

OPPOSITE = "opposite"
ANY = "any"
AS_PUBLISHED = "published"
SEARCHES = {
    OPPOSITE: "the second child is labelled positive or negative, opposite to the phrase",
    ANY: "the second child is labelled positive or negative",
    AS_PUBLISHED: "the second child is, or holds a phrase that is, labelled positive or negative",
}
"""Searches for negations: the condition of each, besides that the phrase begins with a negation
term and is labelled positive or negative. The last is the literal reading of section 4.5."""

DISSENT_WORDS = 5


class Phrase(NamedTuple):
    """A phrase of a tree."""

    tree: int  # index
    node: int  # index among the tree's nodes
    positive: bool  # by its label


class Dissent(NamedTuple):
    """A phrase with a strong score, and a part of it with a strong score of the opposite sign."""

    review: int  # index
    phrase: tuple[int, int]  # half-open
    part: tuple[int, int]
    phrase_score: float  # logits of the regression
    part_score: float


def dissenting_phrases(trees: Sequence[Tree]) -> Iterator[Phrase]:
    """Yield phrases of one to two thirds of a review, labelled with the opposite sign (4.4)."""
    for tree_index, tree in enumerate(trees):
        if tree.label == NEUTRAL:
            continue
        words = len(tree.tokens)
        for node_index, node in enumerate(tree.nodes):
            size = node.stop - node.start
            if words <= 3 * size <= 2 * words and _polarity(node) == -_polarity(tree.nodes[0]):
                yield Phrase(tree_index, node_index, _polarity(node) > 0)


def negations(trees: Sequence[Tree], search: str = OPPOSITE) -> Iterator[Phrase]:
    """Yield phrases that consist of a negation followed by the phrase that it negates (4.5).

    They have fewer than ten words, and a word of `NEGATIONS` is among the first two of their first
    child.

    Args:
        trees: The trees to search.
        search: One of `SEARCHES`.
    """
    for tree_index, tree in enumerate(trees):
        places = [n for n, token in enumerate(tree.tokens) if token.lower() in NEGATIONS]
        for node_index, node in enumerate(tree.nodes if places else ()):
            if not node.children or node.stop - node.start > NEGATION_LENGTH:
                continue
            first, second = (tree.nodes[child] for child in node.children)
            begins = range(first.start, min(first.stop, first.start + NEGATION_WITHIN))
            negated = any(place in begins for place in places)
            if negated and _polarity(node) and _negates(search, tree, node, second):
                yield Phrase(tree_index, node_index, _polarity(node) > 0)


def short_phrases(trees: Sequence[Tree]) -> Iterator[Phrase]:
    """Yield phrases of two parts and fewer than five words: the background of figure 1."""
    for tree_index, tree in enumerate(trees):
        for node_index, node in enumerate(tree.nodes):
            if node.children and node.stop - node.start <= INTERACTION_LENGTH:
                yield Phrase(tree_index, node_index, _polarity(node) > 0)


def find_dissent(
    reviews: Sequence[Sequence[str]],
    regression: LinearModel,
    threshold: float = 1.5,
    words: int = DISSENT_WORDS,
) -> Iterator[Dissent]:
    """Yield strong parts whose sign is opposite to that of a strong phrase around them (4.3).

    Strong: the regression's score is beyond the threshold in absolute value. Of nested parts with
    the same sign only the smallest is yielded ("favorite", not "be my favorite"), once, with the
    strongest phrase that contains it.

    Args:
        reviews: Tokens of each review, spelt as the regression's features.
        regression: Scores the phrases.
        threshold: In logits.
        words: Length of the longest phrase.
    """
    for review_index, tokens in enumerate(reviews):
        score = {
            (start, stop): regression.score(tokens[start:stop])
            for start in range(len(tokens))
            for stop in range(start + 1, min(start + words, len(tokens)) + 1)
        }
        strong = [span for span in score if abs(score[span]) > threshold]
        around = {
            part: [
                span for span in strong if _contains(span, part) and score[span] * score[part] < 0
            ]
            for part in strong
        }
        parts = [part for part in strong if around[part]]
        for part in parts:
            smaller = (o for o in parts if o != part and _contains(part, o))
            if not any(score[other] * score[part] > 0 for other in smaller):
                phrase = max(around[part], key=lambda span: abs(score[span]))
                yield Dissent(review_index, phrase, part, score[phrase], score[part])


def _contains(span: tuple[int, int], part: tuple[int, int]) -> bool:
    return span[0] <= part[0] and part[1] <= span[1]


def _polarity(node: Node) -> int:
    return (node.label > NEUTRAL) - (node.label < NEUTRAL)


def _negates(search: str, tree: Tree, phrase: Node, second: Node) -> bool:
    if search == OPPOSITE:
        return _polarity(second) == -_polarity(phrase)
    if search == ANY:
        return _polarity(second) != 0
    if search == AS_PUBLISHED:
        inside = (n for n in tree.nodes if second.start <= n.start and n.stop <= second.stop)
        return any(_polarity(n) for n in inside)
    raise ValueError(f"the search is {search!r}; expected one of {', '.join(SEARCHES)}.")
