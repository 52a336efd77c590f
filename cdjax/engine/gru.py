"""The fast form of a GRU: the formulas that `cdjax.engine.driver` runs, derived by hand.

The state is `beta` itself: `gamma = h - beta`, and the gates are known from the forward pass. What
the phrase adds to a gate, `rel`, is told in `gates.py`. With `R = rel_r + bias_r`, `Z = rel_z +
bias_z`, the whole gates `r` and `z`, the rule's shares `a` and `w` (`cdjax.core.rules`) and

    R' = (1 - a) R + a r        Z' = (1 - a) Z + a z
    R' = r                      Z' = z                               where gates are not split

the phrase's part of what the candidate n reads of `h`, and the bias there, are

    R' (V_n beta) + rel_r c + w rel_r V_n (h - beta)                 with reset_after
                                b_n + bias_r c
    R' (V_n beta)               b_n + r c                            where gates are not split
    V_n (R' beta + w rel_r (h - beta))                               without reset_after
                                b_n

and with `N = rel_n + bias_n` the phrase's state is

    beta' = Z' beta + (1 - Z') rel_n + (1 - Z) bias_n + w rel_z [(h - beta) - (n - N)]
    beta' = Z' beta + (1 - Z') N                                     where gates are not split

which credit the phrase with the product of the biases, `(1 - bias_z) bias_n` or `(1 - z) bias_n`;
it is subtracted where the rest owns it.
"""

import functools
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cdjax.activations import ACTIVATIONS
from cdjax.core.cells import GRUParams, N, R, Z
from cdjax.core.rules import Rule
from cdjax.core.split import HIGHEST
from cdjax.engine.driver import gather_rows
from cdjax.engine.gates import GateRows, Gates, Shares, are_sigmoids

States = Float[Array, "s h"]
Indices = Int[Array, "s"]
Products = tuple[Any, ...]  # of the gates r, z, n


class Rows(NamedTuple):
    """What all spans of a sequence share, one row for each time step."""

    gates: tuple[GateRows, ...]  # r, z, n
    h: Float[Array, "n h"]
    b: Float[Array, "n h"] | None  # the candidate's bias as stored; None where it is constant
    before: Any = None  # [n, h], h of the step before; None where the form does not keep it
    product: Any = None  # [n, h], its V_n h; None besides where nothing reads it


class Weights(NamedTuple):
    """Weights as the steps use them, gates in the order r, z, n."""

    V: tuple[Float[Array, "h h"], ...]  # recurrent weights, transposed
    W: tuple[Float[Array, "d h"], ...]  # input weights, transposed; () where it is not split
    b: tuple[Float[Array, "1 h"], ...]  # as `Gates.encode` stores it
    bias_r: Float[Array, "1 h"]  # f(b_r)
    bias_z: Float[Array, "1 h"]  # f(b_z)
    bias_n: Float[Array, "1 h"]  # f of the candidate's bias, where it is constant
    c: Float[Array, "1 h"] | None
    shares: Shares


