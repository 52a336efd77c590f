"""All methods by name: contextual decomposition, the paper's comparisons, and others."""

from cdjax.core.rules import PAPER, Rule
from cdjax.methods.alone import read_alone
from cdjax.methods.cell_decomposition import decompose_cells
from cdjax.methods.contract import (
    Method,
    ScoreSteps,
    check_has_probability,
    check_max_len,
    check_reads_words,
    sum_over_steps,
)
from cdjax.methods.gradients import (
    Output,
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
THROUGH_FORGET_GATES = "cell decomposition, through the forget gates"
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

    `gradient` and `ig` explain the probability of each label: the softmax of the logits, the
    sigmoid of one logit (the probability of the second of two labels), or each one's own sigmoid
    where a model's labels do not exclude each other. `loo` explains its logarithm or, of one logit,
    the log odds. They raise where a model's output is a value. All other methods explain the
    logits, whatever these stand for: values of a model of values, log odds of each label by itself.

    `ig`, `occlusion` and `shapley` put a word for others, and raise where the network takes series;
    `cell` and `cell_gamma` raise unless it is one LSTM layer whose last state is read. The others
    take every network with logits of a whole sequence.

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
    alone        the phrase alone: logits
    """

    def cd(classifier, sequences, spans=None, *, max_len=None):
        if spans is None:
            return score_all_spans(classifier, sequences, rule, max_len)
        check_max_len(spans, max_len)
        return score_chosen_spans(classifier, sequences, spans, rule)

    def gradient(classifier, sequences, output):
        return gradient_times_input(classifier, sequences, _probability(output, "the gradient"))

    def paper_ig(classifier, sequences, output):
        explained = _probability(output, "ig")
        period = _find_period(vocabulary)
        results = integrate_gradients(classifier, sequences, period, explained, steps=ig_steps)
        warn_of_gaps(results, explained, ig_steps)
        return [standardize(result.scores) for result in results]

    def zero_ig(classifier, sequences, output):
        results = integrate_gradients(classifier, sequences, None, "logits", steps=ig_steps)
        warn_of_gaps(results, "logits", ig_steps)
        return [result.scores for result in results]

    def occlusion(classifier, sequences, spans=None, *, max_len=None):
        check_reads_words(classifier, "occlusion")
        unknown = _find_unknown(vocabulary, "occlusion")
        return leave_out(
            classifier, sequences, spans, max_len=max_len, replacement=unknown, output="logits"
        )

    def shapley(classifier, sequences, output):
        unknown = _find_unknown(vocabulary, "Shapley values")
        return sample_shapley(classifier, sequences, unknown, shapley_orders, seed)

    def alone(classifier, sequences, spans=None, *, max_len=None):
        frame = None if vocabulary is None else vocabulary.frame
        return read_alone(classifier, sequences, spans, max_len=max_len, frame=frame)

    def cells(classifier, sequences, output):
        return decompose_cells(classifier, sequences)

    def additive_cells(classifier, sequences, output):
        return decompose_cells(classifier, sequences, variant="additive")

    def additive(
        name: str,
        title: str,
        units: str,
        score_steps: ScoreSteps,
        replaces_words: str | None = None,
    ) -> Method:
        score = sum_over_steps(score_steps, replaces_words=replaces_words)
        return Method(name, title, units, score, additive=True)

    methods = (
        Method("cd", "contextual decomposition", "logits", cd),
        additive("gradient", "gradient times input", "probability", gradient),
        additive("ig", "integrated gradients", STANDARD_DEVIATIONS, paper_ig, "ig"),
        additive("ig_zero", "integrated gradients, zero baseline", "logits", zero_ig),
        Method("loo", "leave one out", "log probability", leave_out),
        additive("cell", "cell decomposition", "logits", cells),
        additive("cell_gamma", THROUGH_FORGET_GATES, "logits", additive_cells),
        Method("occlusion", "occlusion by the unknown word", "logits", occlusion),
        additive("shapley", "Shapley values, sampled", "logits", shapley, "shapley"),
        Method("alone", "the phrase alone", "logits", alone),
    )
    return {method.name: method for method in methods}


def _probability(output: str, title: str) -> Output:
    """Return what a gradient method explains of a model, given what its logits stand for."""
    check_has_probability(output, title)
    return "sigmoid" if output == "sigmoid" else "probability"


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
