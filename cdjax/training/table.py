"""The table of word vectors while it is trained: a step touches only the rows of its batch's words.

Adam over the whole table would take most of a step's time, for rows whose gradient is zero. Here a
row's moments decay and the row moves only at steps that read it (lazy Adam); the correction of the
moments' start goes by the number of all steps. The running average of the weights is exact: a row
stays where it is between two steps that touch it, so that all the decay of its average in between
is made up for at once.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cdjax.core.lstm import Weight

FIRST, SECOND, SMALL = 0.9, 0.999, 1e-8  # Adam's decay rates and epsilon, as optax has them


class Table(NamedTuple):
    """The rows and what is known of each."""

    rows: Float[Array, "v d"]
    first: Float[Array, "v d"]  # moments of the gradient
    second: Float[Array, "v d"]
    average: Float[Array, "v d"]  # of the rows, as it was when the row was last touched
    decayed: Float[Array, "v"]  # the sum of log decays by then


def start_table(embedding: Float[Weight, "v d"]) -> Table:
    """Return the table before the first step."""
    rows = jnp.asarray(embedding)
    nothing = jnp.zeros_like(rows)
    none_yet = jnp.zeros(len(rows), rows.dtype)
    return Table(rows, nothing, jnp.copy(nothing), jnp.copy(rows), none_yet)


def read_rows(table: Table, words: Int[Weight, "u"]) -> Float[Array, "u d"]:
    """Return the rows of some words; zeros for `NO_WORD`."""
    return _read(table.rows, words)


def update_rows(
    table: Table,
    words: Int[Weight, "u"],
    gradient: Float[Array, "u d"],
    rate: Float[Array, ""] | float,
    step: Int[Array, ""] | int,
    decayed: Float[Array, ""] | float,
    log_decay: Float[Array, ""] | float,
) -> Table:
    """Take one step of Adam with the rows of some words.

    Args:
        table: The table before the step.
        words: Each word once; `NO_WORD` is left out.
        gradient: Of the loss, by each of these rows.
        rate: Learning rate.
        step: Number of the step, from 1.
        decayed: Sum of the log decays of the average at all steps before.
        log_decay: That of this step.
    """
    rows, first, second, average, last = (_read(a, words) for a in table)
    first = FIRST * first + (1 - FIRST) * gradient
    second = SECOND * second + (1 - SECOND) * jnp.square(gradient)
    mean, square = first / (1 - FIRST**step), second / (1 - SECOND**step)
    moved = rows - rate * mean / (jnp.sqrt(square) + SMALL)
    average = _decay(average, rows, decayed - last)
    average = _decay(average, moved, log_decay)
    last = jnp.full_like(last, decayed + log_decay)
    new = moved, first, second, average, last
    return Table(*(a.at[words].set(b, mode="drop") for a, b in zip(table, new, strict=True)))


def average_rows(table: Table, decayed: Float[Array, ""] | float) -> Float[Array, "v d"]:
    """Return the average of every row, now that the log decays add up to so much."""
    return _decay(table.average, table.rows, decayed - table.decayed)


def _decay(average, value, log_decay):
    """Return an average that has for so long seen a value that did not change."""
    share = jnp.exp(log_decay)
    share = share if jnp.ndim(share) == 0 else jnp.expand_dims(share, 1)
    return value + share * (average - value)


def _read(a, words):
    return a.at[words].get(mode="fill", fill_value=0)
