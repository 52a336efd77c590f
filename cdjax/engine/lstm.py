"""The fast form of a one-layer LSTM: the formulas that `cdjax.engine.driver` runs, derived by hand.

Only `beta_c` is carried from step to step: `gamma = h - beta`, and the gates are known from the
forward pass. The products `V beta` of the gates i, f, g are the only ones of a step (the output
gate is not split).

Let `r = V_k beta_{t-1}`, `x = W_k x_t`, `b = b_k`, and `z` the pre-activation of gate `k`. Its
terms are `r`, `x`, `z - b - x - r` and the bias, and the phrase's share `rel_k` is (equation 27,
summed over orders)

    rel_k = const + u [f(b + r) - f(z - r)] + v [f(b + x + r) - f(z - x - r)]

                          (u, v)      const
    outside, x a term     (1/3, 1/6)  u [f(z) - f(b)] + v [f(z - x) - f(b + x)]
    inside,  x a term     (1/6, 1/3)  (1/2 + u) [f(z) - f(b)] + (1/2 - v) [f(b + x) - f(z - x)]
    outside, x merged     (1/2, 0)    as outside
    inside,  x merged     (0, 1/2)    as inside

where `const` depends on the time step only and is shared by all spans. `L(beta_c)` of the cell
state is the case `b = 0, z = c`, outside, merged. Every `f` is a sigmoid (`tanh y = 2 sigmoid(2y) -
1`), so one exponential of `r` is enough for all terms of a gate:

    sigmoid(b + r) - sigmoid(z - r) = 1 - e^-b / (e^r + e^-b) - 1 / (1 + e^-z e^r)

and the second pair is the first one at `r + x`, whose exponential is `e^r e^x`. While `|b|`, `|z|`,
`|x|`, `|b + x|`, `|z - x|` and `|c|` are at most `EXPONENT_LIMIT`, overflow or underflow of `e^r`
changes no sigmoid by more than `e^(2 EXPONENT_LIMIT - 88)`. Beyond the limit every sigmoid is
evaluated on its own.

With `F = rel_f + bias_f`, `I = rel_i + bias_i`, the whole gates `f` and `i`, and `a` the rule's
`context_share`, the cell state of the phrase is

    beta_c' = [(1 - a) F + a f] beta_c + [(1 - a) I + a i] rel_g + I bias_g
    beta_c' = f beta_c + i (rel_g + bias_g)                          where gates are not split

which credit the phrase with the product of the biases, `bias_i bias_g` or `i bias_g`; it is
subtracted where the rest owns it.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.cells import F, G, I, LSTMParams, O
from cdjax.core.network import project_input
from cdjax.core.rules import BiasProduct, Rule
from cdjax.core.split import HIGHEST, PLAIN
from cdjax.engine.driver import gather_rows

EXPONENT_LIMIT = 30.0
"""Largest argument of a sigmoid up to which exponentials are stored."""
SPLIT = I, F, G
"""The gates that are split; the output gate is not."""

States = Float[Array, "s h"]
Indices = Int[Array, "s"]
Products = tuple[Array, ...]  # of each gate that is split


class GateRows(NamedTuple):
    """What the contribution of one gate depends on besides `r`, one row for each time step.

    Stored as the comments below state, or as the bare `z` and `x` where exponentials might
    overflow; `scale` is 1 for a sigmoid and 2 for tanh. The constants include `f(b)`.
    """

    z: Float[Array, "n h"]  # e^(-scale z)
    x: Float[Array, "n h"]  # e^(scale x)
    outside: Float[Array, "n h"]  # f(b) + const of a step outside the phrase
    inside: Float[Array, "n h"] | None = None  # the same inside; None where equal to outside


class Rows(NamedTuple):
    """What all spans of a sequence share, one row for each time step."""

    i: GateRows
    f: GateRows
    g: GateRows
    c: Float[Array, "n h"]  # e^(-2 c), or c
    o: Float[Array, "n h"]  # output gate


class Weights(NamedTuple):
    """Weights of the gates i, f, g, as the steps use them."""

    V: tuple[Float[Array, "h h"], ...]  # recurrent weights, transposed
    b: tuple[Float[Array, "1 h"], ...]  # e^(-scale b), or b
    product: Float[Array, "1 h"]  # sigmoid(b_i) tanh(b_g)
    bias_g: Float[Array, "1 h"]  # tanh(b_g)


class LSTMForm(NamedTuple):
    """The formulas under one rule: a `cdjax.engine.driver.FastForm`. Hashable, so static."""

    rule: Rule
    limit: float = EXPONENT_LIMIT
    """Largest argument of a sigmoid up to which these formulas hold."""
    exponential: bool = True
    """Whether arguments are stored as exponentials."""

    @property
    def beyond(self) -> "LSTMForm":
        """The formulas for larger arguments: every sigmoid is evaluated on its own."""
        return self._replace(limit=float("inf"), exponential=False)

    @property
    def corrects_last_step(self) -> bool:
        """Whether the phrase's last step follows another formula than its other steps."""
        return self.rule.bias_product is BiasProduct.PHRASE_BUT_LAST

    def start(self, params: LSTMParams, lanes: int) -> tuple[States, States]:
        """Return `h` and `c` before the first step of a forward pass."""
        zero = jnp.zeros((lanes, params.V.shape[-1]), params.V.dtype)
        return zero, zero

    def forward(
        self, params: LSTMParams, state: tuple[States, States], x: Float[Array, "s d"]
    ) -> tuple[Any, States, "Rows", Float[Array, "s"]]:
        """Take one step of the forward pass.

        Args:
            params: The layer.
            state: `h` and `c` of the step before.
            x: The input of each lane.

        Returns:
            The new state, `h`, the rows of the step, and for each lane the largest argument of a
            sigmoid, to be held against `EXPONENT_LIMIT`.
        """
        x = jax.vmap(functools.partial(project_input, params))(x)
        # The step makes this product, too; XLA computes it once.
        recurrent = jax.vmap(lambda h: PLAIN.gates(params.V, h, params.b))(state[0])
        state = jax.vmap(functools.partial(params.step, PLAIN))(state, x)
        x, recurrent = jnp.stack(x, axis=1), jnp.stack(recurrent, axis=1)
        h, c = state
        z, b = x + recurrent, jnp.asarray(params.b)[None]
        return state, h, self._make_rows(z, x, c, b), largest_argument(z, x, b, c)

    def prepare(self, params: LSTMParams) -> Weights:
        """Return the weights as the steps use them."""
        return Weights(
            V=tuple(params.V[k].T for k in SPLIT),
            b=tuple(self._encode(params.b[k][None], -scale_of(k)) for k in SPLIT),
            product=(jax.nn.sigmoid(params.b[I]) * jnp.tanh(params.b[G]))[None],
            bias_g=jnp.tanh(params.b[G])[None],
        )

    def project(self, weights: Weights, rows: Rows, row: Indices, beta_c: States) -> Products:
        """Return `r = V_k beta` of the three gates after the given rows: the product of a step."""
        beta = self.output(rows, row, beta_c)
        return tuple(jnp.matmul(beta, V, precision=HIGHEST) for V in weights.V)

    def begin(self, weights: Weights, rows: Rows, row: Indices, prefix: Bool[Array, "s"]) -> States:
        """Return `beta_c` of the first step of a phrase."""
        zero = jnp.zeros((1, 1), rows.o.dtype)
        return self.inside(weights, rows, row, (zero,) * len(SPLIT), zero, prefix)

    def inside(
        self,
        weights: Weights,
        rows: Rows,
        row: Indices,
        r: Products,
        beta_c: Array,
        prefix: Bool[Array, "s"],
    ) -> States:
        """Return `beta_c` at the given rows, inside the phrase and not at its last step.

        Args:
            weights: As `prepare` returns them.
            rows: As `forward` returns them, of all time steps.
            row: Row of each lane's step.
            r: What `project` returned for the step before.
            beta_c: State of the step before.
            prefix: Whether the phrase starts at the first step of the sequence.
        """
        new = self._advance(weights, rows, row, r, beta_c, inside=True)
        if self.rule.bias_product is BiasProduct.REST:
            return new - self._bias_product(weights, rows, row)
        if not self.rule.input_is_a_term:
            # A phrase at the start of a sequence has beta_c = c. Computed step by step, rounding
            # errors would remain, which saturated gates can amplify.
            c = gather_rows(rows.c, row)
            c = jnp.log(c) / -2 if self.exponential else c
            new = jnp.where(jnp.expand_dims(prefix, 1), c, new)
        return new

    def last(self, weights: Weights, rows: Rows, row: Indices, beta_c: States) -> States:
        """Return `beta_c` of the phrase's last step, where `corrects_last_step`."""
        return beta_c - self._bias_product(weights, rows, row)

    def outside(
        self, weights: Weights, rows: Rows, row: Indices, r: Products, beta_c: States
    ) -> States:
        """Return `beta_c` at the given rows, after the phrase."""
        new = self._advance(weights, rows, row, r, beta_c, inside=False)
        return new - self._bias_product(weights, rows, row)

    def output(self, rows: Rows, row: Indices, beta_c: States) -> States:
        """Return `beta_t = o_t L(beta_c_t)` at the given rows (equations 21 and 28)."""
        no_bias = jnp.full((1, 1), 1 if self.exponential else 0, beta_c.dtype)
        c = gather_rows(rows.c, row)
        # tanh(c) / 2 costs less than a further row to read.
        const = 1 / (1 + c) - 1 / 2 if self.exponential else jnp.tanh(c) / 2
        share = self._contribution(beta_c, None, no_bias, c, const, 2, (1 / 2, 0.0))
        return gather_rows(rows.o, row) * share

    def _advance(
        self,
        weights: Weights,
        rows: Rows,
        row: Indices,
        r: Products,
        beta_c: Array,
        inside: bool,
    ) -> States:
        """Return `beta_c` of a step, credited with the product of the biases."""
        uv = term_weights(self.rule, inside)

        def relevant(index: int) -> States:
            """Return `rel_k + bias_k` of a gate."""
            k, gate = SPLIT[index], (rows.i, rows.f, rows.g)[index]
            x = gather_rows(gate.x, row) if uv[1] else None
            const = gate.outside if gate.inside is None or not inside else gate.inside
            z, const = gather_rows(gate.z, row), gather_rows(const, row)
            return self._contribution(r[index], x, weights.b[index], z, const, scale_of(k), uv)

        g = relevant(2)
        if not self.rule.gates_are_split:
            return self._whole(rows.f, row) * beta_c + self._whole(rows.i, row) * g
        i, f = relevant(0), relevant(1)
        share = self.rule.context_share
        if not share:
            return f * beta_c + i * g
        f = (1 - share) * f + share * self._whole(rows.f, row)
        shared_i = (1 - share) * i + share * self._whole(rows.i, row)
        return f * beta_c + shared_i * (g - weights.bias_g) + i * weights.bias_g

    def _bias_product(self, weights: Weights, rows: Rows, row: Indices) -> Array:
        """Return the product of the biases that `_advance` credits the phrase with."""
        if self.rule.gates_are_split:
            return weights.product
        return self._whole(rows.i, row) * weights.bias_g

    def _whole(self, gate: GateRows, row: Indices) -> States:
        """Return the whole gate, a sigmoid, at the given rows."""
        z = gather_rows(gate.z, row)
        return 1 / (1 + z) if self.exponential else jax.nn.sigmoid(z)

    def _encode(self, argument: Array, scale: int) -> Array:
        """Return an argument in the form that rows store."""
        return jnp.exp(scale * argument) if self.exponential else argument

    def _contribution(
        self,
        r: Array,
        x: Any,
        b: Array,
        z: Array,
        const: Array,
        scale: int,
        uv: tuple[float, float],
    ) -> Array:
        """Return `rel_k` or `L(beta_c)`, plus whatever `const` includes (see the module docstring).

        Args:
            r: Contribution of the phrase `[s, h]` to the pre-activation.
            x: Rows of `x`; None where `v` is 0.
            b: Row of `b`.
            z: Rows of `z`.
            const: Rows of the constant.
            scale: 1 for a sigmoid, 2 for tanh.
            uv: The weights of the two pairs.
        """
        u, v = (scale * weight for weight in uv)
        if self.exponential:
            r = jnp.exp(scale * r)

        def pair(r: Array) -> Array:
            if self.exponential:
                return 1 - (b / (r + b) + 1 / (1 + z * r))
            return jax.nn.sigmoid(scale * (b + r)) - jax.nn.sigmoid(scale * (z - r))

        if u:
            const = const + u * pair(r)
        if v:
            const = const + v * pair(r * x if self.exponential else r + x)
        return const

    def _make_rows(self, z: Array, x: Array, c: Array, b: Array) -> Rows:
        """Return the rows of one step: `z`, `x` `[s, 4, h]`, `c` `[s, h]`, `b` `[1, 4, h]`."""
        (u, v), (p, q) = term_weights(self.rule, inside=False), term_weights(self.rule, inside=True)

        def gate(k: int) -> GateRows:
            f, scale = jnp.tanh if k == G else jax.nn.sigmoid, scale_of(k)
            zk, xk, bk = z[:, k], x[:, k], b[:, k]
            whole, other = f(zk) - f(bk), f(bk + xk) - f(zk - xk)
            inside = f(bk) + (1 / 2 + p) * whole + (1 / 2 - q) * other
            return GateRows(
                z=self._encode(zk, -scale),
                x=self._encode(xk, scale),
                outside=f(bk) + u * whole - v * other,
                inside=inside if self.rule.input_is_a_term else None,
            )

        return Rows(gate(I), gate(F), gate(G), self._encode(c, -2), jax.nn.sigmoid(z[:, O]))


