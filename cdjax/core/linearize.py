"""Splitting an activation of a sum into one contribution a term (equations 25-28).

    f(b + y_1 + ... + y_N) = f(b) + L(y_1) + ... + L(y_N)

`L(y_k)` is the mean, over all orders of the terms, of what `y_k` adds to `f` when its turn comes:
its Shapley value. The bias always comes first: `L(b) = f(b)`, and every other sum includes `b`.
"""

import functools
import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from cdjax.activations import Activation


def linearize(
    f: Activation, terms: Sequence[Float[Array, "..."]], bias: Float[Array, "..."] | float = 0.0
) -> tuple[Float[Array, "..."], ...]:
    """Return `L(y)` of every term, from `f` at the sum of each set of terms, `2^N` of them.

        L(y_k) = sum over sets S without k of |S|! (N - 1 - |S|)! / N! [F(S and k) - F(S)]

    with `F(S) = f(bias + sum of S)`: of the `N!` orders so many have just S before `y_k`.

    >>> import jax.numpy as jnp
    >>> a, b = linearize(jnp.tanh, [jnp.array(2.0), jnp.array(-1.0)])
    >>> print(f"{a:.3f} {b:.3f} {a + b:.3f} {jnp.tanh(1.0):.3f}")
    1.244 -0.482 0.762 0.762
    """
    n = len(terms)
    sums = [bias + jnp.zeros_like(terms[0])]  # of the set whose members are the bits of its index
    for term in terms:
        sums += [before + term for before in sums]
    values = list(map(f, sums))
    # One over N times the number of sets of that size among the other terms:
    weights = [1 / (n * math.comb(n - 1, size)) for size in range(n)]

    def share(k: int) -> Array:
        without = [members for members in range(2**n) if not members >> k & 1]
        gains = ((values[s | 1 << k] - values[s]) * weights[s.bit_count()] for s in without)
        return functools.reduce(jnp.add, gains)

    return tuple(map(share, range(n)))
