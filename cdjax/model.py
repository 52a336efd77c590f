"""A classifier with what makes it usable on text, and how it is kept on disk.

A saved model is a folder of two files, neither of which can run code when read:

    weights.safetensors   embedding, layers.{n}.W/V/b, readout, bias
    model.json            vocabulary, labels, provenance
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from cdjax.core.cells import LSTMParams
from cdjax.core.checks import check_network
from cdjax.core.network import Classifier
from cdjax.results.scores import check_output, is_one_logit
from cdjax.text.vocabulary import UNKNOWN, Vocabulary

FORMAT = "cdjax-model"
VERSION = 1
WEIGHTS_FILE = "weights.safetensors"
MODEL_FILE = "model.json"
GATE_WEIGHTS = "W", "V", "b"
BUNDLED = Path(__file__).parent / "bundled"
NAMES = ("sst", "yelp")
"""The bundled models; the first is the default."""


class Model(NamedTuple):
    """A classifier, the words it knows, the names of its classes and where it comes from."""

    classifier: Classifier
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    """Names of the classes, in the order of the logits."""
    provenance: Mapping[str, Any]
    """How it came about, anything JSON can hold: data, accuracy, command, versions."""
    output: str = "softmax"
    """What the logits stand for: "softmax" (labels that exclude each other), "sigmoid" (labels that
    do not; or one logit `z` for two labels, read as `[0, z]`) or "value" (no probability)."""


def check_model(model: Model) -> None:
    """Raise unless the parts of a model fit each other and every weight is finite.

    Raises:
        TypeError: Where a part is of another type.
        ValueError: Where sizes differ or a weight is not finite; says which.
    """
    check_network(model.classifier)
    rows, classes = np.shape(model.classifier.embedding)[0], np.shape(model.classifier.bias)[0]
    if len(model.vocabulary) != rows:
        raise ValueError(
            f"the vocabulary holds {len(model.vocabulary):,} words; expected {rows:,}, "
            f"one for each row of the embedding."
        )
    check_output(model.output)
    one_logit = model.output == "sigmoid" and is_one_logit(classes, model.labels)
    if len(model.labels) != classes and not one_logit:
        raise ValueError(
            f"labels holds {len(model.labels)} names; expected {classes}, one for each class (or "
            f"two for the one logit of a model with output='sigmoid')."
        )
    for name, weight in _flatten(model.classifier).items():
        if not np.isfinite(weight).all():
            raise ValueError(f"{name} holds values that are not finite; the model is damaged.")


def save(model: Model, path: str | os.PathLike, *, overwrite: bool = False, dtype=None) -> None:
    """Save a model as a folder of weights (safetensors) and description (JSON).

    The folder appears whole or not at all.

    Args:
        model: The model.
        path: The folder to make.
        overwrite: Whether a folder that is there may be replaced.
        dtype: Store weights in this float type, for instance `numpy.float16` to halve the size; as
            they are when None.

    Raises:
        FileExistsError: Where the path is taken and `overwrite` is not set.
        TypeError, ValueError: Where the model does not hold together (`check_model`).
    """
    check_model(model)
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; give another path or overwrite=True.")
    if path.exists() and not (path / MODEL_FILE).is_file():
        raise FileExistsError(f"{path} is no model folder, so it is not replaced; remove it first.")
    weights = {
        name: np.ascontiguousarray(weight, dtype)
        for name, weight in _flatten(model.classifier).items()
    }
    description = {
        "format": FORMAT,
        "version": VERSION,
        "labels": model.labels,
        "output": model.output,
        "provenance": model.provenance,
        "lowercase": model.vocabulary.lowercase,
        "unknown": model.vocabulary.unknown,
        "padding": model.vocabulary.padding,
        "vocabulary": model.vocabulary.words,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        safetensors.numpy.save_file(weights, new / WEIGHTS_FILE)
        text = json.dumps(description, ensure_ascii=False, indent=1)
        (new / MODEL_FILE).write_text(text, encoding="utf-8")
        if path.exists():
            path.rename(Path(scratch) / "old")
        new.rename(path)


def load(path: str | os.PathLike | None = None) -> Model:
    """Load a model from the folder that `save` made.

    Args:
        path: The folder, or the name of a bundled model: "sst" (as None), an LSTM trained on movie
            reviews (Stanford Sentiment Treebank), or "yelp", one trained on reviews of businesses;
            both have the labels "negative" and "positive".

    Returns:
        The model, its weights in float32 (or float64, where they were stored so) as NumPy arrays.

    Raises:
        FileNotFoundError: Where there is no such folder or it lacks one of the two files.
        ValueError: Where a file is damaged, of another format or version, or does not fit the
            other; where a name could also mean a folder that is there.
    """
    path = find_model(path)
    if not path.exists():
        raise FileNotFoundError(
            f"no model at {path}; expected a folder made by cdjax.save, or one of the bundled "
            f"models: {', '.join(NAMES)}."
        )
    for name in (MODEL_FILE, WEIGHTS_FILE):
        if not (path / name).is_file():
            raise FileNotFoundError(
                f"{path} is not a model: it has no {name}. Expected a folder made by cdjax.save, "
                f"with {MODEL_FILE} and {WEIGHTS_FILE}."
            )
    with _as_damaged(path / MODEL_FILE):
        description = json.loads((path / MODEL_FILE).read_bytes())
        if description["format"] != FORMAT:
            raise KeyError("format")
        if description["version"] != VERSION:
            raise ValueError(
                f"{path} is a model of version {description['version']}; this cdjax reads version "
                f"{VERSION}. Install the cdjax that saved it."
            )
        vocabulary = Vocabulary(
            description["vocabulary"],
            description["lowercase"],
            unknown=description.get("unknown", UNKNOWN),
            padding=description.get("padding"),
        )
        labels = tuple(description["labels"])
        provenance = description["provenance"]
        output = description.get("output", "softmax")  # older files have none
    with _as_damaged(path / WEIGHTS_FILE):
        weights = safetensors.numpy.load_file(path / WEIGHTS_FILE)
        model = Model(_unflatten(weights), vocabulary, labels, provenance, output)
    with _as_damaged(path):
        check_model(model)
    return model


def find_model(path: str | os.PathLike | None = None) -> Path:
    """Return the folder of a model: that of a bundled one where `path` is its name or None.

    Raises:
        ValueError: Where a bundled model's name is also that of a folder that is there.
    """
    if path is None:
        return BUNDLED / NAMES[0]
    if path not in NAMES:
        return Path(path)
    if Path(path).exists():
        raise ValueError(
            f"{path!r} is a bundled model and a folder here; give './{path}' for the folder, or "
            f"the bundled model's own folder, {str(BUNDLED / path)!r}."
        )
    return BUNDLED / path


def _flatten(classifier: Classifier) -> dict[str, np.ndarray]:
    """Return the weights by the names they are stored under."""
    layers = {
        f"layers.{n}.{k}": np.asarray(getattr(layer, k))
        for n, layer in enumerate(classifier.layers)
        for k in GATE_WEIGHTS
    }
    rest = {k: np.asarray(getattr(classifier, k)) for k in ("embedding", "readout", "bias")}
    return rest | layers


def _unflatten(weights: Mapping[str, np.ndarray]) -> Classifier:
    """Return the classifier of stored weights, in the float type they are computed with."""
    count = sum(name.startswith("layers.") for name in weights) // 3
    names = [f"layers.{n}.{k}" for n in range(count) for k in GATE_WEIGHTS]
    expected = {*names, "embedding", "readout", "bias"}
    if set(weights) != expected:
        raise ValueError(f"expected the arrays {sorted(expected)}; found {sorted(weights)}")
    arrays = {}
    for name, weight in weights.items():
        if weight.dtype.kind != "f":
            raise ValueError(f"{name} holds {weight.dtype}; expected floats")
        arrays[name] = weight.astype(np.result_type(weight.dtype, np.float32))
    layers = tuple(
        LSTMParams(*(arrays[f"layers.{n}.{k}"] for k in GATE_WEIGHTS)) for n in range(count)
    )
    return Classifier(arrays["embedding"], layers, arrays["readout"], arrays["bias"])


@contextlib.contextmanager
def _as_damaged(path: Path):
    """Turn an error of reading a file into one that names the file and the remedy."""
    try:
        yield
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a cdjax model (format {FORMAT!r}): wrong or missing {error}. "
            f"Expected a file made by cdjax.save."
        ) from error
    except (
        ValueError,
        safetensors.SafetensorError,
    ) as error:  # JSON and UTF-8 errors are the first
        raise ValueError(
            f"{path} is damaged or of another format: {error}. Get the model again, or save it "
            f"again with cdjax.save."
        ) from error
