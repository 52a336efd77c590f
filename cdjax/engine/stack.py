"""The fast form of layers of one direction: the `beta` of every layer advance together.

A layer above another reads split input: at every step, inside the phrase and beyond it, the phrase
has a part of it, the `beta` of the layer below, and the rest is `h - beta`. Before the phrase every
`beta` is 0. One layer is a stack of one.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.cells import GRUParams, LSTMParams
from cdjax.core.network import project_input
from cdjax.core.rules import BiasProduct, Rule
from cdjax.core.split import HIGHEST, PLAIN
from cdjax.engine import gru, lstm
from cdjax.engine.driver import Steps
from cdjax.engine.gates import EXPONENT_LIMIT, Gates, Shares, take_shares
from cdjax.engine.pools import Pool, PoolRows

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

    def make_rows(self, params: Any, x: Any, before: Any, after: Any) -> tuple[Any, Any]:
        """Return the rows of time steps and of each the largest argument, see `LSTMForm`."""
        ...

    def prepare(self, params: Any, shares: Shares) -> Any:
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


class Rows(NamedTuple):
    """What all spans of a sequence share, one row for each time step."""

    cells: tuple[Any, ...]  # a cell's rows a layer
    pool: PoolRows | None = None


class State(NamedTuple):
    """What is carried of a phrase from step to step."""

    cells: tuple[Any, ...]  # a cell's state a layer
    pooled: Any = None


class Stack(NamedTuple):
    """The parameters of a stack: numbers of a program, as its form is not."""

    layers: tuple[Any, ...]  # first to last
    shares: Shares


class StackForm(NamedTuple):
    """The formulas of a stack under one rule: a `cdjax.engine.driver.FastForm`.

    Weights and products are tuples, an entry a layer. Rules that differ in their shares alone have
    the same form where the same ones are 0.
    """

    cells: tuple[CellForm, ...]
    rule: Rule
    pool: Pool | None = None
    """What is read of the top layer; None: its last output."""
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

    def forward(
        self, params: Stack, x: Float[Array, "n d"], steps: Steps
    ) -> tuple[Rows, Float[Array, "n p"], Float[Array, "n"]]:
        """Return of every time step the rows, what is read up to it, and the largest argument."""
        rows, sizes = [], []
        for cell, layer in zip(self.cells, params.layers, strict=True):
            x, cell_rows, size = _run_forward(cell, layer, x, steps)
            rows.append(cell_rows)
            sizes.append(size)
        pool_rows = None
        if self.pool:
            start = self.pool.start(steps.lanes, x.shape[1], x.dtype)
            x, pool_rows = steps.scan(self.pool.forward, start, x)
        return Rows(tuple(rows), pool_rows), x, functools.reduce(jnp.maximum, sizes)

    def prepare(self, params: Stack) -> tuple[Any, ...]:
        """Return the weights as the steps use them."""
        cells = zip(self.cells, params.layers, strict=True)
        return tuple(cell.prepare(p, params.shares) for cell, p in cells)

    def project(self, weights: Any, rows: Rows, row: Indices, state: State) -> tuple[Any, ...]:
        """Return the products of each layer with its own `beta` after the given rows."""
        layers = zip(self.cells, weights, rows.cells, state.cells, strict=True)
        return tuple(cell.project(w, cell.output(w, r, row, s)) for cell, w, r, s in layers)

    def begin(
        self, weights: Any, rows: Rows, row: Indices, prefix: Bool[Array, "s"], last: bool
    ) -> State:
        """Return the states after the first step of a phrase."""
        before = (cell.before(w) for cell, w in zip(self.cells, weights, strict=True))
        products, cells = zip(*before, strict=True)
        state = State(cells, self.pool and jnp.zeros((1, 1), weights[-1].V[0].dtype))
        return self.inside(weights, rows, row, products, state, prefix, last)

    def inside(
        self,
        weights: Any,
        rows: Rows,
        row: Indices,
        products: Any,
        state: State,
        prefix: Bool[Array, "s"],
        last: bool,
    ) -> State:
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
        whole = [prefix if owned else None] * len(self.cells)
        if not owns:  # what the first layer lacks, those above it never get
            whole[1:] = [None] * (len(whole) - 1)
        return self._step(weights, rows, row, products, state, True, owns, whole)

    def outside(self, weights: Any, rows: Rows, row: Indices, products: Any, state: State) -> State:
        """Return the states after a step beyond the phrase."""
        whole = [None] * len(self.cells)
        return self._step(weights, rows, row, products, state, False, False, whole)

    def output(self, weights: Any, rows: Rows, row: Indices, state: State) -> Float[Array, "s p"]:
        """Return the phrase's part of what is read up to the given rows."""
        if self.pool:
            assert rows.pool is not None
            return self.pool.read(rows.pool, row, state.pooled)
        return self.cells[-1].output(weights[-1], rows.cells[-1], row, state.cells[-1])

    def _step(
        self,
        weights: Any,
        rows: Rows,
        row: Indices,
        products: Any,
        state: State,
        inside: bool,
        owns: bool,
        whole: Sequence[Any],
    ) -> State:
        new, below = [], None
        layers = zip(self.cells, weights, rows.cells, products, state.cells, whole, strict=True)
        for cell, w, layer_rows, r, before, all_of in layers:
            p = None
            if below is not None:
                p = tuple(jnp.matmul(below, W, precision=HIGHEST) for W in w.W)
            after = cell.step(w, layer_rows, row, r, p, before, inside, owns, all_of)
            new.append(after)
            if self.pool or len(new) < len(self.cells):
                below = cell.output(w, layer_rows, row, after)
        pooled = state.pooled
        if self.pool:
            assert rows.pool is not None
            assert below is not None
            pooled = self.pool.add(rows.pool, row, pooled, below)
        return State(tuple(new), pooled)


