import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.linearize import contributions, linearize, pair, subsets

from tests.reference import sigmoid

ACTIVATIONS = {"tanh": (jnp.tanh, np.tanh), "sigmoid": (lambda z: 1 / (1 + jnp.exp(-z)), sigmoid)}


@pytest.fixture
def terms(x64):
    return [jnp.asarray(row) for row in np.random.default_rng(0).normal(0, 2, (4, 11))]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [0.0, "a bias"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_contributions_add_up_to_what_the_bias_leaves(terms, activation, bias, count):
    f, literal = ACTIVATIONS[activation]
    bias = terms[3] if bias else 0.0
    parts = linearize(f, terms[:count], bias)
    assert len(parts) == count
    rest = literal(np.asarray(sum(terms[:count], bias))) - literal(np.asarray(bias + 0 * terms[0]))
    np.testing.assert_allclose(sum(parts), rest, rtol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [0.0, "a bias"])
@pytest.mark.parametrize("count", [2, 3])
def test_closed_forms_equal_the_permutations(terms, activation, bias, count):
    f, _ = ACTIVATIONS[activation]
    bias = terms[3] if bias else 0.0
    expected = linearize(f, terms[:count], bias)
    np.testing.assert_allclose(contributions(f, terms[:count], bias), expected, rtol=1e-12)
    if count == 2:
        np.testing.assert_array_equal(pair(f, *terms[:2], bias), contributions(f, terms[:2], bias))


def test_known_answers():
    # Two orders of (a, b) under the square: a adds a^2 or a^2 + 2ab, so L(a) = a^2 + ab.
    square, a, b = jnp.square, jnp.float32(3), jnp.float32(5)
    assert [float(part) for part in linearize(square, [a, b])] == [9 + 15, 25 + 15]
    # With a bias first each term also gets its product with the bias whole: 2 * bias * a.
    assert [float(part) for part in linearize(square, [a, b], jnp.float32(7))] == [66, 110]


def test_a_term_of_zero_gets_nothing_and_takes_nothing(terms):
    zero = jnp.zeros_like(terms[0])
    with_zero = linearize(jnp.tanh, [terms[0], zero, terms[1]], terms[2])
    np.testing.assert_array_equal(with_zero[1], 0)
    without = pair(jnp.tanh, terms[0], terms[1], terms[2])
    np.testing.assert_allclose(with_zero[::2], without, rtol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [0.0, "a bias"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_subsets_equal_the_permutations(terms, activation, bias, count):
    f, _ = ACTIVATIONS[activation]
    bias = terms[3] if bias else 0.0
    parts = subsets(f, terms[:count], bias)
    np.testing.assert_allclose(parts, linearize(f, terms[:count], bias), rtol=1e-12, atol=1e-15)


def test_four_terms_go_by_subsets(terms):
    evaluations = []

    def counted(y):
        evaluations.append(y)
        return jnp.tanh(y)

    parts = contributions(counted, terms)
    assert len(evaluations) == 16
    np.testing.assert_allclose(parts, linearize(jnp.tanh, terms), rtol=1e-12, atol=1e-15)
