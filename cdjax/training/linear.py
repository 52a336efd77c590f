"""Logistic regression over words or n-grams: the paper compares scores of words with it."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from jaxtyping import Float
from joblib import Parallel, delayed
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from cdjax.training.corpus import Corpus, order_labels

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Values of C to choose from, the inverse strength of the L2 penalty."""
MANY = 20_000_000
"""Counts in all tables of a choice from which on they are fitted by several processes."""
Weighting = Literal["count", "once", "unit"]
"""The value of an n-gram of a text: its count, 1, or its count with the vector of all counts of the
text scaled to unit length, so that a sentence does not outweigh a phrase."""


class LinearModel(NamedTuple):
    """A logistic regression with two classes."""

    features: dict[str, int]  # index of each word or n-gram, its words joined by spaces
    coefficients: Float[np.ndarray, "f"]  # in logits of the second class
    intercept: float
    labels: tuple[str, str]
    longest: int  # words of the longest n-gram
    weighting: Weighting  # the value of an n-gram
    strength: float  # C
    dev_accuracy: float  # the mean over both labels where it was chosen by that

    def coefficient(self, words: Sequence[str]) -> float:
        """Return the coefficient of a word or n-gram; 0 where it is no feature."""
        index = self.features.get(" ".join(words))
        return 0.0 if index is None else float(self.coefficients[index])

    def score(self, tokens: Sequence[str]) -> float:
        """Return the weighted sum of the coefficients of a text, in logits, without intercept."""
        ngrams = Counter(n for n in _ngrams(tokens, self.longest) if n in self.features)
        counts = np.fromiter(ngrams.values(), float, len(ngrams))
        if self.weighting == "once":
            counts = np.ones_like(counts)
        elif self.weighting == "unit" and ngrams:
            counts /= np.linalg.norm(counts)
        return float(counts @ self.coefficients[[self.features[ngram] for ngram in ngrams]])

    def accuracy(self, corpus: Corpus, balanced: bool = False) -> float:
        """Return the share of texts predicted right, or its mean over the two labels."""
        predicted_second = np.array(
            [self.score(tokens) + self.intercept > 0 for tokens in corpus.tokens]
        )
        is_second = np.array(corpus.labels) == self.labels[1]
        right = predicted_second == is_second
        if balanced:
            return float((right[is_second].mean() + right[~is_second].mean()) / 2)
        return float(right.mean())


def fit_linear(
    corpus: Corpus,
    dev: Corpus,
    *,
    longest: int = 1,
    least: int = 1,
    strengths: Sequence[float] = STRENGTHS,
    weightings: Sequence[Weighting] = ("count", "once"),
    balanced: bool = False,
) -> LinearModel:
    """Fit a logistic regression for each strength and weighting; return the most accurate on `dev`.

    Args:
        corpus: Texts to fit to, with exactly two labels, or soft ones.
        dev: Texts to choose the regression by.
        longest: Words of the longest n-gram.
        least: Texts that an n-gram must be in to be a feature.
        strengths: Values of C to try.
        weightings: Values of n-grams to try.
        balanced: Whether to choose by the mean of both labels' accuracies.

    Raises:
        ValueError: Where there are not two labels.
    """
    labels = order_labels(corpus.labels)
    if len(labels) != 2:
        raise ValueError(f"there are {len(labels)} labels, {labels[:5]}; expected two.")
    vectorizer: Any = CountVectorizer(
        analyzer=cast(Any, lambda tokens: list(_ngrams(tokens, longest))), min_df=least
    )
    counts = vectorizer.fit_transform(corpus.tokens)
    features = {str(name): int(index) for name, index in vectorizer.vocabulary_.items()}
    is_second = np.array(corpus.labels) == labels[1]
    second_p = is_second.astype(float) if corpus.targets is None else corpus.targets[:, 1]
    weight = np.ones(len(second_p)) if corpus.weights is None else corpus.weights
    # A text with a soft label is learned once with either label, weighted by its probability.
    first, second = np.flatnonzero(second_p < 1), np.flatnonzero(second_p > 0)
    twice = np.concatenate([second, first])
    target = np.arange(len(twice)) < len(second)
    shares = np.concatenate([(weight * second_p)[second], (weight * (1 - second_p))[first]])
    rows = {weighting: _weigh(counts, weighting)[twice] for weighting in weightings}
    kinds = list(itertools.product(weightings, strengths))
    # Processes, a core each; for a small table, starting them would take longer than the fits.
    fits: Any = Parallel(n_jobs=-1 if counts.nnz * len(kinds) > MANY else 1)(
        delayed(_fit)(rows[weighting], target, shares, strength) for weighting, strength in kinds
    )
    models = []
    for (weighting, strength), (coefficients, intercept) in zip(kinds, fits, strict=True):
        model = LinearModel(
            features, coefficients, intercept, (labels[0], labels[1]),
            longest, weighting, strength, 0.0,
        )  # fmt: skip
        models.append(model._replace(dev_accuracy=model.accuracy(dev, balanced)))
    return max(models, key=lambda model: model.dev_accuracy)


def _fit(rows: Any, target: np.ndarray, shares: np.ndarray, strength: float) -> Any:
    fit: Any = LogisticRegression(C=strength, max_iter=1000)
    fit.fit(rows, target, sample_weight=shares)
    return fit.coef_[0], float(fit.intercept_[0])


def _ngrams(tokens: Sequence[str], longest: int):
    for length in range(1, longest + 1):
        for start in range(len(tokens) - length + 1):
            yield " ".join(tokens[start : start + length])


def _weigh(counts: Any, weighting: Weighting) -> Any:
    """Return the values of n-grams from their counts, one row a text."""
    match weighting:
        case "count":
            return counts
        case "once":
            return (counts > 0).astype(np.float64)
        case "unit":
            return normalize(counts.astype(np.float64))
