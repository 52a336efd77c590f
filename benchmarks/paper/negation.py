"""Section 4.5: the interaction of a negation with what it negates."""

import itertools

import numpy as np
from cdjax.text.trees import Tree
from jaxtyping import Float

from benchmarks.paper.experiment import Experiment, Layout
from benchmarks.paper.plots import draw_bars_of_methods, draw_separations
from benchmarks.paper.results import Record, fields, with_means
from benchmarks.paper.searches import (
    OPPOSITE,
    SEARCHES,
    Phrase,
    negations,
    short_phrases,
)
from benchmarks.paper.setting import Scorer, Setting, Subject, once_a_split
from benchmarks.paper.statistics import RESAMPLES, Estimate, separation

PROTOCOL = (
    (
        "search",
        "Phrases of the training trees of fewer than ten words, labelled positive or negative, "
        "whose first child has a negation term (appendix A.3) within its first two words.",
    ),
    *((f"search {name!r}", f"Of these, those where {text}.") for name, text in SEARCHES.items()),
    (
        "interaction",
        "score(phrase) - score(first child) - score(second child), the phrase within its review "
        "(`review`) or as the model's only input (`alone`). The joint effect of two parts is the "
        "second difference f(both) - f(first) - f(second) + f(neither) of the output f; for "
        "methods that remove words (leave one out, occlusion) the formula above gives its "
        "negative. Their sign is therefore turned, in their favour.",
    ),
    ("primary", f"The search {OPPOSITE!r}, both within the review and alone."),
    (
        "statistic",
        "One-sided two-sample Kolmogorov-Smirnov statistic of the interactions of positive "
        "negations (the phrase is positive) above those of negative ones, and area under the ROC "
        "curve; intervals of 95% by 1,000 bootstrap resamples of whole reviews. With phrases "
        "alone, each distinct phrase counts once.",
    ),
    (
        "all interactions",
        "Of all phrases of two parts and fewer than five words, a random 5,000 at most. The "
        "quantile is that of the median negation among them.",
    ),
)
METHODS = ("cd", "loo", "occlusion")
"""Methods whose phrases do not have the sum of their words' scores: interactions are not all 0."""
REMOVING = ("loo", "occlusion")
"""Methods that remove words; the sign of their interactions is turned."""
MAX_BACKGROUND = 5000  # phrases among "all interactions"
EXAMPLES = 5  # of either polarity
GROUPS = {
    "positive": "positive negation",
    "negative": "negative negation",
    "all": "all interactions",
}
STATISTICS = ("ks", "auc", "positive_quantile", "negative_quantile")


Triples = dict[Phrase, Float[np.ndarray, "3"]]
"""Of each phrase its own score and those of its two parts."""


def run(setting: Setting) -> Record:
    """Score the interactions by every method that has any, model and rule."""
    trees = setting.trees("train")
    searches = {name: list(negations(trees, name)) for name in SEARCHES}
    short = list(short_phrases(trees))
    chosen = np.random.default_rng(0).permutation(len(short))[:MAX_BACKGROUND]
    short = [short[n] for n in sorted(chosen)]
    needed = list(dict.fromkeys([*itertools.chain(*searches.values()), *short]))
    rows, distributions, interactions = [], [], {}
    for subject in setting.of("sst"):
        for scorer in setting.scorers(subject, METHODS):
            for context, measure in (("review", _in_review), ("alone", _alone)):
                sign = -1 if scorer.method.name in REMOVING else 1
                scores = measure(setting, subject, scorer, trees, needed)
                interaction = {phrase: sign * score for phrase, score in scores.items()}
                background = np.array([interaction[phrase] for phrase in short])
                for name, phrases in searches.items():
                    kept = _distinct(trees, phrases) if context == "alone" else phrases
                    values = np.array([interaction[phrase] for phrase in kept])
                    positive = np.array([phrase.positive for phrase in kept])
                    reviews = np.array([phrase.tree for phrase in kept])
                    record = {
                        "context": context,
                        "search": name,
                        "model": subject.name,
                        **scorer.key,
                    }
                    rows.append(
                        {
                            **record,
                            "primary": name == OPPOSITE,
                            "positive": int(positive.sum()),
                            "negative": int((~positive).sum()),
                            **fields(separation(values, positive, reviews)),
                            "positive_quantile": _quantile(values[positive], background),
                            "negative_quantile": _quantile(values[~positive], background),
                        }
                    )
                    if subject.main:
                        groups = {
                            "positive": values[positive],
                            "negative": values[~positive],
                            "all": background,
                        }
                        distributions.append({**record, **groups})
                    if subject.main and context == "alone" and name == OPPOSITE:
                        interactions[scorer.label] = dict(zip(kept, values, strict=True))
    return {
        "rows": with_means(rows, STATISTICS),
        "distributions": distributions,
        "examples": _examples(trees, interactions),
    }


