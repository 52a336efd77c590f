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
from cdjax.training.batches import TrainingBatch
from cdjax.training.lazy_adam import LazyAdam, average_rows, read_rows, start_rows, update_rows
from cdjax.training.network import FlaxClassifier, read_weights
from cdjax.training.penalty import penalize_influence, penalize_scores, penalize_shares


class Options(NamedTuple):
    """How to train. The defaults are those of the bundled treebank model, except for the seed."""

    hidden: int = 168
    epochs: int = 6  # at most
    batch_size: int = 64
    learning_rate: float = 1e-3  # falls linearly to 0 over all epochs
    embedding_rate: float = 0.2  # learning rate of the word vectors, as a share of that
    embedding_dropout: float = 0.2
    hidden_dropout: float = 0.3
    average: float = 0.998  # decay a step of the running average of the weights; 0: no averaging
    evaluations: int = 4  # an epoch
    patience: int = 8  # evaluations without a better one before training ends
    seed: int = 0


KINDS = "scores", "influence", "shares"
"""Names of the penalties."""


class Penalty(NamedTuple):
    """A penalty on the contribution of given words to the predictions (CDEP).

    The loss of each example gets `weight` times a penalty (`cdjax.training.penalty`) on these
    words, of the model without dropout: `penalize_scores`, `penalize_influence` or
    `penalize_shares`.

    A penalty on scores ignores the words' interactions with others. For words that should have no
    effect at all, use `Penalty(words, weight, "influence", ACD)`.
    """

    words: tuple[int, ...]  # their ids; all of them in an example are one set
    weight: float  # nats a logit (scores, influence); a factor of nats (shares)
    kind: str = "scores"  # one of `KINDS`
    rule: Rule = PAPER  # of the decomposition


class State(NamedTuple):
    """The state of training, replaced by every step."""

    params: Any  # of the network
    average: Any  # exponential moving average of params
    adam: Any  # optax's state, of params
    vectors: LazyAdam
    log_decay: Float[Array, ""]  # sum of the log decays of the average so far


def make_step(
    graph,
    params,
    embedding: Float[np.ndarray, "v d"],
    options: Options,
    steps: int,
    penalty: Penalty | None = None,
) -> tuple[Callable[[State, TrainingBatch, int], tuple[State, Array]], State]:
    """Return the jitted training step, and the state before the first.

    Args:
        graph: Of the network, as `nnx.split` gives it.
        params: Its parameters.
        embedding: Word vectors to begin with.
        options: How to train.
        steps: Number of steps, over which the learning rate falls to 0.
        penalty: A penalty to add to the loss.
    """
    key, weight = jax.random.key(options.seed), 0.0 if penalty is None else penalty.weight
    static = None if penalty is None else penalty._replace(weight=0.0)  # the weight is traced
    step = _jit_step(graph, options._replace(seed=0), steps, static)
    average = jax.tree.map(jnp.copy, params)  # a copy, since the step donates its buffers
    zero = jnp.zeros((), jnp.float32)
    _, adam = _make_adam(options, steps)
    start = State(params, average, adam.init(params), start_rows(embedding), zero)
    return lambda state, batch, count: step(state, batch, count, key, weight), start


def _make_adam(options: Options, steps: int):
    """Return the schedule of the learning rate, and Adam with it."""
    schedule = optax.linear_schedule(options.learning_rate, 0.0, steps)
    return schedule, optax.adam(schedule)


@functools.lru_cache(maxsize=4)
def _jit_step(graph, options: Options, steps: int, penalty: Penalty | None):
    """Return the jitted step, one program for all seeds and weights of a penalty.

    Compiling takes longer than training a small model, so a sweep over these compiles once.
    """
    schedule, adam = _make_adam(options, steps)

    def mean_loss(params, rows, batch: TrainingBatch, key, weight):
        # Padding reads an arbitrary row, which the network ignores.
        x = jnp.take(rows, batch.positions, axis=0, mode="clip")
        network = nnx.merge(graph, params)
        losses = optax.softmax_cross_entropy(network(x, batch.lengths, key), batch.targets)
        if penalty is not None:
            losses += weight * penalize(network, x, batch, penalty)
        return jnp.sum(losses * batch.weights) / jnp.sum(batch.weights)

    def step(state: State, batch: TrainingBatch, count, key, weight):
        loss, (gradient, rows_gradient) = jax.value_and_grad(mean_loss, argnums=(0, 1))(
            state.params,
            read_rows(state.vectors, batch.words),
            batch,
            jax.random.fold_in(key, count),
            weight,
        )
        updates, adam_state = adam.update(gradient, state.adam)
        params = optax.apply_updates(state.params, updates)
        # The decay is faster at first, so that the average forgets the random first weights.
        decay = jnp.minimum(options.average, (count + 1.0) / (count + 10.0))
        # Decay 0 (no averaging) has no logarithm; e^-69 has no effect on a float32 sum.
        log_decay = jnp.log(jnp.maximum(decay, 1e-30))
        average = optax.incremental_update(params, state.average, 1 - decay)
        rate = options.embedding_rate * jnp.asarray(schedule(count))
        vectors = update_rows(
            state.vectors, batch.words, rows_gradient, rate, count + 1, state.log_decay, log_decay
        )
        return State(params, average, adam_state, vectors, state.log_decay + log_decay), loss

    return jax.jit(step, donate_argnums=0)


def penalize(
    network: FlaxClassifier, x: Float[Array, "b t d"], batch: TrainingBatch, penalty: Penalty
) -> Float[Array, "b"]:
    """Return the penalty of each example of a batch, not weighted."""
    layer, readout, _ = read_weights(network)
    marked = jnp.isin(batch.words, jnp.array(penalty.words, jnp.int32))
    inside = jnp.take(marked, batch.positions, mode="clip")
    arguments = (layer,), readout, x, batch.lengths, inside
    if penalty.kind == "scores":
        return penalize_scores(*arguments, rule=penalty.rule)
    if penalty.kind == "influence":
        return penalize_influence(*arguments, rule=penalty.rule)
    return penalize_shares(*arguments, jnp.argmax(batch.targets, axis=1), penalty.rule)


@jax.jit
def average_weights(state: State) -> tuple[Any, Float[Array, "v d"]]:
    """Return the averages of the network's parameters and of the word vectors."""
    return jax.tree.map(jnp.copy, state.average), average_rows(state.vectors, state.log_decay)
