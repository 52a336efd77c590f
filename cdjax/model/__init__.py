"""A classifier with what makes it usable on text, and how it is kept on disk.

A saved model is a folder of two files, neither of which can run code when read:

    weights.safetensors   embedding, layers.{n}.W ..., readout, bias
    model.json            the network's structure (`cdjax.model.structure`), vocabulary, labels,
                          what the logits stand for, provenance
"""

import contextlib
import json
import os
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np
import safetensors
import safetensors.numpy

from cdjax.checks import check_network
from cdjax.core.network import Classifier
from cdjax.files.atomic import check_replaceable, write_folder
from cdjax.model.structure import (
    FLOATS,
    decode,
    describe_version_1,
    encode,
    named_leaves,
    summarize,
)
from cdjax.results import views
from cdjax.results.scores import check_output, is_one_logit
from cdjax.text.splitting import Frame, Splitting
from cdjax.text.vocabulary import UNKNOWN, Vocabulary

FORMAT = "cdjax-model"
VERSION = 2
WEIGHTS_FILE = "weights.safetensors"
MODEL_FILE = "model.json"
BUNDLED = Path(__file__).parent.parent / "bundled"
NAMES = ("sst", "yelp")
"""The bundled models; the first is the default."""


class Model(NamedTuple):
    """A network, the words it knows, the names of its labels and where it comes from."""

    classifier: Classifier
    vocabulary: Vocabulary | None
    """The words of the embedding's rows; None where there are none (series, other codes)."""
    labels: tuple[str, ...]
    """Names of the labels, in the order of the logits."""
    provenance: Mapping[str, Any]
    """How it came about, anything JSON can hold: data, accuracy, command, versions."""
    output: str = "softmax"
    """What the logits stand for: "softmax" (labels that exclude each other), "sigmoid" (labels that
    do not; or one logit `z` for two labels, read as `[0, z]`) or "value" (no probability)."""

    def __repr__(self) -> str:
        """Return one line: layers and their sizes, words, labels, output."""
        try:
            network = summarize(self.classifier)
        except (AttributeError, IndexError, TypeError, ValueError):
            network = f"a damaged network ({type(self.classifier).__name__})"
        words = "" if self.vocabulary is None else f"{len(self.vocabulary):,} words; "
        few = ", ".join([*map(str, self.labels[:4]), *(["..."] * (len(self.labels) > 4))])
        count = f"{len(self.labels):,} labels: " if len(self.labels) > 4 else "labels "
        return f"Model({network}; {words}{count}{few}; {self.output})"

    def _repr_html_(self) -> str:
        return views.to_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return views.to_mimebundle(self)


def find_vocabulary(model: Model) -> Vocabulary:
    """Return the vocabulary of a model that is to read text.

    Raises:
        ValueError: Where it has none.
    """
    if model.vocabulary is None:
        raise ValueError(
            "the model has no vocabulary, so it cannot read text; expected a model with one, "
            "cdjax.Model(classifier, cdjax.Vocabulary(words), ...), or the input as numbers: a "
            "series of floats [T, D] or, of a network with an embedding, its rows [T]."
        )
    return model.vocabulary


def check_model(model: Model) -> None:
    """Raise unless the parts of a model fit each other and every weight is finite.

    Raises:
        TypeError: Where a part is of another type.
        ValueError: Where sizes differ, a weight is not finite or the output does not fit the number
            of logits; says which.
    """
    if not isinstance(model, Model):
        raise TypeError(
            f"model is a {type(model).__name__}; expected cdjax.Model(classifier, vocabulary, "
            f"labels, provenance)."
        )
    check_network(model.classifier)
    for name, weight in named_leaves(model.classifier):
        # NaN too; scores are computed in single precision.
        if not (np.abs(weight) <= np.finfo(np.float32).max).all():
            raise ValueError(
                f"{name} holds values that are not finite, or too large for float32; the model is "
                f"damaged."
            )
    _check_vocabulary(model)
    _check_labels(model)


def _check_vocabulary(model: Model) -> None:
    """Raise unless there is a word for each row of the embedding, or no vocabulary."""
    vocabulary, embedding = model.vocabulary, model.classifier.embedding
    if vocabulary is None:
        return
    if not isinstance(vocabulary, Vocabulary):
        raise TypeError(
            f"vocabulary is a {type(vocabulary).__name__}; expected cdjax.Vocabulary(words), or "
            f"None."
        )
    if embedding is None:
        raise ValueError(
            f"the vocabulary holds {len(vocabulary):,} words and the network has no embedding; "
            f"expected vocabulary=None, or the embedding of these words."
        )
    if len(vocabulary) != (rows := np.shape(embedding)[0]):
        raise ValueError(
            f"the vocabulary holds {len(vocabulary):,} words; expected {rows:,}, "
            f"one for each row of the embedding."
        )
    _check_text("vocabulary", vocabulary.words)


