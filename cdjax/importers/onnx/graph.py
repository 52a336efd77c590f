"""A graph, gone through node by node: what each tensor is, as far as the outputs need it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cdjax.importers.onnx.file import QUANTIZED, read_tensor
from cdjax.importers.onnx.node import Node
from cdjax.importers.onnx.operations import OPERATIONS
from cdjax.importers.onnx.sizes import Size
from cdjax.importers.onnx.values import (
    Network,
    Refusal,
    Tensor,
    Uniform,
    Value,
    as_constant,
    encode,
)

LOOPS = "Loop", "Scan", "SequenceMap"
LENIENT = "ConstantOfShape", "Expand", "GRU", "If", "LSTM", "ScatterElements"
"""What may not need all of its inputs."""


@dataclass
class Graph:
    """The tensors of a graph that are known so far."""

    name: str
    """Of the source, in messages."""
    opset: int
    folder: Path | None
    zeros: frozenset[str]
    features: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Of an input: which axis holds its features, and how many."""
    network: Network = field(default_factory=Network)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    initializers: dict[str, Any] = field(default_factory=dict)

    def begin(self, name: str, whole: bool, shape: list[Any]) -> None:
        """Make a tensor an input of the network, all axes named but that of its features."""
        axis, width = self.features.get(name, (None, 1))
        known = [n for n, size in enumerate(shape) if isinstance(size, int)]
        if name not in self.features and len(shape) > 2 and not whole and known:
            axis, width = known[-1], shape[known[-1]]  # to begin with; see `InputAxis`
        labels = [f"{name}.{n}" for n in range(len(shape))]
        for label, size in zip(labels, shape, strict=True):
            self.network.sizes[label] = size if isinstance(size, int) else Size.of(size or label)
        if name in self.zeros:
            sizes = tuple(self.network.sizes[label] for label in labels)
            self.tensors[name] = Uniform(0 if whole else 0.0, sizes)
            return
        try:
            stage = self.network.add("ids" if whole else "input", None, None, width, name)
        except ValueError as error:
            raise ValueError(f"{self.name}: the input {name!r} {error}.") from error
        array = encode(stage, np.arange(width))
        array = array.reshape([width if n == axis else 1 for n in range(len(shape))])
        named = tuple(() if n == axis else (label,) for n, label in enumerate(labels))
        self.tensors[name] = Value(array, named, True)

    def find(self, name: str) -> Tensor | None:
        """Return what a tensor is; None for an optional input that is left out."""
        if not name:
            return None
        if name not in self.tensors:
            if name not in self.initializers:
                return Refusal(
                    f"{self.name}: the tensor {name!r} is not there; the graph is damaged."
                )
            try:
                array = read_tensor(self.initializers[name], self.folder)
            except ValueError as error:
                return Refusal(f"{self.name}: {error}.")
            self.network.read += array.nbytes
            self.tensors[name] = Value.constant(array)
        return self.tensors[name]

    def run(self, graph: Any, outputs: Iterable[str]) -> None:
        """Go through the nodes that some tensors need."""
        self.initializers |= {tensor.name: tensor for tensor in graph.initializer}
        for tensor in graph.sparse_initializer:
            message = (
                f"{self.name}: the tensor {tensor.values.name!r} is sparse; expected a dense one."
            )
            self.tensors[tensor.values.name] = Refusal(message)
        for node in find_needed(graph, outputs, set(self.tensors)):
            results = self._understand(node)
            for name, result in zip(node.output, results, strict=False):
                self.tensors.setdefault(name, result)
            for name in node.output:
                missing = f"{self.name}: {describe(node)} does not give {name!r}."
                self.tensors.setdefault(name, Refusal(missing))

    def _understand(self, node: Any) -> list[Tensor]:
        """Return what a node's outputs are."""
        try:
            if is_otherwise(node.op_type):  # first, whatever was not understood before
                raise ValueError(explain_unknown(node))
            for name in node.input:
                tensor = self.find(name)
                # What hangs on a tensor that is not understood is named after that one.
                if isinstance(tensor, Refusal) and node.op_type not in LENIENT:
                    return [tensor] * len(node.output)
            if node.op_type == "If" and node.domain in ("", "ai.onnx"):
                return self._take_branch(node)
            if node.op_type == "Constant":
                return [self._read_constant(node)]
            if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATIONS:
                raise ValueError(explain_unknown(node))
            function, settings = OPERATIONS[node.op_type]
            prepared = self._prepare(node)
            if unknown := prepared.attributes.keys() - settings:
                raise ValueError(f"has the settings {sorted(unknown)}, which are not known here")
            results = function(prepared)
            results = results if isinstance(results, list) else [results]
            self.network.count([result.array for result in results if isinstance(result, Value)])
            return results
        except (
            ArithmeticError,
            AttributeError,
            IndexError,
            KeyError,
            MemoryError,
            TypeError,
            ValueError,
        ) as error:
            text = str(error).rstrip(".")
            if text.startswith(f"{self.name}: "):  # of a tensor before
                return [Refusal(f"{text}.")] * max(len(node.output), 1)
            message = f"{self.name}: {describe(node)} {text}."
            return [Refusal(message)] * max(len(node.output), 1)

    def _prepare(self, node: Any) -> Node:
        import onnx

        attributes: dict[str, Any] = {}
        for attribute in node.attribute:
            value = onnx.helper.get_attribute_value(attribute)
            if isinstance(value, onnx.TensorProto):
                value = read_tensor(value, self.folder)
                self.network.read += value.nbytes
            elif isinstance(value, bytes):
                value = value.decode("utf-8", "replace")
            elif isinstance(value, list) and value and isinstance(value[0], bytes):
                value = [item.decode("utf-8", "replace") for item in value]
            attributes[attribute.name] = value
        inputs = [self.find(name) for name in node.input]
        name = node.name or node.output[0]
        count = len(node.output)
        return Node(
            node.op_type,
            name,
            inputs,
            list(node.input),
            count,
            attributes,
            self.opset,
            self.network,
        )

    def _read_constant(self, node: Any) -> Tensor:
        """Return the number, numbers or tensor of a Constant."""
        ((kind, value),) = self._prepare(node).attributes.items()
        if kind not in ("value", "value_float", "value_floats", "value_int", "value_ints"):
            raise ValueError(f"holds a {kind}; expected numbers")
        array = np.asarray(value)
        if kind.startswith("value_float"):
            array = array.astype(np.float32)
        return Value.constant(array)

    def _take_branch(self, node: Any) -> list[Tensor]:
        """Return the outputs of the branch of an If whose condition is a constant."""
        try:
            (condition,) = as_constant(self.find(node.input[0]), "the condition").ravel()
        except ValueError as error:
            raise ValueError(
                f"chooses between two graphs by what is computed from the input ({error}); "
                f"expected a constant"
            ) from error
        name = "then_branch" if condition else "else_branch"
        (branch,) = (a.g for a in node.attribute if a.name == name)
        outputs = [output.name for output in branch.output]
        self.run(branch, outputs)
        return [self.find(output) or Refusal("nothing") for output in outputs]


