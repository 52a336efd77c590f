"""Yelp reviews: training data and models."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from cdjax.training.corpus import Corpus, split_off
from cdjax.training.fit import VectorOptions, fit
from cdjax.training.linear import fit_linear
from cdjax.training.reviews import prepare_reviews
from cdjax.training.step import Options

from benchmarks.paper.yelp import DEV_SHARE, join, read_reviews, read_sentences

REVIEW_COPIES = 4  # of each review in an epoch; sentences occur once
OPTIONS = Options(
    epochs=4, learning_rate=1e-3, embedding_rate=0.2, hidden_dropout=0.3, balanced=True
)
"""Balanced: a quarter of the reviews is negative, and a user's may be as negative as not."""
VECTOR_OPTIONS = VectorOptions(width=128)
DATA = (
    "a sample of the Yelp Open Dataset (4,484 training and 4,455 test reviews) and sentences of "
    "Shen et al. 2017; not the rows of Yelp Review Polarity (Zhang, Zhao & LeCun 2015)"
)


def prepare(folder: Path) -> tuple[Corpus, Corpus, Corpus]:
    """Return training reviews, development reviews and training sentences."""
    sentences = read_sentences(folder)
    if not sentences.labels:
        raise FileNotFoundError(
            f"{folder} has no sentences; expected sentences-train.neg and sentences-train.pos."
        )
    return *split_off(read_reviews(folder, "train"), DEV_SHARE, seed=0), sentences


def join_balanced(*parts: Corpus) -> Corpus:
    """Return corpora one after the other, the labels of each with weights of the same sum.

    All texts together would not do: with nearly even labels of the short sentences, reviews would
    stay mostly positive.
    """
    weights = []
    for part in parts:
        counts = Counter(part.labels)
        of_label = {n: len(part.labels) / (len(counts) * count) for n, count in counts.items()}
        weights += [of_label[name] for name in part.labels]
    return join(*parts)._replace(weights=np.array(weights, np.float32))


def measure_ngrams(folder: Path, with_sentences: bool, balanced: bool = False) -> dict[str, Any]:
    """Fit the regression on n-grams of up to three words and measure it."""
    reviews, dev, sentences = prepare(folder)
    parts = (reviews, sentences) if with_sentences else (reviews,)
    model = fit_linear(
        join_balanced(*parts) if balanced else join(*parts),
        dev,
        longest=3,
        least=2,
        strengths=(0.1, 0.3, 1.0, 3.0, 10.0),
        balanced=balanced,
    )
    test = read_reviews(folder, "test")
    return {
        "dev_error": 1 - model.accuracy(dev),
        "dev_balanced_error": 1 - model.accuracy(dev, balanced=True),
        "error": 1 - model.accuracy(test),
        "balanced_error": 1 - model.accuracy(test, balanced=True),
        "strength": model.strength,
        "weighting": model.weighting,
        "training_rows": sum(len(part.labels) for part in parts),
    }


def train_lstm(folder: Path, vectors: list[Path], seed: int, command: list[str], **loop):
    """Train the LSTM on sentences and reviews, the labels of both balanced."""
    reviews, dev, sentences = prepare(folder)
    data = prepare_reviews(
        join_balanced(sentences, *[reviews] * REVIEW_COPIES),
        dev,
        read_reviews(folder, "test"),
        {"name": DATA, "review_copies": REVIEW_COPIES},
    )
    options = OPTIONS._replace(seed=seed)
    return fit(data, vectors, options, VECTOR_OPTIONS, command=command, **loop)
