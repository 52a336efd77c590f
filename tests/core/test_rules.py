import itertools
from types import SimpleNamespace

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.rules import (
    ACD,
    EVEN,
    MERGED,
    PAPER,
    RELEASED,
    RULES,
    SHARED,
    SOURCE,
    BiasProduct,
    Rule,
)
from cdjax.core.split import Parts, Split

from tests.conftest import random_layer
from tests.engine.test_networks import random_gru


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
    assert len({rule[1:] for rule in RULES.values()}) == len(RULES) == 7


def product_game(gate, content):
    """The value of each coalition of the product of two numbers: absent players' parts are 0."""

    def value(*players):
        present = ["bias", *players]
        total = [sum(getattr(number, part) for part in present) for number in (gate, content)]
        return total[0] * total[1]

    return value


def joins(value, second):
    """What the phrase adds on average if it joins second, after the rest, with a probability."""
    first = value("beta") - value()
    return (1 - second) * first + second * (value("beta", "gamma") - value("gamma"))


def shapley_value(value, player, players):
    """By the definition: the mean over orders."""
    orders = list(itertools.permutations(players))
    gains = [value(*o[: o.index(player) + 1]) - value(*o[: o.index(player)]) for o in orders]
    return sum(gains) / len(orders)


NUMBERS = np.random.default_rng(0).normal(size=(2, 3, 5))
GATE, CONTENT = (SimpleNamespace(beta=b, gamma=g, bias=c) for b, g, c in NUMBERS)


def share_of_phrase(rule, inside=True):
    """The phrase's part of the product, with no product of biases in it."""
    gate, content = (Split(*map(jnp.asarray, parts)) for parts in NUMBERS)
    return Parts(rule, jnp.asarray(inside)).multiply(gate, content).beta


def make_rule(inside=0.0, outside=0.0, gate=0.0, product=BiasProduct.PHRASE, term=False):
    return Rule("of the family", term, product, inside, outside, gate)


@pytest.mark.usefixtures("x64")
def test_what_a_share_is_in_a_game():
    value = product_game(GATE, CONTENT)
    assert np.allclose(joins(value, 0.5), shapley_value(value, "beta", ("beta", "gamma")))
    for a in (0.0, 0.25, 0.5, 1.0):
        np.testing.assert_allclose(share_of_phrase(make_rule(a, a, a)), joins(value, a), rtol=1e-12)

    def gated(*players):  # the phrase gates the rest's content even if it does not play
        return value(*players) + (GATE.beta * CONTENT.gamma if players == ("gamma",) else 0)

    for a in (0.0, 0.25, 0.5, 1.0):
        np.testing.assert_allclose(share_of_phrase(make_rule(a, a)), joins(gated, a), rtol=1e-12)
    expected = shapley_value(gated, "beta", ("beta", "gamma"))
    np.testing.assert_allclose(share_of_phrase(SHARED), expected, rtol=1e-12)
    for rule in (PAPER, ACD, RELEASED, MERGED):
        np.testing.assert_allclose(share_of_phrase(rule), value("beta") - value(), rtol=1e-12)
    whole = GATE.beta + GATE.gamma + GATE.bias
    contents = product_game(SimpleNamespace(beta=0, gamma=0, bias=whole), CONTENT)
    expected = shapley_value(contents, "beta", ("beta", "gamma"))
    np.testing.assert_allclose(share_of_phrase(SOURCE), expected, rtol=1e-12)
    assert np.abs(share_of_phrase(SHARED) - share_of_phrase(SOURCE)).max() > 0.1


@pytest.mark.usefixtures("x64")
def test_inside_and_outside_have_shares_of_their_own():
    rule = make_rule(0.25, 0.75)
    for inside, share in ((True, 0.25), (False, 0.75)):
        expected = share_of_phrase(make_rule(share, share), inside)
        np.testing.assert_allclose(share_of_phrase(rule, inside), expected, rtol=1e-12)


ADDING_UP = [
    (SOURCE, True),
    (make_rule(0.5, 0.5, 0.5), True),
    (make_rule(0.75, 0.75, 0.25, term=True), True),
    (make_rule(1.0, 1.0, 0.0), True),
    (make_rule(0.5, 0.75, 0.5), False),
    (make_rule(0.5, 0.5, 0.25), False),
    (make_rule(0.5, 0.5, 0.5, BiasProduct.REST), False),
    (SHARED, False),
    (EVEN, False),
    (ACD, False),
]


@pytest.mark.thorough
@pytest.mark.usefixtures("x64")
def test_which_rules_score_a_phrase_and_the_rest_to_the_whole():
    rng = np.random.default_rng(1)
    layers = random_layer(rng, 3, 4), random_gru(rng, 4, 3)._replace(c=rng.normal(size=3))
    x, inside = rng.normal(size=(6, 3)), np.array([0, 1, 1, 0, 1, 0], bool)
    with jax.disable_jit():
        for rule, adds_up in ADDING_UP:
            phrase, others, whole = (
                cdjax.decompose(layers, x, mask, rule)
                for mask in (inside, ~inside, np.ones(6, bool))
            )
            gap = np.abs(phrase.beta + others.beta - whole.beta)[-1].max()
            assert (gap < 1e-12) == adds_up, (rule, gap)
            assert adds_up or gap > 1e-4, (rule, gap)
            assert (np.abs(whole.gamma).max() < 1e-12) == rule.whole_input_adds_up
