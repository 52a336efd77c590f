"""The units of a model's values."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from cdjax.model import Model

Numbers = float | int | ArrayLike
"""One number, or one a value `[K]`."""


def scale_output(
    model: Model,
    mean: Numbers = 0.0,
    scale: Numbers = 1.0,
    labels: Sequence[str] | None = None,
) -> Model:
    """Return a model whose values are in the units of its target, before that was scaled.

        y = mean + scale * value,    so  readout' = scale * readout,  bias' = mean + scale * bias

    Nothing is approximated: scores, the rest and the output bias are in the target's units, and add
    up to its value. (Of `sklearn.preprocessing`: a StandardScaler has `mean_` and `scale_`; of a
    MinMaxScaler they are `data_min_` and `data_range_`.)

    Args:
        model: A model with `output="value"`, trained on the scaled target.
        mean: What was subtracted from the target, one number or one a value `[K]`.
        scale: What the target was divided by then, above 0.
        labels: New names of the values; those of the model when None.

    Raises:
        ValueError: Where the output is no value, or a number does not fit.

    >>> import cdjax
    >>> layer = cdjax.GRUParams(W=np.ones((3, 2, 1)), V=np.ones((3, 2, 2)), b=np.zeros((3, 2)))
    >>> network = cdjax.Classifier(None, (layer,), np.ones((1, 2)), np.full(1, 0.5))
    >>> model = cdjax.Model(network, None, ("load",), {}, output="value")
    >>> scale_output(model, mean=100.0, scale=20.0).classifier.bias
    array([110.])
    """
    if model.output != "value":
        raise ValueError(
            f"output is {model.output!r}, whose logits have no units of a target; expected a model "
            f"with output='value'."
        )
    readout, bias = (np.asarray(a) for a in (model.classifier.readout, model.classifier.bias))
    mean, scale = (
        _check_numbers(name, given, len(bias)) for name, given in (("mean", mean), ("scale", scale))
    )
    if not (scale > 0).all():
        raise ValueError(f"scale holds {scale.min():g}; expected numbers above 0.")
    classifier = model.classifier._replace(
        readout=(scale[:, None] * readout).astype(readout.dtype),
        bias=(mean + scale * bias).astype(bias.dtype),
    )
    return model._replace(
        classifier=classifier, labels=model.labels if labels is None else tuple(labels)
    )


def _check_numbers(name: str, given: Numbers, count: int) -> np.ndarray:
    """Return numbers `[K]` in float64."""
    numbers = np.asarray(given, np.float64)
    if numbers.shape not in ((), (1,), (count,)):
        raise ValueError(
            f"{name} has shape {list(numbers.shape)}; expected one number, or {count}: one a value."
        )
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} is not finite; expected finite numbers.")
    return np.broadcast_to(numbers, (count,))
