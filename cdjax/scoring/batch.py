"""Scores of many spans of many reviews.

One-layer models go through the engine (`cdjax.engine.jobs`). Stacked ones take the recursion
itself, vmapped over spans that come in tiles of fixed shape, reviews padded to a few lengths.
"""

import functools
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import ArrayLike

from cdjax.checks import check_stack
from cdjax.core.cells import LSTMParams
from cdjax.core.decomposition import split_logits
from cdjax.core.network import Classifier, forward, read_out
from cdjax.core.rules import PAPER, Rule
from cdjax.engine import jobs as engine
from cdjax.engine.jobs import Job
from cdjax.engine.schedule import Piece, count_stored_states, plan, split_groups, trunk_bounds
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
from cdjax.spans import count_spans, enumerate_spans, padded_length, span_mask

STEPS_A_TILE = 8192  # spans times padded length: bounds the memory of a tile of the recursion
REVIEWS_A_TILE = 64  # of a tile of predictions


class Chosen(NamedTuple):
    """Some of the spans asked for of one review."""

    review: int
    spans: Int[np.ndarray, "_"]  # which of them, by start and then by stop
    states: int  # stored states they need in a job


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
    (scores,) = _score_chosen(classifier, [ids], [checked], rule)
    check_finite(scores, "scores", 0)
    return scores


