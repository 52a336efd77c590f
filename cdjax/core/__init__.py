"""The definition: networks written once, and their decomposition. Pure functions of arrays.

A cell of your own is a NamedTuple with input weights `W` `[G, H, D]`, the `widths` of its states
(the output's first) and a `step`, written in the operations of an interpreter (`cdjax.core.split`
lists them): products with weights are `ops.gates` and `ops.linear`, activations of sums
`ops.activate`, products of a gate and what it gates `ops.multiply`; a state is handed on by
`ops.state`. The same lines are the forward pass and the decomposition, under every rule, in stacks,
in both directions. Shapes that the annotations of fields say are checked. A minimal gated unit
(Zhou et al. 2016):

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
"""
