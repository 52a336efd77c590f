"""Splitting an activation of a sum into one contribution a term (equations 25-28).

    f(y_1 + ... + y_N) - f(0) = L(y_1) + ... + L(y_N)

`L(y_k)` is the mean, over all orders of the terms, of what `y_k` adds to `f` when its turn comes:
its Shapley value. A bias always comes first, so `L(b) = f(b)`, every other sum includes `b`, and

    f(b + y_1 + ... + y_N) = f(b) + L(y_1) + ... + L(y_N)

`linearize` is the definition. `pair` gives the same numbers in closed form for two terms, with or
without a bias (N = 3 and N = 2, as the paper counts), `subsets` for any number of terms: three
beside the bias (N = 4) where words are a term of their own, four in the upper layers of a stack.
"""

import itertools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Activation = Callable[[Float[Array, "..."]], Float[Array, "..."]]
Bias = Float[Array, "..."] | float

ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "linear": lambda z: z,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": jax.nn.leaky_relu,  # slope 0.01 below 0, as in PyTorch
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "exponential": jnp.exp,
    "hard_sigmoid": lambda z: jnp.clip(z / 6 + 0.5, 0, 1),  # Keras 3, PyTorch
    "hard_sigmoid_keras2": lambda z: jnp.clip(0.2 * z + 0.5, 0, 1),
    "hard_tanh": jax.nn.hard_tanh,
}
"""The activations of cells and heads by name. Frameworks differ in what they call hard sigmoid."""


def linearize(
    f: Activation, terms: Sequence[Float[Array, "..."]], bias: Bias = 0.0
) -> tuple[Float[Array, "..."], ...]:
    """Return `L(y)` of every term by going through all orders (equation 27).

    The cost grows with the factorial of the number of terms.

    Args:
        f: The activation, elementwise.
        terms: The terms `y_1 ... y_N` of its argument besides the bias, of one shape.
        bias: The term that comes first in every order. Zero where there is none.

    Returns:
        One contribution a term. With `f(bias)` they add up to `f(bias + sum(terms))`.

    >>> import jax.numpy as jnp
    >>> a, b = linearize(jnp.tanh, [jnp.array(2.0), jnp.array(-1.0)])
    >>> print(f"{a:.3f} {b:.3f} {a + b:.3f} {jnp.tanh(1.0):.3f}")
    1.244 -0.482 0.762 0.762
    """
    totals = [jnp.zeros_like(term) for term in terms]
    for order in itertools.permutations(range(len(terms))):
        before = f(bias + jnp.zeros_like(terms[0]))
        argument = bias
        for k in order:
            argument = argument + terms[k]
            after = f(argument)
            totals[k] = totals[k] + (after - before)
            before = after
    return tuple(total / math.factorial(len(terms)) for total in totals)


def pair(f: Activation, y1, y2, bias: Bias = 0.0):
    """Return `L` of two terms: the mean of coming first and coming last (equation 28)."""
    none = f(bias + jnp.zeros_like(y1))
    first, second, both = f(bias + y1), f(bias + y2), f(bias + (y1 + y2))
    return (
        ((first - none) + (both - second)) / 2,
        ((second - none) + (both - first)) / 2,
    )


def subsets(f: Activation, terms: Sequence, bias: Bias = 0.0) -> tuple:
    """Return `L` of every term from `f` at the sum of each set of terms, `2^N` of them.

        L(y_k) = sum over sets S without k of |S|! (N - 1 - |S|)! / N! [F(S and k) - F(S)]

    with `F(S) = f(bias + sum of S)`: of the `N!` orders so many have just S before `y_k`.
    """
    n = len(terms)
    sums = [bias + jnp.zeros_like(terms[0])]  # of the set whose members are the bits of its index
    for term in terms:
        sums += [before + term for before in sums]
    values = [f(argument) for argument in sums]

    def share(k):
        by_size = [jnp.zeros_like(values[0])] * n
        for s in range(2**n):
            if not s >> k & 1:
                size = s.bit_count()
                by_size[size] = by_size[size] + (values[s | 1 << k] - values[s])
        # Divided by N times the number of sets of that size among the other terms.
        return sum(by_size[m] / (n * math.comb(n - 1, m)) for m in range(n))

    return tuple(share(k) for k in range(n))


def contributions(f: Activation, terms: Sequence, bias: Bias = 0.0) -> tuple:
    """Return `L` of every term, by a closed form.

    Equal to `linearize`, with fewer evaluations of `f`.
    """
    return pair(f, *terms, bias=bias) if len(terms) == 2 else subsets(f, terms, bias)
