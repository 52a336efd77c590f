"""Adam for word vectors: a step touches only the rows of its batch's words.

Adam over the whole embedding would take most of a step's time, for rows whose gradient is zero.
Here a row moves, and its moments decay, only at steps that read it (lazy Adam); the bias correction
of the moments counts all steps. The running average of the rows is exact: a row does not change
between two steps that touch it, so the decay of its average over all steps in between is applied at
once.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

DECAYS, EPSILON = (0.9, 0.999), 1e-8
"""Adam's decay rates of the first and second moment, and its epsilon; optax's defaults."""


class LazyAdam(NamedTuple):
    """Word vectors and the state of their optimizer, one row a word."""

    rows: Float[Array, "v d"]
    first_moment: Float[Array, "v d"]  # of the gradient
    second_moment: Float[Array, "v d"]
    average: Float[Array, "v d"]  # running average of the rows, up to the step that last read each
    log_decay: Float[Array, "v"]  # sum of the average's log decays, up to the same step


def start_rows(embedding: Float[Array | np.ndarray, "v d"]) -> LazyAdam:
    """Return the state before the first step."""
    rows = jnp.asarray(embedding)
    zeros = jnp.zeros_like(rows)
    return LazyAdam(rows, zeros, jnp.copy(zeros), jnp.copy(rows), jnp.zeros(len(rows), rows.dtype))


def read_rows(state: LazyAdam, words: Int[Array | np.ndarray, "u"]) -> Float[Array, "u d"]:
    """Return the rows of the words; zeros for `NO_WORD`."""
    return _gather(state.rows, words)


def update_rows(
    state: LazyAdam,
    words: Int[Array | np.ndarray, "u"],
    gradient: Float[Array, "u d"],
    rate: Float[Array, ""] | float,
    step: Int[Array, ""] | int,
    total_log_decay: Float[Array, ""] | float,
    log_decay: Float[Array, ""] | float,
) -> LazyAdam:
    """Take one step of Adam with the rows of the words.

    Args:
        state: The state before the step.
        words: Each word once; `NO_WORD` is left out.
        gradient: Of the loss, by each of these rows.
        rate: Learning rate.
        step: Number of the step, from 1.
        total_log_decay: Sum of the log decays of the average at all earlier steps.
        log_decay: Log decay of the average at this step.
    """
    rows, first, second, average, last = (_gather(a, words) for a in state)
    first = DECAYS[0] * first + (1 - DECAYS[0]) * gradient
    second = DECAYS[1] * second + (1 - DECAYS[1]) * jnp.square(gradient)
    mean, square = first / (1 - DECAYS[0] ** step), second / (1 - DECAYS[1] ** step)
    updated = rows - rate * mean / (jnp.sqrt(square) + EPSILON)
    average = _decay(average, rows, total_log_decay - last)
    average = _decay(average, updated, log_decay)
    last = jnp.full_like(last, total_log_decay + log_decay)
    new = updated, first, second, average, last
    return LazyAdam(*(a.at[words].set(b, mode="drop") for a, b in zip(state, new, strict=True)))


def average_rows(state: LazyAdam, total_log_decay: Float[Array, ""] | float) -> Float[Array, "v d"]:
    """Return the running average of every row after all steps whose log decays have this sum."""
    return _decay(state.average, state.rows, total_log_decay - state.log_decay)


def _decay(average, value, log_decay):
    """Return a running average after steps with this sum of log decays and one constant value."""
    share = jnp.exp(log_decay)
    share = share if jnp.ndim(share) == 0 else jnp.expand_dims(share, 1)
    return value + share * (average - value)


def _gather(array, words):
    return array.at[words].get(mode="fill", fill_value=0)
