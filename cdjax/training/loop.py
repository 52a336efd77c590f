"""The training loop: Adam, dropout, averaged weights, early stopping on the development set."""

import itertools
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from cdjax.core.network import Classifier
from cdjax.scoring.batch import predict
from cdjax.training import checks
from cdjax.training.batches import (
    Examples,
    TrainingBatch,
    balance,
    count_batches,
    count_classes,
    shuffled_batches,
)
from cdjax.training.checkpoints import fingerprint, load_checkpoint, read_facts, save_checkpoint
from cdjax.training.network import FlaxClassifier, to_classifier
from cdjax.training.step import Options, Penalty, average_weights, make_step

DEFAULTS = Options()
LOSS_INTERVAL = 50
"""Steps between two reads of the losses: a read waits for the device."""
CHECKPOINT_INTERVAL = 60.0
"""Seconds between two checkpoints, at most."""


class Training(NamedTuple):
    """The result of a training."""

    classifier: Classifier  # of the best evaluation
    best: Mapping[str, Any]  # the record of that evaluation
    history: tuple[Mapping[str, Any], ...]  # the records of all evaluations


class StoppedError(RuntimeError):
    """Training was stopped before its end; its state is in the checkpoint, if there is one."""


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
    """Train a recurrent classifier and return the best one on the development set.

    The rows of the embedding up to the highest word id of `examples` are trained, too; the rows
    beyond it belong to words that do not occur in training, and keep their values.

    A training that was stopped or killed and is resumed from its checkpoint ends with the weights
    of an uninterrupted one, bit for bit, on the same machine with the same versions.

    Args:
        embedding: Word vectors to begin with.
        examples: Examples to train on.
        dev: Examples to choose by: accuracy (its mean over the classes where they are `balanced`)
            and, where that is equal, mean log loss.
        options: How to train, and what kind of network.
        log: Called with the record of each evaluation: epoch, step, training_loss,
            examples_a_second; accuracy, balanced_accuracy and log_loss on the development set.
        penalty: A penalty on the contribution of given words.
        checkpoint: File to keep the state in, written at every evaluation and every minute.
        resume: Whether to resume from that file.
        progress: Called every few steps with their number, the number of all, and the mean loss
            (nats).
        stop: Called after every step; where it returns True, training saves its state and raises.

    Raises:
        ValueError: Where there are no examples, one is empty or holds an id that is no row of the
            embedding, or an option is out of its range; where a checkpoint is of another training.
            Says which.
        FileNotFoundError: Where there is no checkpoint to resume from.
        FloatingPointError: Where the loss is not finite. Says of which batch.
        StoppedError: Where `stop` returns True.
    """
    checks.check_options(options)
    checks.check_penalty(penalty, len(embedding))
    checks.check_examples(examples, "training", len(embedding))
    checks.check_examples(dev, "development", len(embedding))
    classes = count_classes(examples, dev)
    checks.check_targets(examples, classes, options.balanced)
    if options.balanced:
        examples, dev = balance(examples), balance(dev)
    seen = 1 + max(int(sequence.max()) for sequence in examples.sequences)
    network = FlaxClassifier(
        embedding.shape[1],
        options.hidden,
        classes,
        cell=options.cell,
        layers=options.layers,
        bidirectional=options.bidirectional,
        dropout=(options.embedding_dropout, options.hidden_dropout),
        rngs=nnx.Rngs(options.seed),
    )
    graph, params = nnx.split(network)
    epoch_steps = count_batches(examples, options.batch_size)
    steps = epoch_steps * options.epochs
    take_step, state = make_step(graph, params, embedding[:seen], options, steps, penalty)
    # The steps of an epoch that an evaluation follows.
    evaluated = {epoch_steps * n // options.evaluations for n in range(1, options.evaluations + 1)}

    setting: dict[str, Any] = {"options": options._asdict()}
    if penalty is not None:
        setting["penalty"] = [list(penalty.words), penalty.weight, penalty.kind, penalty.rule.name]
    if checkpoint:
        setting["data"] = _fingerprint(embedding, examples, dev)
    # Weights of the best evaluation; copies, since a step donates its buffers.
    best = jax.tree.map(np.array, (params, embedding[:seen]))
    count, history, losses = 0, [], []
    if resume:
        if checkpoint is None:
            raise ValueError("resume is True; expected a checkpoint to resume from.")
        # Before the arrays are read, whose shapes would not say which option differs.
        checks.check_resumable(checkpoint, read_facts(checkpoint)["setting"], setting)
        (state, best), facts = load_checkpoint(checkpoint, (state, best))
        count, history, losses = facts["count"], facts["history"], facts["losses"]

    def write_checkpoint() -> str:
        """Write the state; where that fails, training goes on. Return what is to be told of it."""
        if checkpoint:
            facts = {"setting": setting, "count": count, "history": history, "losses": losses}
            try:
                save_checkpoint(checkpoint, (state, best), facts)
            except OSError as error:  # a full disk
                told = f"the checkpoint of step {count:,} could not be written ({error})"
                warnings.warn(f"{told}; an earlier one is kept.", stacklevel=3)
                return f"; {told}"
        return ""

    def classifier(params, rows) -> Classifier:
        rows = np.concatenate([np.asarray(rows), embedding[seen:]])
        return to_classifier(nnx.merge(graph, params), rows)

    aim = choose_by(options)
    pending: list[tuple[Array, TrainingBatch]] = []  # losses still on the device
    start, trained, written = time.perf_counter(), 0, time.perf_counter()
    while count < steps and not _is_over(history, aim, options.patience):
        epoch, done = divmod(count, epoch_steps)
        order = np.random.default_rng([options.seed, epoch])
        batches = shuffled_batches(examples, options.batch_size, classes, order)
        for n, batch in enumerate(itertools.islice(batches, done, None), done + 1):
            state, loss = take_step(state, batch._replace(members=batch.members[:0]), count)
            pending.append((loss, batch))
            count, trained = count + 1, trained + len(batch.members)
            stopping = stop()
            due = time.perf_counter() - written > CHECKPOINT_INTERVAL
            if n in evaluated or stopping or due or len(pending) == LOSS_INTERVAL:
                losses += _read_losses(pending, count, epoch)
                pending = []
                progress(count, steps, float(np.mean(losses[-LOSS_INTERVAL:])))
            if n in evaluated:
                rate = trained / (time.perf_counter() - start)  # without the evaluation's time
                averages = average_weights(state)
                record = {
                    "epoch": epoch + n / epoch_steps,
                    "step": count,
                    "training_loss": float(np.mean(losses)),
                    **evaluate(classifier(*averages), dev),
                    "examples_a_second": rate,
                }
                log(record)
                history.append(record)
                if record is best_of(history, aim):
                    best = averages
                losses = []
            if n in evaluated or stopping or due:
                failed = write_checkpoint()
                written = time.perf_counter()
                if stopping:
                    raise StoppedError(f"stopped at step {count:,} of {steps:,}{failed}")
            if n in evaluated:
                start, trained = time.perf_counter(), 0
                if _is_over(history, aim, options.patience):
                    break
    return Training(classifier(*best), best_of(history, aim), tuple(history))


def choose_by(options: Options) -> str:
    """Return the field of an evaluation's record that the best is chosen by."""
    return "balanced_accuracy" if options.balanced else "accuracy"


def best_of(history: Sequence[Mapping[str, Any]], aim: str) -> Mapping[str, Any]:
    """Return the record of the best evaluation, the first of equal ones."""
    return max(history, key=lambda record: (record[aim], -record["log_loss"]))


def _is_over(history: list[Mapping[str, Any]], aim: str, patience: int) -> bool:
    """Return whether `patience` evaluations have passed since the best."""
    return bool(history) and len(history) - 1 - history.index(best_of(history, aim)) >= patience


def _read_losses(
    pending: Sequence[tuple[Array, TrainingBatch]], count: int, epoch: int
) -> list[float]:
    """Return the losses of the latest steps; raise where one is not finite."""
    losses = [float(loss) for loss in jax.device_get([loss for loss, _ in pending])]
    for n, (loss, (_, batch)) in enumerate(zip(losses, pending, strict=True)):
        if not np.isfinite(loss):
            members = ", ".join(map(str, batch.members[:8].tolist()))
            raise FloatingPointError(
                f"the loss is {loss} at step {count - len(pending) + n + 1}, in epoch {epoch + 1}, "
                f"of a batch of {len(batch.members)} examples of up to {batch.positions.shape[1]} "
                f"words (training examples {members} ...); expected a number: lower learning_rate."
            )
    return losses


def evaluate(classifier: Classifier, examples: Examples) -> dict[str, float]:
    """Return the accuracy of a classifier, its mean over the classes, and its log loss (nats).

    Only the loss is weighted where the examples have weights.
    """
    logits = np.asarray(predict(classifier, examples.sequences), np.float64)
    loss = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(logits)), examples.labels]
    right = logits.argmax(axis=1) == examples.labels
    balanced = np.mean([right[examples.labels == k].mean() for k in np.unique(examples.labels)])
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(balanced),
        "log_loss": float(np.average(loss, weights=examples.weights)),
    }


def _fingerprint(embedding: np.ndarray, *sets: Examples) -> str:
    arrays = [embedding]
    for examples in sets:
        arrays += [np.concatenate(examples.sequences), examples.labels]
        arrays.append(np.array([len(sequence) for sequence in examples.sequences]))
        arrays += [a for a in (examples.targets, examples.weights) if a is not None]
    return fingerprint(*arrays)
