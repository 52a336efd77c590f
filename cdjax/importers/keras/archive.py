"""A Keras model as it is kept: its configuration, its loss and its weights, from file or memory."""

import json
import os
import reprlib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cdjax.importers.keras.hdf5 import EXPANSION, SLACK, open_hdf5, read_text
from cdjax.importers.keras.weights import NamedWeights, Weights, read_weights

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
"""What a `.keras` file holds."""
WORDS = "/vocabulary.txt"
LONGEST = 1 << 25
"""Bytes of a JSON text."""


@dataclass(frozen=True)
class Archive:
    """A model of Keras, not yet understood."""

    source: str
    config: Any
    """`class_name` and `config`; None where a file holds weights alone."""
    loss: Any
    version: str
    """Of the Keras that saved it; empty if not said."""
    weights: Weights
    words: bytes | None = None
    """The file of words of a layer that reads texts."""


@contextmanager
def open_archive(source: Any, config: Any) -> Iterator[Archive]:
    """Open a model of Keras.

    Args:
        source: The path of a file, or a model.
        config: The configuration that takes the place of the file's: a path, a text or a mapping.

    Raises:
        FileNotFoundError: Where there is no such file.
        ImportError: Where h5py is not installed.
        TypeError: Where it is neither a path nor a model.
        ValueError: Where it is damaged or no file of Keras.
    """
    given = None if config is None else _as_config(config)
    if not isinstance(source, str | os.PathLike):
        yield _replace(_read_model(source), given)
        return
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}.")
    if path.is_dir() and not (path / CONFIG).exists():
        raise ValueError(
            f"{path} is a folder (a SavedModel?); expected a .keras, .h5 or .weights.h5 file, or "
            f"the model itself. Where Keras loads it: model.save('model.keras')."
        )
    if path.is_dir() or zipfile.is_zipfile(path):
        yield from _open_keras(path, given)
        return
    with open_hdf5(path, str(path)) as file:
        text, training = read_text(file.attrs, "model_config"), None
        if compiled := read_text(file.attrs, "training_config"):
            training = _parse(compiled, f"the training_config of {path}").get("loss")
        groups = [file[name] for name in ("model_weights",) if name in file]
        versions = [read_text(group.attrs, "keras_version") for group in (file, *groups)]
        archive = Archive(
            str(path),
            None if text is None else _parse(text, f"the model_config of {path}"),
            training,
            next((version for version in versions if version), ""),
            read_weights(file, str(path)),
        )
        yield _replace(archive, given)


def _open_keras(path: Path, given: Mapping[str, Any] | None) -> Iterator[Archive]:
    """Yield the model of a `.keras` file, or of the folder that it may be instead."""
    members = _read_members(path)
    for name in (CONFIG, WEIGHTS):
        if name not in members:
            raise ValueError(
                f"{path} holds no {name}; found {sorted(members)[:10]}. Expected a .keras file."
            )
    config = _parse(members[CONFIG], f"{CONFIG} of {path}")
    metadata = _parse(members.get(METADATA, b"{}"), f"{METADATA} of {path}")
    compiled = config.get("compile_config")
    with open_hdf5(members[WEIGHTS], f"{WEIGHTS} of {path}") as file:
        archive = Archive(
            str(path),
            config,
            compiled.get("loss") if isinstance(compiled, Mapping) else None,
            str(metadata.get("keras_version") or ""),
            read_weights(file, str(path)),
            next((members[name] for name in sorted(members) if name.endswith(WORDS)), None),
        )
        yield _replace(archive, given)


