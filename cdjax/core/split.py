"""Two ways to compute a network that is written once: plainly, or on numbers split in parts.

A cell, a pool or a head is written in the operations of an interpreter, `ops`:

    ops.gates(W, x, b)       W_k x + b_k of every gate k, W [G, H, D]: a tuple of numbers
    ops.linear(W, x, b)      W x + b
    ops.activate(f, *terms)  f(sum of the terms)
    ops.multiply(gate, y)    gate * y
    ops.scale(a, y)          a * y, where the array `a` is not split
    ops.total(*terms)        the sum of the terms as an array
    ops.state(y)             y, as it is carried to the next step
    y + y', y + b, 1 - y     sums of numbers, the sum with a bias, the complement

`Plain` computes the network on arrays; `Parts` the same lines on `Split` numbers, under a rule: the
contextual decomposition. Principles R1 to R4 are named where they are applied; each conserves the
total, so `beta + gamma + bias` is the network's own number throughout.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from cdjax.activations import Activation
from cdjax.core.linearize import linearize
from cdjax.core.rules import Rule

HIGHEST = jax.lax.Precision.HIGHEST
"""Precision of every product: rounded to TF32 or bfloat16, the parts would no longer add up."""

Weight = Array | np.ndarray  # weights and inputs: JAX's arrays or NumPy's
Class = TypeVar("Class", bound=type)


def static_fields(*names: str) -> Callable[[Class], Class]:
    """Return a decorator of NamedTuples: as pytrees, these fields are structure and not leaves."""

    def register(cls: Class) -> Class:
        data = [name for name in vars(cls)["_fields"] if name not in names]
        return jax.tree_util.register_dataclass(cls, data, list(names))

    return register


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Split:
    """One quantity by where it comes from. `beta + gamma + bias` is the network's own value."""

    beta: Array  # the phrase alone
    gamma: Array  # involves, at least in part, something else
    bias: Array | None = None  # comes from no input at all; None in a state, which has no such part

    def __add__(self, other: "Split | Weight") -> "Split":
        """Return the sum with another number, or with an array that comes from no input."""
        if not isinstance(other, Split):
            return Split(self.beta, self.gamma, add(self.bias, other))
        return Split(self.beta + other.beta, self.gamma + other.gamma, add(self.bias, other.bias))

    def __rsub__(self, one: int) -> "Split":
        """Return `one` less this number; `one` comes from no input."""
        bias = jnp.full_like(self.beta, one) if self.bias is None else one - self.bias
        return Split(-self.beta, -self.gamma, bias)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Owned:
    """A quantity that belongs to the phrase as a whole at some steps, to the rest at the others."""

    value: Array  # [..., d]
    inside: Array  # [..., 1], bool: whether the phrase owns it

    def own(self, value: Array) -> Split:
        """Return a value with the same owners as two parts, of which one is 0."""
        return Split(jnp.where(self.inside, value, 0), jnp.where(self.inside, 0, value))


class Plain(NamedTuple):
    """Computes the network itself, on arrays; the operations are those of the module's head."""

    def gates(self, W: Weight, x: Weight, b: Weight | None = None) -> tuple[Array, ...]:
        y = self.linear(W.reshape(-1, W.shape[-1]), x, None if b is None else b.reshape(-1))
        return tuple(jnp.split(y, len(W), axis=-1))  # one product: its gradient is the faster

    def linear(self, W: Weight, x: Weight, b: Weight | None = None) -> Array:
        return add(jnp.matmul(x, W.T, precision=HIGHEST), b)

    def activate(self, f: Activation, *terms: Weight) -> Array:
        return f(add(*terms))

    def multiply(self, gate: Weight, content: Array) -> Array:
        return content * gate

    scale = multiply

    def total(self, *terms: Weight) -> Array:
        return add(*terms)

    def state(self, x: Array) -> Array:
        return x

    def start(self, state: Array) -> Array:
        """Return a state before the first step as a number."""
        return state

    def steps(self, reverse: bool) -> "Plain":
        """Return the interpreters of all steps, stacked."""
        return self


PLAIN = Plain()