def _check_text(name: str, texts: Iterable[str]) -> None:
    """Raise unless a file of UTF-8 can hold the texts."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{name} holds {text!r}, in which a character is cut in half (a surrogate); "
                f"expected text."
            ) from error


def _check_labels(model: Model) -> None:
    """Raise unless the labels and the output fit the logits."""
    labels, count = model.labels, np.shape(model.classifier.bias)[0]
    check_output(model.output)
    if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
        raise TypeError(f"labels is {reprlib.repr(labels)}; expected a tuple of strings.")
    _check_text("labels", labels)
    if len(set(labels)) < len(labels):
        twice = next(label for n, label in enumerate(labels) if label in labels[:n])
        raise ValueError(f"labels holds {twice!r} twice; expected names that differ.")
    if count == 1 and model.output == "softmax":
        raise ValueError(
            "output is 'softmax' and the network has one logit, whose softmax is always 1; "
            "expected output='sigmoid' (with two labels, the one for 0 first) or output='value'."
        )
    one_logit = model.output == "sigmoid" and is_one_logit(count, labels)
    if len(labels) != count and not one_logit:
        raise ValueError(
            f"labels holds {len(labels)} names; expected {count}, one for each logit (or "
            f"two for the one logit of a model with output='sigmoid')."
        )


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
        FileExistsError: Where the path is taken and `overwrite` is not set, or holds other files.
        TypeError, ValueError: Where the model does not hold together (`check_model`), has a cell of
            one's own, a weight is too large for `dtype`, or JSON cannot hold the provenance.
    """
    check_model(model)
    check_free(path, overwrite=overwrite)
    network, weights = encode(model.classifier)
    description = {
        "format": FORMAT,
        "version": VERSION,
        "network": network,
        "labels": list(model.labels),
        "output": model.output,
        "provenance": model.provenance,
        "vocabulary": None,
    }
    if (vocabulary := model.vocabulary) is not None:
        description |= {
            "lowercase": vocabulary.lowercase,
            "unknown": vocabulary.unknown,
            "padding": vocabulary.padding,
            "splitting": vocabulary.splitting._asdict(),
            "skips_unknown": vocabulary.skips_unknown,
            "frame": None if vocabulary.frame is None else vocabulary.frame._asdict(),
            "vocabulary": vocabulary.words,
        }
    try:
        text = json.dumps(description, ensure_ascii=False, indent=1)
    except (TypeError, ValueError) as error:
        raise type(error)(f"provenance: {error}; expected what JSON can hold.") from error
    weights = {name: _cast(name, weight, dtype) for name, weight in weights.items()}
    with write_folder(path, (MODEL_FILE, WEIGHTS_FILE)) as new:
        # The library's own function for files makes some that nobody else may read.
        (new / WEIGHTS_FILE).write_bytes(safetensors.numpy.save(weights))
        (new / MODEL_FILE).write_text(text, encoding="utf-8")


def check_free(path: str | os.PathLike, *, overwrite: bool = False) -> None:
    """Raise FileExistsError where `save` would not write to a path: what is there is not lost."""
    path = Path(path)
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / MODEL_FILE).is_file():
        raise FileExistsError(f"{path} is no model folder, so it is not replaced; remove it first.")
    if not overwrite:
        raise FileExistsError(f"{path} exists; give another path or overwrite=True.")
    check_replaceable(path, (MODEL_FILE, WEIGHTS_FILE))


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
        version = _read_version(description, path)
        labels = description["labels"]
        if not isinstance(labels, list):
            raise ValueError(f"labels is {reprlib.repr(labels)}; expected a list of strings")
        provenance = description["provenance"]
        if not isinstance(provenance, dict):
            raise ValueError(f"provenance is {reprlib.repr(provenance)}; expected an object")
        # Files of version 1 may have no output, and never a structure.
        output = description.get("output", "softmax") if version == 1 else description["output"]
        if not isinstance(output, str):
            raise ValueError(f"output is {reprlib.repr(output)}; expected a string")
        network = None if version == 1 else description["network"]
    with _as_damaged(path / WEIGHTS_FILE):
        try:
            weights = safetensors.numpy.load_file(path / WEIGHTS_FILE)
        except AttributeError as error:  # NumPy lacks a type that the format has
            raise ValueError(f"{error}; expected {', '.join(FLOATS)}") from error
    with _as_damaged(path / MODEL_FILE):
        rows = weights["embedding"].shape[:1] if "embedding" in weights else (0,)
        vocabulary = _read_vocabulary(description, *rows)
    with _as_damaged(path):
        classifier = decode(describe_version_1(weights) if version == 1 else network, weights)
        model = Model(classifier, vocabulary, tuple(labels), provenance, output)
        check_model(model)
    return model


