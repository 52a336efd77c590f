"""Beyond the paper: the scores of a sentence's phrases with an irrelevant sentence beside it."""

from typing import Any

import numpy as np

from benchmarks.paper.faithfulness import choose_reviews, score_nodes
from benchmarks.paper.setting import Scorer, Setting, Subject
from benchmarks.paper.statistics import RESAMPLES, average, concordance

ADDED = ["we", "saw", "it", "on", "tuesday", "."]


def measure(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Return the concordance of scores with and without the added sentence."""
    trees, reviews, spans = choose_reviews(setting, split)
    owner = np.repeat(np.arange(len(reviews)), [len(pairs) for pairs in spans])
    texts = {
        "before": ([ADDED + review for review in reviews], [p + len(ADDED) for p in spans]),
        "after": ([review + ADDED for review in reviews], spans),
    }
    alone = np.concatenate(score_nodes(setting, subject, scorer, split, trees))
    estimates = {}
    for where, (tokens, nodes) in texts.items():
        what = f"nodes, added {where}"
        scores = np.concatenate(setting.score(subject, scorer, tokens, nodes, what))
        estimates[where] = concordance(alone, scores, owner, resamples)
    return {"concordance": average(list(estimates.values())), **estimates}
