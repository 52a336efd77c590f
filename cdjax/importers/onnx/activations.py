"""Operations that are activations, and Softmax."""

import numpy as np

from cdjax.importers.onnx.arithmetic import as_floats
from cdjax.importers.onnx.node import Node, find_axis
from cdjax.importers.onnx.settle import settle
from cdjax.importers.onnx.values import Tensor, all_units, number_of

ACTIVATIONS = {
    "Relu": "relu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Exp": "exponential",
    "Erf": "erf",  # a part of gelu, see `arithmetic`
}


def activate(node: Node) -> Tensor:
    """Return an activation of every element."""
    x = node.signal(0)
    name = ACTIVATIONS.get(node.kind) or _find_activation(node)
    stage = settle(node.network, as_floats(node, x))
    if stage.kind == "softmax":
        raise ValueError("follows Softmax; name the output of Softmax as output_name=")
    return all_units(node.network.add("activation", stage, name, stage.width, node.name), x)


def _find_activation(node: Node) -> str:
    """Return the name of an activation with settings, of which cdjax has those of a few."""
    alpha, beta = node.setting("alpha", None), node.setting("beta", None)
    if node.kind == "LeakyRelu" and np.isclose(0.01 if alpha is None else alpha, 0.01):
        return "leaky_relu"
    selu = {"alpha": 1.6732632, "gamma": 1.0507010}
    if node.kind == "Selu" and all(np.isclose(node.setting(k, v), v) for k, v in selu.items()):
        return "selu"
    if node.kind in ("Elu", "Celu") and alpha in (None, 1.0):
        return "elu"
    if node.kind == "HardSigmoid":
        return find_hard_sigmoid(0.2 if alpha is None else alpha, 0.5 if beta is None else beta)
    if node.kind == "Gelu" and node.setting("approximate", "none") == "none":
        return "gelu"
    if node.kind == "Clip":
        bounds = [node.setting("min", None), node.setting("max", None)]
        bounds = [number_of(node.take(n)) if node.has(n) else bounds[n - 1] for n in (1, 2)]
        for name, known in {"relu6": [0, 6], "hard_tanh": [-1, 1], "relu": [0, None]}.items():
            if bounds == known:
                return name
        raise ValueError(f"clips to {bounds}; expected 0 to 6 or -1 to 1")
    settings = {
        k: v for k, v in node.attributes.items() if k in ("alpha", "beta", "gamma", "approximate")
    }
    raise ValueError(f"is an activation with {settings}, which cdjax does not have")


def find_hard_sigmoid(alpha: float, beta: float) -> str:
    """Return the name of the hard sigmoid `clip(alpha z + beta, 0, 1)`."""
    for name, slope in {"hard_sigmoid_keras2": 0.2, "hard_sigmoid": 1 / 6}.items():
        if np.isclose(alpha, slope) and beta == 0.5:
            return name
    raise ValueError(
        f"is a hard sigmoid of alpha {alpha:g} and beta {beta:g}; expected alpha 0.2 or 1/6, "
        f"beta 0.5"
    )


def normalize_exponentially(node: Node) -> Tensor:
    """Return the probabilities of the features: Softmax, LogSoftmax."""
    x = node.signal(0)
    rank = x.array.ndim
    axis = find_axis(int(node.setting("axis", 1 if node.opset < 13 else -1)), rank)
    over = range(axis, rank) if node.opset < 13 else [axis]
    shape = node.network.shape(x)
    if any(x.labels[n] and shape[n] != 1 for n in over) or x.array.size != np.prod(
        [x.array.shape[n] for n in over]
    ):
        raise ValueError(f"is over axis {axis} of {shape}; expected the outputs alone")
    stage = settle(node.network, as_floats(node, x))
    return all_units(node.network.add("softmax", stage, node.kind, stage.width, node.name), x)
