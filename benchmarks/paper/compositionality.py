"""Section 4.4: long phrases of the opposite polarity to their review."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from benchmarks.paper.examples import draw_heat_maps, make_heat_map
from benchmarks.paper.experiment import Experiment, Layout
from benchmarks.paper.plots import draw_bars_of_methods, draw_separations
from benchmarks.paper.results import Record, fields, with_means
from benchmarks.paper.searches import dissenting_phrases
from benchmarks.paper.setting import Scorer, Setting, Subject, once_a_split
from benchmarks.paper.statistics import RESAMPLES, Estimate, separation

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
        phrases = _find(setting, split)
        for subject in setting.of("sst"):
            for scorer in setting.scorers(subject):
                scores = score_phrases(setting, subject, scorer, split, phrases)
                record = {"split": split, "model": subject.name, **scorer.key}
                row = fields(separate(phrases, scores))
                rows.append({**record, "primary": split == PRIMARY, **row})
                if subject.main:
                    positive = phrases.positive
                    groups = {"positive": scores[positive], "negative": scores[~positive]}
                    distributions.append({**record, **groups})
    return {
        "rows": with_means(rows, STATISTICS),
        "distributions": distributions,
        "heat_maps": _heat_maps(setting),
    }


class Phrases(NamedTuple):
    """The phrases of a split."""

    tree: Int[np.ndarray, "n"]  # index
    node: Int[np.ndarray, "n"]  # index among the tree's nodes
    positive: Bool[np.ndarray, "n"]


def measure(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, resamples: int = RESAMPLES
) -> dict[str, Estimate | float]:
    """Return the separation of the phrases of a split by their scores."""
    phrases = _find(setting, split)
    scores = score_phrases(setting, subject, scorer, split, phrases)
    return separate(phrases, scores, resamples)


def score_phrases(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, phrases: Phrases
) -> Float[np.ndarray, "n"]:
    """Return the scores of phrases within their reviews."""
    nodes = setting.nodes(subject, scorer, split, phrases.tree.tolist())
    return np.array([nodes[tree][node] for tree, node in zip(*phrases[:2], strict=True)])


def separate(
    phrases: Phrases, scores: Float[np.ndarray, "n"], resamples: int = RESAMPLES
) -> dict[str, Estimate | float]:
    """Return how scores separate positive phrases from negative ones."""
    positive = phrases.positive
    return {
        "positive": int(positive.sum()),
        "negative": int((~positive).sum()),
        **separation(scores, positive, phrases.tree, resamples),
        "right_positive": float((scores[positive] > 0).mean()),
        "right_negative": float((scores[~positive] < 0).mean()),
    }


@once_a_split
def _find(setting: Setting, split: str) -> Phrases:
    found = list(dissenting_phrases(setting.trees(split)))
    return Phrases(*(np.array(column) for column in zip(*found, strict=True)))


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
    takes_long=True,
)
