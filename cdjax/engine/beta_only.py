"""The decomposition without the rest, where nothing but `beta` is asked for.

The rest need not be carried, since `gamma = whole - beta - bias` and the whole is the forward pass.
`BetaOnly` is a third interpreter of a network (`cdjax.core.split`): the principles of `Parts`, on
numbers that hold the network's own value in place of `gamma`. Under `vmap` over phrases that value,
the same for all of them, is computed once.

Where all that has been read belongs to the phrase, the rest is 0, but the difference is a rounding
error, which further steps may amplify: a hundredfold within 40 words by some networks and rules. So
every number says whether there is a rest at all.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cdjax.activations import ACTIVATIONS, Activation
from cdjax.checks import check_region
from cdjax.core.network import Classifier, read_out, run
from cdjax.core.rules import Rule
from cdjax.core.split import HIGHEST, PLAIN, Owned, Weight, add, static_fields
from cdjax.engine.gates import SCALES, add_fractions, as_fraction


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Share:
    """One quantity, and the phrase's part of it: a `cdjax.core.split.Split` without the rest."""

    beta: Array  # the phrase alone
    whole: Array  # the network's own value
    mixed: Array  # [..., H] or [..., 1]: True, or not 0 after a mean, in some unit: there is a rest
    bias: Array | None = None  # comes from no input at all; None in a state, which has no such part
    kind: str = field(default="share", metadata={"static": True})
    """Tells it from a `Split`. JAX 0.10 takes pytrees of registered dataclasses for equal whose
    fields are, whatever their class: now and then it used what was traced for the one on the other.
    """

    @property
    def has_rest(self) -> Array:
        """Whether `gamma` is anything but 0, bool `[..., 1]`."""
        return jnp.any(self.mixed.astype(bool), axis=-1, keepdims=True)

    @property
    def gamma(self) -> Array:
        """What involves, at least in part, something else."""
        rest = self.whole - self.beta
        rest = rest if self.bias is None else rest - self.bias
        return jnp.where(self.has_rest, rest, 0)

    def __add__(self, other: "Share | Weight") -> "Share":
        """Return the sum with another number, or with an array that comes from no input."""
        if not isinstance(other, Share):
            return Share(self.beta, self.whole + other, self.mixed, add(self.bias, other))
        bias, mixed = add(self.bias, other.bias), self.has_rest | other.has_rest
        return Share(self.beta + other.beta, self.whole + other.whole, mixed, bias)

    def __rsub__(self, one: int) -> "Share":
        """Return `one` less this number; `one` comes from no input."""
        bias = jnp.full_like(self.whole, one) if self.bias is None else one - self.bias
        return Share(-self.beta, one - self.whole, self.mixed, bias)


@static_fields("rule", "kind")
class BetaOnly(NamedTuple):
    """Computes the phrase's part under a rule; the operations are those of `Parts`."""

    rule: Rule
    inside: Bool[Array, "t"]
    owns: Bool[Array, "t"] | None = None
    kind: str = "beta only"  # tells it from `Parts`, as that of a `Share`

    def gates(self, W: Weight, x: Share | Owned, b: Weight | None = None) -> tuple[Any, ...]:
        if isinstance(x, Owned):
            return tuple(Owned(value, x.inside) for value in PLAIN.gates(W, x.value, b))
        biases = [None] * len(W) if b is None else list(b)
        return tuple(self.linear(V, x, c) for V, c in zip(W, biases, strict=True))

    def linear(self, W: Weight, x: Share, b: Weight | None = None) -> Share:
        def product(y: Array) -> Array:
            return jnp.einsum("hd,...d->...h", W, y, precision=HIGHEST)

        bias = add(None if x.bias is None else product(x.bias), b)
        return Share(product(x.beta), add(product(x.whole), b), x.has_rest, bias)

    def activate(self, f: Activation, *terms: Share | Owned) -> Share:
        if not self.rule.input_is_a_term:
            shares = (_share(t, t.value) if isinstance(t, Owned) else t for t in terms)
            terms = (functools.reduce(Share.__add__, shares),)
        whole = self.total(*terms)
        bias = add(*(term.bias for term in terms if isinstance(term, Share)))
        bias = jnp.zeros_like(whole) if bias is None else bias
        rests = [~t.inside if isinstance(t, Owned) else t.has_rest for t in terms]
        nothing = [~t.inside if isinstance(t, Owned) else t.beta == 0 for t in terms]
        mixed = functools.reduce(jnp.logical_or, rests)
        # Not what rounding makes of a phrase or of a rest that has nothing here:
        beta = jnp.where(mixed, linearize(f, terms, bias, whole), f(whole) - f(bias))
        beta = jnp.where(functools.reduce(jnp.logical_and, nothing), 0, beta)
        return Share(beta, f(whole), mixed, f(bias))

    def multiply(self, gate: Share, content: Share) -> Share:
        rule = self.rule
        if not rule.gates_are_split:
            return self.scale(gate.whole, content)
        beta = add(gate.beta, gate.bias) * content.beta
        if rule.context_inside or rule.context_outside:
            share = jnp.where(self.inside, rule.context_inside, rule.context_outside)
            beta = beta + share * gate.gamma * content.beta
        if rule.gate_share:
            beta = beta + rule.gate_share * gate.beta * content.gamma
        whole, mixed = gate.whole * content.whole, gate.has_rest | content.has_rest
        if content.bias is None:
            return Share(beta, whole, mixed)
        bias = None if gate.bias is None else gate.bias * content.bias
        return Share(beta + gate.beta * content.bias, whole, mixed, bias)

    def scale(self, factor: Weight, x: Share) -> Share:
        factor = jnp.asarray(factor)
        bias = None if x.bias is None else factor * x.bias
        return Share(factor * x.beta, factor * x.whole, x.mixed, bias)

    def total(self, *terms: Share | Owned) -> Array:
        return add(*(t.value if isinstance(t, Owned) else t.whole for t in terms))

    def state(self, x: Share) -> Share:
        beta, mixed = x.beta, x.has_rest
        if x.bias is not None:
            owns = jnp.zeros((), bool) if self.owns is None else self.owns
            beta = beta + jnp.where(owns, x.bias, 0)
            mixed = mixed | (~owns & jnp.any(x.bias != 0, axis=-1, keepdims=True))
        return Share(beta, x.whole, jnp.broadcast_to(mixed, beta.shape))

    def start(self, state: Array) -> Share:
        return Share(jnp.zeros_like(state), state, state != 0)

    def steps(self, reverse: bool) -> "BetaOnly":
        return self._replace(owns=self.rule.phrase_owns_bias_product(self.inside, reverse))


