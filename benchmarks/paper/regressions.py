"""Logistic regressions that experiments share, kept in files once they are fitted."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cdjax.training.linear import LinearModel


def fit_once(path: Path, fit: Callable[[], LinearModel]) -> LinearModel:
    """Return the regression in a file, or fit it now and keep it there.

    Args:
        path: The file, `.npz`.
        fit: What fits it.
    """
    if not path.is_file():
        model = fit()
        rest = model._asdict() | {"features": list(model.features), "coefficients": None}
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".part.npz")
        places = np.array([model.features[name] for name in rest["features"]])
        np.savez(half, coefficients=model.coefficients[places], rest=json.dumps(rest))
        half.replace(path)
    with np.load(path, allow_pickle=False) as arrays:
        rest = json.loads(str(arrays["rest"]))
        rest |= {
            "features": {name: place for place, name in enumerate(rest["features"])},
            "coefficients": arrays["coefficients"],
            "labels": tuple(rest["labels"]),
        }
    return LinearModel(**rest)
