"""The layers of a Keras model's configuration, in the order that its input goes through them.

A `Sequential` says them in order. A functional model says of each layer whose output it takes; the
chain is followed from the output back. A model inside a model is replaced by its layers.
"""

import re
import reprlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

SEQUENTIAL, FUNCTIONAL = ("Sequential",), ("Functional", "Model")
MASK_OPERATIONS = ("NotEqual", "Any")
"""Keras 3 writes how a mask is computed into the graph."""
INERT = (
    "Dropout",
    "SpatialDropout1D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "Identity",
)
"""Layers that do nothing once a network is trained."""
WEIGHTLESS = (*INERT, "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Flatten", "Reshape")
DEEPEST = 16
"""Models inside each other."""
REMEDY = (
    "cdjax reads one chain of layers. Where a part of the network is one, give inputs=NAME, that "
    "of the layer before it, whose output it then reads as a series, or outputs=NAME, that of its "
    "last layer."
)


class Layer(NamedTuple):
    """A layer of the chain."""

    name: str
    kind: str
    """Its class in Keras."""
    config: Any
    path: tuple[str, ...]
    """Names of the models around it, the outermost left out, and its own."""
    slots: tuple[tuple[str, int], ...]
    """The same as files count them: the class in snake case, and which one of that class it is."""
    tensor: int = 0
    """Which of its outputs is taken by the layer after it."""
    index: Any = None
    """What an indexing of the steps takes, `[:, -1]`."""
    origin: str | None = None
    """Where a class that is not Keras's own comes from."""

    @property
    def where(self) -> str:
        """How to name it in messages."""
        return f"{self.name} ({self.kind})"


class Chain(NamedTuple):
    """Layers in order, and the layer whose output they read, if they are a part of a network."""

    layers: tuple[Layer, ...]
    start: Layer | None


def read_chain(config: Any, inputs: str | None, outputs: str | None = None) -> Chain:
    """Return the layers of a model's configuration.

    Args:
        config: The configuration.
        inputs: The layer after which to begin.
        outputs: The layer after which to end, one of the outermost model.

    Raises:
        ValueError: Where they are no chain, a layer is not one of Keras, or `inputs` or `outputs`
            is none.
    """
    chain = _read_model(config, (), (), inputs, outputs)
    if inputs is not None and chain.start is None:
        names = ", ".join(layer.name for layer in chain.layers)
        raise ValueError(f"inputs is {inputs!r}; expected the name of a layer: {names}.")
    return chain


def _read_model(
    config: Any,
    path: tuple[str, ...],
    slots: tuple[tuple[str, int], ...],
    inputs: str | None,
    outputs: str | None = None,
) -> Chain:
    """Return the chain of a model, or of one inside it."""
    if len(path) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} models are inside each other.")
    kind = _check_kind(config, "the model")
    inner = config.get("config")
    if kind in SEQUENTIAL:
        entries: Any = inner.get("layers") if isinstance(inner, Mapping) else inner
        layers = _read_layers(entries, path, slots)
        order = [(layer, entry) for layer, entry in zip(layers, entries, strict=True)]
        if outputs is not None:
            names = [layer.name for layer in layers]
            _check_outputs(outputs, names)
            order = order[: names.index(outputs) + 1]
    elif kind in FUNCTIONAL:
        order = _follow(inner, path, slots, inputs, outputs)
    else:
        raise ValueError(
            f"the model is a {kind}, a class of its own, whose code says what it computes; "
            f"expected a Sequential or a functional model."
        )
    chain: list[Layer] = []
    start = None
    for layer, entry in order:
        if layer.kind in (*SEQUENTIAL, *FUNCTIONAL):
            inside = _read_model(entry, layer.path, layer.slots, inputs)
            if inside.start is not None:
                chain, start = [], inside.start
            # The input of a model inside is the output before it, be it said or not.
            chain += [each for each in inside.layers if each.kind != "InputLayer"]
            if inside.layers and layer.tensor:
                raise ValueError(f"{layer.where}: its output {layer.tensor} is taken. {REMEDY}")
        else:
            chain.append(layer)
        if layer.name == inputs:
            chain, start = [], layer
    return Chain(tuple(chain), start)


