"""The choices that the paper leaves open, as data, and what published codes made of them."""

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
    """One reading of the method. Hashable, so it can be a static argument of `jit`.

    A gate is `rel + irr + bias` (what the phrase, the rest and the bias add to it), its content,
    say the cell state, `beta + gamma`. Of their product, the phrase gets `beta` times
    `rel + bias + context_share * irr`, the rest all else. Under every rule an empty phrase scores 0
    and `beta + gamma` is the network's own state.
    """

    name: str
    input_is_a_term: bool
    """Whether `W x_t` is linearized as a term of its own, or added to `V beta` (inside the phrase)
    or `V gamma` (outside) beforehand."""
    bias_product: BiasProduct
    context_share: float = 0.0
    """Share of the phrase, 0 to 1, in what the context's part of a gate does to its content."""
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
"""The paper: equations 13-32 and its prose ("some combination of beta and b_i or b_g (but not
both)"). The scores of the phrase and the rest add up; the rest of the whole input is not 0."""

ACD = Rule("acd", input_is_a_term=False, bias_product=BiasProduct.PHRASE)
"""Agglomerative contextual decomposition (Singh, Murdoch & Yu 2019; package `acd`). Differs from
the paper: (1) the input is no term of its own, (2) the phrase owns the product of the biases at all
its steps. The whole input leaves `gamma = 0`."""

RELEASED = Rule("released", input_is_a_term=False, bias_product=BiasProduct.PHRASE_BUT_LAST)
"""The authors' code of 2018. Differs from `ACD`: the phrase does not own the product of the biases
at its last step (an off-by-one). The rest of the whole input is not 0."""

MERGED = Rule("merged", input_is_a_term=False, bias_product=BiasProduct.REST)
"""An option of diagNNose. Differs from the paper: the input is no term of its own. The rest of the
whole input is not 0."""

SHARED = Rule("shared", input_is_a_term=False, bias_product=BiasProduct.PHRASE, context_share=0.5)
"""Differs from `ACD`: what the context's part of a gate does to the phrase's content is shared
evenly, as Shapley values share an interaction of two. The whole input leaves `gamma = 0`."""

SOURCE = Rule(
    "source", input_is_a_term=False, bias_product=BiasProduct.PHRASE, gates_are_split=False
)
"""diagNNose since 2020: the whole gate times a content belongs to the content's owner. Differs from
`ACD`: no gate is split, so what the phrase does to other words by the gates is not the phrase's,
and a negation hardly shows. The whole input leaves `gamma = 0`."""

RULES = {rule.name: rule for rule in (PAPER, ACD, RELEASED, MERGED, SHARED, SOURCE)}
"""The named rules by name."""