def _read_members(path: Path) -> dict[str, bytes]:
    """Return the contents of a `.keras` file that are needed."""
    needed = (CONFIG, METADATA, WEIGHTS)
    try:
        if path.is_dir():
            return {name: (path / name).read_bytes() for name in needed if (path / name).exists()}
        with zipfile.ZipFile(path) as archive:
            found = {info.filename: info for info in archive.infolist()}
            needed = [name for name in found if name in needed or name.endswith(WORDS)]
            for name in needed:
                size, packed = found[name].file_size, found[name].compress_size
                if size > SLACK + EXPANSION * min(packed, path.stat().st_size):
                    raise ValueError(
                        f"{name} of {path} takes {size:,} bytes, of which the file holds "
                        f"{packed:,}; it is damaged, or hostile."
                    )
            held = {name: archive.read(name) for name in needed}
            return held or dict.fromkeys(found, b"")
    except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _read_model(model: Any) -> Archive:
    """Return what a model in memory holds."""
    if not all(hasattr(model, name) for name in ("to_json", "layers", "get_weights")):
        raise TypeError(
            f"found a {type(model).__name__}; expected the path of a .keras, .h5 or .weights.h5 "
            f"file, or a model of Keras."
        )
    name = f"the model {getattr(model, 'name', '')!r}"
    try:
        text = model.to_json()
    except NotImplementedError as error:
        raise ValueError(
            f"{name} is of a class of its own, {type(model).__name__}, whose code says what it "
            f"computes; expected a Sequential or a functional model."
        ) from error
    config = _parse(text, f"the configuration of {name}")
    layers: dict[str, list[tuple[str, Any]]] = {}
    for layer in model.layers:
        layers[layer.name] = [
            (str(getattr(weight, "path", weight.name)), np.asarray(weight))
            for weight in layer.weights
        ]
    version = str(config.get("keras_version") or _find_version(model))
    return Archive(name, config, getattr(model, "loss", None), version, NamedWeights(name, layers))


def _find_version(model: Any) -> str:
    """Return the version of the Keras that a model is of; Keras 3 has no `_is_graph_network`."""
    return "2" if hasattr(model, "_is_graph_network") else "3"


def _as_config(config: Any) -> dict[str, Any]:
    """Return a configuration that is given as a path, a text or a mapping."""
    if isinstance(config, Mapping):
        return _wrap(dict(config), "config")
    if isinstance(config, str) and config.lstrip().startswith(("{", '"')):
        return _parse(config, "config")
    path = Path(config)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; config= is a model's JSON.")
    return _parse(path.read_bytes(), str(path))


def _parse(text: str | bytes, name: str) -> dict[str, Any]:
    """Return a mapping that is written in JSON, perhaps twice over."""
    if len(text) > LONGEST:  # its objects take many times as much
        raise ValueError(f"{name} has {len(text):,} bytes; expected at most {LONGEST:,}.")
    try:
        value = json.loads(text)
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {reprlib.repr(value)}; expected an object.")
    return _wrap(value, name)


def _wrap(value: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a configuration with its class, which `model.get_config()` does not hold."""
    if "layers" in value and "class_name" not in value:
        kind = "Functional" if "output_layers" in value else "Sequential"
        return {"class_name": kind, "config": value}
    return value


def _replace(archive: Archive, given: Mapping[str, Any] | None) -> Archive:
    """Return an archive with the configuration that is given, if one is, and its version."""
    if given is None:
        return replace(archive, version=archive.version or _guess_version(archive.config))
    if "class_name" not in given:
        raise ValueError(
            f"config holds {reprlib.repr(sorted(given))}; expected what model.to_json() writes."
        )
    compiled = given.get("compile_config")
    loss = compiled.get("loss") if isinstance(compiled, Mapping) else None
    version = archive.version or str(given.get("keras_version") or _guess_version(given))
    return replace(archive, config=given, loss=archive.loss or loss, version=version)


def _guess_version(config: Any) -> str:
    """Return the first number of the version by how a configuration names shapes and types."""
    text = json.dumps(config)
    three = '"DTypePolicy"' in text or '"batch_shape"' in text
    two = '"batch_input_shape"' in text or '"Policy"' in text
    return "" if three == two else "3" if three else "2"
