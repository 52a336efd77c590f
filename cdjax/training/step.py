"""One step of training, jitted: Adam, dropout, averaged weights."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float

from cdjax.core.rules import PAPER, Rule
from cdjax.training.batches import Batch
from cdjax.training.network import Network, read_weights
from cdjax.training.penalty import penalize_influence, penalize_scores, penalize_shares
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


KINDS = "scores", "influence", "shares"
"""The penalties by name."""


class Penalty(NamedTuple):
    """What a model is not to say: that these words contribute to its predictions (CDEP).

    Added to each review's loss is `weight` times a penalty (`cdjax.training.penalty`) on the words,
    of the model as it is without dropout: `penalize_scores`, `penalize_influence` or
    `penalize_shares`.

    Scores leave a word all it does to other words; what to take for a word that is to have no say
    is `Penalty(words, weight, "influence", ACD)`.
    """

    words: tuple[int, ...]  # their numbers; a review's are one set, wherever they stand
    weight: float  # nats a logit (scores, influence), or a share of nats (shares)
    kind: str = "scores"  # which penalty, one of `KINDS`
    rule: Rule = PAPER  # which reading of the method


class State(NamedTuple):
    """All that a step changes."""

    params: Any  # of the network
    average: Any  # exponential moving average of params
    adam: Any
    table: Table
    decayed: Float[Array, ""]  # sum of the log decays of the average so far


def make_step(
    graph,
    params,
    embedding: Float[np.ndarray, "v d"],
    options: Options,
    steps: int,
    penalty: Penalty | None = None,
) -> tuple[Callable[[State, Batch, int], tuple[State, Array]], State]:
    """Return the jitted training step, and the state before the first.

    Args:
        graph: Of the network, as `nnx.split` gives it.
        params: Its parameters.
        embedding: Word vectors to begin with.
        options: How to train.
        steps: How many there will be: the learning rate falls to 0 over them.
        penalty: What to add to the loss; without it the step is as if there were none.
    """
    key, weight = jax.random.key(options.seed), 0.0 if penalty is None else penalty.weight
    likewise = None if penalty is None else penalty._replace(weight=0.0)
    step = _jit_step(graph, options._replace(seed=0), steps, likewise)
    average = jax.tree.map(jnp.copy, params)  # the step overwrites both
    zero = jnp.zeros((), jnp.float32)
    _, adam = _make_adam(options, steps)
    start = State(params, average, adam.init(params), start_table(embedding), zero)
    return lambda state, batch, count: step(state, batch, count, key, weight), start


def _make_adam(options: Options, steps: int):
    """Return the learning rate by step, and Adam with it."""
    schedule = optax.linear_schedule(options.learning_rate, 0.0, steps)
    return schedule, optax.adam(schedule)


@functools.lru_cache(maxsize=4)
def _jit_step(graph, options: Options, steps: int, penalty: Penalty | None):
    """Return the jitted step, the same one for all seeds and weights of a penalty.

    Compiling takes far longer than training a small model: a sweep is to do it once.
    """
    schedule, adam = _make_adam(options, steps)

    def mean_loss(params, rows, batch: Batch, key, weight):
        # Where a place is filled up, any row will do; the network does not look.
        x = jnp.take(rows, batch.places, axis=0, mode="clip")
        network = nnx.merge(graph, params)
        losses = optax.softmax_cross_entropy(network(x, batch.lengths, key), batch.targets)
        if penalty is not None:
            losses += weight * penalize(network, x, batch, penalty)
        return jnp.sum(losses * batch.weights) / jnp.sum(batch.weights)

    def step(state: State, batch: Batch, count, key, weight):
        loss, (gradient, rows_gradient) = jax.value_and_grad(mean_loss, argnums=(0, 1))(
            state.params,
            read_rows(state.table, batch.words),
            batch,
            jax.random.fold_in(key, count),
            weight,
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

    return jax.jit(step, donate_argnums=0)


def penalize(
    network: Network, x: Float[Array, "b t d"], batch: Batch, penalty: Penalty
) -> Float[Array, "b"]:
    """Return the penalty of each review of a batch, not weighted."""
    layer, readout, _ = read_weights(network)
    chosen = jnp.isin(batch.words, jnp.array(penalty.words, jnp.int32))
    inside = jnp.take(chosen, batch.places, mode="clip")
    arguments = (layer,), readout, x, batch.lengths, inside
    if penalty.kind == "scores":
        return penalize_scores(*arguments, rule=penalty.rule)
    if penalty.kind == "influence":
        return penalize_influence(*arguments, rule=penalty.rule)
    return penalize_shares(*arguments, jnp.argmax(batch.targets, axis=1), penalty.rule)


@jax.jit
def average_weights(state: State) -> tuple[Any, Float[Array, "v d"]]:
    """Return the averages of the network's parameters and of the word vectors."""
    return jax.tree.map(jnp.copy, state.average), average_rows(state.table, state.decayed)
