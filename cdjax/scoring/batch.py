"""Scores of many spans of many sequences."""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence

import jax
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from cdjax.checks import check_stack
from cdjax.core.network import Classifier, read_out
from cdjax.core.rules import PAPER, Rule
from cdjax.engine import recursion
from cdjax.engine.plan import AllSpans, ChosenSpans, Job, Spans, plan_jobs
from cdjax.engine.run import run_jobs, shapes_for
from cdjax.engine.shapes import JobShape
from cdjax.model import Model
from cdjax.results import SpanScores
from cdjax.scoring.checks import (
    as_classifier,
    check_finite,
    check_sets,
    check_span_lists,
    check_spans,
    in_one_type,
    prepare,
    prepare_one,
)


def score_spans(
    model: Classifier | Model,
    x_or_ids: ArrayLike,
    spans: ArrayLike,
    rule: Rule = PAPER,
    *,
    padding: int | None = None,
) -> Float[np.ndarray, "s k"]:
    """Score spans of one review: what each contributes to the logits, `readout @ beta_T`.

    Args:
        model: The network, or a model that has one.
        x_or_ids: The review, as word numbers `[T]` or as word vectors `[T, D]`.
        spans: Half-open `[start, stop)` pairs `[S, 2]`. An empty span (`start == stop`) scores 0.
        rule: Which reading of the method.
        padding: A number that pads word numbers before or after the words; it is cut off there
            (`cdjax.scoring.checks.cut_padding`), so spans count from the first word. When None, all
            numbers are real input.

    Returns:
        Logits `[S, K]`, in the float type of the classifier.

    Raises:
        TypeError: Where an argument holds the wrong kind of values.
        ValueError: Where shapes do not fit, a word number is not in the embedding, a word vector is
            not finite or a span does not lie in the review.
    """
    classifier, ids = prepare_one(model, x_or_ids, padding)
    checked = check_spans(spans, len(ids))
    (result,) = _score_chosen(classifier, [ids], [checked], rule)
    check_finite(result.scores, "scores", 0)
    return result.scores


def score_sets(
    model: Classifier | Model,
    reviews: Sequence[ArrayLike] | np.ndarray | Array,
    sets: Sequence[ArrayLike],
    rule: Rule = PAPER,
    *,
    padding: int | None = None,
) -> list[Float[np.ndarray, "s k"]]:
    """Score sets of words, contiguous or not: what each contributes to the logits.

    By the recursion itself; where a network has a fast form, `score_spans` and `score_all_spans`
    are much faster.

    Args:
        model: The network, or a model that has one.
        reviews: Word numbers `[T]` of each review; lengths may differ and may be 0.
        sets: For each review the sets of its words, bool `[S, T]`. A set without words scores 0.
        rule: Which reading of the method.
        padding: A number that pads word numbers before or after the words; it is cut off there
            (`cdjax.scoring.checks.cut_padding`), so spans count from the first word. When None, all
            numbers are real input.

    Returns:
        For each review, logits `[S, K]`, in the float type of the classifier.

    Raises:
        TypeError: Where a review does not hold integers, or sets no booleans.
        ValueError: Where a word number is not in the embedding, or shapes do not fit. Says which
            review.
    """
    classifier, ids = prepare(model, reviews, padding)
    masks = check_sets(sets, [len(review) for review in ids])
    network = classifier._replace(embedding=None)
    scores = recursion.score_sets(network, ids, masks, rule, classifier.embedding)
    for n, array in enumerate(scores):
        check_finite(array, "scores", n)
    return scores


def score_all_spans(
    model: Classifier | Model,
    reviews: Sequence[ArrayLike] | np.ndarray | Array,
    rule: Rule = PAPER,
    max_len: int | None = None,
    *,
    padding: int | None = None,
) -> list[SpanScores]:
    """Score every span of every review.

    Args:
        model: The network, or a model that has one.
        reviews: Word numbers `[T]` of each review; lengths may differ and may be 0.
        rule: Which reading of the method.
        max_len: Longest span wanted, in words; all when None.
        padding: A number that pads word numbers before or after the words; it is cut off there
            (`cdjax.scoring.checks.cut_padding`), so spans count from the first word. When None, all
            numbers are real input.

    Returns:
        One result a review, spans by start and then by stop, scores in logits.

    Raises:
        TypeError: Where a review does not hold integers.
        ValueError: Where a word number is not in the embedding, or `max_len` is below 1. Says which
            review. Where a weight is not finite.
        FloatingPointError: Where a score is not finite.
    """
    return list(stream_all_spans(model, reviews, rule, max_len, padding=padding))


