"""The forward pass of a file's own framework, where that is installed, to check an import by."""

import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cdjax.importers.verify import Run, compare, make_inputs
from cdjax.model import Model

INPUTS = 8
"""Random inputs that an import is checked on."""
BOUND = 1e-4
"""Outputs may be so far apart, as a share of the largest: what float32 loses over long inputs."""


class Checked(NamedTuple):
    """What came of checking an import by its own framework."""

    framework: str | None
    """The one that computed, with its version; None where none could."""
    difference: float | None
    """The largest difference between its outputs and cdjax's, as a share of the largest output."""
    reason: str | None
    """Why none could."""


def check_import(model: Model, path: str | os.PathLike) -> Checked:
    """Compare a model with the output of the framework that its file is of, on random inputs.

    Args:
        model: What was read from the file.
        path: The file.

    Returns:
        The difference; or why there is none.
    """
    path = Path(path)
    suffixes = {suffix.lower() for suffix in path.suffixes}
    if suffixes & {".h5", ".hdf5", ".keras"}:
        loaders: list[tuple[str, Callable[[Path], Iterator[Run]]]] = [
            ("keras", _keras_runs),
            ("tf_keras", _tf_keras_runs),
        ]
    elif ".onnx" in suffixes:
        loaders = [("onnxruntime", _onnx_runs)]
    else:
        return Checked(None, None, "weights alone have no forward pass of their own")
    length = model.provenance.get("imported", {}).get("input_length")
    inputs = make_inputs(model, INPUTS)
    if length is not None:
        inputs = [np.resize(x, (length, *x.shape[1:])) for x in inputs]
    reasons = []
    for name, load in loaders:
        try:
            framework = importlib.import_module(name)
            differences = _compare_all(model, load(path), inputs)
        except ImportError:
            reasons.append(f"{name} is not installed")
        except Exception as error:  # whatever another framework raises about a file
            first = str(error).strip().split("\n")[0][:200]
            reasons.append(f"{name} cannot compute it ({type(error).__name__}: {first})")
        else:
            return Checked(f"{name} {framework.__version__}", min(differences), None)
    return Checked(None, None, "; ".join(reasons))


def _compare_all(model: Model, runs: Iterator[Run], inputs: list[np.ndarray]) -> list[float]:
    """Return the difference to every form of the forward pass that can be run."""
    differences, errors = [], []
    for run in runs:
        try:
            differences.append(compare(model, run, inputs))
        except ValueError as error:
            errors.append(error)
    if not differences:
        raise errors[0]
    return differences


def _keras_runs(path: Path) -> Iterator[Run]:
    os.environ.setdefault("KERAS_BACKEND", "jax")  # which is here
    keras = importlib.import_module("keras")
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    yield lambda x: model(x[None], training=False)


def _tf_keras_runs(path: Path) -> Iterator[Run]:
    keras = importlib.import_module("tf_keras")
    model = keras.models.load_model(path, compile=False, safe_mode=True)
    yield lambda x: np.asarray(model(x[None], training=False))


def _onnx_runs(path: Path) -> Iterator[Run]:
    """Yield the forms that the input may have: a batch first, time first, no batch."""
    onnxruntime: Any = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    types = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(double)": np.float64}
    first = session.get_inputs()[0]
    dtype = types.get(first.type, np.float32)

    def form(axis: int | None) -> Run:
        def run(x: np.ndarray) -> Any:
            x = x.astype(dtype)
            given = x if axis is None else np.expand_dims(x, axis)
            return session.run(None, {first.name: given})

        return run

    yield from map(form, (0, 1, None))
