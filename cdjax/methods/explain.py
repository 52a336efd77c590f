"""One text or series explained: `explain`."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cdjax.core.rules import PAPER, RULES, Rule
from cdjax.methods.registry import make_methods
from cdjax.model import Model, find_vocabulary, load
from cdjax.results.explanation import Explanation
from cdjax.results.scores import (
    VALUES,
    SpanScores,
    default_direction,
    exclude_each_other,
    read_scores,
)
from cdjax.results.sentences import split_long_text
from cdjax.scoring.batch import output_bias
from cdjax.scoring.limits import check_length
from cdjax.scoring.outputs import predict_outputs, score_outputs
from cdjax.spans import enumerate_spans
from cdjax.text.scripts import check_words


def explain(
    source: str | Sequence[str] | ArrayLike,
    model: Model | str | os.PathLike | None = None,
    method: str = "cd",
    rule: Rule | str = PAPER,
    max_len: int | None = None,
    *,
    label: str | None = None,
    against: str | None = None,
    whole: bool = False,
    step: int | None = None,
) -> Explanation:
    """Explain a model's prediction for one text or series: what every phrase contributes to it.

    Args:
        source: A text (`str`), which is split as the model's vocabulary says; a list of tokens; or
            a series of floats `[T, D]`.
        model: A model, the folder of one, or the name of a bundled one; `cdjax.load()` when None.
        method: The name of a method of `cdjax.methods.make_methods()`; "cd" is contextual
            decomposition.
        rule: The rule of contextual decomposition, or its name.
        max_len: Steps of the longest span to score; all when None.
        label: The label that scores above 0 speak for. When None, the second of two labels that
            exclude each other, else the predicted one (of values the first).
        against: The label that scores below 0 speak for: scores are then those of `label` (when
            None, of the predicted one of the others) less those of `against`.
        whole: Whether to score the whole sequence too, and each sentence of a text of more than 40
            words, where `max_len` leaves them out.
        step: Of a network with logits at every step (the pool "each"), the step whose logits are
            explained; negative ones count from the end.

    Returns:
        The explanation; scores in logits, in the units of a model's values, or in the method's own.

    Raises:
        TypeError: Where `source` is neither a text nor tokens nor floats.
        ValueError: Where it is empty, too long for all its spans, or in a script without spaces
            between words; where there is no such method, rule, label or step, both labels are the
            same, or the method is not defined for the model.
        FileNotFoundError: Where there is no such model.

    >>> explanation = explain("It isn't a bad film.")
    >>> round(explanation["bad"], 2), round(explanation["isn't a bad"], 2)
    (-0.67, 1.31)
    """
    model = model if isinstance(model, Model) else load(model)
    output = model.output
    rule = _find_rule(rule)
    if method not in (methods := make_methods(rule)):
        raise ValueError(f"there is no method {method!r}; expected one of {', '.join(methods)}.")
    if method != "cd" and rule != PAPER:
        raise ValueError(
            f"rule {rule.name} is a rule of contextual decomposition, which the method {method!r} "
            f"is not; leave one of them out."
        )
    model, steps, parts = _encode(source, model)
    frame = None if model.vocabulary is None else model.vocabulary.frame
    chosen = make_methods(rule, model.vocabulary)[method]
    if model.classifier.pool == "each" or step is not None:
        step = _check_step(model, method, step, len(steps))
    if parts["tokens"] is None:
        check_length(len(steps), max_len, "the series", unit="steps")
    else:
        check_length(len(steps), max_len, "the text")
    spans = enumerate_spans(len(steps), max_len)
    if whole:
        more = split_long_text(parts["tokens"], parts.get("text"), parts.get("offsets"))
        spans = np.unique([*spans, *more, (0, len(steps))], axis=0).astype(spans.dtype)
    if step is not None:
        result = _score_step(model, steps, spans, step, rule)
    elif frame is not None:
        padded, first = frame.pad(steps)
        parts["padding"] = len(padded) - len(steps)
        (result,) = chosen.score(model, [padded], [spans + first])
        result = result._replace(spans=spans)
    elif whole:
        (result,) = chosen.score(model, [steps], [spans])
    else:
        (result,) = chosen.score(model, [steps], max_len=max_len)
    labels = tuple(model.labels)
    direction = default_direction(
        result.logits, labels, output, units=chosen.units, label=label, against=against
    )
    once = model._replace(classifier=model.classifier._replace(pool="last"))  # at any step the same
    exclusive = exclude_each_other(len(result.logits), labels, output)
    return Explanation(
        spans=result.spans,
        scores=read_scores(result.scores, labels),
        logits=read_scores(result.logits, labels),
        output_bias=read_scores(output_bias(once), labels),
        labels=labels,
        direction=dict(zip(labels, direction.tolist(), strict=True)),
        method=method,
        rule=rule.name if method == "cd" else None,
        units=VALUES if output == "value" and chosen.units == "logits" else chosen.units,
        output="softmax" if exclusive else output,
        **parts,
    )


def _check_step(model: Model, method: str, step: int | None, length: int) -> int:
    """Return the step whose logits are explained, counted from the first."""
    if model.classifier.pool != "each":
        raise ValueError(
            f"step is {step}, and the network gives its logits once, pool={model.classifier.pool!r}"
            f"; leave it out."
        )
    if method != "cd":
        raise ValueError(
            f"the method {method!r} is not defined for a network with logits at every step; "
            f"expected 'cd'."
        )
    if step is None or not -length <= step < length:
        found = "not given" if step is None else str(step)
        raise ValueError(
            f"the network has logits at every step, and step is {found}; give step=N, the one to "
            f"explain, 0 to {length - 1} (negative ones count from the end)."
        )
    return step % length


def _score_step(model: Model, steps: np.ndarray, spans: Any, step: int, rule: Rule) -> SpanScores:
    """Return the scores of spans for the logits at one step."""
    frame = None if model.vocabulary is None else model.vocabulary.frame
    x, first = (steps, 0) if frame is None else frame.pad(steps)
    scores = score_outputs(model, x, spans + first, [step + first], rule)[:, 0]
    return SpanScores(spans, scores, predict_outputs(model, x, [step + first])[0])


def _find_rule(rule: Rule | str) -> Rule:
    if isinstance(rule, Rule):
        return rule
    if rule not in RULES:
        raise ValueError(f"there is no rule {rule!r}; expected one of {', '.join(RULES)}.")
    return RULES[rule]


def _encode(source: Any, model: Model) -> tuple[Model, np.ndarray, dict[str, Any]]:
    """Return the model, what its network reads, and what the explanation keeps."""
    if isinstance(source, str):
        tokens, offsets = find_vocabulary(model).split(source)
        parts = {"text": source, "offsets": offsets}
    elif isinstance(source, Sequence) and all(isinstance(token, str) for token in source):
        tokens, parts = list(source), {}
    else:
        return _encode_series(source, model)
    if not tokens:
        vocabulary = find_vocabulary(model)
        known = ", one that the model knows" if vocabulary.skips_unknown else ""
        raise ValueError(f"the text is empty; expected at least one word{known}.")
    vocabulary = find_vocabulary(model)
    if (frame := vocabulary.frame) is not None:
        kept = frame.kept(len(tokens))
        tokens = tokens[kept]
        parts |= {"offsets": parts["offsets"][kept]} if parts else {}
    ids = vocabulary.encode(tokens)
    known = vocabulary.known(ids)
    if isinstance(source, str) and vocabulary.splitting.splits_words:
        check_words(source, tokens, known)
    parts |= {"tokens": tuple(tokens), "known": known, "series": None}
    return model, ids, parts


def _encode_series(source: Any, model: Model) -> tuple[Model, np.ndarray, dict[str, Any]]:
    """Return the model as one of series, the series, and what the explanation keeps."""
    try:
        series = np.asarray(source)
    except ValueError as error:
        raise ValueError(f"the rows of the series differ in length ({error}).") from error
    if series.dtype.kind not in "f":
        kind = f"an array of {series.dtype}" if isinstance(source, np.ndarray) else type(source)
        raise TypeError(
            f"expected a text, a list of tokens or a series of floats [T, D]; found {kind}. (Of "
            f"word numbers: pass the tokens.)"
        )
    layer = model.classifier.layers[0]
    width = np.shape(getattr(layer, "forward", layer).W)[-1]
    if series.ndim != 2 or series.shape[1] != width or not len(series):
        raise ValueError(
            f"the series has shape {list(series.shape)}; expected [T, {width}], at least one step."
        )
    if not np.isfinite(series).all():
        step = int(np.argwhere(~np.isfinite(series))[0, 0])
        raise ValueError(f"step {step} of the series is not finite; expected finite numbers.")
    model = model._replace(classifier=model.classifier._replace(embedding=None), vocabulary=None)
    parts = {"text": None, "offsets": None, "tokens": None, "known": None, "series": series}
    return model, series, parts
