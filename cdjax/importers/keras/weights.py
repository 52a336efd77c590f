"""The weights of a Keras model, found by layer, in each of the ways that files keep them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cdjax.importers.keras.graph import Layer
from cdjax.importers.keras.hdf5 import list_datasets, read_dataset, read_texts
from cdjax.importers.layout import as_weight

Part = tuple[str, Sequence[str]]
"""A part of a layer that has weights ("cell", "backward_layer/cell"; "" where it is the layer
itself), and the names of its weights in order."""
NOT_WEIGHTS, COUNTS = ("seed_generator_state",), ("count",)
"""What is no weight; what is listed among weights, and no float."""


@dataclass(frozen=True)
class NamedWeights:
    """Weights that are listed by layer, each with a name: Keras's `.h5`, and models in memory."""

    source: str
    layers: Mapping[str, Sequence[tuple[str, Any]]]
    """For each layer of the model, the outermost, name and values of its weights in their order:
    "lstm/lstm_cell/kernel:0", "sequential/lstm/lstm_cell/kernel", "lstm_1/kernel:0"."""

    def take(self, layer: Layer, parts: Sequence[Part]) -> list[dict[str, np.ndarray]]:
        """Return the weights of each part of a layer by name; raise where they are not those."""
        found = list(self.layers.get(layer.path[0], ()))
        if len(layer.path) > 1:  # of a model inside the model: all its weights are in one list
            found = [entry for entry in found if layer.path[-1] in entry[0].split("/")]
        found = [entry for entry in found if _leaf(entry[0]) not in NOT_WEIGHTS]
        expected = [name for _, names in parts for name in names]
        if [_leaf(name) for name, _ in found] != expected or not _in_order(found):
            raise ValueError(
                f"{layer.where}: {self.source} holds the weights {[name for name, _ in found]}; "
                f"expected {expected}."
            )
        values = iter(found)
        entries = [[(name, next(values)) for name in names] for _, names in parts]
        return [
            {n: _as_weight(entry, layer, self.source) for n, entry in part if n not in COUNTS}
            for part in entries
        ]


def _leaf(name: str) -> str:
    """Return the last part of a weight's name: "kernel" of "lstm/kernel_1:0"."""
    return re.sub(r"(_\d+)?(:\d+)?$", "", name.rpartition("/")[2])


def _in_order(found: Sequence[tuple[str, Any]]) -> bool:
    """Return whether no weight of a forward layer comes after one of a backward layer."""
    backward = [any(p.startswith("backward_") for p in name.split("/")) for name, _ in found]
    return backward == sorted(backward) and sum(backward) in (0, len(backward) / 2)


def _as_weight(entry: tuple[str, Any], layer: Layer, source: str) -> np.ndarray:
    """Return the values of a weight, in float32 or float64."""
    name, value = entry
    value = value.read() if isinstance(value, _Stored) else value
    return as_weight(value, f"{name} of {layer.where} in {source}")


@dataclass(frozen=True)
class NumberedWeights:
    """Weights by number and by class, "layers/lstm_1/cell/vars/0": Keras 3's files of weights.

    A layer is named by its class and counted, "lstm" and "lstm_1", whatever its own name. Some
    versions count every layer twice and leave the second one empty, so that only the order tells.
    """

    source: str
    values: Mapping[str, Any]
    """Data sets by path."""

    def take(self, layer: Layer, parts: Sequence[Part]) -> list[dict[str, np.ndarray]]:
        """Return the weights of each part of a layer by name; raise where they are not those."""
        group = ""
        for snake, rank in layer.slots:
            group = self._find_group(layer, group, snake, rank)
        taken: list[dict[str, np.ndarray]] = []
        for part, names in parts:
            prefix = f"{group}/{part}/vars/" if part else f"{group}/vars/"
            found = {p for p in self.values if p.startswith(prefix)}
            paths = [f"{prefix}{n}" for n in range(len(names))]
            if found != set(paths):
                raise ValueError(
                    f"{layer.where}: {self.source} holds {len(found)} weights in {prefix}; "
                    f"expected {len(names)} ({', '.join(names)})."
                )
            taken.append(
                {
                    name: _as_weight((path, _Stored(self.values[path], path)), layer, self.source)
                    for name, path in zip(names, paths, strict=True)
                    if name not in COUNTS
                }
            )
        return taken

    def _find_group(self, layer: Layer, above: str, snake: str, rank: int) -> str:
        """Return the path of the layer that is the `rank`-th of its class."""
        pattern = re.compile(
            (re.escape(above) + "/" if above else "")
            + r"(?:layers|_layer_checkpoint_dependencies)/"
            + re.escape(snake)
            + r"(?:_(\d+))?/"
        )
        groups: dict[int, str] = {}
        for path in self.values:
            if match := pattern.match(path):
                groups[int(match[1] or 0)] = match[0][:-1]
        if rank >= len(groups):
            raise ValueError(
                f"{layer.where}: {self.source} holds weights of {len(groups)} layers of this "
                f"class; expected at least {rank + 1}."
            )
        return groups[sorted(groups)[rank]]


class _Stored(NamedTuple):
    """A weight in an open file, not read yet."""

    dataset: Any
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        return self.dataset.shape

    def read(self) -> np.ndarray:
        return read_dataset(self.dataset, self.name)


Weights = NamedWeights | NumberedWeights


def read_weights(file: Any, source: str) -> Weights:
    """Return the weights that an open HDF5 file of Keras holds, of any version from 2 on.

    Raises:
        KeyError: Where an entry that is listed is missing.
        ValueError: Where it holds none.
    """
    root = file.get("model_weights", file)
    if "layer_names" not in root.attrs and "layer_names0" not in root.attrs:
        values = list_datasets(file, source, ("optimizer", "metrics", "optimizer_weights"))
        if not any("vars/" in path for path in values):
            raise ValueError(
                f"{source} holds no weights of a Keras model; found {list(file)[:10]}. Expected a "
                f".h5, .keras or .weights.h5 file of Keras 2 or 3."
            )
        return NumberedWeights(source, values)
    datasets = list_datasets(root, source)
    layers: dict[str, list[tuple[str, Any]]] = {}
    for layer in read_texts(root.attrs, "layer_names"):
        layers[layer] = []
        for name in read_texts(root[layer].attrs, "weight_names"):
            if (path := f"{layer}/{name}") not in datasets:
                raise ValueError(f"{source} lacks the weight {name} of {layer}; it is damaged.")
            layers[layer].append((name, _Stored(datasets[path], name)))
    return NamedWeights(source, layers)
