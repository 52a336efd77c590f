"""The product that a span-step cannot do without: `[tile, H] x [H, H]`, for each of three gates."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from cdjax.core.split import HIGHEST
from cdjax.engine.devices import COMPILER_OPTIONS

from benchmarks.speed.measure import WrongAnswerError

TILE = 2048  # spans


class Floor(NamedTuple):
    """The product alone, for a number of span-steps."""

    run: Callable[[], object]
    steps: int  # span-steps it stands for: those asked for, up to a whole number of tiles


def flops(hidden: int) -> int:
    """Return the floating-point operations of a span-step's product."""
    return 6 * hidden**2


@functools.partial(jax.jit, compiler_options=COMPILER_OPTIONS.get(jax.default_backend()))
def _products(states, matrices, count):
    """As in the engine, one state goes in and three products come out."""

    def step(_, states):
        return tuple(jnp.matmul(states[0], V, precision=HIGHEST) for V in matrices)

    return jax.lax.fori_loop(0, count, step, states)


@functools.cache
def _operands(hidden: int):
    rng = np.random.default_rng(3)
    # Orthogonal, so that the state neither grows nor fades into denormal numbers.
    matrices = tuple(
        np.linalg.qr(rng.normal(size=(hidden, hidden)))[0].astype(np.float32) for _ in range(3)
    )
    return jax.device_put(((rng.normal(size=(TILE, hidden)).astype(np.float32),) * 3, matrices))


def make_floor(hidden: int, steps: int) -> Floor:
    """Return the product alone for so many span-steps, checked and compiled."""
    states, matrices = _operands(hidden)
    first, V = (np.asarray(a, np.float64) for a in (states[0], matrices[0]))
    for got, last in zip(_products(states, matrices, 3), matrices, strict=True):
        exact = first @ V @ V @ np.asarray(last, np.float64)
        difference = np.abs(np.asarray(got) - exact).max()
        if not difference < 1e-4:
            raise WrongAnswerError(f"the product alone is wrong by {difference:.2g}.")
    count = -(-steps // TILE)
    return Floor(lambda: _products(states, matrices, count), count * TILE)
