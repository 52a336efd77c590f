"""Yelp reviews: what is trained on, and the models."""

from pathlib import Path
from typing import Any

from cdjax.text.labelled import read_labelled
from cdjax.training.linear import fit_linear
from cdjax.training.reviews import Corpus, Table, split_off, tokenize_reviews, train_on_reviews
from cdjax.training.step import Options

NEGATIVE, POSITIVE = "1", "2"  # classes of Yelp Review Polarity
NAMES = {NEGATIVE: "negative", POSITIVE: "positive"}
MAX_WORDS = 400
REVIEW_COPIES = 4  # times a review is seen an epoch, a sentence being seen once
OPTIONS = Options(epochs=4, learning_rate=1e-3, embedding_rate=0.2, hidden_dropout=0.3)
TABLE = Table(width=128, spread=0.5, min_count=2)
DATA = (
    "a sample of the Yelp Open Dataset (4,484 training and 4,455 test reviews) and sentences of "
    "Shen et al. 2017; not the rows of Yelp Review Polarity (Zhang, Zhao & LeCun 2015)"
)


def read_reviews(path: Path) -> Corpus:
    """Return the reviews of a file in Zhang's format."""
    rows = read_labelled(path, "yelp")
    return tokenize_reviews(((text, NAMES[label]) for text, label, _ in rows), MAX_WORDS)


def read_sentences(folder: Path) -> Corpus:
    """Return the training sentences, each once; one that is in both files is left out."""
    found: dict[str, set[str]] = {}
    for ending, label in (("neg", NAMES[NEGATIVE]), ("pos", NAMES[POSITIVE])):
        for line in (folder / f"sentences-train.{ending}").read_text("utf-8").split("\n"):
            if line.strip():
                found.setdefault(line.strip(), set()).add(label)
    once = {line: labels.pop() for line, labels in found.items() if len(labels) == 1}
    return Corpus([line.split(" ") for line in once], list(once.values()))


def join(*parts: Corpus) -> Corpus:
    """Return corpora one after the other."""
    return Corpus([t for part in parts for t in part.tokens], [n for p in parts for n in p.labels])


def prepare(folder: Path) -> tuple[Corpus, Corpus, Corpus]:
    """Return reviews to train on, reviews to choose by, and sentences to train on."""
    reviews, dev = split_off(read_reviews(folder / "reviews-train.csv"), 0.1, seed=0)
    return reviews, dev, read_sentences(folder)


def measure_ngrams(folder: Path, with_sentences: bool) -> dict[str, Any]:
    """Fit the regression on n-grams of up to three words and measure it."""
    reviews, dev, sentences = prepare(folder)
    corpus = join(reviews, sentences) if with_sentences else reviews
    model = fit_linear(corpus, dev, longest=3, least=2, strengths=(0.1, 0.3, 1.0, 3.0, 10.0))
    test = read_reviews(folder / "reviews-test.csv")
    return {
        "dev_error": 1 - model.dev_accuracy,
        "error": 1 - model.accuracy(test),
        "balanced_error": 1 - model.accuracy(test, balanced=True),
        "strength": model.strength,
        "counted": model.counted,
        "training_rows": len(corpus.labels),
    }


def train_lstm(folder: Path, vectors: list[Path], seed: int, command: str, **loop):
    """Train the LSTM on sentences and reviews."""
    reviews, dev, sentences = prepare(folder)
    return train_on_reviews(
        join(sentences, *[reviews] * REVIEW_COPIES),
        dev,
        vectors,
        OPTIONS._replace(seed=seed),
        TABLE,
        test=read_reviews(folder / "reviews-test.csv"),
        about={"name": DATA, "review_copies": REVIEW_COPIES},
        command=command,
        **loop,
    )
