"""The two choices that the paper leaves open, and what each published code made of them."""

import enum
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool


class BiasProduct(enum.Enum):
    """Who is credited with `bias_i * bias_g`, the part of the cell update no word has a hand in."""

    REST = "always gamma"
    PHRASE = "beta at every step inside the phrase"
    PHRASE_BUT_LAST = "beta at every step inside the phrase but its last"


class Rule(NamedTuple):
    """One reading of the method. Hashable, so it can be a static argument of `jit`."""

    name: str
    input_is_a_term: bool
    """Whether `W x_t` is linearized as a term of its own, or added to `V beta` (inside the phrase)
    or `V gamma` (outside) beforehand."""
    bias_product: BiasProduct

    def phrase_owns_bias_product(self, inside: Bool[Array, "t"]) -> Bool[Array, "t"]:
        """Return the steps at which `bias_i * bias_g` counts as the phrase's own."""
        if self.bias_product is BiasProduct.REST:
            return jnp.zeros_like(inside)
        if self.bias_product is BiasProduct.PHRASE:
            return inside
        remaining = jnp.flip(jnp.cumsum(jnp.flip(inside)))  # steps of the phrase from here on
        return inside & (remaining > 1)


# The paper, as equations 13-32 and its prose ("some combination of beta and b_i or b_g (but not
# both)") have it.
PAPER = Rule("paper", input_is_a_term=True, bias_product=BiasProduct.REST)

# Agglomerative contextual decomposition (Singh, Murdoch & Yu 2019; package `acd`). Differs from the
# paper: (1) the input is no term of its own, (2) the phrase owns the product of the biases at all
# its steps. So a whole sentence leaves gamma = 0: its score is the logit less the output bias.
ACD = Rule("acd", input_is_a_term=False, bias_product=BiasProduct.PHRASE)

# The authors' code release of 2018. Differs from ACD: the phrase does not own the product of the
# biases at its last step (an off-by-one).
RELEASED = Rule("released", input_is_a_term=False, bias_product=BiasProduct.PHRASE_BUT_LAST)

# An option of diagNNose. Differs from the paper: the input is no term of its own.
MERGED = Rule("merged", input_is_a_term=False, bias_product=BiasProduct.REST)

RULES = {rule.name: rule for rule in (PAPER, ACD, RELEASED, MERGED)}
"""The rules by name."""
