import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.activations import ACTIVATIONS
from cdjax.core.linearize import linearize

from tests import reference


@pytest.fixture
def terms(x64):
    return [jnp.asarray(row) for row in np.random.default_rng(0).normal(0, 2, (6, 11))]


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("bias", ["none", "a bias"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_shares_are_those_of_all_orders(terms, name, bias, count):
    f, literal = ACTIVATIONS[name], reference.ACTIVATIONS[name]
    bias = terms[5] if bias == "a bias" else jnp.zeros(11)
    parts = linearize(f, terms[:count], bias)
    expected = reference.shapley(literal, [np.asarray(t) for t in terms[:count]], np.asarray(bias))
    np.testing.assert_allclose(parts, expected, rtol=1e-12, atol=1e-15)
    total = sum(parts) + f(bias)
    np.testing.assert_allclose(total, f(bias + sum(terms[:count])), rtol=1e-12, atol=1e-15)


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
    without = linearize(jnp.tanh, [terms[0], terms[1]], terms[2])
    np.testing.assert_allclose(with_zero[::2], without, rtol=1e-12)


def test_each_sum_is_evaluated_once(terms):
    evaluations = []

    def counted(y):
        evaluations.append(y)
        return jnp.tanh(y)

    for count in (2, 3, 4):
        linearize(counted, terms[:count])
        assert len(evaluations) == 2**count
        evaluations.clear()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_elementwise_and_of_one_type(name):
    z = jnp.linspace(-4, 4, 9, dtype=jnp.float32)
    values = ACTIVATIONS[name](z)
    assert values.dtype == z.dtype
    np.testing.assert_allclose(values, jax.vmap(ACTIVATIONS[name])(z), rtol=1e-6)


def test_hard_sigmoids_are_those_of_the_frameworks():
    z = jnp.array([-3.0, -2.5, 0.0, 1.0, 2.5, 3.0])
    keras3 = [0, 1 / 12, 0.5, 2 / 3, 11 / 12, 1]
    np.testing.assert_allclose(ACTIVATIONS["hard_sigmoid"](z), keras3, atol=1e-7)
    keras2 = [0, 0, 0.5, 0.7, 1, 1]
    np.testing.assert_allclose(ACTIVATIONS["hard_sigmoid_keras2"](z), keras2, atol=1e-7)
