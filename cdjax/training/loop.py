"""The training loop: Adam, dropout, averaged weights, early stopping on the development set."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Float

from cdjax.core.lstm import Classifier
from cdjax.scoring.batch import predict
from cdjax.training.batches import Batch, Examples, count_batches, shuffled_batches
from cdjax.training.network import Network, to_classifier


class Options(NamedTuple):
    """How to train. The defaults are those of the bundled model, but for the seed (1)."""

    hidden: int = 168
    epochs: int = 4  # at most
    batch_size: int = 64
    learning_rate: float = 1e-3  # falls linearly to 0 over all epochs
    embedding_rate: float = 0.2  # of the word vectors, as a share of that
    embedding_dropout: float = 0.2
    hidden_dropout: float = 0.3
    average: float = 0.998  # decay a step of the average of the weights; 0 keeps the last ones
    evaluations: int = 4  # an epoch
    patience: int = 5  # evaluations without a better one before training ends
    seed: int = 0


DEFAULTS = Options()


class Training(NamedTuple):
    """What a training came to."""

    classifier: Classifier  # the best one on the development set
    best: Mapping[str, Any]  # the log record of its evaluation
    history: tuple[Mapping[str, Any], ...]  # one record an evaluation


def train(
    embedding: Float[np.ndarray, "v d"],
    examples: Examples,
    dev: Examples,
    options: Options = DEFAULTS,
    log: Callable[[Mapping[str, Any]], None] = lambda record: None,
) -> Training:
    """Train an LSTM classifier and return the best one on the development set.

    The rows of the embedding up to the highest word number of `examples` are trained, too; the rows
    beyond it belong to words that training never sees, and stay as they are.

    Args:
        embedding: Word vectors to begin with.
        examples: What to train on.
        dev: What to choose by: accuracy and, where that is equal, mean log loss.
        options: How to train.
        log: Called with the record of each evaluation: epoch, step, training_loss,
            examples_a_second; accuracy and log_loss on the development set.

    Raises:
        ValueError: Where there are no examples, one is empty or holds a number that is no row of
            the embedding, or an option is out of its range. Says which.
        FloatingPointError: Where the loss is not finite.
    """
    _check_options(options)
    _check_examples(examples, "training", len(embedding))
    _check_examples(dev, "development", len(embedding))
    seen = 1 + max(int(review.max()) for review in examples.reviews)
    network = Network(
        embedding[:seen],
        options.hidden,
        classes=1 + int(max(examples.labels.max(), dev.labels.max())),
        dropout=(options.embedding_dropout, options.hidden_dropout),
        rngs=nnx.Rngs(options.seed),
    )
    graph, params = nnx.split(network)
    steps_an_epoch = count_batches(examples, options.batch_size)
    step, state = _make_step(graph, params, options, steps_an_epoch * options.epochs)
    rng = np.random.default_rng(options.seed)
    marks = {steps_an_epoch * n // options.evaluations for n in range(1, options.evaluations + 1)}
    count, best, chosen, history = 0, 0, None, []
    for epoch in range(options.epochs):
        losses, begin, rows = [], time.perf_counter(), 0
        for n, batch in enumerate(shuffled_batches(examples, options.batch_size, rng), 1):
            state, loss = step(state, batch, count)
            count, rows = count + 1, rows + int(batch.weights.sum())
            losses.append(loss)
            if n not in marks:
                continue
            mean = float(np.mean(jax.device_get(losses)))
            speed = rows / (time.perf_counter() - begin)
            if not np.isfinite(mean):
                raise FloatingPointError(
                    f"the loss is {mean} at step {count}; expected a number: lower learning_rate."
                )
            classifier = _classifier(graph, state.average, embedding)
            record = {
                "epoch": epoch + n / steps_an_epoch,
                "step": count,
                "training_loss": mean,
                **evaluate(classifier, dev),
                "examples_a_second": speed,
            }
            log(record)
            history.append(record)
            if chosen is None or _rank(record) > _rank(history[best]):
                best, chosen = len(history) - 1, classifier
            if len(history) - 1 - best >= options.patience:
                return Training(chosen, history[best], tuple(history))
            losses, begin, rows = [], time.perf_counter(), 0
    assert chosen is not None  # there is at least one epoch, and one evaluation in it
    return Training(chosen, history[best], tuple(history))


class _State(NamedTuple):
    params: Any
    average: Any  # exponential moving average of params
    adam: Any


def _make_step(graph, params, options: Options, steps: int):
    """Return the jitted training step, and the state before the first."""
    word_vectors = nnx.map_state(lambda path, _: path[0] == "embed", params)
    adam = optax.chain(
        optax.adam(optax.linear_schedule(options.learning_rate, 0.0, steps)),
        optax.masked(optax.scale(options.embedding_rate), word_vectors),
    )
    key = jax.random.key(options.seed)

    def mean_loss(params, batch: Batch, key):
        logits = nnx.merge(graph, params)(batch.ids, batch.lengths, key)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels)
        return jnp.sum(losses * batch.weights) / jnp.sum(batch.weights)

    def step(state: _State, batch: Batch, count):
        loss, gradient = jax.value_and_grad(mean_loss)(
            state.params, batch, jax.random.fold_in(key, count)
        )
        updates, adam_state = adam.update(gradient, state.adam)
        params = optax.apply_updates(state.params, updates)
        # The average forgets faster at first, so that it does not hold on to the random start.
        decay = jnp.minimum(options.average, (count + 1.0) / (count + 10.0))
        average = optax.incremental_update(params, state.average, 1 - decay)
        return _State(params, average, adam_state), loss

    average = jax.tree.map(jnp.copy, params)  # the step overwrites both
    return jax.jit(step, donate_argnums=0), _State(params, average, adam.init(params))


def evaluate(classifier: Classifier, examples: Examples) -> dict[str, float]:
    """Return accuracy and mean log loss (nats) of a classifier."""
    logits = np.asarray(predict(classifier, examples.reviews), np.float64)
    loss = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(logits)), examples.labels]
    accuracy = float(np.mean(logits.argmax(axis=1) == examples.labels))
    return {"accuracy": accuracy, "log_loss": float(loss.mean())}


def _classifier(graph, params, embedding) -> Classifier:
    """Return the classifier of some weights, with the rows that are not trained."""
    classifier = to_classifier(nnx.merge(graph, params))
    rest = embedding[len(classifier.embedding) :]
    return classifier._replace(embedding=np.concatenate([classifier.embedding, rest]))


def _rank(record: Mapping[str, Any]) -> tuple[float, float]:
    return record["accuracy"], -record["log_loss"]


def _check_examples(examples: Examples, name: str, words: int) -> None:
    reviews, labels = examples
    if not len(reviews):
        raise ValueError(f"there are no {name} examples.")
    if len(labels) != len(reviews):
        raise ValueError(
            f"{len(reviews):,} {name} examples have {len(labels):,} labels; expected one each."
        )
    if labels.min() < 0:
        raise ValueError(
            f"the labels of the {name} examples begin at {labels.min()}; expected 0, 1, ..."
        )
    for n, review in enumerate(reviews):
        if not len(review):
            raise ValueError(f"{name} example {n} is empty; expected at least one word.")
        if not 0 <= review.min() <= review.max() < words:
            wrong = review[(review < 0) | (review >= words)][0]
            raise ValueError(
                f"{name} example {n} holds the word number {wrong}; expected 0 to {words - 1}, "
                f"the rows of the embedding."
            )


def _check_options(options: Options) -> None:
    for name in ("hidden", "epochs", "batch_size", "evaluations", "patience"):
        if (value := getattr(options, name)) < 1:
            raise ValueError(f"{name} is {value}; expected at least 1.")
    for name in ("embedding_dropout", "hidden_dropout", "average"):
        if not 0 <= (value := getattr(options, name)) < 1:
            raise ValueError(f"{name} is {value}; expected at least 0 and below 1.")
    if not options.learning_rate > 0:
        raise ValueError(f"learning_rate is {options.learning_rate}; expected above 0.")
    if not options.embedding_rate >= 0:
        raise ValueError(f"embedding_rate is {options.embedding_rate}; expected at least 0.")
