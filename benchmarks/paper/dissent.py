"""Section 4.3: strong parts whose sign is opposite to that of the phrase around them."""

import numpy as np

from benchmarks.paper import yelp
from benchmarks.paper.examples import draw_heat_maps, make_heat_map
from benchmarks.paper.experiment import Experiment, Layout
from benchmarks.paper.plots import draw_bars_of_methods, draw_separations
from benchmarks.paper.results import Record, fields, with_means
from benchmarks.paper.searches import find_dissent
from benchmarks.paper.setting import Setting
from benchmarks.paper.statistics import separation

THRESHOLDS = (1.0, 1.5, 2.0)
PRIMARY = 1.5
PROTOCOL = (
    (
        "search",
        "In Yelp test reviews of at most 40 words (a random sample of 2,000 at most): phrases of "
        "at most five words whose score by a logistic regression on n-grams of up to three words, "
        "the sum of the coefficients of their n-grams, is beyond 1.5 in absolute value, and parts "
        "of them whose own score is beyond 1.5 with the opposite sign. Of nested parts the "
        "smallest counts, once.",
    ),
    (
        "primary",
        "Threshold 1.5, as the paper; 1 and 2 beside it. The regression is fitted to the training "
        "reviews and, where the folder has any, sentences.",
    ),
    (
        "statistic",
        "One-sided two-sample Kolmogorov-Smirnov statistic of the scores of positive parts above "
        "those of negative ones, and area under the ROC curve; intervals of 95% by 1,000 bootstrap "
        "resamples of whole reviews.",
    ),
)
STATISTICS = ("ks", "auc", "right_positive", "right_negative")
TABLE_1 = (
    ("used to be my favorite", ((0, 3), (3, 5))),
    ("not worth the time", ((0, 1), (1, 4))),
)


def run(setting: Setting) -> Record:
    """Score the parts by every method, model and rule."""
    reviews = yelp.short_reviews(setting)
    regression = yelp.fit_regression(setting, longest=yelp.NGRAM)
    rows, distributions, heat_maps = [], [], []
    searches = {t: list(find_dissent(reviews, regression, t)) for t in THRESHOLDS}
    for threshold in THRESHOLDS:
        polarities = {dissent.part_score > 0 for dissent in searches[threshold]}
        if len(polarities) < 2:
            setting.log(f"  threshold {threshold:g} is left out: parts of one polarity")
            del searches[threshold]
    if PRIMARY not in searches:
        raise ValueError(
            f"the reviews hold no dissenting parts of both polarities beyond {PRIMARY:g}; expected "
            f"more reviews than the {len(reviews)} of at most {yelp.MAX_EXPLAINED_WORDS} words."
        )
    for subject in setting.of("yelp"):
        for scorer in setting.scorers(subject):
            for threshold, dissents in searches.items():
                numbers = sorted({dissent.review for dissent in dissents})
                parts = [[d.part for d in dissents if d.review == n] for n in numbers]
                scores = np.concatenate(
                    setting.score(
                        subject, scorer, [reviews[n] for n in numbers], parts, "dissenting parts"
                    )
                )
                positive = np.array([dissent.part_score > 0 for dissent in dissents])
                of_review = np.array([dissent.review for dissent in dissents])
                record = {
                    "threshold": threshold,
                    "primary": threshold == PRIMARY,
                    "model": subject.name,
                    **scorer.key,
                }
                rows.append(
                    {
                        **record,
                        "positive": int(positive.sum()),
                        "negative": int((~positive).sum()),
                        **fields(separation(scores, positive, of_review)),
                        "right_positive": float((scores[positive] > 0).mean()),
                        "right_negative": float((scores[~positive] < 0).mean()),
                    }
                )
                if subject.main and threshold == PRIMARY:
                    groups = {"positive": scores[positive], "negative": scores[~positive]}
                    distributions.append({**record, **groups})
        if subject.main:
            for text, phrases in TABLE_1:
                heat_maps.append(make_heat_map(setting, subject, text.split(" "), phrases, "alone"))
    examples = [
        {
            "phrase": " ".join(reviews[dissent.review][slice(*dissent.phrase)]),
            "subphrase": " ".join(reviews[dissent.review][slice(*dissent.part)]),
            "phrase_score": dissent.phrase_score,
            "subphrase_score": dissent.part_score,
        }
        for dissent in sorted(searches[PRIMARY], key=lambda d: -abs(d.part_score))
    ]
    rows.sort(key=lambda row: not row["primary"])
    return {
        "rows": with_means(rows, STATISTICS),
        "distributions": distributions,
        "heat_maps": heat_maps,
        "examples": examples[:20],
        "regression": {
            "strength": regression.strength,
            "weighting": regression.weighting,
            "dev_accuracy": regression.dev_accuracy,
            "features": len(regression.features),
        },
    }


def draw(setting: Setting, result: Record) -> list[Record]:
    """Draw the distributions of A.1.1, the statistics and table 1."""
    draw_separations(setting, "dissent", result["distributions"], result["rows"])
    rows = [row for row in result["rows"] if row["primary"]]
    draw_bars_of_methods(setting, "dissent-ks", rows, "ks", "KS statistic")
    return [
        {"file": "dissent", "caption": "Scores of parts that dissent from the phrase around them."},
        {"file": "dissent-ks", "caption": "KS statistic of positive above negative parts."},
        *draw_heat_maps(setting, "dissent", result["heat_maps"]),
    ]


EXPERIMENT = Experiment(
    name="dissent",
    title="Dissenting parts of short phrases",
    section="4.3, A.1.1, table 1",
    data=("yelp",),
    protocol=PROTOCOL,
    run=run,
    draw=draw,
    layout=Layout(
        "ks",
        factors=("threshold",),
        others=("auc", "right_positive", "right_negative"),
        counts=("positive", "negative"),
    ),
)
