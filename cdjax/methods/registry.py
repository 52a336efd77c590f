"""All methods by name: contextual decomposition, what the paper compares it with, and others."""

import functools

from cdjax.core.rules import PAPER, Rule
from cdjax.methods.cell_decomposition import decompose_cells
from cdjax.methods.contract import Method, check_request, score_by_words
from cdjax.methods.gradients import (
    gradient_times_input,
    integrate_gradients,
    standardize,
    warn_of_gaps,
)
from cdjax.methods.leave_one_out import leave_out
from cdjax.methods.shapley import sample_shapley
from cdjax.scoring.batch import score_all_spans, score_chosen_spans
from cdjax.text.vocabulary import Vocabulary

PERIOD = "."
SPREADS = "standard deviations of the review's words"
"""Units of scores that are scaled by their own review; those of a word alone are all 0."""


def make_methods(
    rule: Rule = PAPER,
    vocabulary: Vocabulary | None = None,
    *,
    ig_steps: int = 64,
    shapley_orders: int = 16,
    seed: int = 0,
) -> dict[str, Method]:
    """Return all methods by their names, contextual decomposition first.

    Args:
        rule: The rule of contextual decomposition.
        vocabulary: The model's words, of which integrated gradients need the period, and occlusion
            and Shapley values the unknown word. Without it these methods raise when called.
        ig_steps: Nodes of the quadrature of integrated gradients;
            where they leave a gap worth mention, a warning says so.
        shapley_orders: Orders sampled for each review's Shapley values.
        seed: Of these orders.

    >>> for method in make_methods().values():
    ...     print(f"{method.name:12} {method.title}: {method.units}")
    cd           contextual decomposition: logits
    gradient     gradient times input: probability
    ig           integrated gradients: standard deviations of the review's words
    ig_zero      integrated gradients, zero baseline: logits
    loo          leave one out: log probability
    cell         cell decomposition: logits
    cell_gamma   cell decomposition, through the forget gates: logits
    occlusion    occlusion by the unknown word: logits
    shapley      Shapley values, sampled: logits
    """

    def cd(classifier, reviews, spans=None, *, max_len=None):
        if spans is None:
            return score_all_spans(classifier, reviews, rule, max_len)
        classifier, reviews, spans = check_request(classifier, reviews, spans, max_len)
        return score_chosen_spans(classifier, reviews, spans, rule)

    def paper_ig(classifier, reviews):
        period = _find_period(vocabulary)
        found = integrate_gradients(classifier, reviews, period, "probability", steps=ig_steps)
        warn_of_gaps(found, "probability", ig_steps)
        return [standardize(its_words.scores) for its_words in found]

    def zero_ig(classifier, reviews):
        found = integrate_gradients(classifier, reviews, None, "logits", steps=ig_steps)
        warn_of_gaps(found, "logits", ig_steps)
        return [its_words.scores for its_words in found]

    def occlusion(classifier, reviews, spans=None, *, max_len=None):
        unknown = _find_unknown(vocabulary, "occlusion")
        return leave_out(
            classifier, reviews, spans, max_len=max_len, replacement=unknown, output="logits"
        )

    def shapley(classifier, reviews):
        unknown = _find_unknown(vocabulary, "Shapley values")
        return sample_shapley(classifier, reviews, unknown, shapley_orders, seed)

    additive_cells = functools.partial(decompose_cells, variant="additive")
    methods = (
        Method("cd", "contextual decomposition", "logits", cd),
        Method(
            "gradient", "gradient times input", "probability", score_by_words(gradient_times_input)
        ),
        Method(
            "ig",
            "integrated gradients",
            SPREADS,
            score_by_words(paper_ig),
        ),
        Method("ig_zero", "integrated gradients, zero baseline", "logits", score_by_words(zero_ig)),
        Method("loo", "leave one out", "log probability", leave_out),
        Method("cell", "cell decomposition", "logits", score_by_words(decompose_cells)),
        Method(
            "cell_gamma",
            "cell decomposition, through the forget gates",
            "logits",
            score_by_words(additive_cells),
        ),
        Method("occlusion", "occlusion by the unknown word", "logits", occlusion),
        Method("shapley", "Shapley values, sampled", "logits", score_by_words(shapley)),
    )
    return {method.name: method for method in methods}


def _find_period(vocabulary: Vocabulary | None) -> int:
    if vocabulary is None:
        raise ValueError(
            "integrated gradients need the period's word number, for their baseline is the review "
            "with a period in place of every word: make_methods(rule, model.vocabulary)."
        )
    (number,) = vocabulary.encode([PERIOD]).tolist()
    if not number:
        raise ValueError(
            f"integrated gradients need a period for their baseline, and the vocabulary has no "
            f"{PERIOD!r}. Name another word: cdjax.methods.integrate_gradients(..., baseline)."
        )
    return number


def _find_unknown(vocabulary: Vocabulary | None, what: str) -> int:
    if vocabulary is None:
        raise ValueError(
            f"{what} put the unknown word in place of words: make_methods(rule, model.vocabulary) "
            f"says which it is."
        )
    return 0  # in every vocabulary
