"""What the phrase adds to a gate, in closed form: the formulas that the cells' fast forms share.

Let `z` be the pre-activation of a gate with bias `b` and activation `f`, known from the forward
pass, `r` the phrase's part of the recurrent term and `x` the input's term. With

    pair(y) = f(b + y) - f(z - y)

the phrase's share of `f(z)` is, summed over orders of the terms (equation 27),

    rel = const + u pair(r) + v pair(r + x)

                          (u, v)      const
    outside, x a term     (1/3, 1/6)  u [f(z) - f(b)] + v [f(z - x) - f(b + x)]
    inside,  x a term     (1/6, 1/3)  (1/2 + u) [f(z) - f(b)] + (1/2 - v) [f(b + x) - f(z - x)]
    outside, x merged     (1/2, 0)    as outside
    inside,  x merged     (0, 1/2)    as inside

where `const` depends on the time step only and is shared by all spans. In a layer above another
the input is split itself; with `p` the phrase's part of `x`, and `h = z - b - x`, at every step

    rel = 1/2 [f(z) - f(b)] + 1/6 [pair(r) + pair(p) + pair(r + p) + pair(r + x) + pair(p + h)]
    rel = 1/2 [f(z) - f(b)] + 1/2 pair(r + p)                                       x merged

A sigmoid and a tanh (`tanh y = 2 sigmoid(2y) - 1`) need an exponential a `y`:

    sigmoid(b + y) - sigmoid(z - y) = 1 - e^-b / (e^y + e^-b) - 1 / (1 + e^-z e^y)

and that of a sum with `x` or `h` is a product with a stored one. The two sigmoids are computed by
one division, as `(t u - 1) / ((1 + t) (1 + u))` with `t = e^b e^y` and `u = e^-z e^y`. While `|b|`,
`|z|`, `|x|`, `|h|`, `|b + x|` and `|z - x|` are at most `EXPONENT_LIMIT`, overflow or underflow of
`e^y` changes no sigmoid by more than `e^(2 EXPONENT_LIMIT - 88)`. Beyond the limit, and for other
activations, every `f` is evaluated on its own.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from cdjax.activations import ACTIVATIONS
from cdjax.core.rules import Rule
from cdjax.engine.driver import gather_rows

EXPONENT_LIMIT = 30.0
"""Largest argument of a sigmoid up to which exponentials are stored."""
SCALES = {"sigmoid": 1, "tanh": 2}
"""The activations that are sigmoids, with the factor of their arguments."""

Indices = Int[Array, "s"]


class GateRows(NamedTuple):
    """What the share of the phrase depends on besides its own terms, one row for each time step.

    Stored as the comments below state, or as the bare `z`, `x` and `h` where exponentials might
    overflow; `scale` is of `SCALES`. The constants include `f(b)`.
    """

    z: Float[Array, "n h"]  # e^(-scale z)
    outside: Float[Array, "n h"]  # f(b) + const of a step outside the phrase
    inside: Float[Array, "n h"] | None = None  # the same inside; None where equal to outside
    x: Float[Array, "n h"] | None = None  # e^(scale x); None where it is not used
    h: Float[Array, "n h"] | None = None  # e^(scale h), of a split input that is a term


class Shares(NamedTuple):
    """The shares of a rule as numbers of a program: it is compiled once for all that are not 0."""

    inside: Any = None  # of the context's part of a gate in the phrase's content; None: all 0
    outside: Any = None
    gate: Any = None  # of the phrase's part of a gate in the context's content; None: 0

    def context(self, inside: bool) -> Any:
        """Return the first of these, None where it is 0."""
        return self.inside if inside else self.outside


def take_shares(rule: Rule, dtype: Any) -> tuple[Rule, Shares]:
    """Return what a program is compiled for of a rule, and its shares."""
    compiled = rule._replace(name="", context_inside=0.0, context_outside=0.0, gate_share=0.0)
    inside, outside, gate = (
        np.asarray(share, dtype)
        for share in (rule.context_inside, rule.context_outside, rule.gate_share)
    )
    context = (inside, outside) if inside or outside else (None, None)
    return compiled, Shares(*context, gate if gate else None)


class Gates(NamedTuple):
    """How the gates of a cell are split and stored. Hashable, so static."""

    rule: Rule
    input_is_split: bool = False
    """Whether the phrase has a part of the input at every step, as above another layer."""
    exponential: bool = True
    """Whether arguments are stored as exponentials; only for activations of `SCALES`."""

    def encode(self, f: str, argument: Array, sign: int = 1) -> Array:
        """Return an argument in the form that rows store."""
        return jnp.exp(sign * SCALES[f] * argument) if self.exponential else argument

    def decode(self, f: str, stored: Array, sign: int) -> Array:
        """Return the argument that `encode` stored."""
        return jnp.log(stored) / (sign * SCALES[f]) if self.exponential else stored

    def value(self, f: str, stored: Array) -> Array:
        """Return `f(z)`, given how rows store `z`."""
        if not self.exponential:
            return ACTIVATIONS[f](stored)
        return SCALES[f] / (1 + stored) - (SCALES[f] - 1)

    def linearize(self, f: str, stored: Array, y: Array) -> Array:
        """Return `y`'s share of `f(z)`, given how rows store `z`, where `b` and `f(0)` are 0.

        It is `[f(z) + pair(y)] / 2`.
        """
        if not self.exponential:
            act = ACTIVATIONS[f]
            return (act(stored) + act(y) - act(stored - y)) / 2
        half, t = SCALES[f] / 2, self.encode(f, y)
        whole = Fraction(jnp.full_like(stored, half), 1 + _cut_off(stored))
        return add_fractions([as_fraction(half, t, t * stored), whole], (1 - SCALES[f]) / 2)

    def make_rows(self, f: str, z: Array, x: Array, b: Array) -> GateRows:
        """Return the rows of one step of a gate, from its `z` and `x` `[s, h]` and `b`."""
        act = ACTIVATIONS[f]
        stored, whole = self.encode(f, z, -1), act(z) - act(b)
        if self.input_is_split:
            rows = GateRows(stored, act(b) + whole / 2)
            if not self.rule.input_is_a_term:
                return rows
            return rows._replace(x=self.encode(f, x), h=self.encode(f, z - b - x))
        (u, v), (p, q) = term_weights(self.rule, inside=False), term_weights(self.rule, inside=True)
        other = act(b + x) - act(z - x)
        inside = act(b) + (1 / 2 + p) * whole + (1 / 2 - q) * other
        return GateRows(
            z=stored,
            outside=act(b) + u * whole - v * other,
            inside=inside if self.rule.input_is_a_term else None,
            x=self.encode(f, x),
        )

    def largest(self, z: Array, x: Array, b: Array) -> Float[Array, "s"]:
        """Return the largest size of a gate's arguments without the phrase, in each lane."""
        arguments = [z, x, z - x, b + x, jnp.broadcast_to(b, z.shape)]
        if self.input_is_split:
            arguments.append(z - b - x)
        return functools.reduce(jnp.maximum, (jnp.max(jnp.abs(a), axis=1) for a in arguments))

    def relevant(
        self, f: str, rows: GateRows, row: Indices, b: Array, r: Array, p: Any, inside: bool
    ) -> Array:
        """Return `rel + f(b)` of a gate at the given rows.

        Args:
            f: The activation.
            rows: Of the gate.
            row: Row of each lane's step.
            b: The bias, as `encode` stores it.
            r: The phrase's part of the recurrent term.
            p: Its part of the input's term; None where the input is not split.
            inside: Whether the steps belong to the phrase.
        """
        const = rows.outside if rows.inside is None or not inside else rows.inside
        z, const = gather_rows(rows.z, row), gather_rows(const, row)
        if not self.input_is_split:
            u, v = term_weights(self.rule, inside)
            y = self.encode(f, r)
            terms = [(u, y)] if u else []
            if v:
                terms.append((v, self._sum(y, rows.x, row)))
            return self.add_pairs(f, const, terms, b, z)
        both = self.encode(f, r + p)  # a product of exponentials could be infinity times 0
        if not self.rule.input_is_a_term:
            return self.add_pairs(f, const, [(1 / 2, both)], b, z)
        r, p = self.encode(f, r), self.encode(f, p)
        arguments = r, p, both, self._sum(r, rows.x, row), self._sum(p, rows.h, row)
        return self.add_pairs(f, const, [(1 / 6, y) for y in arguments], b, z)

    def add_pairs(
        self, f: str, const: Array, terms: Sequence[tuple[float, Array]], b: Array, z: Array
    ) -> Array:
        """Return `const` and `weight pair(y)` of each `(weight, y)`; `y`, `b`, `z` as stored."""
        if not self.exponential:
            act = ACTIVATIONS[f]
            for weight, y in terms:
                const = const + weight * (act(b + y) - act(z - y))
            return const
        fractions = [as_fraction(SCALES[f] * weight, y * b, y * z) for weight, y in terms]
        return add_fractions(fractions, const)

    def _sum(self, y: Array, stored: Any, row: Indices) -> Array:
        """Return `y` plus an argument of the rows, as stored."""
        other = gather_rows(stored, row)
        return y * other if self.exponential else y + other


