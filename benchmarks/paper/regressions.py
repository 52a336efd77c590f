"""Logistic regressions that experiments share, cached in files."""

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cdjax.training.linear import LinearModel


def fit_once(path: Path, fit: Callable[[], LinearModel]) -> LinearModel:
    """Return the regression stored in a file, fitting and storing it first where there is none.

    Args:
        path: The file, `.npz`.
        fit: Fits the regression.
    """
    if not path.is_file():
        model = fit()
        rest = model._asdict() | {"features": list(model.features), "coefficients": None}
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.npz")  # another process may fit the same
        columns = [model.features[name] for name in rest["features"]]
        np.savez(part, coefficients=model.coefficients[columns], rest=json.dumps(rest))
        part.replace(path)
    return _load(path)


@functools.cache
def _load(path: Path) -> LinearModel:
    with np.load(path, allow_pickle=False) as arrays:
        rest = json.loads(str(arrays["rest"]))
        rest |= {
            "features": {name: index for index, name in enumerate(rest["features"])},
            "coefficients": arrays["coefficients"],
            "labels": tuple(rest["labels"]),
        }
    return LinearModel(**rest)
