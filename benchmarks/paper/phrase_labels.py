"""Beyond the paper: scores of all labelled phrases of the treebank against their labels."""

from typing import Any

import numpy as np
from cdjax.text.trees import NEUTRAL

from benchmarks.paper.experiment import Experiment, Layout
from benchmarks.paper.plots import draw_bars_of_methods
from benchmarks.paper.results import Record, fields, with_means
from benchmarks.paper.setting import Scorer, Setting, Subject, once_a_split
from benchmarks.paper.statistics import Estimate, correlations, separation

LENGTHS = {
    "all": (1, 10_000),
    "1": (1, 1),
    "2-4": (2, 4),
    "5-9": (5, 9),
    "10+": (10, 10_000),
}
DISTANCES = {"0": (0, 0), "1-4": (1, 4), "5-9": (5, 9), "10+": (10, 10_000)}
"""Ranges of the number of words from a phrase to the end."""
PRIMARY = "test"
PROTOCOL = (
    (
        "phrases",
        "Every node of every tree, whole sentences and single words included, scored within its "
        "sentence, against its own label, 0 to 4.",
    ),
    ("primary", "The test set, phrases of all lengths."),
    (
        "statistic",
        "Spearman's rank correlation of scores with labels, and area under the ROC curve of "
        "phrases labelled positive against those labelled negative; intervals of 95% by 200 "
        "bootstrap resamples of whole sentences, for phrases of all lengths of dev and test.",
    ),
    ("train", "1,000 of the training trees, on which the models were trained; main model only."),
)
TRAINING_TREES = 1000
STATISTICS = ("spearman", "auc")
RESAMPLES = 200


def run(setting: Setting) -> Record:
    """Correlate, for every method, model and rule."""
    rows = []
    for split in (PRIMARY, "dev", "train"):
        trees = _sample(len(setting.trees(split))) if split == "train" else None
        review, size, _, labels = _describe_nodes(setting, split, trees)
        for subject in setting.of("sst"):
            if split == "train" and not subject.main:
                continue
            for scorer in setting.scorers(subject):
                nodes = setting.nodes(subject, scorer, split, trees)
                scores = np.concatenate(list(nodes.values()))
                for lengths, (low, high) in LENGTHS.items():
                    kept = (low <= size) & (size <= high)
                    if len(set(np.sign(labels[kept] - NEUTRAL)) - {0}) < 2:
                        continue  # no phrase of this length is positive, or none negative
                    intervals = lengths == "all" and split != "train"
                    rows.append(
                        {
                            "split": split,
                            "lengths": lengths,
                            "primary": split == PRIMARY and lengths == "all",
                            "model": subject.name,
                            **scorer.key,
                            "phrases": int(kept.sum()),
                            **_agreement(scores[kept], labels[kept], review[kept], intervals),
                        }
                    )
    rows.sort(key=lambda row: not row["primary"])
    return {"rows": with_means(rows, STATISTICS)}


def measure(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Return the agreement of all phrases of a split, and by length and distance from the end."""
    review, size, after, labels = _describe_nodes(setting, split)
    scores = np.concatenate(list(setting.nodes(subject, scorer, split).values()))
    statistics: dict[str, Any] = dict(_estimate(scores, labels, review, resamples))
    for name, values, bins in (("length", size, LENGTHS), ("distance", after, DISTANCES)):
        statistics[name] = {}
        for within, (low, high) in bins.items():
            kept = (low <= values) & (values <= high)
            if within != "all" and len(set(np.sign(labels[kept] - NEUTRAL)) - {0}) > 1:
                agreement = _agreement(scores[kept], labels[kept], review[kept], False)
                statistics[name][within] = {"phrases": int(kept.sum()), **agreement}
    return statistics


def _sample(count: int) -> tuple[int, ...]:
    """Return the numbers of `TRAINING_TREES` of so many trees, ascending."""
    return tuple(sorted(np.random.default_rng(0).permutation(count)[:TRAINING_TREES].tolist()))


@once_a_split
def _describe_nodes(
    setting: Setting, split: str, trees: tuple[int, ...] | None = None
) -> tuple[np.ndarray, ...]:
    """Return the tree, the length, the number of words behind it and the label of every node.

    Args:
        setting: The data.
        split: Of the treebank.
        trees: Indices of the trees, ascending; all when None.
    """
    of_split = setting.trees(split)
    columns = [
        (index, node.stop - node.start, len(tree.tokens) - node.stop, float(node.label))
        for index, tree in ((n, of_split[n]) for n in trees or range(len(of_split)))
        for node in tree.nodes
    ]
    return tuple(np.array(column) for column in zip(*columns, strict=True))


def draw(setting: Setting, result: Record) -> list[Record]:
    """Draw the agreement of each method."""
    rows = [row for row in result["rows"] if row["primary"]]
    figures = []
    for name, title in (("spearman", "Spearman's rank correlation"), ("auc", "AUC")):
        stem = f"phrase_labels-{name}"
        draw_bars_of_methods(setting, stem, rows, name, title)
        caption = f"{title} of scores of phrases with their labels, {PRIMARY}."
        figures.append({"file": stem, "caption": caption})
    return figures


def _agreement(scores: np.ndarray, labels: np.ndarray, review: np.ndarray, intervals: bool):
    if intervals:
        return fields(_estimate(scores, labels, review, RESAMPLES))
    statistics = _estimate(scores, labels, review, 0)
    return {name: estimate.value for name, estimate in statistics.items()}


def _estimate(
    scores: np.ndarray, labels: np.ndarray, review: np.ndarray, resamples: int
) -> dict[str, Estimate]:
    strong = labels != NEUTRAL
    polar, positive = scores[strong], labels[strong] > NEUTRAL
    return {
        "spearman": correlations(scores, labels, review, resamples, ("spearman",))["spearman"],
        "auc": separation(polar, positive, review[strong], resamples, ("auc",))["auc"],
    }


EXPERIMENT = Experiment(
    name="phrase_labels",
    title="Scores of phrases against their labels",
    section="",
    data=("sst",),
    protocol=PROTOCOL,
    run=run,
    draw=draw,
    layout=Layout(
        "spearman",
        panels=("split",),
        factors=("lengths",),
        others=("auc",),
        counts=("phrases",),
    ),
    takes_long=True,
)
