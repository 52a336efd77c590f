"""The training loop: Adam, dropout, averaged weights, early stopping on the development set."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from cdjax.core.lstm import Classifier
from cdjax.scoring.batch import predict
from cdjax.training.batches import (
    Batch,
    Examples,
    count_batches,
    count_classes,
    shuffled_batches,
)
from cdjax.training.checkpoints import fingerprint, load_checkpoint, save_checkpoint
from cdjax.training.network import Network, to_classifier
from cdjax.training.step import KINDS, Options, Penalty, average_weights, make_step

DEFAULTS = Options()
LOOK = 50  # steps between two looks at the loss
MINUTE = 60.0  # seconds between two checkpoints, at most


class Training(NamedTuple):
    """What a training came to."""

    classifier: Classifier  # the best one on the development set
    best: Mapping[str, Any]  # the log record of its evaluation
    history: tuple[Mapping[str, Any], ...]  # one record an evaluation


class StoppedError(RuntimeError):
    """Training was asked to stop before its end; what it had is in the checkpoint, if any."""


def train(
    embedding: Float[np.ndarray, "v d"],
    examples: Examples,
    dev: Examples,
    options: Options = DEFAULTS,
    log: Callable[[Mapping[str, Any]], None] = lambda record: None,
    *,
    penalty: Penalty | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: Callable[[int, int, float], None] = lambda step, steps, loss: None,
    stop: Callable[[], bool] = lambda: False,
) -> Training:
    """Train an LSTM classifier and return the best one on the development set.

    The rows of the embedding up to the highest word number of `examples` are trained, too; the rows
    beyond it belong to words that training never sees, and stay as they are.

    A training that was stopped, or killed, and goes on from its checkpoint ends with the same
    weights, to the last bit, as one that was not, on the same machine with the same versions.

    Args:
        embedding: Word vectors to begin with.
        examples: What to train on.
        dev: What to choose by: accuracy and, where that is equal, mean log loss.
        options: How to train.
        log: Called with the record of each evaluation: epoch, step, training_loss,
            examples_a_second; accuracy and log_loss on the development set.
        penalty: Words that are not to contribute, and how much it costs where they do.
        checkpoint: File to keep the state in, written at every evaluation and every minute.
        resume: Whether to go on from that file.
        progress: Called every few steps with their number, that of all, and the mean loss (nats).
        stop: Asked at every step; where it says so, training saves its state and raises.

    Raises:
        ValueError: Where there are no examples, one is empty or holds a number that is no row of
            the embedding, or an option is out of its range; where a checkpoint is of another
            training. Says which.
        FileNotFoundError: Where there is no checkpoint to resume from.
        FloatingPointError: Where the loss is not finite. Says of which batch.
        StoppedError: Where `stop` says so.
    """
    _check_options(options)
    _check_penalty(penalty, len(embedding))
    _check_examples(examples, "training", len(embedding))
    _check_examples(dev, "development", len(embedding))
    classes = count_classes(examples, dev)
    _check_targets(examples, classes)
    seen = 1 + max(int(review.max()) for review in examples.reviews)
    network = Network(
        embedding.shape[1],
        options.hidden,
        classes,
        dropout=(options.embedding_dropout, options.hidden_dropout),
        rngs=nnx.Rngs(options.seed),
    )
    graph, params = nnx.split(network)
    steps_an_epoch = count_batches(examples, options.batch_size)
    steps = steps_an_epoch * options.epochs
    take_step, state = make_step(graph, params, embedding[:seen], options, steps, penalty)
    marks = {steps_an_epoch * n // options.evaluations for n in range(1, options.evaluations + 1)}

    about: dict[str, Any] = {"options": options._asdict()}
    if penalty is not None:
        about["penalty"] = [list(penalty.words), penalty.weight, penalty.kind, penalty.rule.name]
    if checkpoint:  # reading all the data takes its time
        about["data"] = _fingerprint(embedding, examples, dev)
    # Weights of the best evaluation; copies, as a step overwrites what it is given.
    best = jax.tree.map(np.array, (params, embedding[:seen]))
    count, history, losses = 0, [], []
    if resume:
        if checkpoint is None:
            raise ValueError("resume is True; expected a checkpoint to resume from.")
        (state, best), facts = load_checkpoint(checkpoint, (state, best))
        _check_same(checkpoint, facts["about"], about)
        count, history, losses = facts["count"], facts["history"], facts["losses"]

    def keep():
        if checkpoint:
            facts = {"about": about, "count": count, "history": history, "losses": losses}
            save_checkpoint(checkpoint, (state, best), facts)

    def classifier(params, rows) -> Classifier:
        table = np.concatenate([np.asarray(rows), embedding[seen:]])
        return to_classifier(nnx.merge(graph, params), table)

    recent: list[tuple[Array, Batch]] = []  # losses not yet looked at: looking waits for the device
    begin, rows, kept = time.perf_counter(), 0, time.perf_counter()
    while count < steps and not _is_over(history, options.patience):
        epoch, done = divmod(count, steps_an_epoch)
        order = np.random.default_rng([options.seed, epoch])
        batches = shuffled_batches(examples, options.batch_size, classes, order)
        for n, batch in enumerate(itertools.islice(batches, done, None), done + 1):
            state, loss = take_step(state, batch._replace(members=batch.members[:0]), count)
            recent.append((loss, batch))
            count, rows = count + 1, rows + len(batch.members)
            asked = stop()
            if n in marks or asked or len(recent) == LOOK:
                losses += _look(recent, count, epoch)
                recent = []
                progress(count, steps, float(np.mean(losses[-LOOK:])))
            if n in marks:
                rate = rows / (time.perf_counter() - begin)  # before it is evaluated
                averages = average_weights(state)
                record = {
                    "epoch": epoch + n / steps_an_epoch,
                    "step": count,
                    "training_loss": float(np.mean(losses)),
                    **evaluate(classifier(*averages), dev),
                    "examples_a_second": rate,
                }
                log(record)
                history.append(record)
                if record is _best(history):
                    best = averages
                losses = []
            if asked or n in marks or time.perf_counter() - kept > MINUTE:
                if recent:
                    losses, recent = losses + _look(recent, count, epoch), []
                keep()
                kept = time.perf_counter()
            if asked:
                raise StoppedError(f"stopped at step {count:,} of {steps:,}")
            if n in marks:
                begin, rows = time.perf_counter(), 0
                if _is_over(history, options.patience):
                    break
    return Training(classifier(*best), _best(history), tuple(history))


def _best(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the record of the best evaluation, the first of equal ones."""
    return max(history, key=lambda record: (record["accuracy"], -record["log_loss"]))