def _read_layers(
    entries: Any, path: tuple[str, ...], slots: tuple[tuple[str, int], ...]
) -> list[Layer]:
    """Return the layers of a model's configuration as they are listed."""
    if not isinstance(entries, list) or not entries:
        raise ValueError(
            f"the layers of the model are {reprlib.repr(entries)}; expected a list. The "
            f"configuration is damaged, or the model was never built."
        )
    counts: Counter[str] = Counter()
    layers: list[Layer] = []
    for entry in entries:
        kind = _check_kind(entry, "a layer")
        config = entry["config"]
        name = entry.get("name") or (config.get("name") if isinstance(config, Mapping) else None)
        name, snake = str(name or kind), to_snake_case(kind)
        slot = (snake, counts[snake])
        counts[snake] += _holds_weights(entry)  # others are not counted in files
        origin = _find_origin(entry)
        layers.append(Layer(name, kind, config, (*path, name), (*slots, slot), origin=origin))
    return layers


def _holds_weights(entry: Any, depth: int = 0) -> bool:
    """Return whether a layer has weights, of which a file of Keras 3 has a numbered group."""
    config: Any = entry.get("config") if isinstance(entry, Mapping) else None
    if not isinstance(config, Mapping) or depth > DEEPEST:
        return True
    kind = entry.get("class_name")
    if kind in ("TimeDistributed", "Normalization"):
        inner, given = config.get("layer"), config.get("mean")
        return _holds_weights(inner, depth + 1) if kind == "TimeDistributed" else given is None
    if kind in (*SEQUENTIAL, *FUNCTIONAL) and isinstance(config.get("layers"), list):
        return any(_holds_weights(inner, depth + 1) for inner in config["layers"])
    return kind not in (*WEIGHTLESS, "InputLayer")


def _check_kind(entry: Any, what: str) -> str:
    """Return the class of a layer or model."""
    if not isinstance(entry, Mapping) or "config" not in entry:
        raise ValueError(f"{what} is {reprlib.repr(entry)}; the configuration is damaged.")
    kind = entry.get("class_name")
    if not isinstance(kind, str):
        raise ValueError(f"the class of {what} is {reprlib.repr(kind)}; expected its name.")
    return kind


def _find_origin(entry: Mapping[str, Any]) -> str | None:
    """Return where a layer's class comes from, if not from Keras."""
    module, registered = entry.get("module"), entry.get("registered_name")
    for name in (entry["class_name"], registered):
        if isinstance(name, str) and ">" in name:
            return name
    own = isinstance(module, str) and not re.match(r"(tf_)?keras(\.|$)|tensorflow\.", module)
    return str(module) if own else None


def _follow(
    config: Any,
    path: tuple[str, ...],
    slots: tuple[tuple[str, int], ...],
    inputs: str | None,
    outputs: str | None,
) -> list[tuple[Layer, Any]]:
    """Return the layers of a functional model with their entries, from the input to the output."""
    if not isinstance(config, Mapping):
        raise ValueError(f"the model is {reprlib.repr(config)}; the configuration is damaged.")
    entries: Any = config.get("layers")
    layers = {layer.name: layer for layer in _read_layers(entries, path, slots)}
    by_name = {layer.name: entry for layer, entry in zip(layers.values(), entries, strict=False)}
    if len(layers) != len(entries):
        raise ValueError("two layers of the model have the same name; it is damaged.")
    ends = _list_ends(config.get("output_layers"))
    if outputs is not None:
        _check_outputs(outputs, list(layers))
        ends = [end for end in ends if end[0] == outputs] or [(outputs, 0)]
    if len(ends) != 1:
        names = ", ".join(name for name, _ in ends)
        raise ValueError(
            f"the model has {len(ends)} outputs: {names}. Give outputs=NAME, the one to explain."
        )
    name, tensor = ends[0]
    order: list[tuple[Layer, Any]] = []
    while True:
        if name not in layers or len(order) > len(layers):
            raise ValueError(f"the layer {name!r} is missing; the configuration is damaged.")
        layer, entry = layers[name]._replace(tensor=tensor), by_name[name]
        nodes = entry.get("inbound_nodes")
        if nodes and name != inputs:
            sources, index = _read_node(nodes, layer.where, layers)
            order.insert(0, (layer._replace(index=index), entry))
            ((name, tensor),) = sources
        else:
            order.insert(0, (layer, entry))
            return order


