"""A model from a file of any framework, told by its name."""

import importlib
import inspect
import os
from pathlib import Path
from typing import Any

from cdjax.model import Model, find_model, load

_KERAS, _TORCH, _ONNX = ("keras", "from_keras"), ("torch", "from_torch"), ("onnx", "from_onnx")
READERS = {
    ".h5": _KERAS,
    ".hdf5": _KERAS,
    ".keras": _KERAS,
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".bin": _TORCH,
    ".ckpt": _TORCH,
    ".safetensors": _TORCH,
    ".npz": _TORCH,
    ".onnx": _ONNX,
}
"""Endings of names, and the module and function that read such files."""


def read_model(path: str | os.PathLike | None = None, **options: Any) -> Model:
    """Return the model of a folder that `cdjax.save` made, or of another framework's file.

    Args:
        path: The folder, the name of a bundled model (see `cdjax.load`), or the file, told by the
            ending of its name.
        options: What the file does not say: arguments of `from_keras`, `from_torch` or `from_onnx`.
            Those that are None are left out.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where the file is of no known kind, does not hold a whole model, or its reader
            has no such option; as the reader.
    """
    given = {name: value for name, value in options.items() if value is not None}
    path = find_model(path)
    if not path.is_file():
        if given:
            raise ValueError(
                f"{next(iter(given))} is given, and {path} is no file of another framework: a "
                f"model of cdjax says all of itself; leave it out."
            )
        return load(path)
    imported = _find_reader(path, given)(path, **given)
    if not isinstance(imported, Model):
        raise ValueError(
            f"{path} holds recurrent layers alone, without a head, so there is nothing to explain; "
            f"expected a whole model. In Python its layers can be a part of one: "
            f"cdjax.Classifier(embedding, layers, readout, bias)."
        )
    return imported


def _find_reader(path: Path, options: dict[str, Any]) -> Any:
    """Return the function that reads a file, if there is one and it has these options."""
    reader = next((READERS[s] for s in reversed(path.suffixes) if s in READERS), None)
    if path.suffix in (".pkl", ".pickle", ".joblib", ".pt2"):
        raise ValueError(
            f"{path} is a pickle or a program, which can run code when it is read; expected the "
            f"weights or the model as its framework saves them: {', '.join(READERS)}."
        )
    if reader is None:
        raise ValueError(
            f"{path} is of no known kind; expected a folder made by cdjax.save, or a file that "
            f"ends in one of {', '.join(READERS)}."
        )
    module, name = reader
    function = getattr(importlib.import_module(f"cdjax.importers.{module}"), name)
    known = inspect.signature(function).parameters
    if unknown := [option for option in options if option not in known]:
        raise ValueError(
            f"{unknown[0]} is given, and cdjax.{name}, which reads {path}, has no such option; "
            f"leave it out."
        )
    return function
