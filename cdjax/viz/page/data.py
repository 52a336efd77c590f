"""What a page shows, as one record for JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cdjax.methods.contract import Method
from cdjax.methods.registry import make_methods
from cdjax.results.check import check_same_input
from cdjax.results.evidence import find_sentences
from cdjax.results.explanation import Explanation
from cdjax.results.scores import DIFFERENCES, VALUES
from cdjax.results.windows import split_steps
from cdjax.viz.page.pack import pack_scores
from cdjax.viz.scale import DARK, STEPS
from cdjax.viz.series import Series

DIGITS = 9  # with which a float32 is read back as the same


def make_record(
    explanations: Sequence[Explanation], series: Series | None = None
) -> dict[str, Any]:
    """Return all that a page of one text or series holds.

    Args:
        explanations: Of the same steps and labels; the first is shown first.
        series: Names, values and times of a series; numbered ones when None.

    Raises:
        ValueError: Where the explanations are of different steps or labels, or one of them has not
            all spans up to a length.
    """
    first = explanations[0]
    check_same_input(first, explanations[1:])
    return {
        "text": first.text,
        "tokens": None if first.tokens is None else list(first.tokens),
        "offsets": None if first.text is None else _count_units(first.text, first.offsets),
        "known": None if first.known is None else "".join("01"[int(k)] for k in first.known),
        "labels": list(first.labels),
        "output": first.output,
        "sentences": [start for start, _ in find_sentences(first).tolist()],
        "series": None if first.series is None else _series(first, series),
        "scale": describe_scale(),
        "explanations": [_explanation(explanation) for explanation in explanations],
    }


def describe_scale() -> list[dict[str, Any]]:
    """Return the steps of the colour scale as records."""
    return [{"symbol": s.symbol, "light": s[1:], "dark": DARK[n]} for n, s in enumerate(STEPS)]


def _explanation(explanation: Explanation) -> dict[str, Any]:
    """Return the scores of one method and how they are read."""
    methods: dict[str, Method] = make_methods()
    method = explanation.method
    clear, strong = explanation.thresholds
    account = explanation.account()
    scores, additive = explanation.scores, _is_additive(explanation)
    spans = explanation.spans
    if additive:
        single = spans[:, 1] - spans[:, 0] == 1
        spans, scores = spans[single], scores[single]
    return {
        "method": method,
        "title": methods[method].title if method in methods else method,
        "rule": explanation.rule,
        "units": explanation.units,
        "clear": clear,
        "strong": strong,
        "fitted": explanation.units == VALUES,
        "adds": account is not None,
        "reason": "" if account is None else account.reason,
        "notices": [notice.text for notice in explanation.notices()],
        "decimals": explanation.decimals,
        "weights": explanation.weights.tolist(),
        # Two labels that exclude each other are told apart by the difference of their scores.
        "differences": explanation.units in DIFFERENCES,
        "splits": method == "cd",
        "logits": _numbers(explanation.logits),
        "bias": _numbers(explanation.output_bias),
        "longest": int((explanation.spans[:, 1] - explanation.spans[:, 0]).max(initial=0)),
        "additive": additive,
        "scores": pack_scores(spans, scores, len(explanation)),
    }


def _is_additive(explanation: Explanation) -> bool:
    """Return whether every span has the sum over its steps, as far as float32 tells."""
    spans, scores = explanation.spans, explanation.scores.astype(np.float64)
    single = spans[:, 1] - spans[:, 0] == 1
    if single.sum() != len(explanation) or np.isnan(scores).any():
        return False
    sums = np.zeros((len(explanation) + 1, scores.shape[1]))
    np.cumsum(scores[single], axis=0, out=sums[1:])
    beyond = scores - (sums[spans[:, 1]] - sums[spans[:, 0]])
    largest = np.abs(scores).max(initial=0.0)
    return bool(np.abs(beyond).max(initial=0.0) <= np.finfo(np.float32).eps * largest)


def _series(explanation: Explanation, series: Series | None) -> dict[str, Any]:
    """Return names, times and values of a series."""
    assert explanation.series is not None
    steps, width = explanation.series.shape
    windows, by_feature = split_steps(steps), None
    if series is None:
        features = [f"feature {d + 1}" for d in range(width)]
        times, values = [f"step {t}" for t in range(steps)], explanation.series
    else:
        features, times, values = list(series.features), list(series.times), series.values
        if series.windows is not None and series.by_feature is not None:
            windows = series.windows
            by_feature = [_numbers(series.by_feature[:, d]) for d in range(width)]
        if values.shape != (steps, width) or len(features) != width or len(times) != steps:
            raise ValueError(
                f"series has {len(features)} features, {len(times)} times and values "
                f"{list(values.shape)}; expected {width}, {steps} and [{steps}, {width}]."
            )
    return {
        "features": features,
        "times": times,
        "values": [_numbers(values[:, d]) for d in range(width)],
        "windows": windows.tolist(),
        "byFeature": by_feature,
    }


def _numbers(array: np.ndarray) -> list[float | None]:
    """Return numbers with the digits that tell a float32 from its neighbours; None for NaN."""
    return [None if np.isnan(n) else float(f"{n:.{DIGITS}g}") for n in array.ravel().astype(float)]


def _count_units(text: str, offsets: Any) -> list[int]:
    """Return of each token what lies between it and the last, and its length.

    In the units of JavaScript, whose texts are UTF-16.

    >>> _count_units("\N{GRINNING FACE} ok", np.array([[0, 1], [2, 4]]))
    [0, 2, 1, 2]
    """
    units = np.cumsum([0, *(1 + (ord(character) > 0xFFFF) for character in text)])
    ends = units[np.asarray(offsets, np.int64)].reshape(-1, 2)
    before = np.concatenate([[0], ends[:-1, 1]])
    return np.stack([ends[:, 0] - before, ends[:, 1] - ends[:, 0]], axis=1).ravel().tolist()
