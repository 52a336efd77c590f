"""The family of rules: every way to read what the paper leaves open, on a grid of shares."""

import itertools
from collections.abc import Sequence

from cdjax.core.rules import RULES, BiasProduct, Rule

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the context's gates, inside and outside."""
GATE_SHARES = (0.0, 0.25, 0.5)
QUICK = (0.5,), (0.0,)
"""The same of a quick run."""
PRODUCTS = {
    BiasProduct.REST: "rest",
    BiasProduct.PHRASE: "phrase",
    BiasProduct.PHRASE_BUT_LAST: "but last",
}


def make_family(
    shares: Sequence[float] = SHARES, gate_shares: Sequence[float] = GATE_SHARES
) -> dict[str, Rule]:
    """Return the rules by name; those that the library names are its own, and always among them.

    >>> family = make_family()
    >>> len(family), [name for name in family if name in RULES]
    (451, ['paper', 'even', 'merged', 'acd', 'shared', 'released', 'source'])
    >>> family["merged, phrase, 0.25 inside, 0.75 outside, gate 0.5"].context_outside
    0.75
    """
    named = {rule[1:]: rule for rule in RULES.values()}
    family = {}
    for term, product, inside, outside, gate in itertools.product(
        (True, False), PRODUCTS, shares, shares, gate_shares
    ):
        rule = Rule("", term, product, inside, outside, gate)
        rule = named.get(rule[1:], rule._replace(name=describe(rule)))
        family[rule.name] = rule
    return family | RULES


def describe(rule: Rule) -> str:
    """Return the choices of a rule in a few words.

    >>> describe(RULES["shared"])
    'merged, phrase, 0.5 inside, 0.5 outside, gate 0'
    """
    if not rule.gates_are_split:
        return f"gates not split, {PRODUCTS[rule.bias_product]}"
    return (
        f"{'term' if rule.input_is_a_term else 'merged'}, {PRODUCTS[rule.bias_product]}, "
        f"{rule.context_inside:g} inside, {rule.context_outside:g} outside, "
        f"gate {rule.gate_share:g}"
    )
