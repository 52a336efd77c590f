"""Networks in ONNX, whatever wrote them: a graph is understood by what its tensors are.

`values` says how a tensor is known, `moves`, `arithmetic` and `recurrent` what the operations do
to it, `settle` and `chain` how it becomes a network of cdjax.
"""

import os
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from cdjax.importers.assemble import assemble
from cdjax.importers.onnx.chain import read_chain
from cdjax.importers.onnx.file import find_opset, read_model
from cdjax.importers.onnx.graph import Graph
from cdjax.importers.onnx.node import InputAxis
from cdjax.importers.onnx.operations import WHOLE
from cdjax.importers.onnx.settle import find_layer, settle
from cdjax.importers.onnx.values import Network, Refusal, Stage, Uniform, Value, decode
from cdjax.model import Model

if TYPE_CHECKING:
    import onnx


def from_onnx(
    source: "str | os.PathLike | onnx.ModelProto",
    *,
    pool: str | None = None,
    activations: Sequence[str] | None = None,
    output: str | None = None,
    vocabulary: Any = None,
    labels: Sequence[str] | None = None,
    input_name: str | None = None,
    output_name: str | None = None,
    zeros: Sequence[str] = (),
) -> Model | tuple[Any, ...]:
    """Turn an ONNX file into a model, or into layers where it holds no head.

    What is read is what the graph computes: an embedding (Gather of a table), LSTM and GRU nodes,
    any number, forward, backward or both, with peepholes, either reset of a GRU, other activations;
    then the last step, each direction's end, the mean or the maximum over the steps, or every step;
    then dense layers (Gemm, MatMul, Conv of width 1, BatchNormalization) with activations, and
    Softmax or Sigmoid. Operations between that move or scale numbers are followed element by
    element. Steps are the axis that the LSTM or GRU goes through, of any number.

    Lengths of sequences that are an input are taken for those of the sequences themselves, which
    cdjax takes without padding. The package `onnx` is needed (`pip install 'cdjax[onnx]'`); nothing
    is executed.

    Args:
        source: The path of an .onnx file, with any external data in its folder, or a ModelProto.
        pool: What the head reads of the steps. The graph says it; to be held against it.
        activations: Of the head's layers, to be held against the graph.
        output: What the outputs stand for, where the last layer has no activation: "softmax" or
            "sigmoid" (the graph gives logits) or "value".
        vocabulary: The words of the embedding's rows.
        labels: Names of the outputs; their numbers when None.
        input_name: A tensor that is taken for the input; to import a part of a graph.
        output_name: The output to explain, of several; or any tensor, to import a part of a graph.
        zeros: Inputs, or any tensors, that are 0, such as states before the first step.

    Returns:
        The model; its layers alone where the output is theirs and there is no embedding.

    Raises:
        FileNotFoundError: Where there is no such file.
        ImportError: Where the package `onnx` is not installed.
        TypeError: Where the source is neither a path nor a ModelProto.
        ValueError: Where a file is damaged, or holds something else that the output depends on,
            naming the node: other operations (attention, convolutions over steps, loops), quantized
            weights, `clip`, `input_forget`, states that do not begin at 0, several inputs or
            outputs, two pools.
    """
    model, folder, name = read_model(source)
    features: dict[str, tuple[int, int]] = {}
    while True:
        graph = Graph(name, find_opset(model, name), folder, frozenset(zeros), dict(features))
        try:
            stage, timed = _find_output(model, graph, input_name, output_name)
            break
        except InputAxis as found:  # the graph is gone through again, with the axis known
            tensor, _, axis = found.label.lstrip("~").rpartition(".")
            if tensor in features:
                raise ValueError(
                    f"{name}: the features of the input {tensor!r} are in more than one axis; "
                    f"expected one."
                ) from None
            features[tensor] = int(axis), found.width
    return assemble(
        read_chain(stage, timed, name),
        pool=pool,
        activations=activations,
        output=output,
        vocabulary=vocabulary,
        labels=labels,
    )


