"""Beyond the paper: the prediction as phrases are deleted or inserted in the order of their scores.

The better the method, the faster the prediction falls or rises.
"""

from collections.abc import Sequence

import numpy as np
from cdjax.model import find_vocabulary
from cdjax.scoring.batch import predict
from cdjax.spans import enumerate_spans
from cdjax.text.trees import binary_sentences
from jaxtyping import Float, Int

from benchmarks.paper.experiment import Experiment, Layout
from benchmarks.paper.figures import Curve, Curves, draw_curves
from benchmarks.paper.plots import draw_bars_of_methods, name_of
from benchmarks.paper.results import Record, fields, label, with_means
from benchmarks.paper.setting import Scorer, Setting, Subject
from benchmarks.paper.statistics import mean

PHRASE_WORDS = 5
GRID = np.linspace(0, 1, 21)  # shares of the words
TASKS = ("deletion", "insertion")
RANDOM = "random"
PROTOCOL = (
    (
        "order",
        "For each binary development sentence, a method scores all phrases of at most five words "
        "for the predicted class. The phrase with the highest score is first, then the highest "
        "that shares no word with those before it, until every word is taken. `random`: the same "
        "with random scores.",
    ),
    (
        "deletion",
        "The phrases are removed from the text in this order, and the model reads the remaining "
        "words after each. The curve is the mean probability of the class first predicted against "
        "the share of words removed; a small area under it is good.",
    ),
    (
        "insertion",
        "Phrases are inserted into an empty text in this order. A large area is good.",
    ),
    (
        "statistic",
        "Mean area under the curves; intervals of 95% by 1,000 bootstrap resamples of sentences.",
    ),
)
STATISTICS = ("area",)


def run(setting: Setting) -> Record:
    """Delete and insert, for every method, model and rule."""
    reviews = [tokens for tokens, _ in binary_sentences(setting.trees("dev"))]
    rows, curves = [], []
    for subject in setting.of("sst"):
        ids = [find_vocabulary(subject.model).encode(tokens) for tokens in reviews]
        logits = predict(subject.model.classifier, ids)
        predicted = np.where(logits[:, 1] > logits[:, 0], 1, -1)
        spans = [enumerate_spans(len(tokens), PHRASE_WORDS) for tokens in reviews]
        rng = np.random.default_rng(0)
        noise = [rng.normal(size=len(pairs)) for pairs in spans]
        for scorer in [*setting.scorers(subject), None]:
            scores, key = noise, {"method": RANDOM, "rule": None}
            if scorer:
                what = "sentences, up to five words"
                scores = setting.score(subject, scorer, reviews, spans, what)
                key = scorer.key
            setting.log(f"  deletion and insertion by {label(**key)}, {subject.name}")
            orders = [
                order_phrases(pairs, sign * of_review)
                for pairs, sign, of_review in zip(spans, predicted, scores, strict=True)
            ]
            for task in TASKS:
                curve = _probabilities(subject, ids, predicted, orders, task)
                record = {"data": "sst", "task": task, "model": subject.name, **key}
                area = mean(_areas(curve))
                rows.append({**record, "primary": True, **fields({"area": area})})
                curves.append({**record, "x": GRID, "y": curve.mean(axis=0)})
    return {"rows": with_means(rows, STATISTICS), "curves": curves}


def measure(
    setting: Setting, subject: Subject, scorer: Scorer, reviews: Sequence[Sequence[str]]
) -> dict[str, Float[np.ndarray, "n"]]:
    """Return the areas under both curves of each review."""
    ids = [find_vocabulary(subject.model).encode(tokens) for tokens in reviews]
    logits = predict(subject.model.classifier, ids)
    predicted = np.where(logits[:, 1] > logits[:, 0], 1, -1)
    spans = [enumerate_spans(len(tokens), PHRASE_WORDS) for tokens in reviews]
    scores = setting.score(subject, scorer, reviews, spans, "sentences, up to five words")
    orders = [
        order_phrases(pairs, sign * of_review)
        for pairs, sign, of_review in zip(spans, predicted, scores, strict=True)
    ]
    return {task: _areas(_probabilities(subject, ids, predicted, orders, task)) for task in TASKS}


def _areas(curves: Float[np.ndarray, "n g"]) -> Float[np.ndarray, "n"]:
    """Return the area under each curve, by the trapezoid rule on the even grid."""
    return (curves.sum(axis=1) - (curves[:, 0] + curves[:, -1]) / 2) / (len(GRID) - 1)


def order_phrases(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s"]
) -> list[tuple[int, int]]:
    """Return phrases from the highest score down, without those that overlap an earlier one.

    >>> spans = np.array([[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]])
    >>> order_phrases(spans, np.array([1.0, 5.0, 7.0, 6.0, 2.0]))
    [(1, 2), (2, 3), (0, 1)]
    """
    taken = np.zeros(int(spans[:, 1].max(initial=0)), bool)
    order = []
    for index in np.argsort(-scores, kind="stable"):
        start, stop = spans[index].tolist()
        if not taken[start:stop].any():
            taken[start:stop] = True
            order.append((start, stop))
        if taken.all():
            break
    return order


def _probabilities(
    subject: Subject,
    ids: Sequence[Int[np.ndarray, "_"]],
    predicted: Int[np.ndarray, "n"],
    orders: Sequence[Sequence[tuple[int, int]]],
    task: str,
) -> Float[np.ndarray, "n g"]:
    """Return the probability of the class first predicted, by review and share of words `GRID`."""
    texts, shares = [], []
    for review, order in zip(ids, orders, strict=True):
        taken = np.zeros(len(review), bool)
        for phrase in [(0, 0), *order]:
            taken[slice(*phrase)] = True
            texts.append(review[~taken if task == "deletion" else taken])
            shares.append(taken.mean())
    logits = predict(subject.model.classifier, texts).astype(np.float64)
    ends = np.cumsum([len(order) + 1 for order in orders])[:-1]
    x, z = np.split(shares, ends), np.split(logits[:, 1] - logits[:, 0], ends)
    return np.stack(
        [
            np.interp(GRID, of_review, 1 / (1 + np.exp(-sign * steps)))
            for of_review, sign, steps in zip(x, predicted, z, strict=True)
        ]
    )


def draw(setting: Setting, result: Record) -> list[Record]:
    """Draw the curves of the main model, and the areas."""
    (main, *_) = setting.of("sst")
    figures = [{"file": "deletion-curves", "caption": f"Deletion and insertion, {main.name}."}]
    panels = []
    for task in TASKS:
        series = [
            Curve(name_of(curve), curve["x"], curve["y"])
            for curve in result["curves"]
            if curve["task"] == task and curve["model"] == main.name
        ]
        done = {"deletion": "deleted", "insertion": "inserted"}[task]
        panels.append(
            Curves(task, f"share of words {done}", "mean probability of the class", series)
        )
    draw_curves(setting.out / "deletion-curves", panels)
    for task in TASKS:
        rows = [row for row in result["rows"] if row["task"] == task]
        better = {"deletion": "less is better", "insertion": "more is better"}[task]
        stem = f"deletion-{task}-area"
        draw_bars_of_methods(setting, stem, rows, "area", f"area under the curve ({better})")
        figures.append({"file": stem, "caption": f"Area under the curve of {task}; {better}."})
    return figures


EXPERIMENT = Experiment(
    name="deletion",
    title="Deletion and insertion of phrases",
    section="",
    data=("sst",),
    protocol=PROTOCOL,
    run=run,
    draw=draw,
    layout=Layout("area", panels=("data", "task"), lower_is_better=("deletion",)),
    takes_long=True,
)