def measure(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, resamples: int = RESAMPLES
) -> dict[str, Estimate | float]:
    """Return how interactions separate negations, and how often scores have their label's sign.

    Args:
        setting: The treebank.
        subject: The model.
        scorer: One of `METHODS`.
        split: Of the treebank, several joined by "+".
        resamples: Number of bootstrap resamples.
    """
    trees, phrases = _find(setting, split)
    sign = -1 if scorer.method.name in REMOVING else 1
    within = score_in_review(setting, subject, scorer, trees, phrases)
    alone = score_alone(setting, subject, scorer, trees, phrases)
    statistics: dict[str, Estimate | float] = {}
    for triples, kept, end in (
        (within, phrases, ""),
        (alone, _distinct(trees, phrases), "_alone"),
    ):
        interactions = _interactions(triples)
        separated = separation(
            sign * np.array([interactions[phrase] for phrase in kept]),
            np.array([phrase.positive for phrase in kept]),
            np.array([phrase.tree for phrase in kept]),
            resamples,
        )
        statistics |= {f"{name}{end}": value for name, value in separated.items()}
    labels = np.array([1 if phrase.positive else -1 for phrase in phrases])
    triple = np.stack([within[phrase] for phrase in phrases])
    return {
        **statistics,
        "positive": int((labels > 0).sum()),
        "negative": int((labels < 0).sum()),
        "right_phrase": float((np.sign(triple[:, 0]) == labels).mean()),
        "right_part": float((np.sign(triple[:, 2]) == -labels).mean()),  # opposite by the search
    }


@once_a_split
def _find(setting: Setting, split: str) -> tuple[list[Tree], list[Phrase]]:
    """Return the trees of splits joined by "+", and the negations in them."""
    trees = [tree for part in split.split("+") for tree in setting.trees(part)]
    return trees, list(negations(trees))


def draw(setting: Setting, result: Record) -> list[Record]:
    """Draw figure 1, alone and within the review, and the statistics."""
    figures = []
    for context, words in (("review", "within their reviews"), ("alone", "alone")):
        distributions = [
            d
            for d in result["distributions"]
            if d["context"] == context and d["search"] == OPPOSITE
        ]
        stem = f"negation-{context}"
        draw_separations(setting, stem, distributions, result["rows"], GROUPS)
        caption = f"Interactions of negations with what they negate, phrases {words}."
        figures.append({"file": stem, "caption": caption})
        rows = [row for row in result["rows"] if row["primary"] and row["context"] == context]
        draw_bars_of_methods(setting, f"{stem}-ks", rows, "ks", "KS statistic")
        caption = f"KS statistic of positive above negative negations, phrases {words}."
        figures.append({"file": f"{stem}-ks", "caption": caption})
    return figures


def _in_review(
    setting: Setting, subject: Subject, scorer: Scorer, trees: list[Tree], phrases: list[Phrase]
) -> dict[Phrase, float]:
    """Return the interaction of each phrase within its review."""
    return _interactions(score_in_review(setting, subject, scorer, trees, phrases))


