"""What a method of explanation is, and what all of them do alike."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from cdjax.core.checks import check_classifier
from cdjax.core.lstm import Classifier
from cdjax.core.spans import enumerate_spans
from cdjax.results import SpanScores
from cdjax.scoring.batch import predict
from cdjax.scoring.checks import check_reviews, check_span_lists, in_one_type


@runtime_checkable
class Score(Protocol):
    """How every method is called."""

    def __call__(
        self,
        classifier: Classifier,
        reviews: Sequence[ArrayLike],
        spans: Sequence[ArrayLike] | None = None,
        *,
        max_len: int | None = None,
    ) -> list[SpanScores]:
        """Score spans of reviews.

        Args:
            classifier: The model.
            reviews: Word numbers `[T]` of each review; lengths may differ and may be 0.
            spans: Half-open `[start, stop)` pairs `[S, 2]` of each review; all spans when None. An
                empty span (`start == stop`) scores 0.
            max_len: Longest span wanted where `spans` is None, in words; all when None.

        Returns:
            One result a review, spans in the order given or by start and then by stop. The score of
            class k is the contribution to class k, in the method's units.

        Raises:
            TypeError: Where an argument holds the wrong kind of values.
            ValueError: Where a word number is not in the embedding, a span not in its review, or
                the method does not go with the model. Says which, and what to do.
        """
        ...


class Method(NamedTuple):
    """A way to score phrases."""

    name: str  # short, as given on a command line
    title: str  # in words
    units: str  # what its scores are measured in
    score: Score


def score_by_words(
    words: Callable[[Classifier, list[np.ndarray]], list[Float[np.ndarray, "t k"]]],
) -> Score:
    """Return the `score` of a method that scores words: a phrase has the sum of its words.

    Args:
        words: From the model, in one float type, and the checked reviews to each review's scores.
    """

    def score(classifier, reviews, spans=None, *, max_len=None):
        classifier, reviews, spans = check_request(classifier, reviews, spans, max_len)
        results = make_results(classifier, reviews, spans)
        return [
            result._replace(scores=sum_words(its_words, result.spans))
            for result, its_words in zip(results, words(classifier, reviews), strict=True)
        ]

    return score


def check_request(
    classifier: Classifier,
    reviews: Sequence[ArrayLike],
    spans: Sequence[ArrayLike] | None,
    max_len: int | None,
) -> tuple[Classifier, list[Int[np.ndarray, "_"]], list[Int[np.ndarray, "_ 2"]]]:
    """Return the arguments of `Score` as arrays, the model in one float type, all spans spelt out.

    Raises:
        TypeError, ValueError: As `Score`.
    """
    check_classifier(classifier)
    ids = check_reviews(classifier, reviews)
    if max_len is not None and max_len < 1:
        raise ValueError(f"max_len is {max_len}; expected at least 1, or None for all lengths.")
    if spans is None:
        checked = [enumerate_spans(len(review), max_len) for review in ids]
        return in_one_type(classifier), ids, checked
    if max_len is not None:
        raise ValueError(
            f"both spans and max_len ({max_len}) are given; expected one of them, since max_len "
            f"says which spans to enumerate."
        )
    return in_one_type(classifier), ids, check_span_lists(spans, ids)


def check_word(classifier: Classifier, word: int | None, what: str) -> None:
    """Raise unless the word is one of the model's, or None.

    Raises:
        ValueError: Where it is not; names the argument by `what`.
    """
    rows = len(classifier.embedding)
    if word is not None and not 0 <= word < rows:
        raise ValueError(
            f"{what} is the word number {word}; expected 0 to {rows - 1}, the rows of the "
            f"embedding, or None for zero vectors."
        )


def sum_words(
    words: Float[np.ndarray, "t k"], spans: Int[np.ndarray, "s 2"]
) -> Float[np.ndarray, "s k"]:
    """Return the sum of each span's words, added up in double precision.

    >>> sum_words(np.array([[1.0], [2.0], [4.0]]), np.array([[0, 2], [1, 3], [1, 1]])).tolist()
    [[3.0], [6.0], [0.0]]
    """
    ends = np.zeros((len(words) + 1, words.shape[1]))
    np.cumsum(words, axis=0, out=ends[1:])
    return (ends[spans[:, 1]] - ends[spans[:, 0]]).astype(words.dtype)


def make_results(
    classifier: Classifier, reviews: list[np.ndarray], spans: list[np.ndarray]
) -> list[SpanScores]:
    """Return results that have everything but their scores, which are 0."""
    logits = predict(classifier, reviews)
    none = [np.zeros((len(some), logits.shape[1]), logits.dtype) for some in spans]
    return [SpanScores(*row) for row in zip(spans, none, logits, strict=True)]
