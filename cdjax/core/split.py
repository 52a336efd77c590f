"""Two ways to compute a network that is written once: plainly, or on numbers split in parts.

A cell, a pool or a head says what it computes by the operations of an interpreter (`Ops`). `Plain`
computes the network on arrays. `Parts` computes the same lines on `Split` numbers, under a rule:
that is its contextual decomposition. The four principles R1 to R4 are named where they are applied;
each conserves the total, so `beta + gamma + bias` is the network's own number throughout.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from cdjax.core.linearize import Activation, contributions, pair
from cdjax.core.rules import Rule

HIGHEST = jax.lax.Precision.HIGHEST
"""Precision of every product: GPU and TPU would otherwise round float32 to TF32 or bfloat16,
and the decomposition would no longer add up to the model's own output."""

Weight = Array | np.ndarray
"""Weights and inputs, of floats: JAX's arrays or NumPy's."""

T = TypeVar("T", bound=type)


def static_fields(*names: str) -> Callable[[T], T]:
    """Return the decorator that registers a NamedTuple as a pytree in which `names` are no leaves.

    They are part of its structure instead: any hashable values, constant while tracing.
    """

    def register(cls: T) -> T:
        fields: tuple[str, ...] = getattr(cls, "_fields")  # noqa: B009 - unknown to type checkers
        data = [name for name in fields if name not in names]

        def flatten(node: Any):
            return [getattr(node, n) for n in data], tuple(getattr(node, n) for n in names)

        def flatten_with_keys(node: Any):
            keys = [jax.tree_util.GetAttrKey(name) for name in data]
            children, static = flatten(node)
            return list(zip(keys, children, strict=True)), static

        def unflatten(static: Any, children: Any):
            return cls(**dict(zip([*names, *data], [*static, *children], strict=True)))

        jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
        return cls

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
            return Split(self.beta, self.gamma, _add(self.bias, other))
        bias = _add(self.bias, other.bias)
        return Split(self.beta + other.beta, self.gamma + other.gamma, bias)

    def __rsub__(self, one: int | float) -> "Split":
        """Return `one` less this number; `one` comes from no input."""
        bias = one if self.bias is None else one - self.bias
        return Split(-self.beta, -self.gamma, jnp.asarray(bias, self.beta.dtype))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Owned:
    """A quantity that belongs to the phrase as a whole at some steps, to the rest at the others."""

    value: Array  # [..., d]
    inside: Array  # [..., 1], bool: whether the phrase owns it

    def split(self) -> Split:
        """Return the same as two parts, of which one is 0."""
        return Split(jnp.where(self.inside, self.value, 0), jnp.where(self.inside, 0, self.value))


@runtime_checkable
class Ops(Protocol):
    """What a cell is written in. A number is an `Array` for `Plain`, a `Split` for `Parts`.

    Besides these: `y + y'` and `y + b`, the sum of numbers and that with a bias, which comes from
    no input; and `1 - y`, the complement.
    """

    def gates(self, W: Weight, x: Any, b: Weight | None = None) -> tuple[Any, ...]:
        """Return `W_k x + b_k` of every gate, `W [G, H, D]`, as one product."""
        ...

    def linear(self, W: Weight, x: Any, b: Weight | None = None) -> Any:
        """Return `W x + b`."""
        ...

    def activate(self, f: Activation, *terms: Any) -> Any:
        """Return `f` of the sum of the terms."""
        ...

    def multiply(self, gate: Any, content: Any) -> Any:
        """Return `gate * content`."""
        ...

    def scale(self, factor: Weight, x: Any) -> Any:
        """Return the product with an array that is not split."""
        ...

    def total(self, *terms: Any) -> Array:
        """Return the sum of the terms as an array."""
        ...

    def state(self, x: Any) -> Any:
        """Return a number as it is carried to the next step."""
        ...

    def start(self, state: Array) -> Any:
        """Return a state before the first step as a number."""
        ...

    def steps(self, reverse: bool) -> Any:
        """Return the interpreters of all steps, stacked, for a pass in the given direction."""
        ...


class Plain(NamedTuple):
    """Computes the network itself, on arrays."""

    def steps(self, reverse: bool) -> "Plain":
        """Return the interpreter of each step, stacked."""
        return self

    def start(self, state: Array) -> Array:
        """Return a state before the first step."""
        return state

    def gates(self, W: Weight, x: Weight, b: Weight | None = None) -> tuple[Array, ...]:
        """Return `W_k x + b_k` of every gate, `W [G, H, D]`, as one product."""
        return _gates(W, x, b)

    def linear(self, W: Weight, x: Weight, b: Weight | None = None) -> Array:
        """Return `W x + b`."""
        y = jnp.matmul(W, x, precision=HIGHEST)
        return y if b is None else y + b

    def activate(self, f: Activation, *terms: Weight) -> Array:
        """Return `f` of the sum of the terms."""
        return f(self.total(*terms))

    def multiply(self, gate: Array, content: Array) -> Array:
        """Return the product."""
        return gate * content

    def scale(self, factor: Weight, x: Weight) -> Array:
        """Return the product with an array that is never split."""
        return jnp.asarray(factor) * x

    def total(self, *terms: Weight) -> Array:
        """Return the sum of the terms."""
        return _add(*terms)

    def state(self, x: Array) -> Array:
        """Return a state as it is carried on."""
        return x


PLAIN = Plain()


