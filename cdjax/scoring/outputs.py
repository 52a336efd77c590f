"""Networks with logits at every step (the pool "each"): taggers, language models, many to many."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from cdjax.core.network import Classifier, forward
from cdjax.core.rules import PAPER, Rule
from cdjax.engine import recursion
from cdjax.model import Model
from cdjax.scoring.checks import check_finite, check_spans, prepare_one
from cdjax.spans import padded_length


def score_outputs(
    model: Classifier | Model,
    x_or_ids: ArrayLike,
    spans: ArrayLike,
    steps: ArrayLike | None = None,
    rule: Rule = PAPER,
    classes: Sequence[int | str] | ArrayLike | None = None,
    *,
    padding: int | None = None,
) -> Float[np.ndarray, "s n k"]:
    """Score spans by what each contributes to the logits at the chosen steps, of chosen classes.

        logits[t, k] = score[span, t, k] + the rest's part + the output bias

    By the recursion itself: one pass a span, whatever the number of steps. Only the logits asked
    for are computed, so that many classes (a language model's words) take no memory unless chosen.

    Args:
        model: A network with the pool "each", or a model that has one.
        x_or_ids: The sequence, as word numbers `[T]` or as vectors `[T, D]`.
        spans: Half-open `[start, stop)` pairs `[S, 2]`. An empty span (`start == stop`) scores 0;
            of a network without backward cells, so does one after the step.
        steps: The steps `[N]` whose logits are wanted; negative ones count from the end. All when
            None.
        rule: Which reading of the method.
        classes: The classes wanted, by their numbers or by the labels of a model. All when None.
        padding: A number that pads word numbers before or after the words; it is cut off there
            (`cdjax.scoring.checks.cut_padding`), so spans and steps count from the first word.

    Returns:
        Logits `[S, N, K]`, in the float type of the classifier.

    Raises:
        TypeError: Where an argument holds the wrong kind of values.
        ValueError: Where the network has another pool, shapes do not fit, a word number is not in
            the embedding, a value is not finite, or a span, step or class is not there.

    >>> import cdjax
    >>> layer = cdjax.GRUParams(W=np.ones((3, 2, 3)), V=np.ones((3, 2, 2)), b=np.zeros((3, 2)))
    >>> tagger = cdjax.Classifier(None, (layer,), np.ones((5, 2)), np.zeros(5), pool="each")
    >>> x, spans = np.ones((4, 3)), [[0, 2], [3, 4]]
    >>> score_outputs(tagger, x, spans, [2, 3], classes=[0])[..., 0].round(2)
    array([[0.14, 0.11],
           [0.  , 0.13]], dtype=float32)
    """
    classifier, ids = prepare_one(model, x_or_ids, padding, each=True)
    checked = check_spans(spans, len(ids))
    at, network = _choose(model, classifier, len(ids), steps, classes)
    shape = len(checked), len(at), len(network.bias)
    if 0 in shape:
        return np.zeros(shape, network.bias.dtype)
    t = np.arange(len(ids))

    def masks(first: int, stop: int) -> Bool[np.ndarray, "s t"]:
        start, end = np.hsplit(checked[first:stop], 2)
        return (start <= t) & (t < end)

    scores = recursion.score_masks(
        network, classifier.embedding[ids], len(checked), masks, rule, at
    )
    check_finite(scores, "scores", 0)
    return scores


def predict_outputs(
    model: Classifier | Model,
    x_or_ids: ArrayLike,
    steps: ArrayLike | None = None,
    classes: Sequence[int | str] | ArrayLike | None = None,
    *,
    padding: int | None = None,
) -> Float[np.ndarray, "n k"]:
    """Return the logits of a network with the pool "each" at the chosen steps, of chosen classes.

    Arguments and errors are as for `score_outputs`.

    Returns:
        Logits `[N, K]`, output bias included.
    """
    classifier, ids = prepare_one(model, x_or_ids, padding, each=True)
    at, network = _choose(model, classifier, len(ids), steps, classes)
    if not len(at):
        return np.zeros((0, len(network.bias)), network.bias.dtype)
    length = padded_length(len(ids))
    x = recursion.pad(classifier.embedding[ids], length)
    logits = np.asarray(jax.jit(forward)(network, x, np.arange(length) < len(ids)))[at]
    check_finite(logits, "logits", 0)
    return logits


def _choose(
    model: Classifier | Model, classifier: Classifier, length: int, steps: Any, classes: Any
) -> tuple[Int[np.ndarray, "_"], Classifier]:
    """Return the steps, and the network without its embedding that has the chosen classes."""
    at = np.arange(length) if steps is None else _check_numbers("steps", steps, length)
    network, count = classifier._replace(embedding=None), len(classifier.bias)
    if classes is None:
        return at, network
    labels = model.labels if isinstance(model, Model) and len(model.labels) == count else ()
    numbers = []
    for name in [classes] if isinstance(classes, str) else classes:
        if isinstance(name, str) and name not in labels:
            known = ", ".join(labels) or f"the numbers 0 to {count - 1}"
            raise ValueError(f"there is no class {name!r}; expected one of {known}.")
        numbers.append(labels.index(name) if isinstance(name, str) else name)
    chosen = _check_numbers("classes", numbers, count)
    return at, network._replace(readout=network.readout[chosen], bias=network.bias[chosen])


def _check_numbers(name: str, given: Any, count: int) -> Int[np.ndarray, "_"]:
    """Return numbers `[N]` from 0 to before `count`; negative ones count from the end."""
    numbers = np.asarray(given)
    if numbers.size == 0:
        return np.zeros(0, np.int32)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise TypeError(
            f"{name} holds {numbers.dtype} {list(numbers.shape)}; expected integers [N]."
        )
    if (wrong := numbers[(numbers < -count) | (numbers >= count)]).size:
        raise ValueError(f"{name} holds {wrong[0]}; expected 0 to {count - 1}.")
    return (numbers % count).astype(np.int32)
