"""Beyond the paper: the scores of a sentence's phrases with an irrelevant sentence beside it."""

from typing import Any

import numpy as np

from benchmarks.paper.faithfulness import choose_reviews
from benchmarks.paper.setting import Scorer, Setting, Subject
from benchmarks.paper.statistics import RESAMPLES, average, concordance

ADDED = ["we", "saw", "it", "on", "tuesday", "."]


def measure(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Return the concordance of scores with and without the added sentence."""
    reviews, spans = choose_reviews(setting, split)
    owner = np.repeat(np.arange(len(reviews)), [len(pairs) for pairs in spans])
    texts = {
        "alone": (reviews, spans),
        "before": ([ADDED + review for review in reviews], [p + len(ADDED) for p in spans]),
        "after": ([review + ADDED for review in reviews], spans),
    }
    scores = {
        where: np.concatenate(setting.score(subject, scorer, *given, f"nodes, added {where}"))
        for where, given in texts.items()
    }
    estimates = {
        where: concordance(scores["alone"], scores[where], owner, resamples)
        for where in ("before", "after")
    }
    return {"concordance": average(list(estimates.values())), **estimates}
