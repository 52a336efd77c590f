"""The choices that the paper leaves open, as data, and what published codes made of them.

Whatever the rule, an activation of a sum is split by the Shapley values of its terms (`linearize`),
the parts add up to the network's own numbers, and an empty phrase scores 0. Rules differ in whether
the input is a term there, and in products of a gate and its content, `(B + G + C) (B' + G' + C')`.
The phrase (B) gets `B B' + B C' + C B'`, the rest (G) `G G' + G C' + C G'`; C is the bias. Shared:

    G B'    the context gates the phrase's content      a to the phrase, 1 - a to the rest
    B G'    the phrase gates the context's content      w to the phrase, 1 - w to the rest
    C C'    what happens without any input              to the rest or the phrase, as a whole

As a game of two players, `v(S)` is the product without the parts of whoever is not in `S`; `C C'`,
the value of nobody, is no player's. The phrase's share is

- for a = w what it adds to `v` if it joins second with probability a: for 1/2 its Shapley value,
  for 0 what it does alone (`PAPER`, `ACD`, `RELEASED`, `MERGED`), for 1 what is lost without it;
- for w = 0 the same in a game where it gates the rest's content even if it does not play, in which
  `v({rest})` has `B G'` besides: for a = 1/2 the Shapley value of that game (`SHARED`, `EVEN`);
- for gates that are not split (`SOURCE`) its Shapley value where contents alone play.

No score is a Shapley value of the whole network. Where the phrase owns `C C'` at all its steps, the
whole input leaves the rest nothing; if, besides, w = 1 - a everywhere or gates are not split, a
phrase and all other words add up to the whole.
"""

import enum
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool


class BiasProduct(enum.Enum):
    """Who owns `bias_i * bias_g`, the part of a cell's update that comes from no input at all."""

    REST = "the rest, always"
    PHRASE = "the phrase, at each of its steps"
    PHRASE_BUT_LAST = "the phrase, at each of its steps but the last"


class Rule(NamedTuple):
    """One reading of the method. Hashable, so it can be a static argument of `jit`."""

    name: str
    input_is_a_term: bool
    """Whether `W x_t` is linearized as a term of its own, or added to `V beta` (inside the phrase)
    or `V gamma` (outside) beforehand."""
    bias_product: BiasProduct
    context_inside: float = 0.0
    """The phrase's share a, 0 to 1, of `G B'` at its own steps."""
    context_outside: float = 0.0
    """The same at all other steps."""
    gate_share: float = 0.0
    """The phrase's share w, 0 to 1, of `B G'`."""
    gates_are_split: bool = True
    """Whether a gate is split at all; if not, it scales the parts of its content."""

    @property
    def whole_input_adds_up(self) -> bool:
        """Whether the whole input leaves nothing to the rest, nor to the product of biases."""
        return self.bias_product is BiasProduct.PHRASE

    @property
    def takes_regions(self) -> bool:
        """Whether a step partly inside has a meaning: not who owns a product of biases there."""
        return self.bias_product is BiasProduct.REST

    def phrase_owns_bias_product(
        self, inside: Bool[Array, "t"], reverse: bool = False
    ) -> Bool[Array, "t"] | None:
        """Return the steps at which the phrase, `inside`, owns the product of biases; None: never.

        In `reverse`, the steps are gone through from the last to the first.
        """
        if self.bias_product is BiasProduct.REST:
            return None
        if self.bias_product is BiasProduct.PHRASE:
            return inside
        ahead = jnp.cumsum(inside) if reverse else jnp.flip(jnp.cumsum(jnp.flip(inside)))
        return inside & (ahead > 1)  # counting from here on, this step included


PAPER = Rule("paper", input_is_a_term=True, bias_product=BiasProduct.REST)
"""The paper: equations 13-32 and "some combination of beta and b_i or b_g (but not both)"."""

ACD = Rule("acd", input_is_a_term=False, bias_product=BiasProduct.PHRASE)
"""Agglomerative contextual decomposition (Singh, Murdoch & Yu 2019; package `acd`)."""

RELEASED = Rule("released", input_is_a_term=False, bias_product=BiasProduct.PHRASE_BUT_LAST)
"""The authors' code of 2018, with an off-by-one."""

MERGED = Rule("merged", input_is_a_term=False, bias_product=BiasProduct.REST)
"""An option of diagNNose."""

SHARED = Rule("shared", False, BiasProduct.PHRASE, context_inside=0.5, context_outside=0.5)
"""As `ACD`, but what the context's gates do to the phrase's content is shared evenly."""

EVEN = Rule("even", True, BiasProduct.PHRASE, context_inside=0.5, context_outside=0.5)
"""As `SHARED`, the input a term of its own; the choice, of 451, of `benchmarks.paper rules`."""

SOURCE = Rule("source", False, BiasProduct.PHRASE, gates_are_split=False)
"""diagNNose since 2020: all that gates do is their content's owner's; a negation hardly shows."""

RULES = {rule.name: rule for rule in (PAPER, ACD, RELEASED, MERGED, SHARED, EVEN, SOURCE)}
