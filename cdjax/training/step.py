"""One step of training, jitted: Adam, dropout, averaged weights."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from cdjax.core.rules import PAPER, Rule
from cdjax.training.batches import TrainingBatch
from cdjax.training.lazy_adam import LazyAdam, average_rows, read_rows, start_rows, update_rows
from cdjax.training.network import FlaxClassifier, read_weights
from cdjax.training.penalty import penalize_influence, penalize_scores, penalize_shares


class Options(NamedTuple):
    """How to train. The defaults are those of the bundled treebank model, except for the seed."""

    cell: str = "lstm"  # a key of `cdjax.training.network.CELLS`
    layers: int = 1
    bidirectional: bool = False  # whether each layer also reads from the end
    hidden: int = 168  # width of the state, of each direction
    epochs: int = 6  # at most
    batch_size: int = 64
    learning_rate: float = 1e-3  # falls linearly to 0 over all epochs
    embedding_rate: float = 0.2  # learning rate of the word vectors, as a share of that
    embedding_dropout: float = 0.2
    hidden_dropout: float = 0.3
    average: float = 0.998  # decay a step of the running average of the weights; 0: no averaging
    evaluations: int = 4  # an epoch
    patience: int = 8  # evaluations without a better one before training ends
    balanced: bool = False  # whether each class counts alike, however many examples it has
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


ADAM = optax.scale_by_adam()


class State(NamedTuple):
    """The state of training, replaced by every step."""

    params: Any  # of the network
    average: Any  # exponential moving average of params
    adam: Any  # optax's state, of params
    vectors: LazyAdam
    log_decay: Float[Array, ""]  # sum of the log decays of the average so far


class Schedule(NamedTuple):
    """What the compiled step has as arguments, so that a sweep over options compiles once."""

    key: Array  # of dropout
    steps: Float[Array, ""]
    learning_rate: Float[Array, ""]
    embedding_rate: Float[Array, ""]
    average: Float[Array, ""]
    penalized: Int[Array, "n"]  # ids of the words of the penalty; none without
    penalty: Float[Array, ""]  # its weight; 0 without


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
    words, weight = ((), 0.0) if penalty is None else (penalty.words, penalty.weight)
    schedule = Schedule(
        jax.random.key(options.seed),
        jnp.float32(steps),
        jnp.float32(options.learning_rate),
        jnp.float32(options.embedding_rate),
        jnp.float32(options.average),
        jnp.array(words, jnp.int32),
        jnp.float32(weight),
    )
    step = _jit_step(graph, penalty and penalty._replace(words=(), weight=0.0))
    average = jax.tree.map(jnp.copy, params)  # a copy, since the step donates its buffers
    zero = jnp.zeros((), jnp.float32)
    start = State(params, average, ADAM.init(params), start_rows(embedding), zero)
    return lambda state, batch, count: step(state, batch, count, schedule), start


@functools.lru_cache(maxsize=8)
def _jit_step(graph, penalty: Penalty | None):
    """Return the jitted step of a network, and of a kind and rule of penalty if there is one."""

    def mean_loss(params, rows, batch: TrainingBatch, count, schedule: Schedule):
        # Padding reads an arbitrary row, which the network ignores.
        x = jnp.take(rows, batch.positions, axis=0, mode="clip")
        network = nnx.merge(graph, params)
        logits = network(x, batch.lengths, jax.random.fold_in(schedule.key, count))
        losses = optax.softmax_cross_entropy(logits, batch.targets)
        if penalty is not None:
            inside = jnp.take(
                jnp.isin(batch.words, schedule.penalized), batch.positions, mode="clip"
            )
            losses += schedule.penalty * penalize(network, x, batch, inside, penalty)
        return jnp.sum(losses * batch.weights) / jnp.sum(batch.weights)

    def step(state: State, batch: TrainingBatch, count, schedule: Schedule):
        loss, (gradient, rows_gradient) = jax.value_and_grad(mean_loss, argnums=(0, 1))(
            state.params,
            read_rows(state.vectors, batch.words),
            batch,
            count,
            schedule,
        )
        rate = schedule.learning_rate * (1 - count / schedule.steps)
        updates, adam = ADAM.update(gradient, state.adam)
        params = jax.tree.map(lambda param, update: param - rate * update, state.params, updates)
        # The decay is faster at first, so that the average forgets the random first weights.
        decay = jnp.minimum(schedule.average, (count + 1.0) / (count + 10.0))
        # Decay 0 (no averaging) has no logarithm; e^-69 has no effect on a float32 sum.
        log_decay = jnp.log(jnp.maximum(decay, 1e-30))
        vectors = update_rows(
            state.vectors,
            batch.words,
            rows_gradient,
            schedule.embedding_rate * rate,
            count + 1,
            state.log_decay,
            log_decay,
        )
        average = optax.incremental_update(params, state.average, 1 - decay)
        return State(params, average, adam, vectors, state.log_decay + log_decay), loss

    return jax.jit(step, donate_argnums=0)


def penalize(
    network: FlaxClassifier,
    x: Float[Array, "b t d"],
    batch: TrainingBatch,
    inside: Bool[Array, "b t"],
    penalty: Penalty,
) -> Float[Array, "b"]:
    """Return the penalty on the marked words of each example of a batch, not weighted."""
    arguments = read_weights(network), x, batch.lengths, inside
    if penalty.kind == "scores":
        return penalize_scores(*arguments, rule=penalty.rule)
    if penalty.kind == "influence":
        return penalize_influence(*arguments, rule=penalty.rule)
    return penalize_shares(*arguments, jnp.argmax(batch.targets, axis=1), penalty.rule)


@jax.jit
def average_weights(state: State) -> tuple[Any, Float[Array, "v d"]]:
    """Return the averages of the network's parameters and of the word vectors."""
    return jax.tree.map(jnp.copy, state.average), average_rows(state.vectors, state.log_decay)