def find_form(cell: Any, rule: Rule) -> LSTMForm | None:
    """Return the fast form of a cell, None where there is none."""
    return LSTMForm(rule) if is_plain(cell) else None


def is_plain(cell: Any) -> bool:
    """Return whether a cell is an LSTM of equations 1 to 6 alone, without further parts."""
    if not isinstance(cell, LSTMParams) or cell.projection is not None:
        return False
    usual = (cell.activation, cell.content_activation) == ("sigmoid", "tanh")
    return cell.peepholes is None and usual


def term_weights(rule: Rule, inside: bool) -> tuple[float, float]:
    """Return `(u, v)` of the formula above."""
    if rule.input_is_a_term:
        return (1 / 6, 1 / 3) if inside else (1 / 3, 1 / 6)
    return (0.0, 1 / 2) if inside else (1 / 2, 0.0)


def scale_of(k: int) -> int:
    """Return the factor of a gate's argument when its activation is written as a sigmoid."""
    return 2 if k == G else 1


def largest_argument(z: Array, x: Array, b: Array, c: Array) -> Float[Array, "s"]:
    """Return the largest size of any sigmoid's argument with `r = 0`, for `EXPONENT_LIMIT`."""
    sizes = [jnp.max(jnp.abs(a), axis=(1, 2)) for a in (z, x, z - x, b + x)]
    sizes += [jnp.max(jnp.abs(c), axis=1), jnp.full(len(c), jnp.max(jnp.abs(b)))]
    return functools.reduce(jnp.maximum, sizes)
