"""Section 4.2: scores of words against coefficients of a logistic regression."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from cdjax.methods.registry import STANDARD_DEVIATIONS
from cdjax.text.trees import NEUTRAL, Tree, binary_phrases, binary_sentences
from cdjax.training.corpus import Corpus
from cdjax.training.linear import LinearModel, fit_linear
from cdjax.training.treebank import SENTIMENTS, make_phrases

from benchmarks.paper import yelp
from benchmarks.paper.experiment import Experiment, Layout
from benchmarks.paper.figures import Scatter, draw_scatter
from benchmarks.paper.plots import (
    draw_bars_of_methods,
    find_row,
    name_of,
)
from benchmarks.paper.results import Record, fields, with_means
from benchmarks.paper.setting import Scorer, Setting, Subject
from benchmarks.paper.statistics import (
    RESAMPLES,
    Estimate,
    correlations,
    pearson,
    spearman,
)

LEAST = (1, 3, 10, 30)
CONTEXTS = ("review", "alone")
PRIMARY = {"sst": "phrases", "yelp": "reviews and sentences"}
PROTOCOL = (
    (
        "primary",
        "A point is a word type, in lower case: the mean of its scores over its occurrences in the "
        "validation reviews (context `review`), for words with at least 10 occurrences there, "
        "against its coefficient in a logistic regression on single words. Treebank: the binary "
        "development sentences; the regression is fitted to all phrases of the training trees that "
        "are not neutral, as positive or negative. Yelp: test reviews of at most 40 words, 2,000 "
        "at most; the regression is fitted to the training reviews and, where the folder has any, "
        "sentences. Its L2 penalty, and whether a word counts once or as often as it occurs, are "
        "chosen by accuracy on development reviews.",
    ),
    (
        "grid",
        "Words with at least 1, 3, 10 or 30 occurrences; scores in context (`review`), or of each "
        "word as the only input (`alone`; not for integrated gradients, which are scaled by the "
        "spread within the review); regressions on phrases, on phrases with the graded targets "
        "of the LSTM's training (`phrases, graded`), on sentences, and on phrases with a fixed "
        "penalty C.",
    ),
    (
        "statistic",
        "Pearson's correlation, as the paper, and Spearman's; intervals of 95% by 1,000 bootstrap "
        "resamples of words, for the primary protocol.",
    ),
)
PUBLISHED_FIGURES = {
    "sst": {"gradient": 0.375, "loo": 0.510, "cell": 0.490, "ig": 0.724, "cd": 0.758},
    "yelp": {"gradient": 0.336, "loo": 0.358, "cell": 0.560, "ig": 0.471, "cd": 0.520},
}
STATISTICS = ("pearson", "spearman")
STRENGTHS = (0.1, 0.3, 1.0, 3.0)  # C of the penalty


class Words(NamedTuple):
    """The words of reviews, and the occurrences of each word type."""

    reviews: Sequence[Sequence[str]]  # tokens
    spans: Sequence[Sequence[tuple[int, int]]]  # of every word
    counts: Mapping[str, int]  # occurrences of each type


def run(setting: Setting) -> Record:
    """Correlate scores with coefficients, for every method, model, rule and protocol."""
    rows, points = [], []
    for data in ("sst", "yelp"):
        subjects = setting.of(data)
        if not subjects:
            continue
        words, regressions = prepare(setting, data)
        for subject in subjects:
            for scorer in setting.scorers(subject):
                means = {
                    "review": _means_in_reviews(setting, subject, scorer, words),
                    "alone": _alone(setting, subject, scorer, words),
                }
                for context in CONTEXTS:
                    for name, regression in regressions.items():
                        for least in LEAST:
                            row, point = _correlate(
                                words, means[context], regression, least,
                                primary=(context, name, least) == ("review", PRIMARY[data], 10),
                            )  # fmt: skip
                            record = {
                                "data": data,
                                "model": subject.name,
                                **scorer.key,
                                "regression": name,
                                "context": context,
                            }
                            rows.append(record | row)
                            if row["primary"] and subject.main:
                                points.append(record | point)
    rows.sort(key=lambda row: not row["primary"])
    return {"rows": with_means(rows, STATISTICS), "points": points}


def measure(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, resamples: int = RESAMPLES
) -> dict[str, Estimate | float]:
    """Return the correlation by the primary protocol, over the words of a split of the treebank."""
    trees = setting.trees(split)
    nodes = setting.nodes(subject, scorer, split)
    kept = [n for n, tree in enumerate(trees) if tree.label != NEUTRAL]
    scores = []
    for n in kept:
        leaves = [m for m, node in enumerate(trees[n].nodes) if not node.children]
        scores.append(nodes[n][sorted(leaves, key=lambda m, n=n: trees[n].nodes[m].start)])
    words = _words([trees[n].tokens for n in kept])
    means = _means(words, scores)
    regression = _phrase_regressions(setting)[PRIMARY["sst"]]
    features = regression.features
    least = [word for word, count in words.counts.items() if count >= 10 and word in features]
    x = np.array([regression.coefficient([word]) for word in least])
    y = np.array([means[word] for word in least])
    return {"words": len(least), **correlations(x, y, resamples=resamples)}


def draw(setting: Setting, result: Record) -> list[Record]:
    """Draw the scatter plots of A.1.3 and the correlations."""
    figures = []
    for data in dict.fromkeys(row["data"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["primary"] and row["data"] == data]
        panels = []
        for point in result["points"]:
            if point["data"] == data:
                row = find_row(point, rows)
                panels.append(
                    Scatter(
                        title=name_of(point),
                        x=point["x"],
                        y=point["y"],
                        x_label="coefficient of the regression (logits)",
                        y_label="mean score of the word",
                        note=f"r = {row['pearson']:.3f}",
                        words=point["words"],
                    )
                )
        title = {"sst": "treebank", "yelp": "Yelp"}[data]
        draw_scatter(setting.out / f"unigrams-{data}", panels)
        caption = f"Scores of words against the coefficients of a logistic regression, {title}."
        figures.append({"file": f"unigrams-{data}", "caption": caption})
        stem = f"unigrams-{data}-pearson"
        draw_bars_of_methods(
            setting, stem, rows, "pearson", "Pearson's correlation", PUBLISHED_FIGURES[data]
        )
        caption = f"Correlation with the regression, {title}, primary protocol, and the paper's."
        figures.append({"file": stem, "caption": caption})
    return figures


def prepare(setting: Setting, data: str) -> tuple[Words, dict[str, LinearModel]]:
    """Return the words of a data set that are scored, and the regressions they are held against.

    Fits the regressions that are in no file yet; no model is needed.
    """
    return _prepare_treebank(setting) if data == "sst" else _prepare_yelp(setting)


def _prepare_treebank(setting: Setting) -> tuple[Words, dict[str, LinearModel]]:
    train, dev = setting.trees("train"), setting.trees("dev")
    chosen, penalties = _corpus(binary_sentences(dev)), setting.penalties(STRENGTHS)
    (primary, best), *fixed = _phrase_regressions(setting).items()
    sentences = _corpus(binary_sentences(train))
    regressions = {
        primary: best,
        "phrases, graded": setting.regression(
            "sst", "graded phrases", lambda: _fit_graded(train, chosen)
        ),
        "sentences": setting.regression(
            "sst", "sentences", lambda: fit_linear(sentences, chosen, strengths=penalties)
        ),
        **dict(fixed),
    }
    return _words([tree.tokens for tree in dev if tree.label != NEUTRAL]), regressions


def _phrase_regressions(setting: Setting) -> dict[str, LinearModel]:
    """Return the regressions on phrases with each penalty, and first the best of them on dev."""

    def fit(strength: float) -> LinearModel:
        chosen = _corpus(binary_sentences(setting.trees("dev")))
        phrases = _corpus(binary_phrases(setting.trees("train")))
        return fit_linear(phrases, chosen, strengths=[strength])

    fixed = {}
    for c in setting.penalties(STRENGTHS):
        name = f"phrases, C = {c:g}"
        fixed[name] = setting.regression("sst", name, functools.partial(fit, c))
    return {PRIMARY["sst"]: max(fixed.values(), key=lambda model: model.dev_accuracy), **fixed}


def _fit_graded(trees: Sequence[Tree], dev: Corpus) -> LinearModel:
    """Fit the regression to the phrases, targets and weights of the LSTM's training."""
    return fit_linear(make_phrases(trees), dev, strengths=STRENGTHS[2:3])


