"""Section 4.3: strong parts that say the opposite of the strong phrase around them."""

import numpy as np

from benchmarks.paper import yelp
from benchmarks.paper.examples import draw_heat_maps, make_heat_map
from benchmarks.paper.plots import draw_bars_of_methods, draw_separations, table_of_methods
from benchmarks.paper.results import Record, fields, with_means
from benchmarks.paper.searches import find_dissent
from benchmarks.paper.setting import Setting
from benchmarks.paper.statistics import separation

TITLE = "Dissenting parts of short phrases"
SECTION = "4.3, A.1.1, table 1"
THRESHOLDS = (1.0, 1.5, 2.0)
PRIMARY = 1.5
PROTOCOL = (
    (
        "search",
        "In Yelp test reviews of at most 40 words (2,000 at random at most): phrases of at most "
        "five words whose score by a logistic regression on n-grams of up to three words, the sum "
        "of the coefficients of the n-grams within, is beyond 1.5 either way, and the parts of "
        "them whose own score is beyond 1.5 the other way. Of parts that hold one another the "
        "smallest counts, once.",
    ),
    (
        "primary",
        "Threshold 1.5, as the paper; 1 and 2 beside it. The regression is fitted to the training "
        "reviews and, where the folder has some, sentences.",
    ),
    (
        "statistic",
        "One-sided two-sample Kolmogorov-Smirnov statistic of the scores of positive parts above "
        "those of negative ones, and area under the ROC curve; intervals of 95% by 1,000 bootstrap "
        "resamples of whole reviews.",
    ),
)
PUBLISHED_FIGURES: dict[str, float] = {}  # figures alone
STATISTICS = ("ks", "auc", "right_positive", "right_negative")
TABLE_1 = (
    ("used to be my favorite", ((0, 3), (3, 5))),
    ("not worth the time", ((0, 1), (1, 4))),
)


def run(setting: Setting) -> Record:
    """Score the parts by every method, model and rule."""
    reviews = yelp.short_reviews(setting.yelp_folder)
    regression = yelp.fit_regression(setting, longest=yelp.NGRAM)
    rows, distributions, heat_maps = [], [], []
    searches = {t: list(find_dissent(reviews, regression, t)) for t in THRESHOLDS}
    for threshold in THRESHOLDS:
        kinds = {dissent.part_score > 0 for dissent in searches[threshold]}
        if len(kinds) < 2:
            setting.say(f"  threshold {threshold:g} is left out: not parts of both kinds")
            del searches[threshold]
    if PRIMARY not in searches:
        raise ValueError(
            f"the reviews hold no dissenting parts of either kind beyond {PRIMARY:g}; expected "
            f"more reviews than the {len(reviews)} of at most {yelp.MAX_EXPLAINED_WORDS} words."
        )
    for subject in setting.of("yelp"):
        for scorer in setting.scorers(subject):
            for threshold, found in searches.items():
                numbers = sorted({dissent.review for dissent in found})
                parts = [[d.part for d in found if d.review == n] for n in numbers]
                scores = np.concatenate(
                    setting.score(
                        subject, scorer, [reviews[n] for n in numbers], parts, "dissenting parts"
                    )
                )
                positive = np.array([dissent.part_score > 0 for dissent in found])
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
                        **fields(separation(scores, positive, np.array([d.review for d in found]))),
                        "right_positive": float((scores[positive] > 0).mean()),
                        "right_negative": float((scores[~positive] < 0).mean()),
                    }
                )
                if subject.main and threshold == PRIMARY:
                    two = {"positive": scores[positive], "negative": scores[~positive]}
                    distributions.append({**record, **two})
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


def draw(setting: Setting, found: Record) -> list[Record]:
    """Draw the distributions of A.1.1, the statistics and table 1."""
    draw_separations(setting, "dissent", found["distributions"], found["rows"])
    rows = [row for row in found["rows"] if row["primary"]]
    draw_bars_of_methods(setting, "dissent-ks", rows, "ks", "KS statistic")
    return [
        {"file": "dissent", "caption": "Scores of parts that dissent from the phrase around them."},
        {"file": "dissent-ks", "caption": "KS statistic of positive above negative parts."},
        *draw_heat_maps(setting, "dissent", found["heat_maps"]),
    ]


def tables(found: Record) -> str:
    """Return a table for each threshold."""
    parts = []
    for threshold in dict.fromkeys(row["threshold"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["threshold"] == threshold]
        counts = f"{rows[0]['positive']} positive and {rows[0]['negative']} negative parts"
        parts.append(
            f"**Threshold {threshold:g}**: {counts}.\n\n{table_of_methods(rows, STATISTICS)}"
        )
    return "\n".join(parts)
