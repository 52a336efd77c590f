"""The definition: networks written once, and their decomposition. Pure functions of arrays.

How to add a cell
-----------------
A cell is a NamedTuple with input weights `W` `[G, H, D]`, the `widths` of its states (the output's
first) and a `step`, written in the operations of an interpreter (`cdjax.core.split` lists them):
products with weights are `ops.gates` and `ops.linear`, activations of sums `ops.activate`, products
of a gate and what it gates `ops.multiply`; a state is handed on by `ops.state`. The same lines are
then the forward pass and the decomposition, under every rule, in stacks and in both directions.
Shapes that the fields' annotations say are checked. A minimal gated unit (Zhou et al. 2016),

    f  = sigmoid(W_f x + V_f h + b_f)
    n  = tanh(W_n x + V_n (f * h) + b_n)
    h' = (1 - f) * h + f * n

>>> from typing import Any, NamedTuple
>>> import jax, jax.numpy as jnp
>>> import cdjax
>>> class MinimalGatedUnit(NamedTuple):
...     W: Any  # [2, H, D], gates f and n
...     V: Any  # [2, H, H]
...     b: Any  # [2, H]
...     widths = property(lambda self: self.b.shape[1:])
...
...     def step(self, ops, state, x):
...         (h,) = state
...         f = ops.activate(jax.nn.sigmoid, ops.linear(self.V[0], h, self.b[0]), x[0])
...         kept = ops.linear(self.V[1], ops.multiply(f, h), self.b[1])
...         n = ops.activate(jnp.tanh, kept, x[1])
...         return (ops.state(ops.multiply(1 - f, h) + ops.multiply(f, n)),)
>>> cell = MinimalGatedUnit(jnp.ones((2, 3, 4)), jnp.ones((2, 3, 3)), jnp.zeros((2, 3)))
>>> x = jnp.linspace(-1, 1, 20).reshape(5, 4)
>>> split = cdjax.decompose((cell,), x, jnp.arange(5) < 2)
>>> bool(jnp.allclose(split.beta + split.gamma, cdjax.core.network.run((cell,), x)))
True

A fast form is not needed: `cdjax.engine` takes this recursion for whatever it has none for.
"""
