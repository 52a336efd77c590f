"""The fast form of an LSTM: the formulas that `cdjax.engine.driver` runs, derived by hand.

Only `beta_c` is carried from step to step: `gamma = h - beta`, and the gates are known from the
forward pass. The products `V beta` of the gates i, f, g are the only ones of a step (the output
gate is not split). What the phrase adds to a gate, `rel`, is told in `gates.py`, and so is
`L(beta_c)` of the cell state, where there is no bias.

With `F = rel_f + bias_f`, `I = rel_i + bias_i`, `G = rel_g + bias_g`, the whole gates `f`, `i` and
`g`, and the rule's shares `a` and `w` (`cdjax.core.rules`), the cell state of the phrase is

    beta_c' = [(1 - a) F + a f] beta_c + [(1 - a) I + a i] rel_g + I bias_g
              + w [rel_f (c - beta_c) + rel_i (g - G)]
    beta_c' = f beta_c + i G                                         where gates are not split

which credit the phrase with the product of the biases, `bias_i bias_g` or `i bias_g`; it is
subtracted where the rest owns it.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cdjax.activations import ACTIVATIONS
from cdjax.core.cells import F, G, I, LSTMParams, O
from cdjax.core.rules import Rule
from cdjax.core.split import HIGHEST, PLAIN
from cdjax.engine.driver import gather_rows
from cdjax.engine.gates import GateRows, Gates, Shares, are_sigmoids

SPLIT = I, F, G
"""The gates that are split; the output gate is not."""

States = Float[Array, "s h"]
Outputs = Float[Array, "s p"]
Indices = Int[Array, "s"]
Products = tuple[Any, ...]  # of each gate that is split


class Rows(NamedTuple):
    """What all spans of a sequence share, one row for each time step."""

    i: GateRows
    f: GateRows
    g: GateRows
    c: Float[Array, "n h"]  # as `Gates.encode` stores it with the sign -1
    o: Float[Array, "n h"]  # output gate
    before: Any = None  # [n, h], c of the step before; None where the form does not keep it


class Weights(NamedTuple):
    """Weights of the gates i, f, g, as the steps use them."""

    V: tuple[Float[Array, "p h"], ...]  # recurrent weights, transposed
    W: tuple[Float[Array, "d h"], ...]  # input weights, transposed; () where it is not split
    b: tuple[Float[Array, "1 h"], ...]  # as `Gates.encode` stores it
    product: Float[Array, "1 h"]  # f(b_i) f(b_g)
    biases: tuple[Float[Array, "1 h"], ...]  # f(b)
    peepholes: tuple[Float[Array, "1 h"], ...]  # of i and f; () without
    projection: Float[Array, "h p"] | None  # transposed
    shares: Shares


class LSTMForm(NamedTuple):
    """The formulas under one rule: a `cdjax.engine.stack.CellForm`. Hashable, so static."""

    gates: Gates
    carries_output: bool = False
    """Whether the state is `(beta_c, beta)`: where a layer above or a pool reads every `beta`."""
    activation: str = "sigmoid"
    content_activation: str = "tanh"
    keeps_before: bool = False
    """Whether the cell state before each step is kept: for the phrase's share of what its gates do
    to the context's."""

    @property
    def beyond(self) -> "LSTMForm":
        """The formulas for larger arguments: every activation is evaluated on its own."""
        return self._replace(gates=self.gates._replace(exponential=False))

    def make_rows(
        self,
        params: LSTMParams,
        x: tuple[States, ...],
        before: tuple[Outputs, States],
        after: tuple[Outputs, States],
    ) -> tuple["Rows", Float[Array, "s"]]:
        """Return the rows of time steps.

        Args:
            params: The layer.
            x: The input's term of each gate.
            before: `h` and `c` of the steps before.
            after: `h` and `c` of the steps.

        Returns:
            The rows, and of each step the largest argument of a gate, to be held against
            `EXPONENT_LIMIT`.
        """
        c, b = after[1], jnp.asarray(params.b)[:, None]
        recurrent = jax.vmap(lambda h: PLAIN.gates(params.V, h, params.b))(before[0])
        z = [a + b for a, b in zip(x, recurrent, strict=True)]
        if params.peepholes is not None:
            states = before[1], before[1], c
            for k, p, state in zip((I, F, O), params.peepholes, states, strict=True):
                z[k] = z[k] + p[None] * state
        i, f, g = (self.gates.make_rows(self._f(k), z[k], x[k], b[k]) for k in SPLIT)
        whole_o = ACTIVATIONS[self.activation](z[O])
        kept = before[1] if self.keeps_before else None
        rows = Rows(i, f, g, self.gates.encode(self.content_activation, c, -1), whole_o, kept)
        sizes = [self.gates.largest(z[k], x[k], b[k]) for k in SPLIT]
        sizes.append(jnp.max(jnp.abs(c), axis=1))
        return rows, functools.reduce(jnp.maximum, sizes)

    def prepare(self, params: LSTMParams, shares: Shares) -> Weights:
        """Return the weights as the steps use them."""
        biases = tuple(ACTIVATIONS[self._f(k)](params.b[k])[None] for k in SPLIT)
        peepholes = () if params.peepholes is None else params.peepholes[:2]
        return Weights(
            V=tuple(params.V[k].T for k in SPLIT),
            W=tuple(params.W[k].T for k in SPLIT) if self.gates.input_is_split else (),
            b=tuple(self.gates.encode(self._f(k), params.b[k][None]) for k in SPLIT),
            product=biases[0] * biases[2],
            biases=biases,
            peepholes=tuple(p[None] for p in peepholes),
            projection=None if params.projection is None else jnp.asarray(params.projection).T,
            shares=shares,
        )

    def before(self, weights: Weights) -> tuple[Products, Any]:
        """Return the products and the state before the phrase: zeros that broadcast."""
        zero = jnp.zeros((1, 1), weights.product.dtype)
        return (zero,) * len(SPLIT), (zero, zero) if self.carries_output else zero

    def project(self, weights: Weights, beta: Outputs) -> Products:
        """Return `V_k beta` of the three gates: the product of a step."""
        return tuple(jnp.matmul(beta, V, precision=HIGHEST) for V in weights.V)

    def step(
        self,
        weights: Weights,
        rows: Rows,
        row: Indices,
        r: Products,
        p: Products | None,
        state: Any,
        inside: bool,
        owns: bool,
        whole: Any,
    ) -> Any:
        """Return the state at the given rows.

        Args:
            weights: As `prepare` returns them.
            rows: As `make_rows` returns them, of all time steps.
            row: Row of each lane's step.
            r: What `project` returned for the step before.
            p: The phrase's part of the input's terms; None where the input is not split.
            state: State of the step before.
            inside: Whether the steps belong to the phrase.
            owns: Whether the phrase owns the product of the biases.
            whole: Lanes in which all input is the phrase's, and so is all of the cell state, but
                for that product; None for none.
        """
        beta_c = state[0] if self.carries_output else state
        new = self._advance(weights, rows, row, r, p or (None,) * len(SPLIT), beta_c, inside)
        if whole is not None:
            # Computed step by step, rounding errors would remain, which saturated gates can
            # amplify.
            c = self.gates.decode(self.content_activation, gather_rows(rows.c, row), -1)
            new = jnp.where(jnp.expand_dims(whole, 1), c, new)
        if not owns:
            new = new - self._bias_product(weights, rows, row)
        if not self.carries_output:
            return new
        # XLA computes two results of one loop on a single thread; with the barrier there are two.
        new = jax.lax.optimization_barrier(new)
        return new, self._read(weights, rows, row, new)

    def output(self, weights: Weights, rows: Rows, row: Indices, state: Any) -> Outputs:
        """Return `beta` at the given rows."""
        return state[1] if self.carries_output else self._read(weights, rows, row, state)

    def _read(self, weights: Weights, rows: Rows, row: Indices, beta_c: States) -> Outputs:
        """Return `[projection @] (o L(beta_c))` (equations 21 and 28)."""
        f = self.content_activation
        share = self.gates.linearize(f, gather_rows(rows.c, row), beta_c)
        beta = gather_rows(rows.o, row) * share
        if weights.projection is None:
            return beta
        return jnp.matmul(beta, weights.projection, precision=HIGHEST)

    def _advance(
        self,
        weights: Weights,
        rows: Rows,
        row: Indices,
        r: Products,
        p: Products,
        beta_c: Array,
        inside: bool,
    ) -> States:
        """Return `beta_c` of a step, credited with the product of the biases."""
        if weights.peepholes:
            i, f, g = r
            r = i + weights.peepholes[0] * beta_c, f + weights.peepholes[1] * beta_c, g

        def relevant(n: int) -> States:
            """Return `rel + bias` of a gate."""
            gate, f = (rows.i, rows.f, rows.g)[n], self._f(SPLIT[n])
            return self.gates.relevant(f, gate, row, weights.b[n], r[n], p[n], inside)

        g = relevant(2)
        if not self.gates.rule.gates_are_split:
            return self._whole(rows.f, row) * beta_c + self._whole(rows.i, row) * g
        i, f = relevant(0), relevant(1)
        (bias_i, bias_f, bias_g), share = weights.biases, weights.shares.context(inside)
        if share is None:
            new = f * beta_c + i * g
        else:
            shared_f = (1 - share) * f + share * self._whole(rows.f, row)
            shared_i = (1 - share) * i + share * self._whole(rows.i, row)
            new = shared_f * beta_c + shared_i * (g - bias_g) + i * bias_g
        if weights.shares.gate is None:
            return new
        whole_g = self.gates.value(self.content_activation, gather_rows(rows.g.z, row))
        rest_c = gather_rows(rows.before, row) - beta_c
        return new + weights.shares.gate * ((f - bias_f) * rest_c + (i - bias_i) * (whole_g - g))

    def _bias_product(self, weights: Weights, rows: Rows, row: Indices) -> Array:
        """Return the product of the biases that `_advance` credits the phrase with."""
        if self.gates.rule.gates_are_split:
            return weights.product
        return self._whole(rows.i, row) * weights.biases[2]

    def _whole(self, gate: GateRows, row: Indices) -> States:
        """Return the whole gate i or f at the given rows."""
        return self.gates.value(self.activation, gather_rows(gate.z, row))

    def _f(self, k: int) -> str:
        """Return the activation of a gate."""
        return self.content_activation if k == G else self.activation


def find_form(
    cell: LSTMParams, rule: Rule, input_is_split: bool, carries_output: bool, keeps_before: bool
) -> LSTMForm | None:
    """Return the fast form of an LSTM, None where there is none.

    There is none where the cell's output at a cell state of 0 is not 0: of that no input has a
    part.
    """
    f, content = cell.activation, cell.content_activation
    if float(ACTIVATIONS[content](jnp.zeros(()))):
        return None
    gates = Gates(rule, input_is_split, are_sigmoids(f, content))
    return LSTMForm(gates, carries_output, f, content, keeps_before)


def is_plain(cell: Any) -> bool:
    """Return whether a cell is an LSTM of equations 1 to 6 alone, without further parts."""
    if not isinstance(cell, LSTMParams) or cell.projection is not None:
        return False
    usual = (cell.activation, cell.content_activation) == ("sigmoid", "tanh")
    return cell.peepholes is None and usual