def _read_version(description: Any, path: Path) -> int:
    """Return the version of a model's description, one that can be read."""
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise KeyError("format")
    version = description["version"]
    if type(version) is not int or not 1 <= version <= VERSION:
        raise ValueError(
            f"{path} is a model of version {reprlib.repr(version)}; this cdjax reads versions 1 "
            f"to {VERSION}. Install the cdjax that saved it."
        )
    return version


def _read_vocabulary(description: Mapping[str, Any], rows: int = 0) -> Vocabulary | None:
    """Return the vocabulary of a model's description, of a word for each row of the embedding."""
    words = description["vocabulary"]
    if words is None:
        return None
    if not isinstance(words, list):
        raise ValueError(f"vocabulary is {reprlib.repr(words)}; expected a list of words, or null")
    if len(words) != rows:  # before a table of them is made
        raise ValueError(
            f"the vocabulary holds {len(words):,} words; expected {rows:,}, one for each row "
            f"of the embedding"
        )
    if not all(isinstance(word, str) for word in words):
        wrong = next((n, word) for n, word in enumerate(words) if not isinstance(word, str))
        raise ValueError(f"word {wrong[0]} is {reprlib.repr(wrong[1])}; expected a string")
    lowercase = description["lowercase"]
    if not isinstance(lowercase, bool):
        raise ValueError(f"lowercase is {reprlib.repr(lowercase)}; expected true or false")
    unknown, padding = description.get("unknown", UNKNOWN), description.get("padding")
    frame, skips_unknown = description.get("frame"), description.get("skips_unknown", False)
    if not isinstance(skips_unknown, bool):
        raise ValueError(f"skips_unknown is {reprlib.repr(skips_unknown)}; expected true or false")
    return Vocabulary(
        words,
        lowercase,
        unknown=unknown,
        padding=padding,
        splitting=_read_fields(Splitting, "splitting", description.get("splitting", {})),
        skips_unknown=skips_unknown,
        frame=None if frame is None else _read_fields(Frame, "frame", frame),
    )


def _read_fields(kind: Any, name: str, fields: Any) -> Any:
    """Return a NamedTuple of a description; fields that are not there have their default."""
    hints = get_type_hints(kind)
    if not isinstance(fields, dict) or not all(
        hints.get(field) is type(value) for field, value in fields.items()
    ):
        raise ValueError(f"{name} is {reprlib.repr(fields)}; expected {', '.join(hints)}")
    return kind(**fields)


def _cast(name: str, weight: np.ndarray, dtype: Any) -> np.ndarray:
    """Return a weight as it is stored."""
    target = np.dtype(weight.dtype if dtype is None else dtype)
    if target.name not in FLOATS:
        raise TypeError(f"dtype is {target.name}; expected one of {', '.join(FLOATS)}.")
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(weight, target.newbyteorder("="))
    if not np.isfinite(stored).all():
        raise ValueError(
            f"{name} holds {weight[~np.isfinite(stored)].flat[0]:g}, which is too large for "
            f"{target.name}; expected a wider dtype."
        )
    return stored


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


@contextlib.contextmanager
def _as_damaged(path: Path):
    """Turn an error of reading a file into one that names the file and the remedy."""
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a cdjax model (format {FORMAT!r}): wrong or missing {error}. "
            f"Expected a file made by cdjax.save."
        ) from error
    # Errors of JSON and UTF-8 are of the first type; deep nesting is of the second.
    except (ValueError, RecursionError, OverflowError, safetensors.SafetensorError) as error:
        raise ValueError(
            f"{path} is damaged or of another format: {str(error).rstrip('.')}. Get the model "
            f"again, or save it again with cdjax.save."
        ) from error
