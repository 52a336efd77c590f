"""Yelp reviews: those that the regressions are fitted to, and those that are explained."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from cdjax.corpus.labelled import read_labelled
from cdjax.training.corpus import Corpus, split_off
from cdjax.training.linear import LinearModel, fit_linear
from cdjax.training.reviews import tokenize_reviews

from benchmarks.paper.setting import Setting

NAMES = {"1": "negative", "2": "positive"}
"""Classes of Yelp Review Polarity."""
MAX_WORDS = 400  # of a training review
MAX_EXPLAINED_WORDS = 40  # of a review that is explained (section 4.1)
MAX_EXPLAINED, QUICK_EXPLAINED = 2000, 300  # reviews
QUICK_TEXTS = 10_000  # about so many are regressed on in a quick run
DEV_SHARE = 0.1
STRENGTHS = (0.1, 0.3, 1.0)
NGRAM = 3  # longest n-gram of section 4.3's regression, in words


def read_reviews(folder: Path, split: str) -> Corpus:
    """Return the reviews of a split, each cut to its first words.

    Args:
        folder: Holds `SPLIT.csv` or `reviews-SPLIT.csv`, in the format of Yelp Review Polarity.
        split: "train" or "test".

    Raises:
        FileNotFoundError: Where it holds neither.
    """
    return _read_reviews(_find(folder, split))


def read_sentences(folder: Path) -> Corpus:
    """Return the sentences of `sentences-train.neg` and `.pos`, each once; none without the files.

    A sentence that is in both is left out.
    """
    labels_of: dict[str, set[str]] = {}
    for ending, label in (("neg", "negative"), ("pos", "positive")):
        path = folder / f"sentences-train.{ending}"
        if path.is_file():
            for line in path.read_text(encoding="utf-8").split("\n"):
                if line.strip():
                    labels_of.setdefault(line.strip(), set()).add(label)
    sentences = {line: labels.pop() for line, labels in labels_of.items() if len(labels) == 1}
    return Corpus([line.split(" ") for line in sentences], list(sentences.values()))


def join(*parts: Corpus) -> Corpus:
    """Return corpora one after the other."""
    return Corpus([t for part in parts for t in part.tokens], [n for p in parts for n in p.labels])


def short_reviews(setting: Setting) -> list[Sequence[str]]:
    """Return the test reviews of at most 40 words, a random subset where there are many."""
    reviews = read_reviews(setting.yelp_folder, "test").tokens
    short = [tokens for tokens in reviews if len(tokens) <= MAX_EXPLAINED_WORDS]
    count = QUICK_EXPLAINED if setting.quick else MAX_EXPLAINED
    chosen = np.random.default_rng(0).permutation(len(short))[:count]
    return [short[n] for n in sorted(chosen)]


def fit_regression(setting: Setting, longest: int = 1, sentences: bool = True) -> LinearModel:
    """Return the regression on n-grams of reviews, and of sentences where there are any.

    Args:
        setting: The reviews, and the folder of fitted regressions.
        longest: Length of the longest n-gram, in words.
        sentences: Whether to fit to sentences besides reviews.
    """
    folder = setting.yelp_folder

    def fit() -> LinearModel:
        reviews, dev = split_off(read_reviews(folder, "train"), DEV_SHARE, seed=0)
        corpus = join(reviews, read_sentences(folder)) if sentences else reviews
        if setting.quick:
            step = max(1, len(corpus.tokens) // QUICK_TEXTS)
            corpus = Corpus(corpus.tokens[::step], corpus.labels[::step])
        penalties = setting.penalties(STRENGTHS)
        return fit_linear(corpus, dev, longest=longest, least=2, strengths=penalties)

    texts = "reviews and sentences" if sentences else "reviews"
    return setting.regression("yelp", f"n-grams of 1 to {longest} words, {texts}", fit)


@functools.cache
def _read_reviews(path: Path) -> Corpus:
    def polarity_reviews():
        for review in read_labelled(path, "yelp"):
            if review.label not in NAMES:
                raise ValueError(
                    f"{review.location}: the class is {review.label!r}; expected '1' or '2'."
                )
            yield review.text or "", NAMES[review.label]

    return tokenize_reviews(polarity_reviews(), MAX_WORDS)


def _find(folder: Path, split: str) -> Path:
    names = f"{split}.csv", f"reviews-{split}.csv"
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"{folder} has neither {names[0]} nor {names[1]}; expected the files of Yelp Review "
        f"Polarity, as `cdjax fetch yelp-polarity` writes them."
    )
