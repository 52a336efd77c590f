"""The checks of signatures: that they are on, and that they are made for every signature."""

import jax.numpy as jnp
import pytest
from cdjax.engine.driver import gather_rows
from jaxtyping import Array, Float, TypeCheckError, jaxtyped

from tests import typechecker


def test_functions_of_the_library_are_checked():
    rows = jnp.ones((3, 2))
    assert gather_rows(rows, jnp.array([0, 2])).shape == (2, 2)
    for row in (jnp.array([0.0, 2.0]), jnp.array([[0, 2]])):
        with pytest.raises(TypeCheckError, match="gather_rows"):
            gather_rows(rows, row)


def make_product(calls):
    @jaxtyped(typechecker=typechecker.check)
    def product(a: Float[Array, "n m"], b: Float[Array, "m k"]) -> Float[Array, "n k"]:
        calls.append((a.shape, b.shape))
        return a @ b

    return product


def test_a_function_inside_another_is_checked_each_time_it_is_made():
    for _ in range(2):
        calls = []
        product = make_product(calls)
        product(jnp.ones((2, 3)), jnp.ones((3, 4)))
        assert len(calls) == 1  # by the function made last
        with pytest.raises(TypeCheckError, match="product"):
            product(jnp.ones((2, 3)), jnp.ones((4, 3)))
        assert len(calls) == 1


def test_functions_of_one_name_and_other_signatures_are_others():
    checked = []
    for kind in (int, str):

        def take(x: kind):
            return x

        checked.append(typechecker.check(take))
    assert [check(x) for check, x in zip(checked, (1, "a"), strict=True)] == [1, "a"]
    for check, x in zip(checked, ("a", 1), strict=True):
        with pytest.raises(Exception, match="violates type hint"):
            check(x)
