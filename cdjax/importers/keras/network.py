"""A chain of Keras layers becomes what cdjax has: an embedding, recurrent layers, a pool, a head.

Layers that act on each feature of a step alike are folded, exactly, into the weights beside them: a
batch normalization, a dense layer without activation, the sum of two directions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cdjax.core.cells import Bidirectional, cells_of
from cdjax.core.network import Dense
from cdjax.importers.assemble import Found
from cdjax.importers.keras.cells import RECURRENT, read_recurrent
from cdjax.importers.keras.graph import INERT, REMEDY, Chain, Layer
from cdjax.importers.keras.inputs import Inputs
from cdjax.importers.keras.scales import SCALES, read_scale
from cdjax.importers.keras.settings import (
    ACTIVATION_LAYERS,
    Dialect,
    Settings,
    UnnamedSlope,
    read_activation,
    read_activation_layer,
)
from cdjax.importers.keras.weights import Weights
from cdjax.importers.layout import check_count, make_backward, make_identity
from cdjax.importers.stages import Stage, Stages, read_through

POOLS = {"GlobalMaxPooling1D": "max", "GlobalAveragePooling1D": "mean"}
INDEXING = ("GetItem", "SlicingOpLambda")


class Walk:
    """What a network holds, layer by layer; `found` tells at the end."""

    def __init__(
        self, weights: Weights, dialect: Dialect, pool: str | None, words: bytes | None = None
    ):
        """Begin at the input.

        Args:
            weights: Of all layers.
            dialect: The version of Keras.
            pool: What the caller says of it.
            words: What the file keeps of the words of a `TextVectorization`.
        """
        self.weights, self.dialect, self.given_pool = weights, dialect, pool
        self.inputs = Inputs(weights, words)
        self.layers: list[Any] = []
        self.pool: str | None = None
        self.stages = Stages(REMEDY)
        self.zeros = False
        """Whether outputs at steps that are left out are 0, and not those of the step before."""
        self.reversed = False
        """Whether the last layer's outputs are from the last step to the first."""
        self.reshaped: str | None = None
        """The layer that gives the outputs another shape."""

    def go(self, chain: Chain) -> None:
        """Go through a chain of layers.

        Raises:
            ValueError: At a layer that cdjax has nothing for.
        """
        if chain.start is not None:
            self.inputs.begin(chain.start)
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
            if not self.layers:
                self.inputs.see(layer)
            handle(layer)
        if not self.layers:
            raise ValueError("the network has no recurrent layer; expected an LSTM or GRU.")

    def _find_handler(self, kind: str) -> Callable[[Layer], None] | None:
        """Return what deals with a class of layers."""
        kinds = {
            **dict.fromkeys(("InputLayer",), self._pass),
            **dict.fromkeys(("Embedding",), self._embed),
            **dict.fromkeys(("Masking",), self._leave_out),
            **dict.fromkeys(("TextVectorization",), self._vectorize),
            **dict.fromkeys((*RECURRENT, "Bidirectional"), self._recur),
            **dict.fromkeys(INERT, self._pass),
            **dict.fromkeys(POOLS, self._pool),
            **dict.fromkeys(INDEXING, self._take_last),
            **dict.fromkeys(("Dense",), self._dense),
            **dict.fromkeys(("TimeDistributed",), self._distribute),
            **dict.fromkeys(ACTIVATION_LAYERS, self._activate),
            **dict.fromkeys(("PReLU",), self._leak),
            **dict.fromkeys(SCALES, self._scale),
            **dict.fromkeys(("Flatten",), self._flatten),
            **dict.fromkeys(("Reshape",), self._reshape),
        }
        return kinds.get(kind)

    def _embed(self, layer: Layer) -> None:
        self._check_first(layer)
        self.inputs.embed(layer)

    def _leave_out(self, layer: Layer) -> None:
        self._check_first(layer)
        self.inputs.leave_out(layer)

    def _vectorize(self, layer: Layer) -> None:
        self._check_first(layer)
        self.inputs.vectorize(layer)

    def _check_first(self, layer: Layer) -> None:
        if self.layers or self.stages.all or self.inputs.embedding is not None:
            raise ValueError(f"{layer.where} is not the first layer; expected it at the input.")

    def _pass(self, layer: Layer) -> None:
        """Pass on the input of a layer that does nothing."""

    def _recur(self, layer: Layer) -> None:
        if self.pool is not None:
            raise ValueError(f"{layer.where} reads a single vector, not the steps. {REMEDY}")
        if self.inputs.mask and "CuDNN" in f"{layer.kind} {layer.config}":
            raise ValueError(f"{layer.where} has no masks, but {self.inputs.mask} makes one.")
        recurrent = read_recurrent(layer, self.weights, self.dialect)
        first, *others = recurrent.layers
        if self.inputs.embedding is not None and not self.layers:
            self.inputs.embedding = self.stages.map_rows(self.inputs.embedding)
        below = self.stages.join(layer.where)
        first = first if below is None else read_through(first, below, layer.where)
        # What a layer gives is in the order in which it read the steps.
        backward = recurrent.backward is not self.reversed
        if self.reversed and (recurrent.merge or others):
            raise ValueError(
                f"{layer.where} reads what a layer with go_backwards=True gives, from the last "
                f"step to the first; expected a single LSTM or GRU. {REMEDY}"
            )
        first = make_backward(first) if backward else first
        self.layers += [first, *others]
        self.zeros, self.reversed = recurrent.zeros, backward
        state = layer.tensor == 1
        if state or not recurrent.sequences:
            self.pool = "ends" if recurrent.merge or backward else "last"
        if backward or recurrent.merge in ("sum", "ave"):
            width = first.backward.widths[0]
            if not backward and first.forward.widths[0] != width:
                raise ValueError(f"{layer.where}: its directions differ in width.")
            own = make_identity(layer.where, width)
            other = np.zeros((width, 1)) if backward else own
            factor = 0.5 if recurrent.merge == "ave" else 1
            self.stages.fold(layer.where, factor * np.hstack([other, own]), np.zeros(width))

    def _pool(self, layer: Layer) -> None:
        settings = Settings(layer.config, layer.where)
        kind = POOLS[layer.kind]
        if settings.take("data_format", (str, type(None)), None) not in (None, "channels_last"):
            raise ValueError(f"{layer.where}: data_format is not channels_last; its axes differ.")
        settings.refuse("keepdims", "expected false.")
        settings.finish()
        self._end_steps(layer, kind)
        mask = self.inputs.mask
        if kind == "max" and mask and self.given_pool != "max":
            raise ValueError(
                f"{layer.where} takes the maximum over all steps, those too that {mask} leaves "
                f"out, so that padding changes the output; cdjax leaves them out. The two "
                f"agree on sequences without padding: where you want that, give pool=max."
            )
        affine = self.stages.all[0] if self.stages.all else None
        # What commutes with a maximum is of one feature each, and turns none round.
        several = affine is not None and ((affine.W != 0).sum(axis=1) > 1).any()
        if kind == "max" and affine is not None and (several or (affine.W < 0).any()):
            raise ValueError(
                f"{affine.where} is between the recurrent layers and the maximum over the steps "
                f"({layer.where}), with which it does not commute. {REMEDY}"
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
        mask, top = self.inputs.mask, (self.layers or [None])[-1]
        if mask and (self.zeros or isinstance(top, Bidirectional)):
            raise ValueError(f"{layer.where} takes the last step, which {mask} may leave out.")
        self._end_steps(layer, "ends" if self.reversed else "last")

    def _reshape(self, layer: Layer) -> None:
        settings = Settings(layer.config, layer.where)
        target = settings.take("target_shape", list)
        settings.finish()
        if self.pool is not None:
            self.reshaped = layer.where
        elif self.layers or self.stages.all:
            raise ValueError(f"{layer.where} has no counterpart in cdjax. {REMEDY}")
        else:
            self.inputs.reshape(layer, target)

    def _flatten(self, layer: Layer) -> None:
        if self.pool is None:
            raise ValueError(
                f"{layer.where} puts the features of all steps side by side, so that a dense layer "
                f"has weights for each step; cdjax has no such head. Expected return_sequences="
                f"False, or a global pooling."
            )

    def _dense(self, layer: Layer, part: str = "") -> None:
        settings = Settings(layer.config, layer.where)
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
        if self.reshaped is not None:
            raise ValueError(f"{layer.where} reads the last axis that {self.reshaped} makes.")
        try:
            name = read_activation(activation, layer.where, self.dialect)
        except UnnamedSlope as found:
            self.stages.add(Stage(layer.where, W, b))
            self.stages.leak(layer.where, np.full(len(W), found.slope))
        else:
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
        elif kind in SCALES:
            self._scale(within, "layer")
        elif kind not in INERT:
            raise ValueError(f"{layer.where}: a {kind} at every step is not supported. {REMEDY}")

    def _activate(self, layer: Layer) -> None:
        settings = Settings(layer.config, layer.where)
        if self.inputs.embedding is None and not self.layers and not self.stages.all:
            raise ValueError(f"{layer.where}: an activation of the input is not supported.")
        try:
            name = read_activation_layer(layer.kind, settings, self.dialect)
        except UnnamedSlope as found:
            self.stages.leak(layer.where, np.full(self._width(layer), found.slope))
        else:
            self.stages.activate(layer.where, name, self._width(layer))

    def _leak(self, layer: Layer) -> None:
        """Add leaky ReLUs whose slopes were learned."""
        settings = Settings(layer.config, layer.where)
        shared = settings.take("shared_axes", (list, type(None)), None)
        settings.finish()
        ((arrays),) = self.weights.take(layer, [("", ("alpha",))])
        slopes, width = arrays["alpha"], self._width(layer)
        if slopes.size != width or slopes.shape[-1:] != (width,):
            raise ValueError(
                f"{layer.where}: alpha has shape {list(slopes.shape)}, with shared_axes={shared}; "
                f"expected a slope for each of {width} features, the same at every step."
            )
        self.stages.leak(layer.where, slopes.ravel().astype(np.float64))

    def _scale(self, layer: Layer, part: str = "") -> None:
        """Fold in what scales and shifts each feature."""
        last = 1 if self.pool is not None or part else 2
        factor, shift = read_scale(layer, self.weights, part, last)
        given = max(len(factor), len(shift))
        width = given if given > 1 else self._width(layer)
        if {len(factor), len(shift)} - {1, width}:
            raise ValueError(f"{layer.where} has {given} numbers; expected {width}, or one.")
        check_count(layer.where, width, width)
        factor, shift = (np.broadcast_to(numbers, width) for numbers in (factor, shift))
        self.stages.fold(layer.where, np.diag(factor), shift)

    def _width(self, layer: Layer) -> int:
        """Return the number of features that a layer reads."""
        if self.stages.all:
            return self.stages.all[-1].W.shape[0]
        if self.layers:
            return sum(cell.widths[0] for cell in cells_of(self.layers[-1]))
        width = (
            self.inputs.features
            if self.inputs.embedding is None
            else self.inputs.embedding.shape[1]
        )
        if width is None:
            raise ValueError(f"{layer.where}: the model does not say how many features it reads.")
        return width

    def found(self, source: str, framework: str, output: str | None) -> Found:
        """Return what there is, for `assemble`.

        Args:
            source: How to name the source.
            framework: How to name the framework.
            output: What a last layer without activation means, by the loss.
        """
        stages = self.stages.all
        if self.reversed and self.pool is None:
            raise ValueError(
                f"{source} gives its outputs at every step from the last step to the first "
                f"(go_backwards=True); expected them from the first, or one for the sequence."
            )
        plain = self.inputs.embedding is None and self.pool not in ("max", "mean")
        if not stages and not plain:  # the outputs are those of the last recurrent layer
            width = sum(cell.widths[0] for cell in cells_of(self.layers[-1]))
            stages = [Stage("", make_identity(source, width), np.zeros(width))]
            output = "value"
        dtype = cells_of(self.layers[0])[0].W.dtype
        head = tuple(Dense(s.W.astype(dtype), s.b.astype(dtype), s.activation) for s in stages)
        return Found(
            source,
            framework,
            tuple(self.layers),
            self.inputs.embedding,
            self.pool or "each",
            head,
            output=output,
            padding=0 if self.inputs.embedding is not None and self.inputs.mask else None,
            notes=self.inputs.notes,
        )


def _is_whole(part: Any) -> bool:
    """Return whether a slice takes everything."""
    config = part.get("config", part) if isinstance(part, dict) else {"start": 0}
    return all(config.get(end) is None for end in ("start", "stop", "step"))
