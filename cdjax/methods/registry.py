"""All methods by name: contextual decomposition, the paper's comparisons, and others."""

import functools

from cdjax.core.rules import PAPER, Rule
from cdjax.methods.cell_decomposition import decompose_cells
from cdjax.methods.contract import Method, check_request, sum_over_steps
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
STANDARD_DEVIATIONS = "standard deviations of the sequence's steps"
"""Units of scores that are scaled within each sequence."""


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
        vocabulary: Of the model. Integrated gradients look up the period in it, occlusion and
            Shapley values the unknown word; without it these methods raise when called.
        ig_steps: Nodes of the quadrature of integrated gradients. A warning reports large gaps.
        shapley_orders: Orders sampled for the Shapley values of each sequence.
        seed: Of these orders.

    >>> for method in make_methods().values():
    ...     print(f"{method.name:12} {method.title}: {method.units}")
    cd           contextual decomposition: logits
    gradient     gradient times input: probability
    ig           integrated gradients: standard deviations of the sequence's steps
    ig_zero      integrated gradients, zero baseline: logits
    loo          leave one out: log probability
    cell         cell decomposition: logits
    cell_gamma   cell decomposition, through the forget gates: logits
    occlusion    occlusion by the unknown word: logits
    shapley      Shapley values, sampled: logits
    """

    def cd(classifier, sequences, spans=None, *, max_len=None):
        if spans is None:
            return score_all_spans(classifier, sequences, rule, max_len)
        classifier, sequences, spans = check_request(classifier, sequences, spans, max_len)
        return score_chosen_spans(classifier, sequences, spans, rule)

    def paper_ig(classifier, sequences):
        period = _find_period(vocabulary)
        results = integrate_gradients(classifier, sequences, period, "probability", steps=ig_steps)
        warn_of_gaps(results, "probability", ig_steps)
        return [standardize(result.scores) for result in results]

    def zero_ig(classifier, sequences):
        results = integrate_gradients(classifier, sequences, None, "logits", steps=ig_steps)
        warn_of_gaps(results, "logits", ig_steps)
        return [result.scores for result in results]

    def occlusion(classifier, sequences, spans=None, *, max_len=None):
        unknown = _find_unknown(vocabulary, "occlusion")
        return leave_out(
            classifier, sequences, spans, max_len=max_len, replacement=unknown, output="logits"
        )

    def shapley(classifier, sequences):
        unknown = _find_unknown(vocabulary, "Shapley values")
        return sample_shapley(classifier, sequences, unknown, shapley_orders, seed)

    additive_cells = functools.partial(decompose_cells, variant="additive")
    methods = (
        Method("cd", "contextual decomposition", "logits", cd),
        Method(
            "gradient", "gradient times input", "probability", sum_over_steps(gradient_times_input)
        ),
        Method(
            "ig",
            "integrated gradients",
            STANDARD_DEVIATIONS,
            sum_over_steps(paper_ig),
        ),
        Method("ig_zero", "integrated gradients, zero baseline", "logits", sum_over_steps(zero_ig)),
        Method("loo", "leave one out", "log probability", leave_out),
        Method("cell", "cell decomposition", "logits", sum_over_steps(decompose_cells)),
        Method(
            "cell_gamma",
            "cell decomposition, through the forget gates",
            "logits",
            sum_over_steps(additive_cells),
        ),
        Method("occlusion", "occlusion by the unknown word", "logits", occlusion),
        Method("shapley", "Shapley values, sampled", "logits", sum_over_steps(shapley)),
    )
    return {method.name: method for method in methods}


def _find_period(vocabulary: Vocabulary | None) -> int:
    if vocabulary is None:
        raise ValueError(
            "integrated gradients need the period's word number, since every step of their "
            "baseline is a period: make_methods(rule, model.vocabulary)."
        )
    if PERIOD not in vocabulary:
        raise ValueError(
            f"integrated gradients need a period for their baseline, and the vocabulary has no "
            f"{PERIOD!r}. Name another word: cdjax.methods.integrate_gradients(..., baseline)."
        )
    return int(vocabulary.encode([PERIOD])[0])


def _find_unknown(vocabulary: Vocabulary | None, title: str) -> int:
    if vocabulary is None:
        raise ValueError(
            f"{title} replace words by the unknown word, and need its number: "
            f"make_methods(rule, model.vocabulary)."
        )
    if vocabulary.unknown is None:
        raise ValueError(
            f"{title} replace words by the unknown word, and the vocabulary has none; expected "
            f"Vocabulary(words, unknown=...)."
        )
    return vocabulary.unknown
