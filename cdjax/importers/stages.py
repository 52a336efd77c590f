"""Dense layers between other layers, and what joins them: products of matrices, in float64."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cdjax.activations import ACTIVATIONS
from cdjax.core.cells import Bidirectional, cells_of
from cdjax.importers.layout import check_count, make_identity


class Stage(NamedTuple):
    """A dense layer: `activation(W x + b)`."""

    where: str
    W: np.ndarray
    b: np.ndarray
    activation: str = "linear"
    folds: bool = False
    """Whether it is no dense layer of its framework, and joins the one before or after it."""


class Stages:
    """The dense layers since the last recurrent layer, or since the pool."""

    def __init__(self, remedy: str = "") -> None:
        """Begin with none; `remedy` ends a message about one that has no place."""
        self.all: list[Stage] = []
        self.remedy = remedy

    def add(self, stage: Stage) -> None:
        """Add a dense layer; what is before it and has no place of its own is folded in."""
        self._check_last()
        if self.all and self.all[-1].folds:
            stage = _compose(stage, self.all.pop())
        self.all.append(stage)

    def fold(self, where: str, W: np.ndarray, b: np.ndarray) -> None:
        """Add a layer that is no dense one there: into the one before, if that is linear."""
        self._check_last()
        stage = Stage(where, W, b, folds=True)
        if self.all and self.all[-1].activation == "linear":
            before = self.all.pop()
            stage = _compose(stage, before)._replace(where=before.where, folds=before.folds)
        self.all.append(stage)

    def _check_last(self) -> None:
        if self.all and self.all[-1].activation == "softmax":
            raise ValueError(f"{self.all[-1].where}: a softmax that is not the last layer.")

    def activate(self, where: str, activation: str, width: int) -> None:
        """Add an activation that is a layer of its own.

        Args:
            where: How to name the layer.
            activation: cdjax's name of it, or "softmax".
            width: The number of features.
        """
        if self.all and self.all[-1].activation == "linear":
            self.all[-1] = self.all[-1]._replace(activation=activation, folds=False)
        elif activation != "linear":
            self.add(Stage(where, make_identity(where, width), np.zeros(width), activation))

    def leak(self, where: str, slopes: np.ndarray) -> None:
        """Add leaky ReLUs, each of its own slope below 0: `relu(z) - slope * relu(-z)`.

        Contextual decomposition of the sum is that of the leaky ReLU: every rule's share of an
        activation is linear in the activation.

        Args:
            where: How to name the layer.
            slopes: Of each feature `[M]`.
        """
        eye = make_identity(where, len(slopes))
        last = Stage(where, eye, np.zeros(len(slopes)))
        if self.all and self.all[-1].activation == "linear":
            last = self.all.pop()
        both = np.concatenate([last.W, -last.W]), np.concatenate([last.b, -last.b])
        self.all.append(Stage(where, *both, "relu"))
        self.fold(where, np.hstack([eye, -np.diag(slopes)]), np.zeros(len(slopes)))

    def join(self, where: str) -> Stage | None:
        """Take all stages as one, none of which may have an activation; None if there are none.

        Raises:
            ValueError: Where one has; `where` names the layer that follows.
        """
        for stage in self.all:
            if stage.activation != "linear":
                raise ValueError(
                    f"{stage.where} has the activation {stage.activation} at every step before "
                    f"{where}; cdjax has such layers after the pool alone. {self.remedy}".strip()
                )
        joined: Stage | None = None
        for stage in self.all:
            joined = stage if joined is None else _compose(stage, joined)
        self.all = []
        return joined

    def map_rows(self, table: np.ndarray) -> np.ndarray:
        """Take all stages, and apply them to each row of an embedding."""
        for stage in self.all:
            if stage.activation == "softmax":
                raise ValueError(f"{stage.where}: a softmax that is not the last layer.")
            _check_width(stage, table.shape[1], "the embedding")
            check_count(stage.where, len(table), len(stage.W), held=table.size)
            with jax.enable_x64(True):
                rows = jnp.asarray(table.astype(np.float64) @ stage.W.T + stage.b)
                table = np.asarray(ACTIVATIONS[stage.activation](rows)).astype(table.dtype)
        self.all = []
        return table


def _compose(after: Stage, before: Stage) -> Stage:
    """Return two stages, the first without activation, as one, named by the second."""
    _check_width(after, before.W.shape[0], before.where)
    check_count(after.where, len(after.W), before.W.shape[1], held=after.W.size + before.W.size)
    W, b = after.W.astype(np.float64), after.b.astype(np.float64)
    return after._replace(W=W @ before.W, b=W @ before.b + b)


def _check_width(stage: Stage, width: int, below: str) -> None:
    if stage.W.shape[1] != width:
        raise ValueError(
            f"{stage.where} takes {stage.W.shape[1]} features, but {below} gives {width}."
        )


def read_through(layer: Any, stage: Stage, where: str) -> Any:
    """Return a recurrent layer that reads what a stage reads.

    Args:
        layer: A cell, or `Bidirectional`.
        stage: What it read so far.
        where: How to name it.

    Raises:
        ValueError: Where widths do not fit.
    """

    def fold(cell: Any) -> Any:
        if cell.W.shape[2] != stage.W.shape[0]:
            raise ValueError(
                f"{where} takes {cell.W.shape[2]} features, but {stage.where} gives "
                f"{stage.W.shape[0]}."
            )
        inputs = stage.W.shape[1]
        check_count(where, *cell.W.shape[:2], inputs, held=cell.W.size + stage.W.size)
        W, dtype = cell.W.astype(np.float64), cell.W.dtype
        return cell._replace(W=(W @ stage.W).astype(dtype), b=(cell.b + W @ stage.b).astype(dtype))

    cells = [fold(cell) for cell in cells_of(layer)]
    return Bidirectional(*cells) if isinstance(layer, Bidirectional) else cells[0]
