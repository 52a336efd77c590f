"""Folders of scores for tests: written by a job, of scores that are drawn and not computed."""

import contextlib

import cdjax
import numpy as np
import pyarrow.parquet as pq
import pytest
from cdjax.corpus.job import score_corpus
from cdjax.corpus.reviews import Review
from cdjax.corpus.scorer import Scorer
from cdjax.results import SpanScores
from cdjax.spans import enumerate_spans

from tests.conftest import random_classifier

WORDS = ("<unk>", "a", "bad", "film", "is", "n't", "not", "good", "!", "the", "plot", "cast")


def make_model(labels=("negative", "positive"), output="softmax", lowercase=True):
    classifier = random_classifier(
        np.random.default_rng(0), words=len(WORDS), classes=len(labels), dtype=np.float32
    )
    return cdjax.Model(classifier, cdjax.Vocabulary(WORDS, lowercase), labels, {}, output)


@contextlib.contextmanager
def drawn_scores(scale=1.0):
    """Scores are drawn at random, of words and of phrases beyond their words."""

    def score(self, tokenized):
        results, classes = [], len(self.model.labels)
        for n, ids in enumerate(tokenized.ids):
            rng = np.random.default_rng([n, len(ids)])
            spans = enumerate_spans(len(ids), self.max_len)
            scores = scale * rng.normal(size=(len(spans), classes)).astype(np.float32)
            logits = rng.normal(size=classes).astype(np.float32)
            results.append(SpanScores(spans, scores, logits))
        return results

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scorer, "score", score)
        yield


def write_scores(out, reviews, model=None, scale=1.0, **options):
    """Write the folder of a job; reviews are texts or `Review`s."""
    with drawn_scores(scale):
        return score_corpus(model or make_model(), reviews, out, **options).manifest


def make_reviews(count, seed=0, words=WORDS[1:], most=12):
    """Texts of drawn words, with a label, stars, a number and a shop."""
    rng = np.random.default_rng(seed)
    reviews = []
    for n in range(count):
        chosen = [words[k] for k in rng.integers(0, len(words), rng.integers(0, most))]
        text = " ".join(word.capitalize() if rng.random() < 0.2 else word for word in chosen)
        kept = {
            "label": ("negative", "positive")[int(rng.integers(2))] if n % 9 else None,
            "stars": str(rng.integers(1, 6)),
            "number": str(n * 1.5),
            "shop": f"shop {n} <b>",
        }
        reviews.append(Review(f"line {n}", text, None, f"id {n}", None, kept))
    return reviews


KEEP = ("label", "stars", "number", "shop")


def read_tables(out):
    """The rows of spans and documents, by hand."""
    documents = {row["doc"]: row for row in pq.read_table(out / "documents").to_pylist()}
    return documents, pq.read_table(out / "spans").to_pylist()


def expected(out, number="score", beyond="interaction", longest=5):
    """The scores and interactions of every phrase, from the Parquet."""
    documents, spans = read_tables(out)
    phrases = {}
    for row in spans:
        if row["words"] <= longest:
            tokens = documents[row["doc"]]["tokens"][row["start"] : row["stop"]]
            found = phrases.setdefault(" ".join(tokens).lower(), [])
            found.append((row["doc"], row["start"], row[number], row[beyond]))
    return phrases