def stream_all_spans(
    model: Classifier | Model,
    reviews: Sequence[ArrayLike] | np.ndarray | Array,
    rule: Rule = PAPER,
    max_len: int | None = None,
    *,
    padding: int | None = None,
) -> Iterator[SpanScores]:
    """Score every span of every review, one result at a time.

    As `score_all_spans`, for corpora whose scores need not be in memory together: results come in
    the order of the reviews, as they are ready. Arguments are checked before the first.
    """
    classifier, ids = prepare(model, reviews, padding)
    if max_len is not None and max_len < 1:
        raise ValueError(f"max_len is {max_len}; expected at least 1, or None for all lengths.")
    lengths = [len(sequence) for sequence in ids]
    scored = run_spans(classifier, ids, AllSpans(lengths, max_len), rule)
    nothing = SpanScores(
        np.zeros((0, 2), np.int32),
        np.zeros((0, len(classifier.bias)), classifier.bias.dtype),
        output_bias(classifier),
    )
    return (_check_result(n, result or nothing) for n, result in enumerate(scored))


def _check_result(n: int, result: SpanScores) -> SpanScores:
    check_finite(result.scores, "scores", n)
    check_finite(result.logits, "logits", n)
    return result


def run_spans(
    classifier: Classifier,
    ids: Sequence[Int[np.ndarray, "_"]],
    asked: Spans,
    rule: Rule,
    shapes: tuple[JobShape, ...] | None = None,
) -> Iterator[SpanScores | None]:
    """Score the spans asked for of each sequence, in the order of the sequences.

    Args:
        classifier: The network, in one float type.
        ids: The sequences, as rows of its embedding.
        asked: The spans.
        rule: Which reading of the method.
        shapes: The shapes of jobs; those that suit the network when None.

    Yields:
        Of each sequence its spans, by start and then by stop, their scores and its logits; None
        where no span is asked for.
    """
    shapes = shapes or shapes_for(classifier)
    jobs = plan_jobs([len(sequence) for sequence in ids], asked, shapes, jax.local_device_count())
    under_way: deque[list[np.ndarray]] = deque()  # spans of each piece of the jobs given to run

    def make_jobs() -> Iterator[Job]:
        for pieces in jobs:
            spans = [asked.of_piece(piece) for piece in pieces]
            under_way.append(spans)
            owner = np.repeat(np.arange(len(pieces)), [len(array) for array in spans])
            vectors = [classifier.embedding[ids[piece.sequence]] for piece in pieces]
            yield Job(vectors, owner, *np.concatenate(spans).T)

    sequence = 0  # the next to be given out
    parts: list[list[np.ndarray]] = []  # of a sequence that was cut: spans, scores
    results = run_jobs(classifier, make_jobs(), rule, shapes)
    for pieces, (scores, logits) in zip(jobs, results, strict=True):
        spans = under_way.popleft()
        each = _split(scores, [len(array) for array in spans])
        for piece, *part, its_logits in zip(pieces, spans, each, logits, strict=True):
            while sequence < piece.sequence:
                yield None
                sequence += 1
            parts.append(part)
            if piece.is_last:
                of_pieces = zip(*parts, strict=True)
                whole = (a[0] if len(a) == 1 else np.concatenate(a) for a in of_pieces)
                yield SpanScores(*whole, logits=its_logits)
                parts = []
                sequence += 1
    for _ in ids[sequence:]:
        yield None


def score_chosen_spans(
    model: Classifier | Model,
    reviews: Sequence[ArrayLike] | np.ndarray | Array,
    spans: Sequence[ArrayLike],
    rule: Rule = PAPER,
    *,
    padding: int | None = None,
) -> list[SpanScores]:
    """Score the given spans of every review, many reviews at a time.

    Args:
        model: The network, or a model that has one.
        reviews: Word numbers `[T]` of each review.
        spans: Half-open `[start, stop)` pairs `[S, 2]` of each review. An empty one scores 0.
        rule: Which reading of the method.
        padding: A number that pads word numbers before or after the words; it is cut off there
            (`cdjax.scoring.checks.cut_padding`), so spans count from the first word. When None, all
            numbers are real input.

    Returns:
        One result a review, its spans in the order given, scores in logits.

    Raises:
        TypeError, ValueError: As `score_all_spans`; also where a span does not lie in its review.
            Says which review.
    """
    classifier, ids = prepare(model, reviews, padding)
    checked = check_span_lists(spans, ids)
    results = _score_chosen(classifier, ids, checked, rule)
    return [_check_result(n, result) for n, result in enumerate(results)]


