"""One text or series explained: `explain`."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cdjax.core.rules import PAPER, RULES, Rule
from cdjax.methods.registry import make_methods
from cdjax.methods.steps import find_step, reads_forward, score_step
from cdjax.model import Model, find_vocabulary, load
from cdjax.results.explanation import Explanation
from cdjax.results.scores import (
    VALUES,
    default_direction,
    exclude_each_other,
    read_scores,
)
from cdjax.results.sentences import split_long_text
from cdjax.results.times import write_times
from cdjax.scoring.batch import output_bias
from cdjax.scoring.limits import check_length
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
    features: Sequence[str] | None = None,
    times: Iterable[Any] | None = None,
    values: ArrayLike | None = None,
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
        features: Names of the features of a series, `D`; of a data frame its columns when None.
        times: Of the steps of a series, `T`: texts, numbers or dates; of a data frame whose index
            is dates these when None.
        values: The series as a person knows it, `[T, D]`, where it was scaled for the network.

    Returns:
        The explanation; scores in logits, in the units of a model's values, or in the method's own.

    Raises:
        TypeError: Where `source` is neither a text nor tokens nor floats.
        ValueError: Where it is empty, too long for all its spans, or in a script without spaces
            between words; where there is no such method, rule, label or step, both labels are the
            same, the method is not defined for the model, or names and values do not fit a series.
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
    parts |= _describe_series(source, parts["series"], features, times, values)
    frame = None if model.vocabulary is None else model.vocabulary.frame
    chosen = make_methods(rule, model.vocabulary)[method]
    step = find_step(model, step, len(steps))
    if parts["tokens"] is None:
        check_length(len(steps), max_len, "the series", unit="steps")
    else:
        check_length(len(steps), max_len, "the text")
    spans = enumerate_spans(len(steps), max_len)
    if whole:
        more = split_long_text(parts["tokens"], parts.get("text"), parts.get("offsets"))
        spans = np.unique([*spans, *more, (0, len(steps))], axis=0).astype(spans.dtype)
    if step is not None or frame is not None:
        padded, first = (steps, 0) if frame is None else frame.pad(steps)
        parts["padding"] = len(padded) - len(steps)
        if step is None:
            (result,) = chosen.score(model, [padded], [spans + first])
        else:
            result = score_step(model, chosen, rule, padded, spans + first, step + first)
            if reads_forward(model):
                parts["padding"] = first
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
        step=step,
        **parts,
    )


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


def _describe_series(
    source: Any,
    series: np.ndarray | None,
    features: Sequence[str] | None,
    times: Iterable[Any] | None,
    values: ArrayLike | None,
) -> dict[str, Any]:
    """Return the names and the values of a series, as the explanation keeps them."""
    given = {"features": features, "times": times, "values": values}
    if series is None:
        if wrong := [name for name, value in given.items() if value is not None]:
            raise ValueError(
                f"{' and '.join(wrong)}: of a series, and the source is a text; leave them out."
            )
        return {}
    if isinstance(features, str):
        raise ValueError(f"features is {features!r}; expected {series.shape[1]} names.")
    if hasattr(source, "columns"):  # a data frame
        features = [str(name) for name in source.columns] if features is None else features
        index = getattr(source, "index", None)  # of pandas
        is_dates = getattr(getattr(index, "dtype", None), "kind", None) == "M"
        times = index if times is None and is_dates else times
    if values is not None:
        values = np.asarray(values)
        values = values.astype(float) if values.dtype.kind in "iu" else values
    return {
        "features": None if features is None else tuple(features),
        "times": None if times is None else write_times(times),
        "values": values,
    }
