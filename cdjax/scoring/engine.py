"""`cdjax.core.all_spans`, jitted and fed: a job of bounded size at a time."""

import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from cdjax.core import all_spans
from cdjax.core.lstm import Classifier
from cdjax.core.rules import Rule
from cdjax.scoring.schedule import Schedule, Size, schedule

# A job takes the first size it fits into: narrow tiles waste little on a single review, wide ones
# keep the products of a corpus busy. Each is compiled once for a shape of model.
SIZES = (
    Size(rows=512, spans=4096, span_tile=128, run_tile=64),
    Size(rows=4096, spans=32768, span_tile=512, run_tile=256),
    Size(rows=32768, spans=262144, span_tile=2048, run_tile=512),
)


class Job(NamedTuple):
    """Some spans of some reviews."""

    ids: list[Int[np.ndarray, "t"]]  # words of each review, at least one
    review: Int[np.ndarray, "s"]  # of each span, which of the reviews it is in
    start: Int[np.ndarray, "s"]  # sorted by review, then start, then stop
    stop: Int[np.ndarray, "s"]  # beyond the start


def size_for(rows: int, spans: int) -> Size:
    """Return the first size that holds so many rows and spans, or one made for them."""
    for size in SIZES:
        if rows <= size.rows and spans <= size.spans:
            return size
    largest = SIZES[-1]
    return largest._replace(
        rows=max(largest.rows, 1 << (rows - 1).bit_length()),
        spans=max(largest.spans, 1 << (spans - 1).bit_length()),
    )


def run_jobs(
    classifier: Classifier, jobs: Iterable[Job], rule: Rule
) -> Iterator[tuple[Float[np.ndarray, "s k"], Float[np.ndarray, "b k"]]]:
    """Score jobs one after the other.

    Args:
        classifier: The model, of one layer.
        jobs: What to score.
        rule: Which reading of the method.

    Yields:
        Of each job, the scores of its spans and the logits of its reviews less the output bias.
    """
    classifier = jax.device_put(classifier)
    for job in jobs:
        lengths = np.array([len(review) for review in job.ids])
        words = int(lengths.sum())
        size = size_for(words, len(job.start))
        plan = schedule(lengths, job.review, job.start, job.stop, size)
        ids = np.zeros(size.rows + size.run_tile, np.int32)  # room for a slab beyond the last row
        ids[:words] = np.concatenate(job.ids)[plan.step[:words]]
        out, logits = _run(classifier, ids, plan, size, rule)
        scores = np.empty((len(plan.order), out.shape[1]), out.dtype)
        scores[plan.order] = out[: len(plan.order)]
        yield scores, logits[plan.place[np.cumsum(lengths) - 1]]


def _run(classifier: Classifier, ids: np.ndarray, plan: Schedule, size: Size, rule: Rule):
    """Return the scores of a job's tails and the logits at its rows."""
    for exponential in (True, False):
        method = all_spans.Method(rule, exponential, size.run_tile, size.span_tile)
        rows, logits, largest = _forward(classifier, ids, plan.reviews, method)
        if float(largest) <= all_spans.EXPONENT_LIMIT:
            break
    scores = _score(classifier, rows, plan.place, plan.trunks, plan.tails, method)
    return np.asarray(scores), np.asarray(logits)


@functools.partial(jax.jit, static_argnames="method")
def _forward(classifier, ids, reviews, method):
    return all_spans.run_forward(classifier, ids, all_spans.Runs(*reviews), method)


@functools.partial(jax.jit, static_argnames="method")
def _score(classifier, rows, place, trunks, tails, method):
    trunks, tails = all_spans.Runs(*trunks), all_spans.Tails(*tails)
    return all_spans.run_spans(classifier, rows, place, trunks, tails, method)
