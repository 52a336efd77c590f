"""The measures of the study of rules by name; each is kept by measure, model, rule and split.

A new measure is a function and a line here.
"""

import functools
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cdjax.model import find_vocabulary

from benchmarks.paper import (
    compositionality,
    deletion,
    faithfulness,
    negation,
    phrase_labels,
    regressions,
    searches,
    setting,
    stability,
    statistics,
    steps,
    unigrams,
)
from benchmarks.paper.results import write_text
from benchmarks.paper.setting import PACKAGE, SCORING, Scorer, Setting, Subject, digest_code
from benchmarks.paper.statistics import Estimate

REPEATS, SECONDS = 3, 10  # of a measurement of time: so many, or fewer that take so long
ROOMS = (*SCORING, "model", "text", "training")
SHARED = (deletion, faithfulness, phrase_labels, regressions, searches, setting, steps)
"""What measures depend on besides their own module and the statistics."""


class Measure(NamedTuple):
    """A question to scores, and how it is answered."""

    name: str
    letter: str  # in the protocol
    title: str
    statistic: str  # the primary one, by which rules are ranked
    run: Callable[[Setting, Subject, Scorer, str, int], dict[str, Any]]
    """Of a setting, model, method and split, the statistics; with so many resamples."""
    choices: str  # split on which choices are made
    confirmation: str | None  # the split that confirms them; None: there is none
    resamples: int
    others: tuple[str, ...] = ()  # further statistics
    interactions: bool = False  # whether it is of interactions, which sums of words have none of
    sign: int = 1  # -1 where less is better
    decides: bool = True  # whether the criterion ranks by it

    def split(self, part: str) -> str | None:
        """Return the split of a part, "choices" or "confirmation"."""
        return self.choices if part == "choices" else self.confirmation


def time_scores(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, resamples: int
) -> dict[str, Any]:
    """Return the seconds that the scores of all nodes of a split take, compiled beforehand."""
    trees = setting.trees(split)
    ids = [find_vocabulary(subject.model).encode(tree.tokens) for tree in trees]
    spans = [np.array([(n.start, n.stop) for n in tree.nodes], np.int32) for tree in trees]
    took: list[float] = []
    scorer.method.score(subject.model.classifier, ids, spans)
    while len(took) < REPEATS and sum(took) < SECONDS:
        started = time.perf_counter()
        scorer.method.score(subject.model.classifier, ids, spans)
        took.append(time.perf_counter() - started)
    return {"seconds": float(np.median(took)), "phrases": sum(map(len, spans))}


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            *("labels", "a", "agreement with people's labels", "spearman", phrase_labels.measure),
            *("dev", "test", 200, ("auc",)),
        ),
        Measure(
            *("composition", "b", "phrases against their review (4.4)", "ks"),
            *(compositionality.measure, "dev", "test", 1000),
            ("auc", "right_positive", "right_negative"),
        ),
        Measure(
            *("negation", "c", "interactions of negations (4.5)", "ks", negation.measure),
            *("train", "dev+test", 1000),
            ("auc", "ks_alone", "auc_alone", "right_phrase", "right_part"),
            interactions=True,
        ),
        Measure(
            *("words", "d", "words against a regression (4.2)", "pearson", unigrams.measure),
            *("dev", "test", 1000, ("spearman",)),
        ),
        Measure(
            *("faithfulness", "e", "agreement with the network without the words", "shapley"),
            *(faithfulness.measure, "dev", "test", 200, ("left_out", "deletion", "insertion")),
        ),
        Measure(
            *("stability", "g", "concordance with an irrelevant sentence added", "concordance"),
            *(stability.measure, "dev", "test", 200, ("before", "after")),
            decides=False,
        ),
        Measure(
            *("cost", "h", "seconds for all nodes", "seconds", time_scores, "dev", None, 0),
            sign=-1,
            decides=False,
        ),
    )
}
PLANTED = "planted"
"""Name of the measure f, of networks of its own: `benchmarks.paper.planted`."""


def run_measure(
    measure: Measure,
    setting: Setting,
    subject: Subject,
    scorer: Scorer,
    part: str,
    intervals: bool = True,
) -> dict[str, Any]:
    """Return the statistics of a measure, from their file where they were computed before.

    Args:
        measure: The measure.
        setting: The data.
        subject: The model.
        scorer: The method, by a rule.
        part: "choices" or "confirmation".
        intervals: Whether to resample.
    """
    split = measure.split(part)
    assert split is not None
    resamples = measure.resamples if intervals else 0
    rule = scorer.rule and scorer.rule[1:]
    inputs = [subject.digest, scorer.method.name, repr(rule), split, resamples, setting.quick]
    inputs += [setting.digests("sst"), _digest_measure(measure)]
    digest = hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:24]
    path = setting.out / "measures" / f"{measure.name}-{digest}.json"
    if not path.is_file():
        measured = measure.run(setting, subject, scorer, split, resamples)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(_encode(measured), allow_nan=False))
    return _decode(json.loads(path.read_text(encoding="utf-8")))


def is_defined(measure: Measure, scorer: Scorer) -> bool:
    """Return whether a measure is defined for a method."""
    return not (measure.interactions and scorer.method.additive)


@functools.cache
def _digest_measure(measure: Measure) -> str:
    """Return a digest of the code that a measure depends on; reports may change without it."""
    digest = hashlib.sha256(digest_code(*(PACKAGE / room for room in ROOMS)).encode())
    modules = {sys.modules[measure.run.__module__], statistics, *SHARED}
    for path in sorted(str(module.__file__) for module in modules):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def _encode(value: Any) -> Any:
    match value:
        case Estimate():
            resampled = [None if np.isnan(x) else x for x in value.resampled]
            return {"estimate": [value.value, value.low, value.high, resampled]}
        case Mapping():
            return {key: _encode(item) for key, item in value.items()}
        case np.generic():
            return value.item()
    return value


def _decode(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"estimate"}:
        exact, low, high, resampled = value["estimate"]
        return Estimate(exact, low, high, tuple(np.nan if x is None else x for x in resampled))
    return {key: _decode(item) for key, item in value.items()}