def _prepare_yelp(setting: Setting) -> tuple[Words, dict[str, LinearModel]]:
    regressions = {
        PRIMARY["yelp"]: yelp.fit_regression(setting),
        "reviews": yelp.fit_regression(setting, sentences=False),
        "n-grams": yelp.fit_regression(setting, longest=yelp.NGRAM),
    }
    return _words(yelp.short_reviews(setting)), regressions


def _words(reviews: Sequence[Sequence[str]]) -> Words:
    counts: dict[str, int] = {}
    for tokens in reviews:
        for token in tokens:
            counts[token.lower()] = counts.get(token.lower(), 0) + 1
    return Words(reviews, [[(t, t + 1) for t in range(len(r))] for r in reviews], counts)


def _means_in_reviews(
    setting: Setting, subject: Subject, scorer: Scorer, words: Words
) -> dict[str, float]:
    """Return the mean score of each word over its occurrences."""
    scores = setting.score(subject, scorer, words.reviews, words.spans, "words in reviews")
    return _means(words, scores)


def _means(words: Words, scores: Sequence[np.ndarray]) -> dict[str, float]:
    sums = dict.fromkeys(words.counts, 0.0)
    for tokens, of_review in zip(words.reviews, scores, strict=True):
        for token, score in zip(tokens, of_review, strict=True):
            sums[token.lower()] += float(score)
    return {word: total / words.counts[word] for word, total in sums.items()}


