"""The activations of cells and heads, by name."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Activation = Callable[[Float[Array, "..."]], Float[Array, "..."]]

SLOPES = (0.05, 0.1, 0.2, 0.3)
"""Other slopes below 0 of leaky ReLUs, 0.2 and 0.3 being Keras's."""

ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "linear": lambda z: z,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": jax.nn.leaky_relu,  # slope 0.01 below 0, as in PyTorch
    **{f"leaky_relu_{slope}": partial(jax.nn.leaky_relu, negative_slope=slope) for slope in SLOPES},
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
"""Elementwise functions by name. Frameworks differ in what they call hard sigmoid."""
