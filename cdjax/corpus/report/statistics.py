"""The numbers of chosen phrases over the whole corpus."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from cdjax.corpus.report.scores import Scale, Scores
from cdjax.corpus.report.selection import evidence_of

SIDE = 16
"""Columns of a histogram on each side of the middle one, each half as wide as the clear threshold;
the last holds all that is beyond."""


class Statistics(NamedTuple):
    """Of each phrase, in the order given; of each number that a person reads (`l`)."""

    words: list[tuple[str, ...]]
    counts: Int[np.ndarray, "p"]
    evidence: Float[np.ndarray, "p"]
    means: Float[np.ndarray, "l p"]
    interactions: Float[np.ndarray, "l p"]  # means
    lows: Int[np.ndarray, "l p"]  # in units of the last decimal
    highs: Int[np.ndarray, "l p"]
    histograms: Int[np.ndarray, "l p b"]

    def take(self, rows: Int[np.ndarray, "q"]) -> "Statistics":
        """Return those of some phrases."""
        return Statistics(
            [self.words[row] for row in rows],
            self.counts[rows],
            self.evidence[rows],
            *(array[:, rows] for array in self[3:]),
        )


def describe_phrases(scores: Scores, scale: Scale, keys: UInt64[np.ndarray, "p"]) -> Statistics:
    """Count, average and spread the occurrences of phrases by their keys, which ascend."""
    numbers, size = len(scores.columns[0]), len(keys)
    words: list[tuple[str, ...]] = [()] * size
    counts = np.zeros(size, np.int64)
    evidence = np.zeros(size)
    sums, beyond = (np.zeros((numbers, size)) for _ in range(2))
    lows = np.full((numbers, size), np.iinfo(np.int64).max)
    highs = np.full((numbers, size), np.iinfo(np.int64).min)
    histograms = np.zeros((numbers, size, 2 * SIDE + 1), np.int64)
    for part in scores.parts():
        for spans in scores.spans(part):
            at, found = find_keys(keys, spans.keys)
            at = at[found]
            new, rows = np.unique(at, return_index=True)
            for n, row in zip(new, rows, strict=True):
                if not words[n]:
                    first, length = (int(a[found][row]) for a in (spans.first, spans.words))
                    words[n] = tuple(part.words[first : first + length].to_pylist())
            np.add.at(counts, at, 1)
            shown = scale.to_units(spans.numbers[found])
            columns = histogram_columns(scale, shown)
            np.add.at(evidence, at, evidence_of(scale, spans.numbers[found]))
            for k in range(numbers):
                np.add.at(sums[k], at, spans.numbers[found, k])
                np.add.at(beyond[k], at, spans.beyond[found, k])
                np.minimum.at(lows[k], at, shown[:, k])
                np.maximum.at(highs[k], at, shown[:, k])
                np.add.at(histograms[k], (at, columns[:, k]), 1)
    occurrences = np.maximum(counts, 1)
    return Statistics(
        words,
        counts,
        evidence,
        sums / occurrences,
        beyond / occurrences,
        lows,
        highs,
        histograms,
    )


def find_keys(
    keys: UInt64[np.ndarray, "p"], wanted: UInt64[np.ndarray, "s"]
) -> tuple[Int[np.ndarray, "s"], Bool[np.ndarray, "s"]]:
    """Return where in `keys`, which ascend, each wanted key is, and whether it is there."""
    at = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
    return at, keys[at] == wanted if len(keys) else np.zeros(len(wanted), bool)


def histogram_columns(scale: Scale, shown: Int[np.ndarray, "*s"]) -> Int[np.ndarray, "*s"]:
    """Return the column of a histogram that each number belongs to, as it is shown.

    From the third to either side of the middle on, scores are clear.
    """
    size = 2 * np.abs(shown) // scale.clear
    return SIDE + np.sign(shown) * np.minimum(size, SIDE)
