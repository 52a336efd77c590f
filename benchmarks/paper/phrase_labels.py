"""Beyond the paper: scores of all labelled phrases of the treebank against their labels."""

import numpy as np
from cdjax.text.trees import NEUTRAL

from benchmarks.paper.plots import draw_bars_of_methods, table_of_methods
from benchmarks.paper.results import Record, fields, with_means
from benchmarks.paper.setting import Setting
from benchmarks.paper.statistics import auc, correlations, separation, spearman

TITLE = "Scores of phrases against their labels"
SECTION = "beyond the paper"
LENGTHS = {
    "all": (1, 10_000),
    "1": (1, 1),
    "2-4": (2, 4),
    "5-9": (5, 9),
    "10+": (10, 10_000),
}
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
    ("train", "The training trees, which the models have learned, for the main model alone."),
)
PUBLISHED_FIGURES: dict[str, float] = {}
STATISTICS = ("spearman", "auc")
RESAMPLES = 200


def run(setting: Setting) -> Record:
    """Correlate, for every method, model and rule."""
    rows = []
    for split in (PRIMARY, "dev", "train"):
        trees = setting.trees(split)
        nodes = [(number, node) for number, tree in enumerate(trees) for node in tree.nodes]
        review = np.array([number for number, _ in nodes])
        size = np.array([node.stop - node.start for _, node in nodes])
        labels = np.array([node.label for _, node in nodes], np.float64)
        for subject in setting.of("sst"):
            if split == "train" and not subject.main:
                continue
            for scorer in setting.scorers(subject):
                scores = np.concatenate(list(setting.nodes(subject, scorer, split).values()))
                for lengths, (low, high) in LENGTHS.items():
                    kept = (low <= size) & (size <= high)
                    if len(set(np.sign(labels[kept] - NEUTRAL)) - {0}) < 2:
                        continue  # no phrase of this length is positive, or none negative
                    every = lengths == "all" and split != "train"
                    rows.append(
                        {
                            "split": split,
                            "lengths": lengths,
                            "primary": split == PRIMARY and lengths == "all",
                            "model": subject.name,
                            **scorer.key,
                            "phrases": int(kept.sum()),
                            **_agreement(scores[kept], labels[kept], review[kept], every),
                        }
                    )
    rows.sort(key=lambda row: not row["primary"])
    return {"rows": with_means(rows, STATISTICS)}


def draw(setting: Setting, found: Record) -> list[Record]:
    """Draw the agreement of each method."""
    rows = [row for row in found["rows"] if row["primary"]]
    figures = []
    for name, title in (("spearman", "Spearman's rank correlation"), ("auc", "AUC")):
        stem = f"phrase_labels-{name}"
        draw_bars_of_methods(setting, stem, rows, name, title)
        caption = f"{title} of scores of phrases with their labels, {PRIMARY}."
        figures.append({"file": stem, "caption": caption})
    return figures


def tables(found: Record) -> str:
    """Return a table for each split and range of lengths."""
    parts = []
    for split, lengths in dict.fromkeys((r["split"], r["lengths"]) for r in found["rows"]):
        rows = [r for r in found["rows"] if (r["split"], r["lengths"]) == (split, lengths)]
        words = "all lengths" if lengths == "all" else f"{lengths} words"
        title = f"**{split}, {words}**: {rows[0]['phrases']:,} phrases."
        parts.append(f"{title}\n\n{table_of_methods(rows, STATISTICS)}")
    return "\n".join(parts)


def _agreement(scores: np.ndarray, labels: np.ndarray, review: np.ndarray, intervals: bool):
    strong = labels != NEUTRAL
    mine, positive = scores[strong], labels[strong] > NEUTRAL
    if not intervals:
        return {
            "spearman": spearman(scores, labels),
            "auc": auc(mine[positive], mine[~positive]),
        }
    correlated = correlations(scores, labels, review, RESAMPLES)["spearman"]
    separated = separation(mine, positive, review[strong], RESAMPLES)["auc"]
    return fields({"spearman": correlated, "auc": separated})