def _check_outputs(outputs: str, names: Sequence[str]) -> None:
    if outputs not in names:
        raise ValueError(
            f"outputs is {outputs!r}; expected the name of a layer: {', '.join(names)}."
        )


def _list_ends(ends: Any) -> list[tuple[str, int]]:
    """Return the outputs of a model, by layer and number."""
    if isinstance(ends, Mapping):
        ends = list(ends.values())
    if _is_tensor(ends):
        ends = [ends]
    if not isinstance(ends, list) or not all(_is_tensor(end) for end in ends):
        raise ValueError(f"the outputs are {reprlib.repr(ends)}; the configuration is damaged.")
    return [(end[0], end[2]) for end in ends]


def _is_tensor(value: Any) -> bool:
    """Return whether this is `[layer, node, number]`, perhaps with arguments."""
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and isinstance(value[2], int)
    )


def _read_node(
    nodes: Any, where: str, layers: Mapping[str, Layer]
) -> tuple[list[tuple[str, int]], Any]:
    """Return the one tensor that a layer takes, and what an indexing takes of it."""
    if isinstance(nodes, list) and len(nodes) == 1 and isinstance(nodes[0], Mapping):  # Keras 3
        args, arguments = nodes[0].get("args"), nodes[0].get("kwargs")
        tensors = _find_tensors(args)
        if isinstance(args, Sequence) and len(args) == 2 and not _find_tensors(args[1]):
            arguments = {**(arguments or {}), "slice_spec": args[1]}
    else:
        if isinstance(nodes, list) and len(nodes) == 1 and not _is_tensor(nodes[0]):
            nodes = nodes[0]
        tensors = nodes if isinstance(nodes, list) else []
        arguments = tensors[0][3] if tensors and _is_tensor(tensors[0]) and tensors[0][3:] else {}
        if not all(_is_tensor(tensor) for tensor in tensors):
            tensors = []
    if not tensors or not isinstance(arguments, Mapping):
        several = isinstance(nodes, list) and len(nodes) > 1
        raise ValueError(
            f"{where} is applied {len(nodes)} times. {REMEDY}"
            if several
            else f"{where}: its inputs are {reprlib.repr(nodes)}; the configuration is damaged."
        )
    if len(tensors) > 1:
        names = ", ".join(str(tensor[0]) for tensor in tensors)
        raise ValueError(f"{where} takes {len(tensors)} inputs ({names}). {REMEDY}")
    _check_arguments(arguments, where, layers)
    return [(tensors[0][0], tensors[0][2])], arguments.get("slice_spec")


def _find_tensors(value: Any) -> list[list[Any]]:
    """Return the tensors of Keras 3 in a call's arguments."""
    if isinstance(value, Mapping):
        config: Any = value.get("config")
        if value.get("class_name") == "__keras_tensor__" and isinstance(config, Mapping):
            history: Any = config.get("keras_history")
            return [history] if _is_tensor(history) else []
        return [tensor for inner in value.values() for tensor in _find_tensors(inner)]
    if isinstance(value, list):
        return [tensor for inner in value for tensor in _find_tensors(inner)]
    return []


def _check_arguments(arguments: Mapping[str, Any], where: str, layers: Mapping[str, Layer]) -> None:
    """Raise where a layer is called with more than its input, and a mask that Keras passes on."""
    for name, value in arguments.items():
        if name == "slice_spec" or value in (None, False):
            continue
        if name == "training":
            raise ValueError(
                f"{where} is called with training=True, so that it acts as in training whenever "
                f"the network is run; its outputs are random."
            )
        if name == "mask":
            sources = [layers.get(tensor[0]) for tensor in _find_tensors(value)]
            if sources and all(s is not None and s.kind in MASK_OPERATIONS for s in sources):
                continue
        raise ValueError(f"{where} is called with {name}={reprlib.repr(value)}. {REMEDY}")


def to_snake_case(kind: str) -> str:
    """Return the name that Keras 3 gives a class in a file of weights.

    >>> [to_snake_case(kind) for kind in ("LSTM", "TimeDistributed", "RNN", "StackedRNNCells")]
    ['lstm', 'time_distributed', 'rnn', 'stacked_rnn_cells']
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
