"""Section 4.4: long phrases of the opposite polarity to their review."""

import numpy as np

from benchmarks.paper.examples import draw_heat_maps, make_heat_map
from benchmarks.paper.experiment import Experiment, Layout
from benchmarks.paper.plots import draw_bars_of_methods, draw_separations
from benchmarks.paper.results import Record, fields, with_means
from benchmarks.paper.searches import dissenting_phrases
from benchmarks.paper.setting import Setting
from benchmarks.paper.statistics import separation

PROTOCOL = (
    (
        "search",
        "Every phrase of one to two thirds of its review's words that is labelled positive in a "
        "negative review (a positive phrase) or negative in a positive one (a negative phrase), "
        "labels of the treebank; neutral reviews and phrases are left out.",
    ),
    ("primary", "The development set (the paper names none); train and test beside it."),
    (
        "statistic",
        "One-sided two-sample Kolmogorov-Smirnov statistic of the positive phrases' scores above "
        "the negative phrases', and area under the ROC curve; intervals of 95% by 1,000 bootstrap "
        "resamples of whole reviews.",
    ),
)
PUBLISHED_FIGURES = {"cd": 0.74, "gradient": 0.61, "loo": 0.58, "ig": 0.33, "cell": 0.0}
EXAMPLE = "It 's easy to love Robin Tunney"
PRIMARY = "dev"
STATISTICS = ("ks", "auc", "right_positive", "right_negative")


def run(setting: Setting) -> Record:
    """Score the phrases by every method, model and rule."""
    rows, distributions = [], []
    for split in (PRIMARY, "test", "train"):
        trees = setting.trees(split)
        phrases = list(dissenting_phrases(trees))
        positive = np.array([phrase.positive for phrase in phrases])
        reviews = np.array([phrase.tree for phrase in phrases])
        for subject in setting.of("sst"):
            for scorer in setting.scorers(subject):
                nodes = setting.nodes(subject, scorer, split, reviews.tolist())
                scores = np.array([nodes[phrase.tree][phrase.node] for phrase in phrases])
                record = {"split": split, "model": subject.name, **scorer.key}
                rows.append(
                    {
                        **record,
                        "primary": split == PRIMARY,
                        "positive": int(positive.sum()),
                        "negative": int((~positive).sum()),
                        **fields(separation(scores, positive, reviews)),
                        "right_positive": float((scores[positive] > 0).mean()),
                        "right_negative": float((scores[~positive] < 0).mean()),
                    }
                )
                if subject.main:
                    groups = {"positive": scores[positive], "negative": scores[~positive]}
                    distributions.append({**record, **groups})
    return {
        "rows": with_means(rows, STATISTICS),
        "distributions": distributions,
        "heat_maps": _heat_maps(setting),
    }


def draw(setting: Setting, result: Record) -> list[Record]:
    """Draw the distributions, the statistics and the examples."""
    figures = []
    for split in dict.fromkeys(d["split"] for d in result["distributions"]):
        of_split = [d for d in result["distributions"] if d["split"] == split]
        stem = f"compositionality-{split}"
        draw_separations(setting, stem, of_split, result["rows"])
        caption = f"Scores of phrases of the opposite polarity to their review, {split}."
        figures.append({"file": stem, "caption": caption})
    primary = [row for row in result["rows"] if row["primary"]]
    draw_bars_of_methods(
        setting, "compositionality-ks", primary, "ks", "KS statistic", PUBLISHED_FIGURES
    )
    caption = f"KS statistic of each method ({PRIMARY}), with 95% intervals, and the paper's."
    figures.append({"file": "compositionality-ks", "caption": caption})
    return figures + draw_heat_maps(setting, "compositionality", result["heat_maps"])


def _heat_maps(setting: Setting) -> list[Record]:
    """Score the words and the longer phrases of table 2's review."""
    trees = setting.trees("train")
    numbers = [n for n, tree in enumerate(trees) if " ".join(tree.tokens).startswith(EXAMPLE)]
    heat_maps = []
    for number in numbers[:1]:
        tree = trees[number]
        phrases = sorted(
            {
                (node.start, node.stop)
                for node in tree.nodes
                if node.children and len(tree.tokens) <= 4 * (node.stop - node.start)
            }
        )
        (subject, *_) = setting.of("sst")
        heat_maps.append(make_heat_map(setting, subject, tree.tokens, phrases, "training tree"))
    return heat_maps


EXPERIMENT = Experiment(
    name="compositionality",
    title="Phrases of the opposite polarity to their review",
    section="4.4, A.1.2, table 2",
    data=("sst",),
    protocol=PROTOCOL,
    run=run,
    draw=draw,
    published=PUBLISHED_FIGURES,
    layout=Layout(
        "ks",
        panels=("split",),
        others=("auc", "right_positive", "right_negative"),
        counts=("positive", "negative"),
    ),
)
