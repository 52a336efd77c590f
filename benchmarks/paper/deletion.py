"""Beyond the paper: what the model says as phrases that a method names are taken out, or put in.

The better the method, the faster the prediction falls as its phrases go, and rises as they come.
"""

from collections.abc import Sequence

import numpy as np
from cdjax.core.spans import enumerate_spans
from cdjax.scoring.batch import predict
from cdjax.text.trees import binary_sentences
from jaxtyping import Float, Int

from benchmarks.paper.figures import Curve, Curves, draw_curves
from benchmarks.paper.plots import draw_bars_of_methods, name_of, table_of_methods
from benchmarks.paper.results import Record, fields, label, with_means
from benchmarks.paper.setting import Setting, Subject
from benchmarks.paper.statistics import mean

TITLE = "Deletion and insertion of phrases"
SECTION = "beyond the paper"
PHRASE_WORDS = 5
GRID = np.linspace(0, 1, 21)  # shares of the words
TASKS = ("deletion", "insertion")
RANDOM = "random"
PROTOCOL = (
    (
        "order",
        "For each binary development sentence, a method scores all phrases of at most five words "
        "for the class that is predicted. The highest is taken first, then the highest that has no "
        "word in common with those taken, and so on until every word is taken. `random`: the same "
        "with random scores.",
    ),
    (
        "deletion",
        "The phrases are taken out of the text in this order. After each the model reads the "
        "words that are left; the curve is the mean probability of the class first predicted, by "
        "the share of words gone. A small area under it is good.",
    ),
    ("insertion", "The phrases are put into an empty text in this order. A large area is good."),
    (
        "statistic",
        "Mean area under the curves; intervals of 95% by 1,000 bootstrap resamples of sentences.",
    ),
)
PUBLISHED_FIGURES: dict[str, float] = {}
STATISTICS = ("area",)


def run(setting: Setting) -> Record:
    """Take out and put in, for every method, model and rule."""
    reviews = [tokens for tokens, _ in binary_sentences(setting.trees("dev"))]
    rows, curves = [], []
    for subject in setting.of("sst"):
        ids = [subject.model.vocabulary.encode(tokens) for tokens in reviews]
        logits = predict(subject.model.classifier, ids)
        predicted = np.where(logits[:, 1] > logits[:, 0], 1, -1)
        spans = [enumerate_spans(len(tokens), PHRASE_WORDS) for tokens in reviews]
        rng = np.random.default_rng(0)
        noise = [rng.normal(size=len(some)) for some in spans]
        for scorer in [*setting.scorers(subject), None]:
            scores, key = noise, {"method": RANDOM, "rule": None}
            if scorer:
                what = "sentences, up to five words"
                scores = setting.score(subject, scorer, reviews, spans, what)
                key = scorer.key
            setting.say(f"  deletion and insertion by {label(**key)}, {subject.name}")
            orders = [
                order_phrases(some, sign * mine)
                for some, sign, mine in zip(spans, predicted, scores, strict=True)
            ]
            for task in TASKS:
                found = _follow(subject, ids, predicted, orders, task)
                # The trapezoid rule on an even grid.
                areas = (found.sum(axis=1) - (found[:, 0] + found[:, -1]) / 2) / (len(GRID) - 1)
                record = {"data": "sst", "task": task, "model": subject.name, **key}
                rows.append({**record, "primary": True, **fields({"area": mean(areas)})})
                curves.append({**record, "x": GRID, "y": found.mean(axis=0)})
    return {"rows": with_means(rows, STATISTICS), "curves": curves}


def order_phrases(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s"]
) -> list[tuple[int, int]]:
    """Return phrases from the highest score down, none with a word of one before it.

    >>> spans = np.array([[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]])
    >>> order_phrases(spans, np.array([1.0, 5.0, 7.0, 6.0, 2.0]))
    [(1, 2), (2, 3), (0, 1)]
    """
    taken = np.zeros(int(spans[:, 1].max(initial=0)), bool)
    order = []
    for place in np.argsort(-scores, kind="stable"):
        start, stop = spans[place].tolist()
        if not taken[start:stop].any():
            taken[start:stop] = True
            order.append((start, stop))
        if taken.all():
            break
    return order


def _follow(
    subject: Subject,
    ids: Sequence[Int[np.ndarray, "_"]],
    predicted: Int[np.ndarray, "n"],
    orders: Sequence[Sequence[tuple[int, int]]],
    task: str,
) -> Float[np.ndarray, "n g"]:
    """Return the probability of the class first predicted, for each review and share of words."""
    texts, shares = [], []
    for review, order in zip(ids, orders, strict=True):
        gone = np.zeros(len(review), bool)
        mine = []
        for phrase in [(0, 0), *order]:
            gone[slice(*phrase)] = True
            texts.append(review[~gone if task == "deletion" else gone])
            mine.append(gone.mean())
        shares.append(np.array(mine))
    logits = predict(subject.model.classifier, texts).astype(np.float64)
    ends = np.cumsum([len(mine) for mine in shares])[:-1]
    steps = np.split(logits[:, 1] - logits[:, 0], ends)
    return np.stack(
        [
            np.interp(GRID, mine, 1 / (1 + np.exp(-sign * some)))
            for mine, sign, some in zip(shares, predicted, steps, strict=True)
        ]
    )


def draw(setting: Setting, found: Record) -> list[Record]:
    """Draw the curves of the main model, and the areas."""
    (main, *_) = setting.of("sst")
    figures = [{"file": "deletion-curves", "caption": f"Deletion and insertion, {main.name}."}]
    panels = []
    for task in TASKS:
        series = [
            Curve(name_of(curve), curve["x"], curve["y"])
            for curve in found["curves"]
            if curve["task"] == task and curve["model"] == main.name
        ]
        what = {"deletion": "taken out", "insertion": "put in"}[task]
        panels.append(
            Curves(task, f"share of words {what}", "mean probability of the class", series)
        )
    draw_curves(setting.out / "deletion-curves", panels)
    for task in TASKS:
        rows = [row for row in found["rows"] if row["task"] == task]
        better = {"deletion": "less is better", "insertion": "more is better"}[task]
        stem = f"deletion-{task}-area"
        draw_bars_of_methods(setting, stem, rows, "area", f"area under the curve ({better})")
        figures.append({"file": stem, "caption": f"Area under the curve of {task}; {better}."})
    return figures


def tables(found: Record) -> str:
    """Return a table for each task."""
    parts = []
    for task in TASKS:
        rows = [row for row in found["rows"] if row["task"] == task]
        parts.append(f"**{task}**\n\n{table_of_methods(rows, STATISTICS)}")
    return "\n".join(parts)
