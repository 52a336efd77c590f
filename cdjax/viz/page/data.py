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
from cdjax.results.wording import describe_step
from cdjax.viz.page.pack import Reading, pack_scores
from cdjax.viz.scale import DARK, STEPS
from cdjax.viz.series import Series, make_series

DIGITS = 9  # with which a float32 is read back as the same


def make_record(
    explanations: Sequence[Explanation], windows: Any = None, by_feature: Any = None
) -> dict[str, Any]:
    """Return all that a page of one text or series holds.

    Args:
        explanations: Of the same steps and labels; the first is shown first.
        windows: Of a series, half-open spans of steps, `[W, 2]`; 6 to 12 when None.
        by_feature: What each feature contributes within each window, `[W, D]`, along the direction
            of the first explanation.

    Raises:
        ValueError: Where the explanations are of different steps or labels, one of them has not all
            spans up to a length, or windows or features do not fit the series.
    """
    first = explanations[0]
    check_same_input(first, explanations[1:])
    series = None if first.series is None else make_series(first, windows, by_feature)
    return {
        "step": first.step,
        "outputAt": describe_step(first),
        "text": first.text,
        "tokens": None if first.tokens is None else list(first.tokens),
        "offsets": None if first.text is None else _count_units(first.text, first.offsets),
        "known": None if first.known is None else "".join("01"[int(k)] for k in first.known),
        "labels": list(first.labels),
        "output": first.output,
        "sentences": [start for start, _ in find_sentences(first).tolist()],
        "series": None if series is None else _series(series),
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
    reading = Reading(explanation.weights, explanation.decimals, explanation.thresholds)
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
        "scores": pack_scores(spans, scores, len(explanation), reading),
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


def _series(series: Series) -> dict[str, Any]:
    """Return names, times, values and windows of a series."""
    by_feature = series.by_feature
    return {
        "features": list(series.features),
        "times": list(series.times),
        "values": [_numbers(column) for column in series.values.T],
        "windows": series.windows.tolist(),
        "byFeature": None if by_feature is None else [_numbers(column) for column in by_feature.T],
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
