"""Logistic regression over words or n-grams: what the paper holds scores of words against."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from jaxtyping import Float
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from cdjax.training.reviews import Corpus, order_labels

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Values of C to choose from, the inverse strength of the L2 penalty."""
Weighting = Literal["count", "once", "unit"]
"""What an n-gram of a text counts: as often as it occurs, once, or as often, with all counts of the
text scaled to unit length, so that a sentence does not outweigh a phrase."""


class LinearModel(NamedTuple):
    """A logistic regression with two classes."""

    features: dict[str, int]  # place of each word or n-gram, its words joined by spaces
    coefficients: Float[np.ndarray, "f"]  # in logits of the second class
    intercept: float
    labels: tuple[str, str]
    longest: int  # words of the longest n-gram
    weighting: Weighting  # what an n-gram counts
    strength: float  # C
    dev_accuracy: float

    def coefficient(self, words: Sequence[str]) -> float:
        """Return the coefficient of a word or n-gram; 0 where it is no feature."""
        place = self.features.get(" ".join(words))
        return 0.0 if place is None else float(self.coefficients[place])

    def score(self, tokens: Sequence[str]) -> float:
        """Return the weighted sum of the coefficients in a text, in logits, intercept left out."""
        found = Counter(ngram for ngram in _ngrams(tokens, self.longest) if ngram in self.features)
        counts = np.fromiter(found.values(), float, len(found))
        if self.weighting == "once":
            counts = np.ones_like(counts)
        elif self.weighting == "unit" and found:
            counts /= np.linalg.norm(counts)
        return float(counts @ self.coefficients[[self.features[ngram] for ngram in found]])

    def accuracy(self, corpus: Corpus, balanced: bool = False) -> float:
        """Return the share of reviews predicted right, or its mean over the two labels."""
        said = np.array([self.score(tokens) + self.intercept > 0 for tokens in corpus.tokens])
        is_second = np.array(corpus.labels) == self.labels[1]
        right = said == is_second
        if balanced:
            return float((right[is_second].mean() + right[~is_second].mean()) / 2)
        return float(right.mean())


def fit_linear(
    corpus: Corpus,
    dev: Corpus,
    *,
    probabilities: Float[np.ndarray, "n"] | None = None,
    weights: Float[np.ndarray, "n"] | None = None,
    longest: int = 1,
    least: int = 1,
    strengths: Sequence[float] = STRENGTHS,
    weightings: Sequence[Weighting] = ("count", "once"),
) -> LinearModel:
    """Fit logistic regressions and return the one that is best on `dev`.

    Tried are all strengths of the penalty with all weightings of n-grams.

    Args:
        corpus: What to fit to; exactly two labels.
        dev: What to choose by.
        probabilities: Probability of the second label of each text, to learn instead of its label.
        weights: Of each text in the loss; 1 when None.
        longest: Words of the longest n-gram.
        least: How many reviews an n-gram must be in to be a feature.
        strengths: Values of C to try.
        weightings: What an n-gram may count.

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
    features = {str(name): int(place) for name, place in vectorizer.vocabulary_.items()}
    is_second = np.array(corpus.labels) == labels[1]
    chance = np.where(is_second, 1.0, 0.0) if probabilities is None else probabilities
    weight = np.ones(len(chance)) if weights is None else weights
    # A text of which either is possible is learned as both, each as much as it is likely.
    first, second = np.flatnonzero(chance < 1), np.flatnonzero(chance > 0)
    twice = np.concatenate([second, first])
    target = np.arange(len(twice)) < len(second)
    shares = np.concatenate([(weight * chance)[second], (weight * (1 - chance))[first]])
    models = []
    for weighting in weightings:
        rows = _weigh(counts, weighting)[twice]
        for strength in strengths:
            fit: Any = LogisticRegression(C=strength, max_iter=1000)
            fit.fit(rows, target, sample_weight=shares)
            model = LinearModel(
                features, fit.coef_[0], float(fit.intercept_[0]), (labels[0], labels[1]),
                longest, weighting, strength, 0.0,
            )  # fmt: skip
            models.append(model._replace(dev_accuracy=model.accuracy(dev)))
    return max(models, key=lambda model: model.dev_accuracy)


def _ngrams(tokens: Sequence[str], longest: int):
    for length in range(1, longest + 1):
        for start in range(len(tokens) - length + 1):
            yield " ".join(tokens[start : start + length])


def _weigh(counts: Any, weighting: Weighting) -> Any:
    """Return rows of counts with an n-gram counting as it should."""
    match weighting:
        case "count":
            return counts
        case "once":
            return (counts > 0).astype(np.float64)
        case "unit":
            return normalize(counts.astype(np.float64))
