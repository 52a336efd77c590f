"""What a method of explanation is, and what all methods share: checks and sums."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from cdjax.core.network import Classifier
from cdjax.model import Model
from cdjax.results import SpanScores
from cdjax.results.scores import exclude_each_other
from cdjax.scoring.batch import predict
from cdjax.scoring.checks import as_classifier, check_span_lists, prepare
from cdjax.spans import enumerate_spans


@runtime_checkable
class Score(Protocol):
    """The call of every method."""

    def __call__(
        self,
        classifier: Classifier | Model,
        sequences: Sequence[ArrayLike],
        spans: Sequence[ArrayLike] | None = None,
        *,
        max_len: int | None = None,
    ) -> list[SpanScores]:
        """Score spans of sequences.

        Args:
            classifier: The network, or a model that has one.
            sequences: Word numbers `[T]` of each sequence or, of a network of series, its vectors
                `[T, D]`; lengths may differ and may be 0.
            spans: Half-open `[start, stop)` pairs `[S, 2]` of each sequence; all spans when None.
                An empty span (`start == stop`) scores 0.
            max_len: Length of the longest span where `spans` is None; all spans when None.

        Returns:
            One result a sequence, spans in the order given, else by start and then by stop. The
            score of class k is the contribution to class k, in the method's units.

        Raises:
            TypeError: Where an argument holds the wrong kind of values.
            ValueError: Where a word number is not in the embedding, a span is not within its
                sequence, or the method is not defined for the model. Says which, and what to do.
        """
        ...


class Method(NamedTuple):
    """A way to score spans."""

    name: str  # key of `make_methods()`
    title: str  # for tables and figures
    units: str  # of its scores
    score: Score
    additive: bool = False  # whether a span has the sum of its steps' scores


ScoreSteps = Callable[[Classifier, list[np.ndarray], str], list[Float[np.ndarray, "t k"]]]
"""Returns the scores `[T, K]` of each sequence's steps, from the network in one float type, the
checked sequences and what the logits stand for (`find_output`)."""


def sum_over_steps(score_steps: ScoreSteps, *, replaces_words: str | None = None) -> Score:
    """Return the `score` of a method that scores steps: a span has the sum over its steps.

    Args:
        score_steps: Scores the steps.
        replaces_words: The method's name in messages where it puts a word for others, which a
            network of series has none of. None where it does not.
    """

    def score(classifier, sequences, spans=None, *, max_len=None):
        if replaces_words is not None:
            check_reads_words(classifier, replaces_words)
        output = find_output(classifier)
        classifier, sequences, spans = check_request(classifier, sequences, spans, max_len)
        results = make_results(classifier, sequences, spans)
        step_scores = score_steps(classifier, sequences, output)
        return [
            result._replace(scores=sum_spans(scores, result.spans))
            for result, scores in zip(results, step_scores, strict=True)
        ]

    return score


def find_output(model: Classifier | Model) -> str:
    """Return what the logits stand for, one of `cdjax.results.scores.OUTPUTS`.

    It is "softmax" for labels that exclude each other, also where one logit `z` tells two of them
    apart, read as `[0, z]`. A network alone is taken for one of these.
    """
    if not isinstance(model, Model):
        return "softmax"
    count = len(as_classifier(model).bias)
    return "softmax" if exclude_each_other(count, model.labels, model.output) else model.output


def check_has_probability(output: str, title: str) -> None:
    """Raise unless the logits stand for probabilities.

    Raises:
        ValueError: Where they are values.
    """
    if output == "value":
        raise ValueError(
            f"{title} explains a probability, and the model's output is a value, which has none; "
            f"expected a method that explains the value itself, as cd and ig_zero do."
        )


def check_reads_words(model: Classifier | Model, title: str) -> None:
    """Raise unless the network reads words.

    Raises:
        ValueError: Where it reads series.
    """
    if as_classifier(model).embedding is None:
        raise ValueError(
            f"{title} replaces words by another word, and the network takes series; expected a "
            f"method that needs none: cd, gradient, ig_zero, loo."
        )


def check_request(
    classifier: Classifier | Model,
    sequences: Sequence[ArrayLike],
    spans: Sequence[ArrayLike] | None,
    max_len: int | None,
) -> tuple[Classifier, list[Int[np.ndarray, "_"]], list[Int[np.ndarray, "_ 2"]]]:
    """Return the arguments of `Score` as checked arrays: one float type, every span listed.

    Raises:
        TypeError, ValueError: As `Score`.
    """
    classifier, ids = prepare(classifier, sequences)
    check_max_len(spans, max_len)
    if spans is None:
        checked = [enumerate_spans(len(sequence), max_len) for sequence in ids]
        return classifier, ids, checked
    return classifier, ids, check_span_lists(spans, ids)


def check_max_len(spans: Sequence[ArrayLike] | None, max_len: int | None) -> None:
    """Raise where `max_len` is no length, or spans are given besides.

    Raises:
        ValueError: Says which.
    """
    if max_len is not None and max_len < 1:
        raise ValueError(f"max_len is {max_len}; expected at least 1, or None for all lengths.")
    if spans is not None and max_len is not None:
        raise ValueError(
            f"both spans and max_len ({max_len}) are given; expected one of them, since max_len "
            f"says which spans to enumerate."
        )


def check_word(classifier: Classifier, word: int | None, argument: str) -> None:
    """Raise unless the word number is a row of the embedding, or None.

    Raises:
        ValueError: Where it is not; names the argument.
    """
    if word is None:
        return
    if classifier.embedding is None:
        raise ValueError(
            f"{argument} is the word number {word}, and the network takes series; expected None, "
            f"for zero vectors."
        )
    rows = len(classifier.embedding)
    if not 0 <= word < rows:
        raise ValueError(
            f"{argument} is the word number {word}; expected 0 to {rows - 1}, the rows of the "
            f"embedding, or None for zero vectors."
        )


def sum_spans(
    step_scores: Float[np.ndarray, "t k"], spans: Int[np.ndarray, "s 2"]
) -> Float[np.ndarray, "s k"]:
    """Return the sum over the steps of each span, added up in double precision.

    >>> sum_spans(np.array([[1.0], [2.0], [4.0]]), np.array([[0, 2], [1, 3], [1, 1]])).tolist()
    [[3.0], [6.0], [0.0]]
    """
    sums = np.zeros((len(step_scores) + 1, step_scores.shape[1]))
    np.cumsum(step_scores, axis=0, out=sums[1:])
    return (sums[spans[:, 1]] - sums[spans[:, 0]]).astype(step_scores.dtype)


def make_results(
    classifier: Classifier, sequences: list[np.ndarray], spans: list[np.ndarray]
) -> list[SpanScores]:
    """Return results with spans and logits, whose scores are still 0."""
    logits = predict(classifier, sequences)
    return [
        SpanScores(chosen, np.zeros((len(chosen), len(row)), row.dtype), row)
        for chosen, row in zip(spans, logits, strict=True)
    ]
