"""Models and corpora to measure on, and how much work there is in them."""

from collections.abc import Iterable, Sequence

import numpy as np
from cdjax import Classifier, LSTMParams, enumerate_spans
from cdjax.engine.plan import Job


def random_classifier(hidden: int, width: int, words: int, seed: int = 0) -> Classifier:
    """Return a one-layer classifier of two classes with weights of a trained one's size.

    Recurrent weights shrink with the square root of the hidden size, so that states of any size
    behave alike: 0.08 at 168.
    """
    rng = np.random.default_rng(seed)

    def normal(scale, *shape):
        return (scale * rng.normal(size=shape)).astype(np.float32)

    layer = LSTMParams(
        W=normal(0.1, 4, hidden, width),
        V=normal(0.08 * (168 / hidden) ** 0.5, 4, hidden, hidden),
        b=normal(0.1, 4, hidden),
    )
    return Classifier(normal(0.3, words, width), (layer,), normal(0.3, 2, hidden), normal(0.1, 2))


def random_reviews(lengths: Iterable[int], words: int, seed: int = 1) -> list[np.ndarray]:
    """Return word numbers of reviews of these lengths."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, words, length).astype(np.int32) for length in lengths]


def make_job(x: list[np.ndarray], spans: Sequence[np.ndarray]) -> Job:
    """Return the job of the given spans `[s, 2]` of each sequence, sorted by start, then stop."""
    owner = np.repeat(np.arange(len(x)), [len(array) for array in spans])
    start, stop = np.concatenate(spans).T
    return Job(x, owner, start, stop)


def count_steps(job: Job) -> int:
    """Return the useful span-steps of a job: one time step of one span each.

    Spans with one start share the steps inside the phrase, to the furthest end asked for (their
    trunk); each has the steps from its end to its review's for itself (its tail).
    """
    lengths = np.array([len(x) for x in job.x])
    tails = lengths[job.sequence] - job.stop
    new = np.ones(len(job.start), bool)
    new[1:] = (np.diff(job.sequence) != 0) | (np.diff(job.start) != 0)
    heads = np.flatnonzero(new)
    trunks = np.maximum.reduceat(job.stop, heads) - job.start[heads]
    return int(tails.sum() + trunks.sum())


def count_corpus_steps(lengths: Iterable[int], max_len: int | None = None) -> int:
    """Return the useful span-steps of all spans of a corpus."""
    steps, known = 0, {}
    for length in lengths:
        if length and length not in known:
            spans = enumerate_spans(length, max_len)
            known[length] = count_steps(make_job([np.zeros((length, 1))], [spans]))
        steps += known.get(length, 0)
    return steps
