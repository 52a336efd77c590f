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


class Forward(NamedTuple):
    """A form of a framework's forward pass."""

    run: Run
    length: int | None = None
    """The number of steps that it takes; any when None."""


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
        loaders: list[tuple[str, Callable[[Path], Iterator[Forward]]]] = [
            ("keras", _keras_passes),
            ("tf_keras", _tf_keras_passes),
        ]
    elif ".onnx" in suffixes:
        loaders = [("onnxruntime", _onnx_passes)]
    else:
        return Checked(None, None, "weights alone have no forward pass of their own")
    reasons = []
    for name, load in loaders:
        try:
            framework = importlib.import_module(name)
            differences = _compare_all(model, load(path))
        except ImportError:
            reasons.append(f"{name} is not installed")
        except Exception as error:  # whatever another framework raises about a file
            first = str(error).strip().split("\n")[0][:200]
            reasons.append(f"{name} cannot compute it ({type(error).__name__}: {first})")
        else:
            return Checked(f"{name} {framework.__version__}", min(differences), None)
    return Checked(None, None, "; ".join(reasons))


def _compare_all(model: Model, passes: Iterator[Forward]) -> list[float]:
    """Return the difference to every form of the forward pass that can be run."""
    imported = model.provenance.get("imported", {})
    differences, errors = [], []
    for run, length in passes:
        length = length or imported.get("input_length")
        inputs = make_inputs(model, INPUTS)
        if length is not None:
            inputs = [np.resize(x, (length, *x.shape[1:])) for x in inputs]
        if imported.get("masked"):  # row 0 would be left out
            inputs = [np.maximum(x, 1) if x.ndim == 1 else x for x in inputs]
        try:
            differences.append(compare(model, run, inputs))
        except ValueError as error:
            errors.append(error)
    if not differences:
        raise errors[0]
    return differences


def _keras_passes(path: Path) -> Iterator[Forward]:
    os.environ.setdefault("KERAS_BACKEND", "jax")  # which is here
    keras = importlib.import_module("keras")
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    yield Forward(lambda x: model(_make_batch(model, x), training=False))


def _tf_keras_passes(path: Path) -> Iterator[Forward]:
    keras = importlib.import_module("tf_keras")
    model = keras.models.load_model(path, compile=False, safe_mode=True)
    yield Forward(lambda x: np.asarray(model(_make_batch(model, x), training=False)))


def _make_batch(model: Any, x: np.ndarray) -> np.ndarray:
    """Return a batch of one sequence, flat where the model makes a series of a vector itself."""
    flat = x.ndim == 2 and len(model.input_shape) == 2
    return x.reshape(1, -1) if flat else x[None]


def _onnx_passes(path: Path) -> Iterator[Forward]:
    """Yield the forms that the input may have: a batch first, steps first, no batch."""
    onnxruntime: Any = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    first, *others = session.get_inputs()
    if any(entry.type not in ("tensor(int64)", "tensor(int32)") for entry in others):
        raise ValueError(f"it has the inputs {[entry.name for entry in (first, *others)]}")

    def form(steps: int, batch: int | None) -> Forward:
        """Return the form whose axis `steps` is that of the steps, `batch` that of the batch."""
        count = 1 if batch is None else _fixed(first.shape[batch]) or 1

        def run(x: np.ndarray) -> Any:
            given = x if batch is None else np.stack([x] * count, axis=batch)
            feed = {first.name: given.astype(_NUMBERS[first.type])}
            feed |= {o.name: np.full(count, len(x), _NUMBERS[o.type]) for o in others}
            outputs = session.run(None, feed)
            return [_first_of(output, count) for output in outputs] if count > 1 else outputs

        return Forward(run, _fixed(first.shape[steps]))

    if len(first.shape) > 1:
        yield form(1, 0)
        yield form(0, 1)
    yield form(0, None)


_NUMBERS = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


def _fixed(size: Any) -> int | None:
    """Return the size of an axis; None where it may be any."""
    return size if isinstance(size, int) and size > 0 else None


def _first_of(output: np.ndarray, count: int) -> np.ndarray:
    """Return what was computed for the first sequence of a batch."""
    axis = next((n for n, size in enumerate(output.shape) if size == count), None)
    return output if axis is None else output.take(0, axis)
