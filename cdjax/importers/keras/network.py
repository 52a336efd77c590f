"""A chain of Keras layers becomes what cdjax has: an embedding, recurrent layers, a pool, a head.

Layers that act on each feature of a step alike are folded, exactly, into the weights beside them: a
batch normalization, a dense layer without activation, the sum of two directions.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from cdjax.core.cells import Bidirectional, cells_of
from cdjax.core.network import Dense
from cdjax.importers.assemble import Found
from cdjax.importers.keras.cells import RECURRENT, read_recurrent
from cdjax.importers.keras.graph import REMEDY, Chain, Layer
from cdjax.importers.keras.settings import (
    ACTIVATION_LAYERS,
    Dialect,
    Settings,
    read_activation,
    read_activation_layer,
)
from cdjax.importers.keras.stages import Stage, Stages, read_through
from cdjax.importers.keras.weights import Weights
from cdjax.importers.layout import check_count, make_identity

INERT = [
    "Dropout",
    "SpatialDropout1D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "Identity",
]
"""Layers that do nothing once a network is trained."""
POOLS = {"GlobalMaxPooling1D": "max", "GlobalAveragePooling1D": "mean"}
INDEXING = ("GetItem", "SlicingOpLambda")
NORMALIZATIONS = ("BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2")
NORMALIZATIONS = (*NORMALIZATIONS, "SyncBatchNormalization")


class Walk:
    """What a network holds, layer by layer; `found` tells at the end."""

    def __init__(self, weights: Weights, dialect: Dialect, pool: str | None):
        """Begin at the input.

        Args:
            weights: Of all layers.
            dialect: The version of Keras.
            pool: What the caller says of it.
        """
        self.weights, self.dialect, self.given_pool = weights, dialect, pool
        self.embedding: np.ndarray | None = None
        self.layers: list[Any] = []
        self.pool: str | None = None
        self.stages = Stages()
        self.notes: dict[str, Any] = {}
        self.mask: str | None = None
        """The layer that leaves steps out."""
        self.zeros = False
        """Whether outputs at such steps are 0, and not those of the step before."""

    def go(self, chain: Chain) -> None:
        """Go through a chain of layers.

        Raises:
            ValueError: At a layer that cdjax has nothing for.
        """
        if chain.start is not None:
            self._begin(chain.start)
        for layer in chain.layers:
            if layer.origin is not None:
                raise ValueError(
                    f"{layer.where} is a class of its own ({layer.origin}), whose code says what "
                    f"it computes; expected layers of Keras. {REMEDY}"
                )
            handle = self._find_handler(layer.kind)
            if handle is None:
                raise ValueError(f"{layer.where} has no counterpart in cdjax. {REMEDY}")
            if layer.tensor and layer.kind not in RECURRENT:
                raise ValueError(f"{layer.where}: its output {layer.tensor} is used. {REMEDY}")
            handle(layer)
        if not self.layers:
            raise ValueError("the network has no recurrent layer; expected an LSTM or GRU.")

    def _find_handler(self, kind: str) -> Callable[[Layer], None] | None:
        """Return what deals with a class of layers."""
        kinds = {
            **dict.fromkeys(("InputLayer",), self._input),
            **dict.fromkeys(("Embedding",), self._embed),
            **dict.fromkeys(("Masking",), self._leave_out),
            **dict.fromkeys((*RECURRENT, "Bidirectional"), self._recur),
            **dict.fromkeys(INERT, self._pass),
            **dict.fromkeys(POOLS, self._pool),
            **dict.fromkeys(INDEXING, self._take_last),
            **dict.fromkeys(("Dense",), self._dense),
            **dict.fromkeys(("TimeDistributed",), self._distribute),
            **dict.fromkeys(ACTIVATION_LAYERS, self._activate),
            **dict.fromkeys(NORMALIZATIONS, self._normalize),
            **dict.fromkeys(("Flatten",), self._flatten),
        }
        return kinds.get(kind)

    def _begin(self, start: Layer) -> None:
        """Begin after a layer whose output is the network's input."""
        masks = isinstance(start.config, dict) and start.config.get("mask_zero") is True
        if start.kind == "Masking" or (start.kind == "Embedding" and masks):
            self.mask = start.where
            self.notes["masked"] = True

    def _input(self, layer: Layer) -> None:
        config = layer.config if isinstance(layer.config, dict) else {}
        self._see_shape(config.get("batch_shape") or config.get("batch_input_shape"))

    def _see_shape(self, shape: Any) -> None:
        """Take note of the shape of the input, its length above all."""
        if isinstance(shape, list) and len(shape) > 1 and isinstance(shape[1], int):
            self.notes.setdefault("input_length", shape[1])

    def _pass(self, layer: Layer) -> None:
        """Pass on the input of a layer that does nothing."""

    def _embed(self, layer: Layer) -> None:
        if self.layers or self.stages.all or self.embedding is not None:
            raise ValueError(f"{layer.where} is not the first layer; expected it at the input.")
        settings = Settings(layer.config, layer.where)
        self._see_shape(layer.config.get("batch_input_shape"))
        length = layer.config.get("input_length")
        self._see_shape([None, length[0] if isinstance(length, list) and length else length])
        size = [settings.take(name, int) for name in ("input_dim", "output_dim")]
        masked = settings.take("mask_zero", bool, False)
        settings.finish()
        ((arrays),) = self.weights.take(layer, [("", ("embeddings",))])
        table = arrays["embeddings"]
        if list(table.shape) != size or not table.size:
            raise ValueError(
                f"{layer.where}: embeddings has shape {list(table.shape)}; expected {size}."
            )
        self.embedding = table
        self.mask = layer.where if masked else None
        self.notes["masked"] = masked

    def _leave_out(self, layer: Layer) -> None:
        settings = Settings(layer.config, layer.where)
        value = settings.number("mask_value", 0.0)
        settings.finish()
        if self.layers or self.stages.all or self.embedding is not None:
            raise ValueError(f"{layer.where} is not the first layer; expected it at the input.")
        self.mask = layer.where
        self.notes |= {"masked": True, "mask_value": value}
        warnings.warn(
            f"{layer.where} leaves out steps whose features are all {value:g}; cdjax reads every "
            f"step of a series: leave them out of what you give it.",
            stacklevel=2,
        )

    def _recur(self, layer: Layer) -> None:
        if self.pool is not None:
            raise ValueError(f"{layer.where} reads a single vector, not the steps. {REMEDY}")
        if self.mask and "CuDNN" in f"{layer.kind} {layer.config}":
            raise ValueError(f"{layer.where} has no masks, but {self.mask} makes one.")
        self._see_shape(layer.config.get("batch_input_shape"))
        recurrent = read_recurrent(layer, self.weights, self.dialect)
        first, *others = recurrent.layers
        if self.embedding is not None and not self.layers:
            self.embedding = self.stages.map_rows(self.embedding)
        below = self.stages.join(layer.where)
        first = first if below is None else read_through(first, below, layer.where)
        self.layers += [first, *others]
        self.zeros = recurrent.zeros
        state = layer.tensor == 1
        if state or not recurrent.sequences:
            self.pool = "ends" if recurrent.merge else "last"
        if recurrent.merge in ("sum", "ave"):
            width, dtype = first.forward.widths[0], first.forward.W.dtype
            if first.backward.widths[0] != width:
                raise ValueError(f"{layer.where}: its directions differ in width.")
            half = make_identity(layer.where, width, dtype)
            half *= 0.5 if recurrent.merge == "ave" else 1
            self.stages.fold(layer.where, np.hstack([half, half]), np.zeros(width, dtype))

    def _pool(self, layer: Layer) -> None:
        settings = Settings(layer.config, layer.where)
        kind = POOLS[layer.kind]
        if settings.take("data_format", (str, type(None)), None) not in (None, "channels_last"):
            raise ValueError(f"{layer.where}: data_format is not channels_last; its axes differ.")
        settings.refuse("keepdims", "expected false.")
        settings.finish()
        self._end_steps(layer, kind)
        if kind == "max" and self.mask and self.given_pool != "max":
            raise ValueError(
                f"{layer.where} takes the maximum over all steps, those too that {self.mask} "
                f"leaves out, so that padding changes the output; cdjax leaves them out. The two "
                f"agree on sequences without padding: where you want that, give pool=max."
            )
        affine = self.stages.all[0] if self.stages.all else None
        if kind == "max" and affine is not None:
            diagonal = np.diag(np.diag(affine.W)) if affine.W.shape[0] == affine.W.shape[1] else 0
            if not np.array_equal(affine.W, diagonal) or (np.diag(affine.W) < 0).any():
                raise ValueError(
                    f"{affine.where} is between the recurrent layers and the maximum over the "
                    f"steps ({layer.where}), with which it does not commute. {REMEDY}"
                )

    def _end_steps(self, layer: Layer, kind: str) -> None:
        """Go from steps to one vector."""
        if not self.layers or self.pool is not None:
            raise ValueError(
                f"{layer.where} is not after recurrent layers that give every step "
                f"(return_sequences=True). {REMEDY}"
            )
        self.pool, below = kind, self.stages.join(layer.where)
        if below is not None:
            self.stages.fold(below.where, below.W, below.b)

    def _take_last(self, layer: Layer) -> None:
        index = layer.index if isinstance(layer.index, list) else []
        whole = [_is_whole(part) for part in index]
        if len(index) not in (2, 3) or index[1] != -1 or not all([whole[0], *whole[2:]]):
            raise ValueError(
                f"{layer.where} takes {layer.index!r} of its input; expected the last step, "
                f"[:, -1]. {REMEDY}"
            )
        if self.mask and (self.zeros or isinstance((self.layers or [0])[-1], Bidirectional)):
            raise ValueError(
                f"{layer.where} takes the last step, which {self.mask} may leave out. {REMEDY}"
            )
        self._end_steps(layer, "last")

    def _flatten(self, layer: Layer) -> None:
        if self.pool is None:
            raise ValueError(
                f"{layer.where} puts the features of all steps side by side, so that a dense layer "
                f"has weights for each step; cdjax has no such head. Expected return_sequences="
                f"False, or a global pooling."
            )

    def _dense(self, layer: Layer, part: str = "") -> None:
        settings = Settings(layer.config, layer.where)
        self._see_shape(layer.config.get("batch_input_shape"))
        units = settings.take("units", (int, float))
        activation = settings.take("activation", (str, dict, type(None)), None)
        biased = settings.take("use_bias", bool, True)
        settings.finish(("lora_rank",) if layer.config.get("lora_rank") is None else ())
        names = ("kernel", *["bias"] * biased)
        ((arrays),) = self.weights.take(layer, [(part, names)])
        W = arrays["kernel"].T
        b = arrays.get("bias", np.zeros(W.shape[:1], W.dtype))
        if W.ndim != 2 or W.shape[0] != units or b.shape != W.shape[:1]:
            raise ValueError(
                f"{layer.where}: kernel has shape {list(W.T.shape)} and bias {list(b.shape)}; "
                f"expected [M, {units}] and [{units}]."
            )
        name = read_activation(activation, layer.where, self.dialect)
        self.stages.add(Stage(layer.where, W, b, name))

    def _distribute(self, layer: Layer) -> None:
        settings = Settings(layer.config, layer.where)
        inner = settings.take("layer", dict)
        settings.finish()
        kind, config = str(inner.get("class_name")), inner.get("config")
        if self.pool is not None:
            raise ValueError(f"{layer.where} is after the pool; expected it at the steps.")
        within = layer._replace(name=f"{layer.name}, {layer.kind}", kind=kind, config=config)
        if kind == "Dense":
            self._dense(within, "layer")
        elif kind in ACTIVATION_LAYERS:
            self._activate(within)
        elif kind in NORMALIZATIONS:
            self._normalize(within, "layer")
        elif kind not in INERT:
            raise ValueError(f"{layer.where}: a {kind} at every step is not supported. {REMEDY}")

    def _activate(self, layer: Layer) -> None:
        settings = Settings(layer.config, layer.where)
        name = read_activation_layer(layer.kind, settings, self.dialect)
        if not self.layers and not self.stages.all:
            raise ValueError(f"{layer.where}: an activation of the input is not supported.")
        self.stages.activate(layer.where, name, self._width())

    def _normalize(self, layer: Layer, part: str = "") -> None:
        """Fold in a batch normalization, which has fixed means and variances by now."""
        settings = Settings(layer.config, layer.where)
        axis = settings.take("axis", (int, list), -1)
        last = 1 if self.pool is not None or part else 2
        if axis not in (-1, last, [-1], [last]):
            raise ValueError(
                f"{layer.where} normalizes axis {axis!r}; expected the features, the last axis."
            )
        epsilon = settings.number("epsilon", 1e-3)
        scale, center = (settings.take(name, bool, True) for name in ("scale", "center"))
        settings.refuse("virtual_batch_size", "expected none.")
        settings.finish()
        names = (*["gamma"] * scale, *["beta"] * center, "moving_mean", "moving_variance")
        ((arrays),) = self.weights.take(layer, [(part, names)])
        shapes = {array.shape for array in arrays.values()}
        if len(shapes) != 1 or arrays["moving_mean"].ndim != 1:
            raise ValueError(f"{layer.where}: its weights have the shapes {sorted(shapes)}.")
        arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
        factor = arrays.get("gamma", 1.0) / np.sqrt(arrays["moving_variance"] + epsilon)
        shift = arrays.get("beta", 0.0) - arrays["moving_mean"] * factor
        if not (np.isfinite(factor).all() and np.isfinite(shift).all()):
            raise ValueError(f"{layer.where}: its variances are damaged.")
        check_count(layer.where, len(factor), len(factor))
        self.stages.fold(layer.where, np.diag(factor), shift)

    def _width(self) -> int:
        """Return the number of features by now."""
        if self.stages.all:
            return self.stages.all[-1].W.shape[0]
        return sum(cell.widths[0] for cell in cells_of(self.layers[-1]))

    def found(self, source: str, framework: str, output: str | None) -> Found:
        """Return what there is, for `assemble`.

        Args:
            source: How to name the source.
            framework: How to name the framework.
            output: What a last layer without activation means, by the loss.
        """
        stages = self.stages.all
        plain = self.embedding is None and self.pool not in ("max", "mean")
        if not stages and not plain:  # the outputs are those of the last recurrent layer
            width = self._width()
            stages = [Stage("", make_identity(source, width), np.zeros(width))]
            output = "value"
        dtype = cells_of(self.layers[0])[0].W.dtype
        head = tuple(Dense(s.W.astype(dtype), s.b.astype(dtype), s.activation) for s in stages)
        return Found(
            source,
            framework,
            tuple(self.layers),
            self.embedding,
            self.pool or "each",
            head,
            output=output,
            padding=0 if self.embedding is not None and self.mask else None,
            notes=self.notes,
        )


def _is_whole(part: Any) -> bool:
    """Return whether a slice takes everything."""
    config = part.get("config", part) if isinstance(part, dict) else {"start": 0}
    return all(config.get(end) is None for end in ("start", "stop", "step"))