def _run_forward(
    cell: CellForm, params: Any, x: Float[Array, "n d"], steps: Steps
) -> tuple[Float[Array, "n p"], Any, Float[Array, "n"]]:
    """Run one layer; return of every time step its output, its rows and the largest argument.

    Only the step itself, the network's own, is taken sequence by sequence, step by step. What comes
    before and after it is computed for many steps together.
    """
    projected = steps.map(jax.vmap(functools.partial(project_input, params)), x)

    def step(state: Any, x: Any) -> tuple[Any, Any]:
        new = jax.vmap(functools.partial(params.step, PLAIN))(state, x)
        return new, new

    start = tuple(jnp.zeros((steps.lanes, width), x.dtype) for width in params.widths)
    states = steps.scan(step, start, projected)

    def make_rows(x: Any, previous: Indices, after: Any) -> tuple[Any, Any]:
        return cell.make_rows(params, x, steps.before(states, previous), after)

    return states[0], *steps.map(make_rows, projected, steps.previous, states)


def find_form(
    cells: Sequence[Any], rule: Rule, pool: Pool | None = None
) -> tuple[StackForm, Stack] | None:
    """Return the fast form of layers of one direction and its parameters, None where there is none.

    Args:
        cells: The layers, first to last.
        rule: Which reading of the method.
        pool: What is read of the top layer; None: its last output.
    """
    keeps_before = rule.gate_share > 0
    rule, shares = take_shares(rule, cells[0].W.dtype)
    forms = []
    for n, cell in enumerate(cells):
        above, is_read = n > 0, n + 1 < len(cells) or pool is not None
        if isinstance(cell, LSTMParams):
            forms.append(lstm.find_form(cell, rule, above, is_read, keeps_before))
        elif isinstance(cell, GRUParams):
            forms.append(gru.find_form(cell, rule, above, keeps_before))
        else:
            return None
    if None in forms:
        return None
    limit = EXPONENT_LIMIT if all(form.gates.exponential for form in forms) else float("inf")
    return StackForm(tuple(forms), rule, pool, limit), Stack(tuple(cells), shares)