def _find_output(
    model: Any, graph: Graph, input_name: str | None, output_name: str | None
) -> tuple[Stage, bool]:
    """Return the stage that the output is, and whether it has one at every step."""
    scope = _find_scope(model.graph, graph.name, output_name)
    weights = {tensor.name for tensor in scope.initializer}
    inputs = {i.name: i for i in model.graph.input if i.name not in weights}
    computed = {name for node in scope.node for name in node.output}
    for name in graph.zeros - {*inputs}:
        if name not in computed:
            raise ValueError(
                f"zeros names {name!r}, which is no tensor of {graph.name}; expected some of its "
                f"inputs, {[*inputs]}."
            )
        graph.tensors[name] = Uniform(0.0)
    known = {info.name: info for info in (*scope.value_info, *inputs.values())}
    read = {n.input[0] for n in scope.node if n.op_type in ("LSTM", "GRU") and n.input}
    for name in {**inputs, input_name: None} if input_name is not None else inputs:
        info = known.get(name)
        if info is not None and info.type.tensor_type.HasField("shape"):
            graph.begin(name, *_read_type(info))
        elif name in read:
            graph.begin(name, False, [None, None, None])
        elif name == input_name or info is None:
            raise ValueError(
                f"{graph.name} does not say the shape of a tensor {name!r}; expected an input of "
                f"the graph ({[*inputs]}), or what an LSTM or GRU node reads."
            )
        else:
            text = f"{graph.name} does not say the shape of its input {name!r}; expected one."
            graph.tensors[name] = Refusal(text)
    names = [o.name for o in model.graph.output] if output_name is None else [output_name]
    graph.run(scope, names)
    tensors = {name: graph.find(name) for name in names}
    for tensor in tensors.values():
        if isinstance(tensor, Refusal):
            raise ValueError(tensor.message + _suggest_part(graph, scope))
    signals = {n: x for n, x in tensors.items() if isinstance(x, Value) and x.signal}
    if not signals:
        raise ValueError(f"{graph.name}: the output {names} does not depend on the input.")
    name = _choose_output(graph.network, signals, graph.name)
    x = signals[name]
    try:
        stage = settle(graph.network, x)
    except ValueError as error:
        raise ValueError(f"{graph.name}: the output {name!r} {error}.") from error
    times = [
        label for labels in x.labels for label in labels if label.lstrip("~") == graph.network.time
    ]
    if any(label.startswith("~") for label in times):
        raise ValueError(f"{graph.name}: the output {name!r} has its steps from the end.")
    return stage, bool(times)


def _suggest_part(graph: Graph, scope: Any) -> str:
    """Return how to import the layers of a graph that is not understood."""
    nodes = [node for path in _walk([scope]) for node in path[-1].node]
    layers = [n for n in nodes if n.op_type in ("LSTM", "GRU") and n.input and n.output]
    if not layers:
        return ""
    x, y = layers[0].input[0], layers[-1].output[0]
    for node in scope.node:  # the last tensor that is understood
        tensor = graph.tensors.get(node.output[0] if node.output else "")
        before = graph.tensors.get(node.input[0] if node.input else "")
        if isinstance(tensor, Refusal) and isinstance(before, Value) and before.signal:
            stages = {graph.network.stages[n] for n in np.unique(decode(before.array)[0])}
            if any(find_layer(stage) for stage in stages):
                return f" What comes before it is read with output_name={node.input[0]!r}."
    return (
        f" The recurrent part alone is read with input_name={x!r} and, where what follows is not "
        f"understood either, output_name={y!r}."
    )


def _choose_output(network: Network, signals: dict[str, Value], source: str) -> str:
    """Return the output that the others are stages of: not the states of its layers.

    Raises:
        ValueError: Where several do not depend on one another.
    """
    stages = {
        n: {network.stages[k] for k in np.unique(decode(x.array)[0])} for n, x in signals.items()
    }

    def below(name: str) -> set[int]:
        numbers: set[int] = set()
        for stage in stages[name]:
            while stage is not None:
                numbers.add(stage.number)
                stage = stage.source
        return numbers

    def is_within(name: str, other: str) -> bool:
        own = {s.source.number if s.kind == "cell" and s.source else s.number for s in stages[name]}
        return own <= below(other)

    def has_steps(name: str) -> bool:
        return any(network.time in labels for labels in signals[name].labels)

    left = list(signals)
    for name in sorted(signals, key=has_steps):  # of the same stage, every step is kept
        if any(is_within(name, other) for other in left if other != name):
            left.remove(name)
    if len(left) > 1:
        raise ValueError(f"{source} has the outputs {left}; expected one. Give output_name=.")
    return left[0]


def _read_type(info: Any) -> tuple[bool, list[Any]]:
    """Return whether an input holds whole numbers, and its axes: sizes or names."""
    kind = info.type.tensor_type
    dims = kind.shape.dim
    return kind.elem_type in WHOLE, [
        d.dim_value if d.dim_value > 0 else d.dim_param or None for d in dims
    ]


def _find_scope(graph: Any, source: str, output_name: str | None) -> Any:
    """Return the nodes among which a tensor is computed: of the graph, of the branch that has it.

    Raises:
        ValueError: Where no node computes it.
    """
    if output_name is None:
        return graph
    for path in _walk([graph]):
        if any(output_name in node.output for node in path[-1].node):
            parts = {
                part: [item for one in path for item in getattr(one, part)]
                for part in ("node", "initializer", "sparse_initializer", "value_info")
            }
            return SimpleNamespace(**parts)
    raise ValueError(
        f"{source} computes no tensor {output_name!r}; its outputs are "
        f"{[output.name for output in graph.output]}."
    )


def _walk(path: list[Any]) -> Iterator[list[Any]]:
    """Yield a graph and those inside of it, each with the ones around it."""
    yield path
    for node in path[-1].node:
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(
                attribute.graphs
            ):
                yield from _walk([*path, inner])