def find_needed(graph: Any, outputs: Iterable[str], known: set[str]) -> list[Any]:
    """Return the nodes that some tensors are computed by, in the graph's order."""
    wanted, needed = set(outputs), []
    for node in reversed(graph.node):
        if wanted & set(node.output) - known:
            needed.append(node)
            wanted |= set(node.input)
            inside = [a.g for a in node.attribute if a.HasField("g")]
            while inside:
                branch = inside.pop()
                wanted |= {name for inner in branch.node for name in inner.input}
                wanted |= {output.name for output in branch.output}
                inside += [a.g for inner in branch.node for a in inner.attribute if a.HasField("g")]
    return needed[::-1]


def describe(node: Any) -> str:
    """Return how to name a node in a message."""
    name = node.name or (node.output[0] if node.output else "")
    return f"node {name[:80]!r} ({node.op_type})"


def is_otherwise(kind: str) -> bool:
    """Return whether an operation is a layer written in another way: quantized, or as a loop."""
    return "quant" in kind.lower() or "QLinear" in kind or kind in LOOPS


def explain_unknown(node: Any) -> str:
    """Return why an operation is not understood, and what to do."""
    kind = node.op_type
    if kind in LOOPS:
        return (
            "is a loop written out, whose cell is not known; expected an LSTM or GRU node. Import "
            "the model from the framework it was trained in"
        )
    if is_otherwise(kind) or "Integer" in kind:
        return f"is not supported: {QUANTIZED}"
    if kind == "RNN":
        return "is a plain RNN, which cdjax has no cell for; expected an LSTM or GRU"
    domain = f" of {node.domain}" if node.domain else ""
    return (
        f"is an operation{domain} that is not understood here; expected an embedding, LSTM or GRU "
        f"layers, one pool over the steps and dense layers"
    )