@static_fields("rule")
class Parts(NamedTuple):
    """Computes the decomposition under a rule, on split numbers."""

    rule: Rule
    inside: Bool[Array, "t"]  # steps of the phrase
    owns: Bool[Array, "t"] | None = None  # whether the phrase owns a product of biases; None: never

    def gates(self, W: Weight, x: Split | Owned, b: Weight | None = None) -> tuple[Any, ...]:
        """R1: a linear map acts on the parts one by one; its bias comes from no input."""
        if isinstance(x, Owned):
            return tuple(Owned(value, x.inside) for value in PLAIN.gates(W, x.value, b))
        biases = (None,) * len(W) if x.bias is None else PLAIN.gates(W, x.bias)
        biases = biases if b is None else map(add, biases, b)
        return tuple(map(Split, PLAIN.gates(W, x.beta), PLAIN.gates(W, x.gamma), biases))

    def linear(self, W: Weight, x: Split, b: Weight | None = None) -> Split:
        """R1."""
        return self.gates(W[None], x, None if b is None else b[None])[0]

    def activate(self, f: Activation, *terms: Split | Owned) -> Split:
        """R2: the parts' Shapley values, the bias first in every order: it leaves `f(bias)`.

        Where the rule takes the input as a term of its own, every part of every term is a player;
        else the terms are added beforehand, and the players are the phrase and the rest.
        """
        if not self.rule.input_is_a_term:
            parts = (t.own(t.value) if isinstance(t, Owned) else t for t in terms)
            terms = (functools.reduce(Split.__add__, parts),)
        bias = add(*(term.bias for term in terms if isinstance(term, Split)))
        both = ((t.value,) if isinstance(t, Owned) else (t.beta, t.gamma) for t in terms)
        players = [part for parts in both for part in parts]
        bias = jnp.zeros_like(players[0]) if bias is None else bias
        shares = iter(linearize(f, players, bias))
        parts = [
            Split(next(shares), next(shares)) if isinstance(t, Split) else t.own(next(shares))
            for t in terms
        ]
        return functools.reduce(Split.__add__, parts) + f(bias)

    def multiply(self, gate: Split, content: Split) -> Split:
        """R3: what has a part of the rest in it is the rest's; biases alone stay a bias.

            (B, G, C) * (B', G', C') = (B B' + B C' + C B',  G (B' + C') + (B + G + C) G',  C C')

        Of `G B'` and `B G'` the phrase gets the shares that the rule says (`cdjax.core.rules`).
        Where the rule splits no gate, a gate only scales (R4).
        """
        rule, whole = self.rule, self.total(gate)
        if not rule.gates_are_split:
            return self.scale(whole, content)
        beta = add(gate.beta, gate.bias) * content.beta
        gamma = gate.gamma * content.beta + whole * content.gamma
        if rule.context_inside or rule.context_outside:
            share = jnp.where(self.inside, rule.context_inside, rule.context_outside)
            shared = share * gate.gamma * content.beta
            beta, gamma = beta + shared, gamma - shared
        if rule.gate_share:
            shared = rule.gate_share * gate.beta * content.gamma
            beta, gamma = beta + shared, gamma - shared
        if content.bias is None:
            return Split(beta, gamma)
        beta, gamma = beta + gate.beta * content.bias, gamma + gate.gamma * content.bias
        return Split(beta, gamma, None if gate.bias is None else gate.bias * content.bias)

    def scale(self, factor: Weight, x: Split) -> Split:
        """R4: what is not split scales the parts one by one."""
        return jax.tree.map(lambda part: factor * part, x)

    def total(self, *terms: Split | Owned) -> Array:
        """Return the sum of the terms, all parts together."""
        values = (t.value if isinstance(t, Owned) else add(t.beta, t.gamma, t.bias) for t in terms)
        return add(*values)

    def state(self, x: Split) -> Split:
        """Give the bias, the product of the biases of a gate and its content, to its owner."""
        if x.bias is None:
            return x
        owns = jnp.zeros((), bool) if self.owns is None else self.owns
        beta = x.beta + jnp.where(owns, x.bias, 0)
        return Split(beta, x.gamma + jnp.where(owns, 0, x.bias))

    def start(self, state: Array) -> Split:
        """Return a state before the first step: it belongs to the rest."""
        return Split(jnp.zeros_like(state), state)

    def steps(self, reverse: bool) -> "Parts":
        """Return the interpreters of all steps, stacked, for a pass in the given direction."""
        return self._replace(owns=self.rule.phrase_owns_bias_product(self.inside, reverse))


def add(*parts: Weight | None) -> Any:
    """Return the sum of what is not None; None where there is nothing."""
    present = [part for part in parts if part is not None]
    return functools.reduce(jnp.add, present) if present else None
