"""What the configuration of a Keras layer says, taken setting by setting; the rest is refused."""

import reprlib
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cdjax.activations import SLOPES
from cdjax.importers.layout import find_activation

TRAINING = frozenset(
    [
        "name",
        "trainable",
        "batch_input_shape",
        "batch_shape",
        "build_config",
        "seed",
        "noise_shape",
        "dropout",
        "recurrent_dropout",
        "unit_forget_bias",
        "implementation",
        "unroll",
        "use_cudnn",
        "rate",
        "stddev",
        "l1",
        "l2",
        "input_dim",
        "input_length",
        "momentum",
        "fused",
        "renorm_momentum",
        "renorm",
        "renorm_clipping",
        "synchronized",
        "sparse",
        "ragged",
        "optional",
        "autocast",
        "lora_alpha",
    ]
)
"""Settings that change nothing when a trained network is run on one sequence, or are read
elsewhere: how it was trained, how fast it runs, what its batches looked like."""
ENDINGS = ("_initializer", "_regularizer", "_constraint")
HALF = ("float16", "bfloat16")


class Dialect(NamedTuple):
    """What the version of Keras decides."""

    version: str
    """As the file says; empty where it does not."""
    hard_sigmoid: str | None = None
    """"keras2" or "keras3", given by the caller."""

    @property
    def major(self) -> str:
        """The first number of the version."""
        return self.version.partition(".")[0]


class UnnamedSlope(Exception):  # noqa: N818 - no error: what such an activation is made of
    """A leaky ReLU of a slope for which cdjax has no activation by name."""

    def __init__(self, slope: float):
        super().__init__(slope)
        self.slope = slope


class Settings:
    """The settings of one layer: each is taken once, those left over are refused."""

    def __init__(self, config: Any, where: str):
        """Begin with a layer's configuration; `where` names the layer in messages."""
        if not isinstance(config, Mapping):
            raise ValueError(
                f"{where}: the configuration is {reprlib.repr(config)}; it is damaged."
            )
        self.where = where
        self._left = dict(config)
        _check_precision(self._left.pop("dtype", None), where)
        self._left.pop("dtype_policy", None)

    def take(self, name: str, kinds: type | tuple[type, ...], default: Any = ...) -> Any:
        """Return a setting of one of these types; the default where it is not there.

        Raises:
            ValueError: Where it is of another type, or has to be there.
        """
        value = self._left.pop(name, default)
        if value is default and default is not ...:
            return value
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        if type(value) not in kinds:
            found = "is missing" if value is ... else f"is {reprlib.repr(value)}"
            raise ValueError(
                f"{self.where}: {name} {found}; expected "
                f"{' or '.join(kind.__name__ for kind in kinds)}. The configuration is damaged."
            )
        return value

    def number(self, name: str, default: Any = ...) -> float:
        """Return a setting that is a number."""
        return float(self.take(name, (int, float), default))

    def refuse(self, name: str, because: str) -> None:
        """Raise where a setting is on."""
        if (value := self._left.pop(name, None)) not in (None, False):
            raise ValueError(
                f"{self.where}: {name}={reprlib.repr(value)} is not supported: {because}"
            )

    def finish(self, ignored: Iterable[str] = ()) -> None:
        """Raise where a setting is left that may change the forward pass.

        Args:
            ignored: Further settings of this layer that do not.
        """
        for name, value in self._left.items():
            known = name in TRAINING or name in ignored or str(name).endswith(ENDINGS)
            if not known and value not in (None, False):
                raise ValueError(
                    f"{self.where}: the setting {name}={reprlib.repr(value)} is not known; it may "
                    f"change what the layer computes."
                )


def _check_precision(dtype: Any, where: str) -> None:
    """Warn of a layer that computes in half precision; refuse one of whole numbers."""
    while isinstance(dtype, Mapping):
        dtype = dtype.get("config", dtype.get("name"))
    name = str(dtype or "float32")
    if name in ("float32", "float64"):
        return
    if name.removeprefix("mixed_") not in HALF:
        raise ValueError(
            f"{where}: its numbers are {reprlib.repr(dtype)}, quantized or unknown; expected "
            f"float32 or float64. Save the model before it is quantized."
        )
    warnings.warn(
        f"{where} computes in half precision ({name}); cdjax computes in float32, from which its "
        f"output differs by rounding.",
        stacklevel=2,
    )