def _share(owned: Owned, value: Array) -> Share:
    return Share(jnp.where(owned.inside, value, 0), value, ~owned.inside)


class Players(NamedTuple):
    """Some of the parts of which terms consist."""

    value: Array | None  # their sum; None where it is 0
    size: int  # how many
    ours: Any  # how many are the phrase's: an int, or an array [..., 1]
    varies: bool = False  # whether the sum depends on the phrase

    def __add__(self, other: tuple[Any, ...]) -> "Players":
        """Return those of two terms."""
        value, size, ours, varies = other
        value = add(self.value, value)
        return Players(value, self.size + size, self.ours + ours, self.varies or varies)


def _choices(term: Share | Owned) -> tuple[Players, ...]:
    """Return all sets of a term's parts; what is not in one is in its counterpart from the end."""
    nobody = Players(None, 0, 0)
    if isinstance(term, Owned):
        return nobody, Players(term.value, 1, term.inside.astype(term.value.dtype))
    both = term.whole if term.bias is None else term.whole - term.bias
    alone = Players(term.beta, 1, 1, varies=True), Players(term.gamma, 1, 0, varies=True)
    return nobody, *alone, Players(both, 2, 1)


def linearize(f: Activation, terms: Sequence[Share | Owned], bias: Array, whole: Array) -> Array:
    """Return the phrase's share of `f(whole)`: the sum of its parts' shares.

    In the sum of `cdjax.core.linearize` over several of the N parts, `f(bias + S)` has the weight

        w(|S| - 1) (how many of them are in S) - w(|S|) (how many are not)

    with `w(k) = 1 / (N C(N - 1, k))`. What is not in S has the same weight, but for the sign, and
    the sum `whole - bias - S`. So half of the sets suffice, each with a pair of values:

        weight(S) [f(bias + S) - f(whole - S)]

    Of two terms of two parts each, five pairs depend on the phrase.
    """
    scale = next((scale for name, scale in SCALES.items() if ACTIVATIONS[name] is f), None)
    sets = [functools.reduce(Players.__add__, each) for each in product(*map(_choices, terms))]
    _, n, ours, _ = sets[-1]
    w = [1 / (n * math.comb(n - 1, k)) for k in range(n)]
    share, fractions = jnp.zeros_like(whole), []
    for value, size, inside, varies in sets[: len(sets) // 2]:
        weight = (w[size - 1] * inside if size else 0) - w[size] * (ours - inside)
        if not isinstance(weight, Array) and not weight:
            continue
        low, high = add(bias, value), whole if value is None else whole - value
        if scale and varies:
            low, high = jnp.exp(scale * low), jnp.exp(-scale * high)
            fractions.append(as_fraction(scale * weight, low, high))
        else:
            share = share + weight * (f(low) - f(high))
    return add_fractions(fractions, share)


def score(
    network: Classifier,
    x: Float[Weight, "t d"],
    inside: Bool[Weight, "t *d"],
    rule: Rule,
    valid: Bool[Weight, "t"],
    at: Int[Weight, "n"] | None = None,
) -> Float[Array, "*n k"]:
    """Return the score of a set of steps or a region: `split_logits(...).beta`.

    Args:
        network: The network, without its embedding.
        x: The input vectors.
        inside: The steps of the set; or a region.
        rule: Which reading of the method.
        valid: The steps that are real.
        at: Of a network with the pool "each", the steps whose logits are wanted; all when None.
    """
    check_region(inside, rule)
    x = jnp.where(jnp.expand_dims(valid, 1), x, 0)
    inside = jnp.asarray(inside)
    steps = (inside if inside.ndim == 1 else jnp.any(inside, axis=1)) & valid
    number: Any = Owned(x, jnp.expand_dims(steps, 1))
    if inside.ndim == 2:
        number = Share(jnp.where(inside, x, 0), x, ~inside)
    ops = BetaOnly(rule, steps)
    h = run(network.layers, number, ops, valid=valid)
    if at is None:
        return read_out(network, h, ops, valid).beta
    return read_out(network, jax.tree.map(lambda part: part[at], h), ops).beta
