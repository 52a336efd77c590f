"""Example texts: the scores of their words and phrases by every method, as heat maps."""

from collections.abc import Sequence

import numpy as np
from cdjax.model import find_vocabulary
from cdjax.scoring.batch import predict

from benchmarks.paper import yelp
from benchmarks.paper.heat_map import MethodScores, draw_heat_map
from benchmarks.paper.results import Record, label
from benchmarks.paper.setting import Scorer, Setting, Subject

Span = tuple[int, int]


def make_heat_map(
    setting: Setting, subject: Subject, tokens: Sequence[str], phrases: Sequence[Span], source: str
) -> Record:
    """Score the words and given phrases of a text by every method.

    Args:
        setting: Methods and rules.
        subject: The model.
        tokens: The text.
        phrases: Half-open spans to show besides the words.
        source: Origin of the text.
    """
    words = [(t, t + 1) for t in range(len(tokens))]
    spans = [*words, *(span for span in phrases if span not in words)]
    rows = []
    for scorer in setting.scorers(subject):
        (scores,) = setting.score(subject, scorer, [tokens], [spans], "a heat map")
        rows.append(
            {
                **scorer.key,
                "units": scorer.method.units,
                "scale": word_spread(setting, subject, scorer),
                "segments": [
                    [start, stop, float(score)]
                    for (start, stop), score in zip(spans, scores, strict=True)
                ],
            }
        )
    (logits,) = predict(subject.model.classifier, [find_vocabulary(subject.model).encode(tokens)])
    return {
        "text": " ".join(tokens),
        "tokens": list(tokens),
        "source": source,
        "logit": float(logits[1] - logits[0]),
        "rows": rows,
    }


def word_spread(setting: Setting, subject: Subject, scorer: Scorer) -> float:
    """Return the standard deviation of a method's scores of the words of validation reviews.

    It is the unit of the heat map's colours: methods differ in their units.
    """
    if subject.data == "yelp":
        texts = yelp.short_reviews(setting)
        words = [[(t, t + 1) for t in range(len(tokens))] for tokens in texts]
        scores = setting.score(subject, scorer, texts, words, "Yelp words")
        return float(np.concatenate(scores).std())
    nodes = setting.nodes(subject, scorer, "dev")
    leaves = [
        nodes[n][index]
        for n, tree in enumerate(setting.trees("dev"))
        for index, node in enumerate(tree.nodes)
        if not node.children
    ]
    return float(np.std(leaves))


def draw_heat_maps(setting: Setting, name: str, heat_maps: Sequence[Record]) -> list[Record]:
    """Draw each, and return the records of the figures."""
    figures = []
    for number, heat_map in enumerate(heat_maps, 1):
        methods = [
            MethodScores(
                label(row["method"], row["rule"]),
                row["units"],
                row["scale"],
                [(start, stop, score) for start, stop, score in row["segments"]],
            )
            for row in heat_map["rows"]
        ]
        stem = f"{name}-heat-map-{number}"
        labels = "negative", "positive"
        draw_heat_map(setting.out / stem, heat_map["tokens"], methods, labels)
        sentiment = "positive" if heat_map["logit"] > 0 else "negative"
        caption = (
            f"“{heat_map['text']}” ({heat_map['source']}): scores of words and "
            f"phrases by every method. Predicted {sentiment}, logit {heat_map['logit']:+.2f}."
        )
        figures.append({"file": stem, "caption": caption})
    return figures