@static_fields("rule")
class Parts(NamedTuple):
    """Computes the decomposition under a rule, on split numbers."""

    rule: Rule
    inside: Bool[Array, "t"]  # steps of the phrase
    owns: Bool[Array, "t"] | None = None  # whether the phrase owns a product of biases; None: never

    def steps(self, reverse: bool) -> "Parts":
        """Return the interpreter of each step, stacked, for a pass in the given direction."""
        return self._replace(owns=self.rule.phrase_owns_bias_product(self.inside, reverse))

    def start(self, state: Array) -> Split:
        """Return a state before the first step: it belongs to the rest."""
        return Split(jnp.zeros_like(state), state)

    def gates(self, W: Weight, x: Split | Owned, b: Weight | None = None) -> tuple:
        """Return `W_k x + b_k` of every gate (R1: a linear map acts on the parts one by one)."""
        if isinstance(x, Owned):
            return tuple(Owned(value, x.inside) for value in _gates(W, x.value, b))
        beta, gamma = _gates(W, x.beta), _gates(W, x.gamma)
        bias = (None,) * len(beta) if x.bias is None else _gates(W, x.bias)
        biases = bias if b is None else [_add(part, b_k) for part, b_k in zip(bias, b, strict=True)]
        return tuple(map(Split, beta, gamma, biases))

    def linear(self, W: Weight, x: Split, b: Weight | None = None) -> Split:
        """Return `W x + b` (R1)."""
        beta, gamma = PLAIN.linear(W, x.beta), PLAIN.linear(W, x.gamma)
        return Split(beta, gamma, _add(None if x.bias is None else PLAIN.linear(W, x.bias), b))

    def activate(self, f: Activation, *terms: Split | Owned) -> Split:
        """Return `f` of the sum of the terms, by the parts' Shapley values (R2).

        The bias comes first in every order, so that `f(bias)` is the bias of the result. Where
        the rule takes the input as a term of its own, every part of every term is a player; else
        the terms are added beforehand, and the players are the phrase and the rest.
        """
        bias = _add(*(term.bias for term in terms if isinstance(term, Split)))
        if len(terms) > 1 and self.rule.input_is_a_term:
            players = [
                part
                for term in terms
                for part in ((term.value,) if isinstance(term, Owned) else (term.beta, term.gamma))
            ]
            shares = iter(contributions(f, players, 0.0 if bias is None else bias))
            parts = [
                Owned(next(shares), term.inside).split()
                if isinstance(term, Owned)
                else Split(next(shares), next(shares))
                for term in terms
            ]
            sums = functools.reduce(Split.__add__, parts)
            beta, gamma = sums.beta, sums.gamma
        else:
            parts = [term.split() if isinstance(term, Owned) else term for term in terms]
            sums = functools.reduce(Split.__add__, parts)
            beta, gamma = pair(f, sums.beta, sums.gamma, 0.0 if bias is None else bias)
        return Split(beta, gamma, f(jnp.zeros_like(beta) if bias is None else bias))

    def multiply(self, gate: Split, content: Split) -> Split:
        """Return the product of a gate and its content, both split (R3).

            (B, G, C) * (B', G', C') = (B B' + B C' + C B',  G (B' + C') + (B + G + C) G',  C C')

        What the context's part of the gate does to the phrase's content, `G B'`, goes to the phrase
        to the share that the rule says. Where the rule splits no gate, a gate only scales (R4).
        """
        if not self.rule.gates_are_split:
            return self.scale(self.total(gate), content)
        whole = self.total(gate)
        constant = jnp.zeros_like(content.beta) if content.bias is None else content.bias
        gate_bias = jnp.zeros_like(gate.beta) if gate.bias is None else gate.bias
        beta = gate.beta * (content.beta + constant) + gate_bias * content.beta
        gamma = gate.gamma * (content.beta + constant) + whole * content.gamma
        if self.rule.context_share:
            shared = self.rule.context_share * gate.gamma * content.beta
            beta, gamma = beta + shared, gamma - shared
        return Split(beta, gamma, None if content.bias is None else gate_bias * constant)

    def scale(self, factor: Weight, x: Split) -> Split:
        """Return the product with an array that is not split (R4)."""
        factor = jnp.asarray(factor)
        bias = None if x.bias is None else factor * x.bias
        return Split(factor * x.beta, factor * x.gamma, bias)

    def total(self, *terms: Split | Owned) -> Array:
        """Return the sum of the terms, all parts together."""
        return _add(
            *(t.value if isinstance(t, Owned) else _add(t.beta + t.gamma, t.bias) for t in terms)
        )

    def state(self, x: Split) -> Split:
        """Return a state as it is carried on: its bias goes to whom the rule says."""
        if x.bias is None:
            return x
        if self.owns is None:
            return Split(x.beta, x.gamma + x.bias)
        beta = x.beta + jnp.where(self.owns, x.bias, 0)
        return Split(beta, x.gamma + jnp.where(self.owns, 0, x.bias))


def _gates(W: Weight, x: Weight, b: Weight | None = None) -> tuple[Array, ...]:
    product = jnp.einsum("ghd,...d->g...h", W, x, precision=HIGHEST)
    return tuple(product if b is None else product + b)


def _add(*parts: Weight | None) -> Any:
    """Return the sum of what is not None; None where there is nothing."""
    present = [jnp.asarray(part) for part in parts if part is not None]
    return functools.reduce(jnp.add, present) if present else None
