import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.rules import ACD, MERGED, PAPER, RELEASED, RULES


@pytest.mark.parametrize(
    ("rule", "inside", "owned"),
    [
        (PAPER, [0, 1, 1, 0], [0, 0, 0, 0]),
        (MERGED, [0, 1, 1, 0], [0, 0, 0, 0]),
        (ACD, [0, 1, 1, 0], [0, 1, 1, 0]),
        (RELEASED, [0, 1, 1, 0], [0, 1, 0, 0]),
        (RELEASED, [1, 0, 0, 1], [1, 0, 0, 0]),  # a set: its last word, wherever
        (RELEASED, [0, 0, 0, 0], [0, 0, 0, 0]),
    ],
)
def test_who_owns_the_product_of_the_biases(rule, inside, owned):
    mask = rule.phrase_owns_bias_product(jnp.array(inside, bool))
    np.testing.assert_array_equal(np.zeros(len(inside), bool) if mask is None else mask, owned)
    reverse = rule.phrase_owns_bias_product(jnp.array(inside[::-1], bool), reverse=True)
    np.testing.assert_array_equal(np.zeros(4, bool) if reverse is None else reverse, owned[::-1])


def test_rules_go_by_their_names_and_differ():
    assert {name: rule.name for name, rule in RULES.items()} == {n: n for n in RULES}
    assert len({rule[1:] for rule in RULES.values()}) == len(RULES) == 6