def score_sets(
    model: Classifier | Model,
    reviews: Sequence[ArrayLike] | np.ndarray | Array,
    sets: Sequence[ArrayLike],
    rule: Rule = PAPER,
    *,
    padding: int | None = None,
) -> list[Float[np.ndarray, "s k"]]:
    """Score sets of words, contiguous or not: what each contributes to the logits.

    By the recursion itself, for models of any number of layers; spans of a one-layer model are
    scored much faster by `score_spans` and `score_all_spans`.

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
    scores = [np.zeros((len(mask), len(classifier.bias)), classifier.bias.dtype) for mask in masks]
    model = jax.device_put(classifier)
    filled = [n for n in range(len(ids)) if len(ids[n]) and len(masks[n])]
    filled.sort(key=lambda n: len(ids[n]))
    for length, group in itertools.groupby(filled, key=lambda n: padded_length(len(ids[n]))):
        members = list(group)
        counts = [len(masks[n]) for n in members]
        words = np.stack([np.pad(ids[n], (0, length - len(ids[n]))) for n in members])
        last = np.array([len(ids[n]) - 1 for n in members], np.int32)
        inside = [np.pad(masks[n], ((0, 0), (0, length - len(ids[n])))) for n in members]
        review = np.repeat(np.arange(len(members)), counts)
        tile = min(max(8, STEPS_A_TILE // length), padded_length(len(review)))
        spare = -len(review) % tile  # the last tile is filled up with empty sets
        review = np.pad(review, (0, spare))
        inside = np.pad(np.concatenate(inside), ((0, spare), (0, 0)))
        tiles = [
            np.asarray(_score_sets(model, words[lanes], mask, last[lanes], rule))
            for lanes, mask in zip(
                review.reshape(-1, tile), inside.reshape(-1, tile, length), strict=True
            )
        ]
        ends = np.cumsum(counts)
        for n, score in zip(members, np.split(np.concatenate(tiles), ends)[:-1], strict=True):
            check_finite(score, "scores", n)
            scores[n] = score
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
    results = _stream(classifier, ids, rule, max_len)
    return (_check_result(n, result) for n, result in enumerate(results))


def _check_result(n: int, result: SpanScores) -> SpanScores:
    check_finite(result.scores, "scores", n)
    check_finite(result.logits, "logits", n)
    return result


def _stream(classifier, ids, rule, max_len) -> Iterator[SpanScores]:
    lengths = [len(review) for review in ids]
    jobs = plan_jobs(classifier, lengths, max_len)
    under_way: deque[list[np.ndarray]] = deque()  # spans of each piece of the jobs given to run

    def make_jobs():
        for pieces in jobs:
            under_way.append(_piece_spans(pieces, lengths, max_len))
            yield _job(pieces, under_way[-1], ids)

    done = _run_jobs(classifier, make_jobs(), rule)
    bias, of_nothing = classifier.bias, output_bias(classifier)
    review = 0  # the next to be given out

    def empty():
        return SpanScores(
            np.zeros((0, 2), np.int32), np.zeros((0, len(bias)), bias.dtype), of_nothing
        )

    started: list[tuple[np.ndarray, np.ndarray]] = []  # pieces so far of a review that was cut
    for pieces, (scores, logits) in zip(jobs, done, strict=True):
        for piece, spans, its_logits in zip(pieces, under_way.popleft(), logits, strict=True):
            while review < piece.review:
                yield empty()
                review += 1
            started.append((spans, scores[: len(spans)]))
            scores = scores[len(spans) :]
            if piece.stop == lengths[review]:
                whole_spans, whole_scores = started[0]
                if len(started) > 1:
                    whole_spans, whole_scores = map(np.concatenate, zip(*started, strict=True))
                yield SpanScores(whole_spans, whole_scores, its_logits + bias)
                started = []
                review += 1
    for _ in ids[review:]:
        yield empty()


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
    logits = predict(classifier, ids)
    scores = _score_chosen(classifier, ids, checked, rule)
    results = zip(checked, scores, logits, strict=True)
    return [_check_result(n, SpanScores(*result)) for n, result in enumerate(results)]


def _score_chosen(
    classifier: Classifier, ids: list[np.ndarray], spans: list[np.ndarray], rule: Rule
) -> list[Float[np.ndarray, "_ k"]]:
    """Return the scores of spans of each review, all checked."""
    bias = classifier.bias
    scores = [np.zeros((len(array), len(bias)), bias.dtype) for array in spans]
    largest = engine.sizes_for(classifier)[-1]
    pieces: list[Chosen] = []
    for n, asked in enumerate(spans):
        order = np.lexsort((asked[:, 1], asked[:, 0]))
        order = order[asked[order, 0] < asked[order, 1]]  # an empty span scores 0
        start, stop = asked[order].T
        head, last = trunk_bounds(np.zeros_like(start), start)
        states = count_stored_states(start, stop, head, last)
        for a, b in split_groups(states, largest.spans):
            pieces.append(Chosen(n, order[head[a] : last[b - 1] + 1], int(states[a:b].sum())))
    jobs = _fill_jobs(pieces, [len(review) for review in ids], largest.rows, largest.spans)

    def make_jobs():
        for job in jobs:
            chosen = [spans[piece.review][piece.spans] for piece in job]
            review = np.repeat(np.arange(len(job)), [len(array) for array in chosen])
            start, stop = np.concatenate(chosen).T
            yield Job([ids[piece.review] for piece in job], review, start, stop)

    for job, (out, _) in zip(jobs, _run_jobs(classifier, make_jobs(), rule), strict=True):
        ends = np.cumsum([len(piece.spans) for piece in job])[:-1]
        for piece, its_scores in zip(job, np.split(out, ends), strict=True):
            scores[piece.review][piece.spans] = its_scores
    return scores


def _fill_jobs(
    pieces: list[Chosen], lengths: list[int], rows: int, states: int
) -> list[list[Chosen]]:
    """Combine pieces of reviews, in order, while their words and stored states fit into a job."""
    jobs: list[list[Chosen]] = []
    rows_left = states_left = 0
    for piece in pieces:
        if not jobs or lengths[piece.review] > rows_left or piece.states > states_left:
            jobs.append([])
            rows_left, states_left = rows, states
        jobs[-1].append(piece)
        rows_left, states_left = rows_left - lengths[piece.review], states_left - piece.states
    return jobs


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
    logits = np.tile(output_bias(classifier), (len(ids), 1))
    order = [n for n in np.argsort([len(review) for review in ids], kind="stable") if len(ids[n])]
    for length, group in itertools.groupby(order, key=lambda n: padded_length(len(ids[n]))):
        members = list(group)
        for first in range(0, len(members), REVIEWS_A_TILE):
            tile = members[first : first + REVIEWS_A_TILE]
            x = np.zeros((REVIEWS_A_TILE, length, classifier.embedding.shape[1]), logits.dtype)
            last = np.zeros(REVIEWS_A_TILE, np.int32)
            for row, n in enumerate(tile):
                x[row, : len(ids[n])] = classifier.embedding[ids[n]]
                last[row] = len(ids[n]) - 1
            out = _predict(classifier._replace(embedding=None), x, last)
            logits[tile] = np.asarray(out)[: len(tile)]
    if wrong := np.flatnonzero(~np.isfinite(logits).all(axis=1)).tolist():
        check_finite(logits[wrong[0]], "logits", wrong[0])
    return logits


def plan_jobs(classifier: Classifier, lengths: list[int], max_len: int | None) -> list[list[Piece]]:
    """Cut a corpus into jobs: few, of about one size, and some for every device."""
    sizes = engine.sizes_for(classifier)
    smallest, largest = sizes[0], sizes[-1]
    longest = max(lengths, default=0)
    counts = [count_spans(length, max_len) for length in lengths]
    devices = jax.local_device_count()
    jobs = -(-sum(counts) // largest.spans)
    jobs = max(1, -(-jobs // devices) * devices)
    spans = max(-(-sum(counts) // jobs), smallest.spans)
    # A review that fits into a job is not cut: leave room for the last one of each.
    spans += max((count for count in counts if count <= spans), default=0)
    spans = max(min(spans, largest.spans), longest)
    return list(plan(lengths, max_len, max(largest.rows, longest), spans))


def _piece_spans(
    pieces: list[Piece], lengths: list[int], max_len: int | None
) -> list[Int[np.ndarray, "s 2"]]:
    """Return the spans of each piece."""
    return [enumerate_spans(lengths[p.review], max_len, (p.first, p.stop)) for p in pieces]


def _job(pieces: list[Piece], spans: list[np.ndarray], ids: list[np.ndarray]) -> Job:
    """Return the job of some pieces of the corpus."""
    start, stop = np.concatenate(spans).T
    review = np.repeat(np.arange(len(pieces)), [len(array) for array in spans])
    return Job([ids[piece.review] for piece in pieces], review, start, stop)


def _run_jobs(classifier: Classifier, jobs: Iterable[Job], rule: Rule):
    """Yield the scores of each job's spans and the logits of its reviews less the output bias."""
    if has_fast_form(classifier, rule):
        yield from engine.run_jobs(classifier, jobs, rule)
        return
    network = classifier._replace(embedding=None)
    for job in jobs:
        scores = np.empty((len(job.start), len(classifier.bias)), classifier.bias.dtype)
        for n, ids in enumerate(job.ids):
            indices = np.flatnonzero(job.review == n)
            length = padded_length(len(ids))
            x = np.zeros((length, classifier.embedding.shape[1]), classifier.bias.dtype)
            x[: len(ids)] = classifier.embedding[ids]
            tile = max(8, STEPS_A_TILE // length)
            for subset in np.split(indices, range(tile, len(indices), tile)):
                spans = np.zeros((tile, 2), np.int32)
                spans[: len(subset)] = np.stack([job.start[subset], job.stop[subset]], axis=1)
                out = _recursion(network, x, np.int32(len(ids)), spans, rule)
                scores[subset] = np.asarray(out)[: len(subset)]
        yield scores, predict(classifier, job.ids) - classifier.bias


def has_fast_form(classifier: Classifier, rule: Rule) -> bool:
    """Return whether the engine knows the network and the rule; the recursion knows all."""
    (first, *others), plain = classifier.layers, classifier.pool == "last" and not classifier.head
    return (
        plain
        and not others
        and isinstance(first, LSTMParams)
        and first[3:] == (None, None, "sigmoid", "tanh")
        and rule.gates_are_split
        and not rule.context_share
    )


@functools.partial(jax.jit, static_argnames="rule")
def _recursion(
    network: Classifier,
    x: Float[Array, "t d"],
    length: Int[Array, ""],
    spans: Int[Array, "s 2"],
    rule: Rule,
) -> Float[Array, "s k"]:
    """Score spans of one review of `length` words; `x` is padded."""
    steps = jnp.arange(len(x), dtype=spans.dtype)

    def score(span):
        inside = span_mask(span[0], span[1], steps)
        return split_logits(network, x, inside, rule, steps < length).beta

    return jax.vmap(score)(spans)


@functools.partial(jax.jit, static_argnames="rule")
def _score_sets(
    classifier: Classifier,
    words: Int[Array, "s t"],
    inside: Bool[Array, "s t"],
    last: Int[Array, "s"],
    rule: Rule,
) -> Float[Array, "s k"]:
    """Score sets of words, each of a review of its own; all padded."""

    def score(words, inside, last):
        x = jnp.take(classifier.embedding, words, axis=0)
        valid = jnp.arange(len(words), dtype=last.dtype) <= last
        return split_logits(classifier, x, inside, rule, valid).beta

    return jax.vmap(score)(words, inside, last)


@jax.jit
def _predict(network: Classifier, x, last):
    steps = jnp.arange(x.shape[1], dtype=last.dtype)
    return jax.vmap(lambda x, last: forward(network, x, steps <= last))(x, last)