def _score_chosen(
    classifier: Classifier,
    ids: list[np.ndarray],
    spans: list[np.ndarray],
    rule: Rule,
    shapes: tuple[JobShape, ...] | None = None,
) -> list[SpanScores]:
    """Return the spans of each sequence, all checked, in the order given, and their scores."""
    bias = classifier.bias
    counts = [len(array) for array in spans]
    owner = np.repeat(np.arange(len(spans)), counts)
    pairs = np.concatenate([np.zeros((0, 2), np.int32), *spans])
    order = np.lexsort((pairs[:, 1], pairs[:, 0], owner))
    order = order[pairs[order, 0] < pairs[order, 1]]  # an empty span scores 0
    filled = np.bincount(owner[order], minlength=len(spans))
    asked = ChosenSpans(_split(pairs[order], filled))
    logits = np.zeros((len(ids), len(bias)), bias.dtype)
    scored, unread = [np.zeros((0, len(bias)), bias.dtype)], []
    for n, result in enumerate(run_spans(classifier, ids, asked, rule, shapes)):
        if result is None:
            unread.append(n)
        else:
            scored.append(result.scores)
            logits[n] = result.logits
    if unread:
        logits[unread] = _predict(classifier, [ids[n] for n in unread])
    scores = np.zeros((len(pairs), len(bias)), bias.dtype)
    scores[order] = np.concatenate(scored)
    return [SpanScores(*each) for each in zip(spans, _split(scores, counts), logits, strict=True)]


def _split(array: np.ndarray, counts: Sequence[int] | np.ndarray) -> list[np.ndarray]:
    """Return the parts of an array that have so many rows each."""
    ends = np.cumsum([0, *counts]).tolist()
    return [array[a:b] for a, b in itertools.pairwise(ends)]


def with_vector_readout(model: Classifier | Model) -> Classifier:
    """Return the classifier whose scores are the vectors `beta_T` themselves.

    As scores are `readout @ beta_T`, the identity for a readout gives `beta_T` `[H]` where there
    were `K` scores, with every function of this module and at the same cost but for memory: a job
    holds `H` numbers a span, and is made smaller to have room for them. Logits become `h_T`.
    """
    classifier = as_classifier(model)
    hidden, dtype = check_stack(classifier.layers, None), np.asarray(classifier.readout).dtype
    readout, bias = np.eye(hidden, dtype=dtype), np.zeros(hidden, dtype)
    return classifier._replace(head=(), readout=readout, bias=bias)


def output_bias(model: Classifier | Model) -> Float[np.ndarray, "k"]:
    """Return the part of the logits that no input has a share in: those of outputs that are 0.

    It is the bias of the readout or, where there is a head, what the head makes of zeros.

    Raises:
        TypeError, ValueError: As `score_all_spans`.
    """
    classifier = in_one_type(as_classifier(model))
    if not classifier.head:
        return np.asarray(classifier.bias)
    zeros = np.zeros((1, check_stack(classifier.layers, None)), classifier.bias.dtype)
    return np.asarray(read_out(classifier._replace(embedding=None, pool="last"), zeros))


def predict(
    model: Classifier | Model,
    reviews: Sequence[ArrayLike] | np.ndarray | Array,
    *,
    padding: int | None = None,
) -> Float[np.ndarray, "b k"]:
    """Return the logits of every review, output bias included.

    Args:
        model: The network, or a model that has one.
        reviews: Word numbers `[T]` of each review. An empty one gets `output_bias`.
        padding: A number that pads word numbers before or after the words; it is cut off there
            (`cdjax.scoring.checks.cut_padding`), so spans count from the first word. When None, all
            numbers are real input.

    Raises:
        TypeError, ValueError: As `score_all_spans`.
    """
    classifier, ids = prepare(model, reviews, padding)
    logits = _predict(classifier, ids)
    if wrong := np.flatnonzero(~np.isfinite(logits).all(axis=1)).tolist():
        check_finite(logits[wrong[0]], "logits", wrong[0])
    return logits


def _predict(classifier: Classifier, ids: list[np.ndarray]) -> Float[np.ndarray, "b k"]:
    logits = np.tile(output_bias(classifier), (len(ids), 1))
    filled = [n for n, sequence in enumerate(ids) if len(sequence)]
    sequences, network = [ids[n] for n in filled], classifier._replace(embedding=None)
    logits[filled] = recursion.predict(network, sequences, classifier.embedding)
    return logits