def read_activation(value: Any, where: str, dialect: Dialect) -> str:
    """Return cdjax's name of an activation as a configuration says it; "softmax" is one here.

    Args:
        value: A name; or the configuration of a function, or of a layer that is an activation.
        where: How to name the layer in messages.
        dialect: The version of Keras.

    Raises:
        UnnamedSlope: Where it is a leaky ReLU of another slope than those that have a name.
        ValueError: Where cdjax has no such activation, or it is not known which one is meant.
    """
    if isinstance(value, Mapping):
        kind, config = value.get("class_name"), value.get("config")
        if kind in ACTIVATION_LAYERS:
            return read_activation_layer(kind, Settings(config, where), dialect)
        value = config if kind == "function" else kind
    if value is None:
        return "linear"
    if value == "softmax":
        return "softmax"
    if value == "hard_sigmoid":
        return _which_hard_sigmoid(where, dialect)
    if value == "leaky_relu":
        return _leaky_relu(0.2)
    return find_activation(value, where, {"swish": "silu"})


def _which_hard_sigmoid(where: str, dialect: Dialect) -> str:
    """Return which of the two functions of this name is meant."""
    which = dialect.hard_sigmoid or {"2": "keras2", "3": "keras3"}.get(dialect.major)
    if which not in ("keras2", "keras3"):
        given = f"hard_sigmoid is {which!r}" if which else "the version of Keras is not said"
        raise ValueError(
            f"{where}: the activation hard_sigmoid is 0.2 x + 0.5 in Keras 2 and x / 6 + 0.5 in "
            f"Keras 3, and {given}; give hard_sigmoid=NAME, keras2 or keras3."
        )
    return "hard_sigmoid" if which == "keras3" else "hard_sigmoid_keras2"


def _leaky_relu(slope: float) -> str:
    if slope == 0:
        return "relu"
    if slope == 0.01:
        return "leaky_relu"
    if slope not in SLOPES:
        raise UnnamedSlope(slope)
    return f"leaky_relu_{slope}"


ACTIVATION_LAYERS = ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax")


def read_activation_layer(kind: str, settings: Settings, dialect: Dialect) -> str:
    """Return cdjax's name of the activation that a layer is.

    Args:
        kind: One of `ACTIVATION_LAYERS`.
        settings: Its settings.
        dialect: The version of Keras.

    Raises:
        UnnamedSlope: As `read_activation`.
        ValueError: Where cdjax has no such activation.
    """
    where = settings.where
    if kind == "Activation":
        name = read_activation(settings.take("activation", (str, dict)), where, dialect)
    elif kind == "Softmax":
        axis = settings.take("axis", (int, list), -1)
        if axis not in (-1, [-1]):
            raise ValueError(f"{where}: a softmax over axis {axis!r}; expected the last, -1.")
        name = "softmax"
    elif kind == "ELU":
        if (alpha := settings.number("alpha", 1.0)) != 1:
            raise ValueError(f"{where}: an ELU of alpha {alpha} is not supported; expected 1.")
        name = "elu"
    elif kind == "LeakyReLU":
        slope = settings.number("alpha", 0.3)
        name = _leaky_relu(round(settings.number("negative_slope", slope), 7))
    else:
        largest = settings.take("max_value", (int, float, type(None)), None)
        slope = round(settings.number("negative_slope", 0.0), 7)
        if settings.number("threshold", 0.0) or largest not in (None, 6) or (largest and slope):
            raise ValueError(
                f"{where}: a ReLU with a threshold, or with max_value={largest}, is not supported; "
                f"expected threshold 0 and max_value None or 6."
            )
        name = "relu6" if largest else _leaky_relu(slope)
    settings.finish()
    return name
