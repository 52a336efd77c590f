"""What is shown of a series beside its scores."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Series(NamedTuple):
    """Names, values and times of a series, and its windows of time."""

    features: tuple[str, ...]
    values: Float[np.ndarray, "t d"]  # as a person knows them, before they were scaled
    times: tuple[str, ...]  # of each step
    windows: Int[np.ndarray, "w 2"] | None = None  # of which features have scores
    by_feature: Float[np.ndarray, "w d"] | None = None  # NaN where a feature has none of its own