def score_in_review(
    setting: Setting, subject: Subject, scorer: Scorer, trees: list[Tree], phrases: list[Phrase]
) -> Triples:
    """Return the scores of each phrase and its two parts within its review."""
    numbers = sorted({phrase.tree for phrase in phrases})
    of_tree = {n: [phrase for phrase in phrases if phrase.tree == n] for n in numbers}
    spans = []
    for n in numbers:
        nodes = trees[n].nodes
        wanted = [(p.node, *nodes[p.node].children) for p in of_tree[n]]
        spans.append([(nodes[m].start, nodes[m].stop) for three in wanted for m in three])
    tokens = [trees[n].tokens for n in numbers]
    scores = setting.score(subject, scorer, tokens, spans, "phrases in reviews")
    in_order = [phrase for n in numbers for phrase in of_tree[n]]
    by_phrase = dict(zip(in_order, np.concatenate(scores).reshape(-1, 3), strict=True))
    return {phrase: by_phrase[phrase] for phrase in phrases}


def _alone(
    setting: Setting, subject: Subject, scorer: Scorer, trees: list[Tree], phrases: list[Phrase]
) -> dict[Phrase, float]:
    """Return the interaction of each phrase as the model's only input."""
    return _interactions(score_alone(setting, subject, scorer, trees, phrases))


def score_alone(
    setting: Setting, subject: Subject, scorer: Scorer, trees: list[Tree], phrases: list[Phrase]
) -> Triples:
    """Return the scores of each phrase and its two parts, the phrase as the model's only input."""
    tokens, spans = [], []
    for phrase in phrases:
        tree = trees[phrase.tree]
        node = tree.nodes[phrase.node]
        words, split = node.stop - node.start, tree.nodes[node.children[0]].stop - node.start
        tokens.append(tree.tokens[node.start : node.stop])
        spans.append([(0, words), (0, split), (split, words)])
    scores = setting.score(subject, scorer, tokens, spans, "phrases alone")
    return dict(zip(phrases, scores, strict=True))


def _interactions(triples: Triples) -> dict[Phrase, float]:
    return {p: float(whole - one - other) for p, (whole, one, other) in triples.items()}


def _distinct(trees: list[Tree], phrases: list[Phrase]) -> list[Phrase]:
    """Return the first occurrence of each distinct phrase, compared in lower case."""
    first: dict[tuple, Phrase] = {}
    for phrase in phrases:
        tree = trees[phrase.tree]
        node = tree.nodes[phrase.node]
        words = tuple(token.lower() for token in tree.tokens[node.start : node.stop])
        first.setdefault((words, phrase.positive), phrase)
    return list(first.values())


def _quantile(values: np.ndarray, among: np.ndarray) -> float:
    """Return the quantile in `among` of the median of the values; ties count half."""
    median = np.median(values)
    return float(((among < median).mean() + (among <= median).mean()) / 2)


def _examples(trees: list[Tree], interactions: dict[str, dict[Phrase, float]]) -> list[Record]:
    """Return the strongest phrases of either polarity, by the first method."""
    if not interactions:
        return []
    first = next(iter(interactions.values()))
    examples = []
    for positive in (True, False):
        phrases = [phrase for phrase in first if phrase.positive == positive]
        phrases.sort(key=lambda phrase: first[phrase], reverse=positive)
        for phrase in phrases[:EXAMPLES]:
            node = trees[phrase.tree].nodes[phrase.node]
            examples.append(
                {
                    "phrase": " ".join(trees[phrase.tree].tokens[node.start : node.stop]),
                    "label": "positive" if positive else "negative",
                    "interactions": {name: score[phrase] for name, score in interactions.items()},
                }
            )
    return examples


EXPERIMENT = Experiment(
    name="negation",
    title="Negation",
    section="4.5, figure 1",
    data=("sst",),
    protocol=PROTOCOL,
    run=run,
    draw=draw,
    layout=Layout(
        "ks",
        panels=("context", "search"),
        others=("auc", "positive_quantile", "negative_quantile"),
        counts=("positive", "negative"),
    ),
    takes_long=True,
)
