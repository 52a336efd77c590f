"""What a linear last layer means, as the loss that it was trained with says."""

from collections.abc import Mapping
from typing import Any

from cdjax.importers.keras.graph import to_snake_case

VALUES = frozenset(
    [
        "mse",
        "mean_squared_error",
        "mae",
        "mean_absolute_error",
        "huber",
        "huber_loss",
        "log_cosh",
        "logcosh",
        "mape",
        "mean_absolute_percentage_error",
        "msle",
        "mean_squared_logarithmic_error",
        "cosine_similarity",
        "cosine_proximity",
        "poisson",
        "hinge",
        "squared_hinge",
        "root_mean_squared_error",
        "quantile",
    ]
)
PROBABILITIES = {
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


def read_output(loss: Any, outputs: str | None = None) -> str | None:
    """Return what a linear layer's outputs stand for; None where the loss does not say.

    Args:
        loss: A name, a function, an object of Keras, the configuration of one, or any of these in
            a list or mapping of one output.
        outputs: The layer that is the output, of a loss for each by name.

    >>> read_output("mse"), read_output("binary_crossentropy")
    ('value', None)
    >>> read_output({"class_name": "BinaryCrossentropy", "config": {"from_logits": True}})
    'sigmoid'
    """
    if isinstance(loss, Mapping) and "class_name" not in loss:
        loss = [loss[outputs]] if outputs in loss else list(loss.values())
    if isinstance(loss, list):
        return read_output(loss[0]) if len(loss) == 1 else None
    options: Any = {}
    if isinstance(loss, Mapping):
        name, options = loss.get("class_name"), loss.get("config")
        name = options if name == "function" else name
    elif isinstance(loss, str):
        name = loss
    elif hasattr(loss, "get_config"):
        name, options = type(loss).__name__, loss.get_config()
    else:
        name = getattr(loss, "__name__", None)
    if not isinstance(name, str):
        return None
    name = to_snake_case(name) if name != name.lower() else name
    name = {"mean_squared_error": "mse"}.get(name, name)
    if name in VALUES:
        return "value"
    from_logits = isinstance(options, Mapping) and options.get("from_logits") is True
    return PROBABILITIES.get(name) if from_logits else None
