"""One output of a network that has some at every step, explained by any method.

What a network that reads forward gives at a step is what it would give at the end, had it read no
further. So every method of one output explains it, on the steps read by then; spans that reach
beyond are cut there. A network that reads in both directions has no such beginning: contextual
decomposition alone scores its outputs one by one.
"""

import numpy as np
from jaxtyping import Int

from cdjax.core.cells import Bidirectional
from cdjax.core.rules import Rule
from cdjax.methods.contract import Method
from cdjax.model import Model
from cdjax.results import SpanScores
from cdjax.scoring.outputs import predict_outputs, score_outputs


def find_step(model: Model, step: int | None, length: int) -> int | None:
    """Return the step whose logits are explained, counted from the first; None of a network of one.

    Raises:
        ValueError: Where the network has logits at every step and no step of it is given, or it has
            not and one is given.
    """
    if model.classifier.pool != "each":
        if step is None:
            return None
        raise ValueError(
            f"step is {step}, and the network gives its logits once, pool={model.classifier.pool!r}"
            f"; leave it out."
        )
    if step is None or not -length <= step < length:
        found = "not given" if step is None else str(step)
        raise ValueError(
            f"the network has logits at every step, and step is {found}; give step=N, the one to "
            f"explain, 0 to {length - 1} (negative ones count from the end)."
        )
    return step % length


def reads_forward(model: Model) -> bool:
    """Return whether nothing that comes after a step has a say in its output."""
    return not any(isinstance(layer, Bidirectional) for layer in model.classifier.layers)


def score_step(
    model: Model,
    method: Method,
    rule: Rule,
    x_or_ids: np.ndarray,
    spans: Int[np.ndarray, "s 2"],
    step: int,
) -> SpanScores:
    """Return the scores of spans for the logits at one step, by a method.

    Raises:
        ValueError: Where the method is not defined for such a network.
    """
    if method.name == "alone":
        raise ValueError(
            "the method 'alone' reads a phrase as a sequence of its own, in which no step stands "
            "for the one whose output is explained; expected another method."
        )
    if reads_forward(model):
        once = model._replace(classifier=model.classifier._replace(pool="last"))
        cut, row = np.unique(np.minimum(spans, step + 1), axis=0, return_inverse=True)
        (result,) = method.score(once, [x_or_ids[: step + 1]], [cut])
        return result._replace(spans=spans, scores=result.scores[row.reshape(-1)])
    if method.name != "cd":
        raise ValueError(
            f"the method {method.name!r} is not defined for a network with outputs at every step "
            f"that reads in both directions; expected 'cd'."
        )
    scores = score_outputs(model, x_or_ids, spans, [step], rule)[:, 0]
    return SpanScores(spans, scores, predict_outputs(model, x_or_ids, [step])[0])
