"""The phrases most alike to the model, of those that a page lists (`cdjax.phrases`).

Vectors are means over the reviews of the page, which bounds the work and the memory: 8 H bytes a
phrase, and what `cdjax.phrases.vectors` says.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from cdjax.core.rules import RULES
from cdjax.corpus.errors import CorpusError
from cdjax.corpus.manifest import describe_rule, identify_model
from cdjax.corpus.report.scores import Scores
from cdjax.model import Model, find_vocabulary
from cdjax.phrases.neighbours import find_neighbours, overlaps
from cdjax.phrases.vectors import Phrases, average_vectors
from cdjax.viz.page.report import Report, Similar

QUERIES = 256  # phrases whose neighbours are searched at a time


def check_model(scores: Scores, model: Model) -> None:
    """Raise unless the phrases of a job have vectors by a model.

    Raises:
        CorpusError: Where it is not the model of the job, pads its texts, or the rule is none of
            this library's.
    """
    run = scores.manifest["run"]
    if identify_model(model) != run["model"]:
        raise CorpusError(
            f"the model is not the one of the job ({scores.manifest.get('model')}): its weights, "
            f"words or labels differ."
        )
    if find_vocabulary(model).frame is not None:
        raise CorpusError("the model pads its texts, and a phrase's vector depends on its place.")
    rule = RULES.get(run["rule"]["name"])
    if rule is None or describe_rule(rule) != run["rule"]:
        raise CorpusError(f"this version has no rule {run['rule']['name']!r} as that of the job.")


def find_similar(
    scores: Scores,
    report: Report,
    model: Model,
    count: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Return a report with the nearest of the listed phrases to each of them.

    Phrases that hold one another are left out, and those with a word that the model does not know.

    Args:
        scores: The job.
        report: Its report.
        model: Of the job.
        count: How many of each.
        progress: Called at intervals with the number of reviews done.

    Raises:
        CorpusError: As `check_model`.
        ValueError: As `average_vectors`.
    """
    check_model(scores, model)
    vocabulary = find_vocabulary(model)
    reviews = report.reviews
    numbers = vocabulary.encode(reviews.words)  # of each word of the page
    words = reviews.form_words[reviews.tokens]
    found = _find_occurrences(report.phrases.words, words, reviews.lengths)
    counts = np.bincount(found[found >= 0], minlength=len(report.phrases.counts))
    known = np.append(numbers != vocabulary.unknown, True)[report.phrases.words].all(axis=1)
    rows = np.flatnonzero(known & (counts > 0))
    indices = np.full((len(counts), count), -1)
    cosines = np.zeros((len(counts), count), np.float32)
    if len(rows):
        row_of = np.full(len(counts) + 1, -1)
        row_of[rows] = np.arange(len(rows))
        ids = np.append(numbers, -1)[report.phrases.words[rows]]
        table = Phrases(ids, counts[rows], reviews.lengths, row_of[found].astype(np.int32))
        texts = np.split(numbers[words], np.cumsum(reviews.lengths)[:-1])
        rule = RULES[scores.manifest["run"]["rule"]["name"]]
        vectors = average_vectors(model, texts, table, rule, progress=progress).vectors
        near, cosine = _nearest(ids, vectors, count)
        indices[rows] = np.append(rows, -1)[near]
        cosines[rows] = cosine
    return report._replace(similar=Similar(indices, cosines))


def _nearest(ids: Int[np.ndarray, "p m"], vectors, count: int):
    """Return indices and cosines of the nearest of each phrase; -1 for no more."""
    indices = np.full((len(ids), count), -1)
    cosines = np.zeros((len(ids), count), np.float32)
    directed = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)
    for first in range(0, len(directed), QUERIES):
        rows = directed[first : first + QUERIES]
        leave_out = np.stack([overlaps(ids, phrase[phrase >= 0]) for phrase in ids[rows]])
        nearest = find_neighbours(vectors, vectors[rows], count, leave_out=leave_out)
        for row, near, cosine in zip(rows, *nearest, strict=True):
            indices[row, : len(near)], cosines[row, : len(near)] = near, cosine
    return indices, cosines


def _find_occurrences(
    phrases: Int[np.ndarray, "p m"], words: Int[np.ndarray, "t"], lengths: Int[np.ndarray, "n"]
) -> Int[np.ndarray, "m t"]:
    """Return the number of the phrase of m + 1 words from each word on, or -1."""
    longest, base = phrases.shape[1], int(max(phrases.max(), words.max(initial=0))) + 1
    remaining = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(words))
    found = np.full((longest, len(words)), -1)
    long = (phrases >= 0).sum(axis=1)
    node, here = phrases[:, 0].astype(np.int64), words.astype(np.int64)  # of the words so far
    for n in range(longest):
        number = np.full(int(node.max(initial=0)) + 2, -1)
        ends = long == n + 1
        number[node[ends]] = np.flatnonzero(ends)
        fits = (here >= 0) & (here < len(number) - 1)
        found[n] = np.where(fits, number[np.where(fits, here, -1)], -1)
        going = long > n + 1
        if not going.any():
            break
        keys, nodes = np.unique(node[going] * base + phrases[going, n + 1], return_inverse=True)
        node = np.where(going, 0, -1)
        node[going] = nodes
        following = np.append(words[n + 1 :], np.zeros(min(n + 1, len(words)), words.dtype))
        key = here * base + following
        at = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        here = np.where((here >= 0) & (remaining > n + 1) & (keys[at] == key), at, -1)
    return found
