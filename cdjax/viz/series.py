"""What is shown of a series: its names, values and times, its windows, and features in these."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from cdjax.results.explanation import Explanation
from cdjax.results.times import list_features, list_steps
from cdjax.results.windows import choose_windows


class Series(NamedTuple):
    """Names, values and times of a series, and its windows of time."""

    features: tuple[str, ...]
    values: Float[np.ndarray, "t d"]  # as a person knows them, before they were scaled
    times: tuple[str, ...]  # of each step
    windows: Int[np.ndarray, "w 2"]
    by_feature: Float[np.ndarray, "w d"] | None = None  # NaN where a feature has none of its own


def make_series(
    explanation: Explanation, windows: ArrayLike | None = None, by_feature: ArrayLike | None = None
) -> Series:
    """Return what is shown of an explanation's series.

    Args:
        explanation: Of a series.
        windows: Half-open spans of steps, `[W, 2]`; 6 to 12 of one length when None.
        by_feature: What each feature contributes within each window, `[W, D]`, along the direction;
            NaN where it has no score of its own.

    Raises:
        ValueError: Where the explanation is of a text, or a part does not fit the series.
    """
    if explanation.series is None:
        raise ValueError(
            "the explanation is of a text, which has no windows of time; use plot.words()."
        )
    steps, width = explanation.series.shape
    spans = choose_windows(explanation) if windows is None else np.asarray(windows)
    if spans.ndim != 2 or spans.shape[1] != 2 or spans.dtype.kind not in "iu":
        raise ValueError(
            f"windows is {spans.dtype} {list(spans.shape)}; expected half-open spans [W, 2]."
        )
    for start, stop in spans.tolist():
        if not 0 <= start < stop <= steps:
            raise ValueError(
                f"windows holds {start}:{stop}; expected half-open spans of the {steps} steps."
            )
    features = None if by_feature is None else np.asarray(by_feature, float)
    if features is not None and features.shape != (len(spans), width):
        raise ValueError(
            f"by_feature has shape {list(features.shape)}; expected {[len(spans), width]}."
        )
    values = explanation.series if explanation.values is None else explanation.values
    names = list_features(explanation), values, list_steps(explanation)
    return Series(*names, spans, features)