def _is_over(history: list[Mapping[str, Any]], patience: int) -> bool:
    """Return whether so many evaluations have passed since the best."""
    return bool(history) and len(history) - 1 - history.index(_best(history)) >= patience


def _look(recent: Sequence[tuple[Array, Batch]], count: int, epoch: int) -> list[float]:
    """Return the losses of the last steps; raise where one is not finite."""
    losses = [float(loss) for loss in jax.device_get([loss for loss, _ in recent])]
    for n, (loss, (_, batch)) in enumerate(zip(losses, recent, strict=True)):
        if not np.isfinite(loss):
            members = ", ".join(map(str, batch.members[:8].tolist()))
            raise FloatingPointError(
                f"the loss is {loss} at step {count - len(recent) + n + 1}, in epoch {epoch + 1}, "
                f"of a batch of {len(batch.members)} reviews of up to {batch.places.shape[1]} "
                f"words (training examples {members} ...); expected a number: lower learning_rate."
            )
    return losses


def evaluate(classifier: Classifier, examples: Examples) -> dict[str, float]:
    """Return the accuracy of a classifier, its mean over the classes, and its log loss (nats)."""
    logits = np.asarray(predict(classifier, examples.reviews), np.float64)
    loss = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(logits)), examples.labels]
    right = logits.argmax(axis=1) == examples.labels
    balanced = np.mean([right[examples.labels == k].mean() for k in np.unique(examples.labels)])
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(balanced),
        "log_loss": float(loss.mean()),
    }


def _fingerprint(embedding: np.ndarray, *sets: Examples) -> str:
    arrays = [embedding]
    for examples in sets:
        arrays += [np.concatenate(examples.reviews), examples.labels]
        arrays.append(np.array([len(review) for review in examples.reviews]))
        arrays += [a for a in (examples.targets, examples.weights) if a is not None]
    return fingerprint(*arrays)


def _check_same(path: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for name, value in expected["options"].items():
        if (stored := found["options"].get(name)) != value:
            raise ValueError(
                f"{path} is of a training with {name} = {stored}; this one has {value}. Resume "
                f"with the same options, or train without --resume."
            )
    if (stored := found.get("penalty")) != (value := expected.get("penalty")):
        raise ValueError(
            f"{path} is of a training with penalty = {stored}; this one has {value}. Resume with "
            f"the same penalty, or train without --resume."
        )
    if found["data"] != expected["data"]:
        raise ValueError(
            f"{path} is of a training on other data or word vectors. Resume with the same, or "
            f"train without --resume."
        )


def _check_targets(examples: Examples, classes: int) -> None:
    targets, weights = examples.targets, examples.weights
    if weights is not None and not (
        weights.shape == (len(examples.labels),) and (weights > 0).all()
    ):
        raise ValueError("the weights of the examples are no positive numbers, one for each.")
    if targets is None:
        return
    if targets.shape != (len(examples.labels), classes):
        raise ValueError(
            f"the targets have shape {list(targets.shape)}; expected "
            f"{[len(examples.labels), classes]}: a probability for every example and class."
        )
    if not (np.abs(targets.sum(axis=1) - 1) < 1e-4).all() or targets.min() < 0:
        raise ValueError("the targets of an example are no probabilities; expected a sum of 1.")


def _check_examples(examples: Examples, name: str, words: int) -> None:
    reviews, labels = examples.reviews, examples.labels
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


def _check_penalty(penalty: Penalty | None, words: int) -> None:
    if penalty is None:
        return
    if not penalty.words:
        raise ValueError("the penalty has no words; expected at least one, or penalty=None.")
    if wrong := [word for word in penalty.words if not 0 <= word < words]:
        raise ValueError(
            f"the penalty holds the word number {wrong[0]}; expected 0 to {words - 1}, the rows of "
            f"the embedding."
        )
    if not 0 <= penalty.weight < float("inf"):
        raise ValueError(f"the penalty has weight {penalty.weight}; expected at least 0, finite.")
    if penalty.kind not in KINDS:
        raise ValueError(f"the penalty is of kind {penalty.kind!r}; expected {', '.join(KINDS)}.")
