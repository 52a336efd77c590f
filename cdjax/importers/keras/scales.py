"""Layers of Keras that scale and shift each feature by itself: `factor * x + shift`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cdjax.importers.keras.graph import Layer
from cdjax.importers.keras.settings import Settings
from cdjax.importers.keras.weights import Weights

BATCH_NORMALIZATIONS = (
    "BatchNormalization",
    "BatchNormalizationV1",
    "BatchNormalizationV2",
    "SyncBatchNormalization",
)
SCALES = (*BATCH_NORMALIZATIONS, "Normalization", "Rescaling")
_SMALLEST = 1e-7
"""What Keras's `Normalization` divides by at least."""

Scale = tuple[np.ndarray, np.ndarray]
"""Factor and shift, `[D]`, or of one number for all features, in float64."""


def read_scale(layer: Layer, weights: Weights, part: str, last: int) -> Scale:
    """Return what a layer of one of the classes `SCALES` computes.

    Args:
        layer: The layer.
        weights: Of all layers.
        part: The part of the layer that has the weights, of a layer at every step.
        last: The number of the axis of the features.

    Raises:
        ValueError: Where it scales otherwise than feature by feature, or is damaged.
    """
    settings = Settings(layer.config, layer.where)
    if layer.kind == "Rescaling":
        factor, shift = (_read_numbers(settings, name, 0.0) for name in ("scale", "offset"))
        settings.finish()
    elif layer.kind == "Normalization":
        factor, shift = _read_normalization(layer, settings, weights, part, last)
    else:
        factor, shift = _read_batch_normalization(layer, settings, weights, part, last)
    if not (np.isfinite(factor).all() and np.isfinite(shift).all()):
        raise ValueError(f"{layer.where}: its numbers are damaged.")
    return factor, shift


def _check_axis(settings: Settings, axis: Any, last: int) -> None:
    """Raise unless a layer has its numbers for each feature, whatever the step."""
    if axis not in (-1, last, [-1], [last]):
        raise ValueError(
            f"{settings.where} normalizes axis {axis!r}; expected the features, the last axis."
        )


def _read_batch_normalization(
    layer: Layer, settings: Settings, weights: Weights, part: str, last: int
) -> Scale:
    """Return a batch normalization, which has fixed means and variances once trained."""
    _check_axis(settings, settings.take("axis", (int, list), -1), last)
    epsilon = settings.number("epsilon", 1e-3)
    scale, center = (settings.take(name, bool, True) for name in ("scale", "center"))
    settings.refuse("virtual_batch_size", "expected none.")
    settings.finish()
    names = (*["gamma"] * scale, *["beta"] * center, "moving_mean", "moving_variance")
    ((taken),) = weights.take(layer, [(part, names)])
    arrays = _check_shapes(settings, taken)
    factor = arrays.get("gamma", 1.0) / np.sqrt(arrays["moving_variance"] + epsilon)
    return factor, arrays.get("beta", 0.0) - arrays["moving_mean"] * factor


def _read_normalization(
    layer: Layer, settings: Settings, weights: Weights, part: str, last: int
) -> Scale:
    """Return a normalization by means and variances that are given, or those of data seen once."""
    axis = settings.take("axis", (int, list, type(None)), -1)
    if axis not in (None, []):
        _check_axis(settings, axis, last)
    inverse = settings.take("invert", bool, False)
    given = [settings.take(n, (float, int, list, type(None)), None) for n in ("mean", "variance")]
    settings.finish()
    if None not in given:
        mean, variance = (np.array(value, np.float64).ravel() for value in given)
    else:
        ((taken),) = weights.take(layer, [(part, ("mean", "variance", "count"))])
        mean, variance = _check_shapes(settings, taken).values()
    with np.errstate(invalid="ignore"):
        deviation = np.maximum(np.sqrt(variance), _SMALLEST)
    return (deviation, mean) if inverse else (1 / deviation, -mean / deviation)


def _check_shapes(settings: Settings, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a layer's numbers in float64; raise unless there are as many of each."""
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) > 1:
        raise ValueError(f"{settings.where}: its weights have the shapes {sorted(shapes)}.")
    return {name: np.atleast_1d(array).astype(np.float64) for name, array in arrays.items()}


def _read_numbers(settings: Settings, name: str, default: float) -> np.ndarray:
    """Return a setting that is a number, or a list of one for each feature."""
    value = settings.take(name, (int, float, list), default)
    try:
        return np.array(value, np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{settings.where}: {name} is no number: {error}.") from error
