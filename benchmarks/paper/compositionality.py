"""Section 4.4: long phrases that speak against their review."""

import numpy as np

from benchmarks.paper.examples import draw_heat_maps, make_heat_map
from benchmarks.paper.plots import draw_bars_of_methods, draw_separations, table_of_methods
from benchmarks.paper.results import Record, fields, with_means
from benchmarks.paper.searches import dissenting_phrases
from benchmarks.paper.setting import Setting
from benchmarks.paper.statistics import separation

TITLE = "Phrases that speak against their review"
SECTION = "4.4, A.1.2, table 2"
PROTOCOL = (
    (
        "search",
        "Every phrase of one to two thirds of its review's words that is labelled positive in a "
        "negative review (a positive phrase) or negative in a positive one (a negative phrase), "
        "labels of the treebank; neutral reviews and phrases are left out.",
    ),
    ("primary", "The development set, which the paper does not name; train and test beside it."),
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
        found = list(dissenting_phrases(trees))
        positive = np.array([phrase.positive for phrase in found])
        reviews = np.array([phrase.tree for phrase in found])
        for subject in setting.of("sst"):
            for scorer in setting.scorers(subject):
                nodes = setting.nodes(subject, scorer, split, reviews.tolist())
                scores = np.array([nodes[phrase.tree][phrase.node] for phrase in found])
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
                    two = {"positive": scores[positive], "negative": scores[~positive]}
                    distributions.append({**record, **two})
    return {
        "rows": with_means(rows, STATISTICS),
        "distributions": distributions,
        "heat_maps": _heat_maps(setting),
    }


def draw(setting: Setting, found: Record) -> list[Record]:
    """Draw the distributions, the statistics and the examples."""
    figures = []
    for split in dict.fromkeys(d["split"] for d in found["distributions"]):
        some = [d for d in found["distributions"] if d["split"] == split]
        stem = f"compositionality-{split}"
        draw_separations(setting, stem, some, found["rows"])
        caption = f"Scores of phrases that speak against their review, {split}."
        figures.append({"file": stem, "caption": caption})
    primary = [row for row in found["rows"] if row["primary"]]
    draw_bars_of_methods(
        setting, "compositionality-ks", primary, "ks", "KS statistic", PUBLISHED_FIGURES
    )
    caption = f"KS statistic of each method ({PRIMARY}), with 95% intervals, and the paper's."
    figures.append({"file": "compositionality-ks", "caption": caption})
    return figures + draw_heat_maps(setting, "compositionality", found["heat_maps"])


def tables(found: Record) -> str:
    """Return the tables of each split."""
    parts = []
    for split in dict.fromkeys(row["split"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["split"] == split]
        counts = f"{rows[0]['positive']:,} positive and {rows[0]['negative']:,} negative phrases"
        table = table_of_methods(rows, STATISTICS, "ks", PUBLISHED_FIGURES)
        parts.append(f"**{split}**: {counts}.\n\n{table}")
    return "\n".join(parts)


def _heat_maps(setting: Setting) -> list[Record]:
    """Score table 2's review: which phrases of it speak against it is for the trees to say."""
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