def _alone(setting: Setting, subject: Subject, scorer: Scorer, words: Words) -> dict[str, float]:
    """Return the score of each word as the only word of a review.

    Nothing for methods that divide by the spread of the review's words, 0 for one word.
    """
    if scorer.method.units == STANDARD_DEVIATIONS:
        return {}
    types = [[word] for word in words.counts]
    scores = setting.score(subject, scorer, types, [[(0, 1)]] * len(types), "words alone")
    return {word: float(score) for (word,), (score,) in zip(types, scores, strict=True)}


def _correlate(
    words: Words, means: Mapping[str, float], regression: LinearModel, least: int, primary: bool
) -> tuple[Record, Record]:
    """Return the correlation of one protocol, and its points."""
    kept = [w for w, count in words.counts.items() if count >= least and w in regression.features]
    x = np.array([regression.coefficient([word]) for word in kept])
    y = np.array([means.get(word, 0.0) for word in kept])
    row: Record = {
        "least": least,
        "primary": primary,
        "strength": regression.strength,
        "words": len(kept),
    }
    if len(kept) < 3 or not np.ptp(y) > 0:  # no scores, or all equal
        row |= dict.fromkeys(STATISTICS)
    elif primary:
        row |= fields(correlations(x, y))
    else:
        row |= {"pearson": pearson(x, y), "spearman": spearman(x, y)}
    return row, {"words": kept, "x": x, "y": y}


def _corpus(labelled) -> Corpus:
    pairs = list(labelled)
    tokens = [[token.lower() for token in tokens] for tokens, _ in pairs]
    return Corpus(tokens, [SENTIMENTS[label] for _, label in pairs])


EXPERIMENT = Experiment(
    name="unigrams",
    title="Scores of words",
    section="4.2, A.1.3",
    data=("sst", "yelp"),
    protocol=PROTOCOL,
    run=run,
    draw=draw,
    published=PUBLISHED_FIGURES,
    layout=Layout(
        "pearson",
        panels=("data",),
        factors=("regression", "least", "context"),
        others=("spearman",),
        counts=("words",),
    ),
    needs_all_data=False,
    takes_long=True,
)