class Fraction(NamedTuple):
    """A quotient that is not yet computed: a division costs more than all else of a pair."""

    numerator: Array
    denominator: Array


def add_fractions(fractions: Sequence[Fraction], start: Any = 0) -> Array:
    """Return `start` and the sum of fractions, at least one, by a division for two of them."""

    def divide(one: Fraction, other: Fraction | None = None) -> Array:
        if other is None:
            return one.numerator / one.denominator
        numerator = one.numerator * other.denominator + other.numerator * one.denominator
        return numerator / (one.denominator * other.denominator)

    pairs = (fractions[n : n + 2] for n in range(0, len(fractions), 2))
    return functools.reduce(jnp.add, itertools.starmap(divide, pairs), start)


def as_fraction(weight: float | Array, t: Array, u: Array) -> Fraction:
    """Return `weight (t u - 1) / ((1 + t) (1 + u))`, `t` and `u` cut off."""
    t, u = _cut_off(t), _cut_off(u)
    difference = t * u - 1
    return Fraction(weight * difference, difference + (2 + t + u))


def _cut_off(t: Array) -> Array:
    """Return `t`, at most a number for which `(1 + t)^4` is finite."""
    return jnp.minimum(t, (float(jnp.finfo(t.dtype).max) / 16) ** (1 / 4))


def term_weights(rule: Rule, inside: bool) -> tuple[float, float]:
    """Return `(u, v)` of the first formula above."""
    if rule.input_is_a_term:
        return (1 / 6, 1 / 3) if inside else (1 / 3, 1 / 6)
    return (0.0, 1 / 2) if inside else (1 / 2, 0.0)


def are_sigmoids(*activations: str) -> bool:
    """Return whether arguments of these activations can be stored as exponentials."""
    return set(activations) <= SCALES.keys()
