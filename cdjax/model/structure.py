"""A network as a description that JSON holds, and arrays by name; one line that sums it up.

The description says what there is, `{"kind": "lstm", "arrays": ["W", "V", "b"], ...}` for a layer
or its two cells; the arrays are named by where they are: `layers.0.forward.W`.
"""

import reprlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams
from cdjax.core.network import Classifier, Dense


class Kind(NamedTuple):
    """What is stored of a cell or of a layer of the head."""

    cls: type
    arrays: tuple[str, ...]
    settings: dict[str, type]  # fields that are no arrays, and the types JSON has for them
    optional: tuple[str, ...] = ()  # arrays that may be None


ACTIVATION = {"activation": str}
BOTH_ACTIVATIONS = {"activation": str, "content_activation": str}
GATES = ("W", "V", "b")
CELLS = {
    "lstm": Kind(LSTMParams, GATES, BOTH_ACTIVATIONS, ("projection", "peepholes")),
    "gru": Kind(GRUParams, GATES, {"reset_after": bool, **BOTH_ACTIVATIONS}, ("c",)),
}
HEAD = {"dense": Kind(Dense, ("W", "b"), ACTIVATION)}
BIDIRECTIONAL = "bidirectional"
ENDS = ("embedding", "readout", "bias")
FLOATS = ("float16", "float32", "float64")


def encode(classifier: Classifier) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the description of a checked network, and its arrays by name.

    Raises:
        TypeError: Where a layer is a cell of one's own, or an array does not hold floats.
    """
    arrays: dict[str, np.ndarray] = {}

    def add(name: str, value: Any) -> None:
        array = np.asarray(value)
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise TypeError(f"{name} holds {array.dtype}; expected floats.")
        # What NumPy has no type of its own for (bfloat16) is kept, exactly, in single precision.
        arrays[name] = array if array.dtype.name in FLOATS else array.astype(np.float32)

    def encode_part(part: Any, name: str, kinds: Mapping[str, Kind]) -> dict[str, Any]:
        kind = next((key for key, kind in kinds.items() if type(part) is kind.cls), None)
        if kind is None:
            known = ", ".join(f"cdjax.{kind.cls.__name__}" for kind in kinds.values())
            raise TypeError(
                f"{name} is a {type(part).__name__}, a cell of your own, which cdjax.save cannot "
                f"describe; expected one of {known}. Save its arrays yourself, and build the "
                f"cdjax.Classifier from them."
            )
        optional = kinds[kind].optional
        present = [name for name in optional if getattr(part, name) is not None]
        fields = [*kinds[kind].arrays, *present]
        for field in fields:
            add(f"{name}.{field}", getattr(part, field))
        settings = {field: getattr(part, field) for field in kinds[kind].settings}
        return {"kind": kind, "arrays": fields, **settings}

    def encode_layer(layer: Any, name: str) -> dict[str, Any]:
        if type(layer) is not Bidirectional:
            return encode_part(layer, name, CELLS)
        cells = {
            field: encode_part(cell, f"{name}.{field}", CELLS)
            for field, cell in layer._asdict().items()
        }
        return {"kind": BIDIRECTIONAL, **cells}

    for name in ENDS:
        if getattr(classifier, name) is not None:
            add(name, getattr(classifier, name))
    description = {
        "embedding": classifier.embedding is not None,
        "layers": [encode_layer(layer, f"layers.{n}") for n, layer in enumerate(classifier.layers)],
        "pool": classifier.pool,
        "head": [encode_part(dense, f"head.{n}", HEAD) for n, dense in enumerate(classifier.head)],
    }
    return description, arrays


def decode(description: Any, weights: Mapping[str, np.ndarray]) -> Classifier:
    """Return the network of a description, its weights in float32 or, if kept so, in float64.

    Whether the shapes fit each other is for `cdjax.checks.check_network` to say.

    Raises:
        ValueError: Where the description is not one that `encode` returns, or the arrays are not
            the ones it names; says where and what was expected.
    """
    left = dict(weights)

    def take(name: str) -> np.ndarray:
        if name not in left:
            raise ValueError(f"the array {name} is missing; found {reprlib.repr(sorted(weights))}")
        array = left.pop(name)
        if array.dtype.name not in FLOATS:
            raise ValueError(f"{name} holds {array.dtype}; expected floats")
        return array.astype(np.result_type(array.dtype, np.float32), copy=False)

    def decode_part(part: Any, name: str, kinds: Mapping[str, Kind]) -> Any:
        kind = kinds[_check_kind(part, name, kinds)]
        _check_fields(part, name, {"kind": str, "arrays": list, **kind.settings})
        allowed = {*kind.arrays, *kind.optional}
        fields = part["arrays"]
        if not all(isinstance(field, str) for field in fields) or not (
            set(kind.arrays) <= set(fields) <= allowed and len(set(fields)) == len(fields)
        ):
            raise ValueError(
                f"{name}: arrays is {reprlib.repr(fields)}; expected {list(kind.arrays)}"
                + (f", and any of {list(kind.optional)}" if kind.optional else "")
            )
        arrays = {field: take(f"{name}.{field}") for field in fields}
        return kind.cls(**arrays, **{field: part[field] for field in kind.settings})

    def decode_layer(layer: Any, name: str) -> Any:
        if _check_kind(layer, name, (BIDIRECTIONAL, *CELLS)) != BIDIRECTIONAL:
            return decode_part(layer, name, CELLS)
        cells = dict.fromkeys(Bidirectional._fields, dict)
        _check_fields(layer, name, {"kind": str, **cells})
        return Bidirectional(*(decode_part(layer[f], f"{name}.{f}", CELLS) for f in cells))

    fields = {"embedding": bool, "layers": list, "pool": str, "head": list}
    _check_fields(description, "network", fields)
    layers = [decode_layer(part, f"layers.{n}") for n, part in enumerate(description["layers"])]
    head = [decode_part(part, f"head.{n}", HEAD) for n, part in enumerate(description["head"])]
    classifier = Classifier(
        embedding=take("embedding") if description["embedding"] else None,
        layers=tuple(layers),
        readout=take("readout"),
        bias=take("bias"),
        pool=description["pool"],
        head=tuple(head),
    )
    if left:
        raise ValueError(
            f"the arrays {reprlib.repr(sorted(left))} belong to no part of the network; expected "
            f"{reprlib.repr(sorted(set(weights) - set(left)))} alone"
        )
    return classifier


def describe_version_1(weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the description of a network of version 1, a stack of LSTM layers, from its arrays."""
    count = sum(name.startswith("layers.") and name.endswith(".W") for name in weights)
    layer = {
        "kind": "lstm",
        "arrays": list(GATES),
        "activation": "sigmoid",
        "content_activation": "tanh",
    }
    return {"embedding": True, "layers": [layer] * count, "pool": "last", "head": []}


