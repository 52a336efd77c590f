"""The fast form of layers of one direction: the `beta` of every layer advance together.

A layer above another reads split input: at every step, inside the phrase and beyond it, the phrase
has a part of it, the `beta` of the layer below, and the rest is `h - beta`. Before the phrase every
`beta` is 0. One layer is a stack of one.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.cells import GRUParams, LSTMParams
from cdjax.core.rules import BiasProduct, Rule
from cdjax.core.split import HIGHEST
from cdjax.engine import gru, lstm
from cdjax.engine.gates import EXPONENT_LIMIT, Gates

Indices = Int[Array, "s"]


@runtime_checkable
class CellForm(Protocol):
    """The formulas of a cell under one rule; hashable, so static."""

    @property
    def gates(self) -> Gates:
        """How its gates are split and stored."""
        ...

    @property
    def beyond(self) -> "CellForm":
        """The formulas to use where exponentials might overflow."""
        ...

    def start(self, params: Any, lanes: int) -> Any:
        """Return the states before the first step of a forward pass."""
        ...

    def forward(self, params: Any, state: Any, x: Float[Array, "s d"]) -> tuple[Any, ...]:
        """Return the new states, the output `h`, the rows and the largest argument of each lane."""
        ...

    def prepare(self, params: Any) -> Any:
        """Return the weights as the functions below take them; `W`, transposed, among them."""
        ...

    def before(self, weights: Any) -> tuple[Any, Any]:
        """Return the products and the state before the phrase: zeros that broadcast."""
        ...

    def project(self, weights: Any, beta: Float[Array, "s p"]) -> Any:
        """Return the products with `beta` that the next step needs."""
        ...

    def step(
        self,
        weights: Any,
        rows: Any,
        row: Indices,
        r: Any,
        p: Any,
        state: Any,
        inside: bool,
        owns: bool,
        whole: Any,
    ) -> Any:
        """Return the state after a step, see `LSTMForm.step`."""
        ...

    def output(self, weights: Any, rows: Any, row: Indices, state: Any) -> Float[Array, "s p"]:
        """Return `beta` at the given rows."""
        ...


class StackForm(NamedTuple):
    """The formulas of a stack under one rule: a `cdjax.engine.driver.FastForm`.

    Parameters, weights, rows, products and states are tuples, an entry a layer.
    """

    cells: tuple[CellForm, ...]
    rule: Rule
    limit: float = EXPONENT_LIMIT
    """Largest argument of a sigmoid up to which these formulas hold."""

    @property
    def beyond(self) -> "StackForm":
        """The formulas for larger arguments: every activation is evaluated on its own."""
        return self._replace(cells=tuple(cell.beyond for cell in self.cells), limit=float("inf"))

    @property
    def corrects_last_step(self) -> bool:
        """Whether the phrase's last step follows another formula than its other steps."""
        return self.rule.bias_product is BiasProduct.PHRASE_BUT_LAST

    def start(self, params: tuple[Any, ...], lanes: int) -> tuple[Any, ...]:
        """Return the states before the first step of a forward pass."""
        return tuple(cell.start(p, lanes) for cell, p in zip(self.cells, params, strict=True))

    def forward(
        self, params: tuple[Any, ...], state: tuple[Any, ...], x: Float[Array, "s d"]
    ) -> tuple[Any, ...]:
        """Return the new states, the top's `h`, the rows and the largest argument of each lane."""
        new, rows, sizes = [], [], []
        for cell, layer, old in zip(self.cells, params, state, strict=True):
            after, x, row, size = cell.forward(layer, old, x)
            new.append(after)
            rows.append(row)
            sizes.append(size)
        return tuple(new), x, tuple(rows), functools.reduce(jnp.maximum, sizes)

    def prepare(self, params: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the weights as the steps use them."""
        return tuple(cell.prepare(p) for cell, p in zip(self.cells, params, strict=True))

    def project(self, weights: Any, rows: Any, row: Indices, state: Any) -> tuple[Any, ...]:
        """Return the products of each layer with its own `beta` after the given rows."""
        layers = zip(self.cells, weights, rows, state, strict=True)
        return tuple(cell.project(w, cell.output(w, r, row, s)) for cell, w, r, s in layers)

    def begin(
        self, weights: Any, rows: Any, row: Indices, prefix: Bool[Array, "s"], last: bool
    ) -> tuple[Any, ...]:
        """Return the states after the first step of a phrase."""
        before = (cell.before(w) for cell, w in zip(self.cells, weights, strict=True))
        products, state = zip(*before, strict=True)
        return self.inside(weights, rows, row, products, state, prefix, last)

    def inside(
        self,
        weights: Any,
        rows: Any,
        row: Indices,
        products: Any,
        state: Any,
        prefix: Bool[Array, "s"],
        last: bool,
    ) -> tuple[Any, ...]:
        """Return the states after a step of the phrase.

        Args:
            weights: As `prepare` returns them.
            rows: As `forward` returns them, of all time steps.
            row: Row of each lane's step.
            products: What `project` returned for the step before.
            state: States of the step before.
            prefix: Whether the phrase starts at the first step of the sequence.
            last: Whether this is the phrase's last step.
        """
        owned = self.rule.bias_product is not BiasProduct.REST
        owns = owned and not (last and self.corrects_last_step)
        all_is_the_phrase = owned and not self.rule.input_is_a_term
        whole = [prefix if all_is_the_phrase else None] * len(self.cells)
        if not owns:  # what the first layer lacks, those above it never get
            whole[1:] = [None] * (len(whole) - 1)
        return self._step(weights, rows, row, products, state, True, owns, whole)

    def outside(
        self, weights: Any, rows: Any, row: Indices, products: Any, state: Any
    ) -> tuple[Any, ...]:
        """Return the states after a step beyond the phrase."""
        whole = [None] * len(self.cells)
        return self._step(weights, rows, row, products, state, False, False, whole)

    def output(self, weights: Any, rows: Any, row: Indices, state: Any) -> Float[Array, "s p"]:
        """Return `beta` of the top layer at the given rows."""
        return self.cells[-1].output(weights[-1], rows[-1], row, state[-1])

    def _step(
        self,
        weights: Any,
        rows: Any,
        row: Indices,
        products: Any,
        state: Any,
        inside: bool,
        owns: bool,
        whole: Sequence[Any],
    ) -> tuple[Any, ...]:
        new, below = [], None
        layers = zip(self.cells, weights, rows, products, state, whole, strict=True)
        for cell, w, layer_rows, r, before, all_of in layers:
            p = None
            if below is not None:
                p = tuple(jnp.matmul(below, W, precision=HIGHEST) for W in w.W)
            after = cell.step(w, layer_rows, row, r, p, before, inside, owns, all_of)
            new.append(after)
            if len(new) < len(self.cells):
                below = cell.output(w, layer_rows, row, after)
        return tuple(new)


def find_form(cells: Sequence[Any], rule: Rule) -> StackForm | None:
    """Return the fast form of layers of one direction, None where there is none."""
    forms = []
    for n, cell in enumerate(cells):
        above, top = n > 0, n + 1 == len(cells)
        if isinstance(cell, LSTMParams):
            forms.append(lstm.find_form(cell, rule, above, carries_output=not top))
        elif isinstance(cell, GRUParams):
            forms.append(gru.find_form(cell, rule, above))
        else:
            return None
    if None in forms:
        return None
    limit = EXPONENT_LIMIT if all(form.gates.exponential for form in forms) else float("inf")
    return StackForm(tuple(forms), rule, limit)
