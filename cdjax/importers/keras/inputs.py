"""What a network of Keras reads: word numbers or a series, its length, its mask, its words."""

import math
import warnings
from typing import Any

import numpy as np

from cdjax.importers.keras.graph import REMEDY, Layer
from cdjax.importers.keras.settings import Settings
from cdjax.importers.keras.weights import Weights
from cdjax.importers.words import read_text_vectorization
from cdjax.text.vocabulary import Vocabulary


class Inputs:
    """What is known of the input by now."""

    def __init__(self, weights: Weights, words: bytes | None):
        """Begin with nothing.

        Args:
            weights: Of all layers.
            words: What the file keeps of the words of a `TextVectorization`.
        """
        self.weights, self.words = weights, words
        self.embedding: np.ndarray | None = None
        self.features: int | None = None
        """How many numbers the network reads at a step, where that is said."""
        self.mask: str | None = None
        """The layer that leaves steps out."""
        self.notes: dict[str, Any] = {}
        self._vectorization: Layer | None = None

    def begin(self, start: Layer) -> None:
        """Begin after a layer whose output is the network's input."""
        masks = isinstance(start.config, dict) and start.config.get("mask_zero") is True
        if start.kind == "Masking" or (start.kind == "Embedding" and masks):
            self.mask = start.where
            self.notes["masked"] = True

    def see(self, layer: Layer) -> None:
        """Take note of the shape that a layer says the input has."""
        config = layer.config if isinstance(layer.config, dict) else {}
        self._see_shape(config.get("batch_shape") or config.get("batch_input_shape"))

    def _see_shape(self, shape: Any) -> None:
        if isinstance(shape, list) and len(shape) > 1 and isinstance(shape[1], int):
            self.notes.setdefault("input_length", shape[1])
        if isinstance(shape, list) and len(shape) == 3 and isinstance(shape[2], int):
            self.features = shape[2]

    def embed(self, layer: Layer) -> None:
        """Read the vectors of words."""
        settings = Settings(layer.config, layer.where)
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

    def leave_out(self, layer: Layer) -> None:
        """Take note of steps of a series that are left out."""
        settings = Settings(layer.config, layer.where)
        value = settings.number("mask_value", 0.0)
        settings.finish()
        self.mask = layer.where
        self.notes |= {"masked": True, "mask_value": value}
        warnings.warn(
            f"{layer.where} leaves out steps whose features are all {value:g}; cdjax reads every "
            f"step of a series: leave them out of what you give it.",
            stacklevel=2,
        )

    def reshape(self, layer: Layer, target: list[int]) -> None:
        """Take a vector of numbers for the series that a layer makes of it, as cdjax does."""
        size = self.notes.get("input_length")
        if self.embedding is not None or self.features is not None or size is None:
            raise ValueError(f"{layer.where} has no counterpart in cdjax. {REMEDY}")
        shape = [size // -math.prod(target) if n == -1 else n for n in target]
        if len(shape) != 2 or math.prod(shape) != size:
            raise ValueError(
                f"{layer.where} makes {target} of {size} numbers; expected steps and features."
            )
        self.notes["input_length"], self.features = shape

    def vectorize(self, layer: Layer) -> None:
        """Take note of a layer that makes word numbers of texts."""
        self._vectorization = layer
        self.notes.pop("input_length", None)  # of texts, one each
        if (length := layer.config.get("output_sequence_length")) is not None:
            self.notes["input_length"] = length

    def read_vocabulary(self) -> Vocabulary | None:
        """Return the words of the embedding, where the file has them."""
        layer = self._vectorization
        if layer is None or self.embedding is None:
            return None
        masked = self.mask is not None
        return read_text_vectorization(
            layer.where, layer.config, self.words, len(self.embedding), masked
        )
