"""Which phrases a page lists: those of most evidence, found in one pass and bounded memory.

The evidence of a phrase is the sum of the absolute scores of its occurrences, as far as they are
clear; of several labels the largest counts. A phrase none of whose occurrences is clear is not
listed.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt64

from cdjax.corpus.report.scores import Scale, Scores

CAPACITY = 1 << 20  # phrases that are counted at a time
BUFFER = 1 << 19  # occurrences that are added at once
SPARE = 2  # so many times the phrases wanted are counted exactly


class Selection(NamedTuple):
    """Phrases that may be listed."""

    keys: UInt64[np.ndarray, "p"]  # ascending
    bound: float  # no other phrase has more evidence


class Tally:
    """Occurrences and evidence of phrases by key; what is lightest makes room for new ones.

    Attributes:
        lost: The most evidence that a phrase which is not there can have.
        lost_count: The most occurrences that are missing from any count.
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.keys = np.zeros(0, np.uint64)
        self.counts = np.zeros(0, np.int64)
        self.evidence = np.zeros(0)
        self.lost, self.lost_count = 0.0, 0

    def add(
        self,
        keys: UInt64[np.ndarray, "s"],
        evidence: Float[np.ndarray, "s"],
    ) -> None:
        """Add occurrences."""
        merged = np.concatenate([self.keys, keys])
        counts = np.concatenate([self.counts, np.ones(len(keys), np.int64)])
        evidence = np.concatenate([self.evidence, evidence])
        order = np.argsort(merged, kind="stable")
        merged = merged[order]
        firsts = np.flatnonzero(np.concatenate([[True], merged[1:] != merged[:-1]]))
        self.keys = merged[firsts]
        self.counts = np.add.reduceat(counts[order], firsts)
        self.evidence = np.add.reduceat(evidence[order], firsts)
        if len(self.keys) > self.capacity:
            self._keep(np.argsort(-self.evidence, kind="stable"), self.capacity // 2)

    def _keep(self, order: Int[np.ndarray, "p"], count: int) -> None:
        dropped = order[count:]
        self.lost += float(self.evidence[dropped].max(initial=0.0))
        self.lost_count += int(self.counts[dropped].max(initial=0))
        kept = np.sort(order[:count])
        self.keys, self.counts = self.keys[kept], self.counts[kept]
        self.evidence = self.evidence[kept]


def evidence_of(scale: Scale, numbers: Float[np.ndarray, "s l"]) -> Float[np.ndarray, "s"]:
    """Return the evidence of occurrences: of scores that are not clear as they are shown, 0."""
    clear = np.abs(scale.to_units(numbers)) >= scale.clear
    return np.where(clear, np.abs(numbers), 0.0).max(axis=1)


def select_phrases(scores: Scores, scale: Scale, count: int, min_count: int) -> Selection:
    """Return more phrases than are wanted, among them those of most evidence."""
    tally = Tally(CAPACITY)
    keys: list[np.ndarray] = []
    evidence: list[np.ndarray] = []

    def flush() -> None:
        if keys:
            tally.add(np.concatenate(keys), np.concatenate(evidence))
        keys.clear()
        evidence.clear()

    for part in scores.parts():
        for spans in scores.spans(part):
            keys.append(spans.keys)
            evidence.append(evidence_of(scale, spans.numbers))
            if sum(map(len, keys)) >= BUFFER:
                flush()
    flush()
    possible = tally.counts + tally.lost_count >= min_count
    possible &= tally.evidence > 0
    found = np.flatnonzero(possible)
    found = found[np.argsort(-tally.evidence[found], kind="stable")]
    kept, left = found[: SPARE * count], found[SPARE * count :]
    bound = tally.lost + float(tally.evidence[left].max(initial=0.0))
    return Selection(np.sort(tally.keys[kept]), bound)