def _check_fields(part: Any, name: str, expected: Mapping[str, type]) -> None:
    """Raise unless a value from JSON is an object of these fields, of these types."""
    if not isinstance(part, dict) or set(part) != set(expected):
        found = sorted(part) if isinstance(part, dict) else part
        raise ValueError(
            f"{name} is {reprlib.repr(found)}; expected the fields {', '.join(expected)}"
        )
    for field, kind in expected.items():
        if type(part[field]) is not kind:
            raise ValueError(
                f"{name}: {field} is {reprlib.repr(part[field])}; expected a {kind.__name__}"
            )


def _check_kind(part: Any, name: str, kinds: Any) -> str:
    """Return the kind of a part, one of those known."""
    kind = part.get("kind") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(
            f"{name}: kind is {reprlib.repr(kind)}; expected one of {', '.join(kinds)}"
        )
    return kind


def named_leaves(classifier: Classifier) -> Iterator[tuple[str, Any]]:
    """Yield every weight of a network, of any cells, with its name in Python."""
    for path, weight in jax.tree_util.tree_flatten_with_path(classifier)[0]:
        yield jax.tree_util.keystr(path).lstrip("."), weight


def summarize(classifier: Classifier) -> str:
    """Return the parts of a network and their sizes in one line.

    >>> draw = np.zeros
    >>> lstm = LSTMParams(draw((4, 5, 3)), draw((4, 5, 5)), draw((4, 5)))
    >>> layers = (Bidirectional(lstm, lstm),)
    >>> summarize(Classifier(draw((7, 3)), layers, draw((2, 10)), draw(2), pool="max"))
    'embedding 7 x 3, Bidirectional(LSTM 5, LSTM 5), max, 2 logits'
    """
    parts = [_summarize_layer(layer) for layer in classifier.layers]
    if classifier.embedding is not None:
        rows, width = np.shape(classifier.embedding)
        parts.insert(0, f"embedding {rows:,} x {width}")
    parts += [classifier.pool] * (classifier.pool != "last")
    parts += [f"Dense {np.shape(dense.b)[0]} {dense.activation}" for dense in classifier.head]
    count = np.shape(classifier.bias)[0]
    return ", ".join([*parts, f"{count:,} logit{'s' * (count != 1)}"])


def _summarize_layer(layer: Any) -> str:
    if isinstance(layer, Bidirectional):
        return f"Bidirectional({', '.join(map(_summarize_layer, layer))})"
    name = type(layer).__name__.removesuffix("Params")
    return f"{name} {layer.widths[0]}"
