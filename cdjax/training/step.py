"""One step of training, jitted: Adam, dropout, averaged weights."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float

from cdjax.training.batches import Batch
from cdjax.training.table import Table, average_rows, read_rows, start_table, update_rows


class Options(NamedTuple):
    """How to train. The defaults are those of the bundled model, but for the seed (1)."""

    hidden: int = 168
    epochs: int = 6  # at most
    batch_size: int = 64
    learning_rate: float = 1e-3  # falls linearly to 0 over all epochs
    embedding_rate: float = 0.2  # of the word vectors, as a share of that
    embedding_dropout: float = 0.2
    hidden_dropout: float = 0.3
    average: float = 0.998  # decay a step of the average of the weights; 0 keeps the last ones
    evaluations: int = 4  # an epoch
    patience: int = 8  # evaluations without a better one before training ends
    seed: int = 0


class State(NamedTuple):
    """All that a step changes."""

    params: Any  # of the network
    average: Any  # exponential moving average of params
    adam: Any
    table: Table
    decayed: Float[Array, ""]  # sum of the log decays of the average so far


def make_step(
    graph, params, embedding: Float[np.ndarray, "v d"], options: Options, steps: int
) -> tuple[Callable[[State, Batch, int], tuple[State, Array]], State]:
    """Return the jitted training step, and the state before the first.

    Args:
        graph: Of the network, as `nnx.split` gives it.
        params: Its parameters.
        embedding: Word vectors to begin with.
        options: How to train.
        steps: How many there will be: the learning rate falls to 0 over them.
    """
    schedule = optax.linear_schedule(options.learning_rate, 0.0, steps)
    adam = optax.adam(schedule)
    key = jax.random.key(options.seed)

    def mean_loss(params, rows, batch: Batch, key):
        # Where a place is filled up, any row will do; the network does not look.
        x = jnp.take(rows, batch.places, axis=0, mode="clip")
        logits = nnx.merge(graph, params)(x, batch.lengths, key)
        losses = optax.softmax_cross_entropy(logits, batch.targets)
        return jnp.sum(losses * batch.weights) / jnp.sum(batch.weights)

    def step(state: State, batch: Batch, count):
        loss, (gradient, rows_gradient) = jax.value_and_grad(mean_loss, argnums=(0, 1))(
            state.params,
            read_rows(state.table, batch.words),
            batch,
            jax.random.fold_in(key, count),
        )
        updates, adam_state = adam.update(gradient, state.adam)
        params = optax.apply_updates(state.params, updates)
        # The average forgets faster at first, so that it does not hold on to the random start.
        decay = jnp.minimum(options.average, (count + 1.0) / (count + 10.0))
        # Decay 0, the last weights alone, has no logarithm; this is 0 in any sum of a few.
        log_decay = jnp.log(jnp.maximum(decay, 1e-30))
        average = optax.incremental_update(params, state.average, 1 - decay)
        rate = options.embedding_rate * jnp.asarray(schedule(count))
        table = update_rows(
            state.table, batch.words, rows_gradient, rate, count + 1, state.decayed, log_decay
        )
        decayed = state.decayed + log_decay
        return State(params, average, adam_state, table, decayed), loss

    average = jax.tree.map(jnp.copy, params)  # the step overwrites both
    zero = jnp.zeros((), jnp.float32)
    start = State(params, average, adam.init(params), start_table(embedding), zero)
    return jax.jit(step, donate_argnums=0), start


@jax.jit
def average_weights(state: State) -> tuple[Any, Float[Array, "v d"]]:
    """Return the averages of the network's parameters and of the word vectors."""
    return jax.tree.map(jnp.copy, state.average), average_rows(state.table, state.decayed)