class GRUForm(NamedTuple):
    """The formulas under one rule: a `cdjax.engine.stack.CellForm`. Hashable, so static."""

    gates: Gates
    reset_after: bool = True
    activation: str = "sigmoid"
    content_activation: str = "tanh"
    keeps_before: bool = False
    """Whether `h` before each step is kept: for the phrase's share of what its gates do to the
    context's."""

    @property
    def beyond(self) -> "GRUForm":
        """The formulas for larger arguments: every activation is evaluated on its own."""
        return self._replace(gates=self.gates._replace(exponential=False))

    def make_rows(
        self, params: GRUParams, x: tuple[States, ...], before: tuple[States], after: tuple[States]
    ) -> tuple["Rows", Float[Array, "s"]]:
        """Return the rows of time steps.

        Args:
            params: The layer.
            x: The input's term of each gate.
            before: `h` of the steps before.
            after: `h` of the steps.

        Returns:
            The rows, and of each step the largest argument of a gate, to be held against
            `EXPONENT_LIMIT`.
        """
        (h,), b = before, list(jnp.asarray(params.b)[:, None])
        z = [x[k] + b[k] + _times(h, params.V[k].T) for k in (R, Z)]
        r = ACTIVATIONS[self.activation](z[R])
        if self.reset_after:
            y = _times(h, params.V[N].T)
            y = r * (y if params.c is None else y + params.c[None])
        else:
            y = _times(r * h, params.V[N].T)
        z.append(x[N] + b[N] + y)
        b[N] = self._candidate_bias(params, r)
        constant = len(b[N]) == 1
        product = _times(h, params.V[N].T) if self.keeps_before and self.reset_after else None
        rows = Rows(
            tuple(self.gates.make_rows(self._f(k), z[k], x[k], b[k]) for k in (R, Z, N)),
            h=after[0],
            b=None if constant else self.gates.encode(self.content_activation, b[N]),
            before=h if self.keeps_before else None,
            product=product,
        )
        sizes = (self.gates.largest(*arguments) for arguments in zip(z, x, b, strict=True))
        return rows, functools.reduce(jnp.maximum, sizes)

    def prepare(self, params: GRUParams, shares: Shares) -> Weights:
        """Return the weights as the steps use them."""
        f = ACTIVATIONS[self.activation]
        b = [*params.b[:N, None], self._candidate_bias(params, None)]
        return Weights(
            V=tuple(V.T for V in params.V),
            W=tuple(W.T for W in params.W) if self.gates.input_is_split else (),
            b=tuple(self.gates.encode(self._f(k), b[k]) for k in (R, Z, N)),
            bias_r=f(b[R]),
            bias_z=f(b[Z]),
            bias_n=ACTIVATIONS[self.content_activation](b[N]),
            c=None if params.c is None else jnp.asarray(params.c)[None],
            shares=shares,
        )

    def before(self, weights: Weights) -> tuple[Products, Any]:
        """Return the products and the state before the phrase: zeros that broadcast."""
        zero = jnp.zeros((1, 1), weights.bias_n.dtype)
        return (zero,) * len(weights.V), zero

    def project(self, weights: Weights, beta: States) -> Products:
        """Return the products with `beta` of a step."""
        V = weights.V if self.reset_after else weights.V[:N]
        return tuple(_times(beta, Vk) for Vk in V)

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
    ) -> States:
        """Return the state at the given rows.

        Args:
            weights: As `prepare` returns them.
            rows: As `make_rows` returns them, of all time steps.
            row: Row of each lane's step.
            r: What `project` returned for the step before.
            p: The phrase's part of the input's terms; None where the input is not split.
            state: `beta` of the step before.
            inside: Whether the steps belong to the phrase.
            owns: Whether the phrase owns the product of the biases.
            whole: Lanes in which all input is the phrase's, and so is all of `h`, but for that
                product; None for none.
        """
        new = self._advance(weights, rows, row, r, p or (None,) * len(weights.V), state, inside)
        if whole is not None:
            # Computed step by step, rounding errors would remain, which saturated gates can
            # amplify.
            new = jnp.where(jnp.expand_dims(whole, 1), gather_rows(rows.h, row), new)
        return new if owns else new - self._bias_product(weights, rows, row)

    def output(self, weights: Weights, rows: Rows, row: Indices, state: States) -> States:
        """Return `beta` at the given rows."""
        return state

    def _advance(
        self,
        weights: Weights,
        rows: Rows,
        row: Indices,
        r: Products,
        p: Products,
        beta: Array,
        inside: bool,
    ) -> States:
        """Return `beta` of a step, credited with the product of the biases."""
        rule, share, gate = self.gates.rule, weights.shares.context(inside), weights.shares.gate

        def relevant(k: int, r: Array, b: Array) -> States:
            """Return `rel + bias` of a gate."""
            return self.gates.relevant(self._f(k), rows.gates[k], row, b, r, p[k], inside)

        def split(k: int) -> tuple[Array, Array]:
            """Return `rel + bias` of r or z, and what the phrase's content is multiplied by."""
            if not rule.gates_are_split:
                whole = self._whole(rows.gates[k], row)
                return whole, whole
            own = relevant(k, r[k], weights.b[k])
            if share is None:
                return own, own
            return own, (1 - share) * own + share * self._whole(rows.gates[k], row)

        (own_r, factor_r), (own_z, factor_z) = split(R), split(Z)
        if self.reset_after:
            y = factor_r * r[N]
            if weights.c is not None and rule.gates_are_split:
                y = y + (own_r - weights.bias_r) * weights.c
            if gate is not None:
                rest = gather_rows(rows.product, row) - r[N]
                y = y + gate * (own_r - weights.bias_r) * rest
        else:
            y = factor_r * beta
            if gate is not None:
                y = y + gate * (own_r - weights.bias_r) * (gather_rows(rows.before, row) - beta)
            y = _times(y, weights.V[N])
        b = weights.b[N] if rows.b is None else gather_rows(rows.b, row)
        n = relevant(N, y, b)
        if share is None:
            new = factor_z * beta + (1 - factor_z) * n
        else:
            rel_n = n - weights.bias_n
            new = factor_z * beta + (1 - factor_z) * rel_n + (1 - own_z) * weights.bias_n
        if gate is None:
            return new
        rest_n = self.gates.value(self.content_activation, gather_rows(rows.gates[N].z, row)) - n
        rest_h = gather_rows(rows.before, row) - beta
        return new + gate * (own_z - weights.bias_z) * (rest_h - rest_n)

    def _bias_product(self, weights: Weights, rows: Rows, row: Indices) -> Array:
        """Return the product of the biases that `_advance` credits the phrase with."""
        if self.gates.rule.gates_are_split:
            return (1 - weights.bias_z) * weights.bias_n
        bias_n = weights.bias_n
        if rows.b is not None:
            f, stored = self.content_activation, gather_rows(rows.b, row)
            bias_n = ACTIVATIONS[f](self.gates.decode(f, stored, 1))
        return (1 - self._whole(rows.gates[Z], row)) * bias_n

    def _candidate_bias(self, params: GRUParams, r: Any) -> Array:
        """Return the bias of the candidate, `[1, h]`, or `[s, h]` where it depends on `r`."""
        b = jnp.asarray(params.b[N])[None]
        if params.c is None:
            return b
        if not self.gates.rule.gates_are_split:
            return b if r is None else b + r * params.c[None]
        return b + ACTIVATIONS[self.activation](params.b[R])[None] * params.c[None]

    def _whole(self, gate: GateRows, row: Indices) -> States:
        """Return the whole gate r or z at the given rows."""
        return self.gates.value(self.activation, gather_rows(gate.z, row))

    def _f(self, k: int) -> str:
        """Return the activation of a gate."""
        return self.content_activation if k == N else self.activation


def find_form(cell: GRUParams, rule: Rule, input_is_split: bool, keeps_before: bool) -> GRUForm:
    """Return the fast form of a GRU."""
    f, content = cell.activation, cell.content_activation
    gates = Gates(rule, input_is_split, are_sigmoids(f, content))
    return GRUForm(gates, cell.reset_after, f, content, keeps_before)


def _times(states: States, V: Array) -> States:
    return jnp.matmul(states, V, precision=HIGHEST)
