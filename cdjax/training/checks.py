"""Checks of what is given to training, each with a message that names the value and the remedy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cdjax.training.batches import Examples
from cdjax.training.network import CELLS
from cdjax.training.step import KINDS, Options, Penalty


def check_examples(examples: Examples, name: str, words: int) -> None:
    """Raise ValueError unless there are labelled examples, of ids below the number of words."""
    sequences, labels = examples.sequences, examples.labels
    if not len(sequences):
        raise ValueError(f"there are no {name} examples.")
    if len(labels) != len(sequences):
        raise ValueError(
            f"{len(sequences):,} {name} examples have {len(labels):,} labels; expected one each."
        )
    if labels.min() < 0:
        raise ValueError(
            f"the labels of the {name} examples begin at {labels.min()}; expected 0, 1, ..."
        )
    for n, sequence in enumerate(sequences):
        if not len(sequence):
            raise ValueError(f"{name} example {n} is empty; expected at least one word.")
        if not 0 <= sequence.min() <= sequence.max() < words:
            wrong = sequence[(sequence < 0) | (sequence >= words)][0]
            raise ValueError(
                f"{name} example {n} holds the word id {wrong}; expected 0 to {words - 1}, the "
                f"rows of the embedding."
            )


def check_targets(examples: Examples, classes: int, balanced: bool = False) -> None:
    """Raise ValueError unless the targets are probabilities and the weights positive.

    Classes are `balanced` by labels alone: there must be no targets then.
    """
    targets, weights = examples.targets, examples.weights
    if balanced and targets is not None:
        raise ValueError(
            "balanced=True needs one label for each example; these have soft ones (targets)."
        )
    if weights is not None and not (
        weights.shape == (len(examples.labels),) and (weights > 0).all()
    ):
        raise ValueError("the weights of the examples are no positive numbers, one for each.")
    if targets is None:
        return
    if targets.shape != (len(examples.labels), classes):
        raise ValueError(
            f"the targets of the examples have shape {list(targets.shape)}; expected "
            f"{[len(examples.labels), classes]}: a probability for each example and class."
        )
    if not ((targets >= 0).all() and np.allclose(targets.sum(axis=1), 1, atol=1e-4)):
        raise ValueError("the targets of the examples are no probabilities; expected a sum of 1.")


def check_options(options: Options) -> None:
    """Raise ValueError where an option is out of its range; says which."""
    if options.cell not in CELLS:
        raise ValueError(f"cell is {options.cell!r}; expected {' or '.join(CELLS)}.")
    for name in ("bidirectional", "balanced"):
        if not isinstance(value := getattr(options, name), bool):
            raise ValueError(f"{name} is {value!r}; expected True or False.")
    for name in ("layers", "hidden", "epochs", "batch_size", "evaluations", "patience"):
        if (value := getattr(options, name)) < 1:
            raise ValueError(f"{name} is {value}; expected at least 1.")
    for name in ("embedding_dropout", "hidden_dropout", "average"):
        if not 0 <= (value := getattr(options, name)) < 1:
            raise ValueError(f"{name} is {value}; expected at least 0 and below 1.")
    if not options.learning_rate > 0:
        raise ValueError(f"learning_rate is {options.learning_rate}; expected above 0.")
    if not options.embedding_rate >= 0:
        raise ValueError(f"embedding_rate is {options.embedding_rate}; expected at least 0.")


def check_penalty(penalty: Penalty | None, words: int) -> None:
    """Raise ValueError where a penalty has no known words, or an unknown kind or weight."""
    if penalty is None:
        return
    if not penalty.words:
        raise ValueError("the penalty has no words; expected at least one, or penalty=None.")
    if wrong := [word for word in penalty.words if not 0 <= word < words]:
        raise ValueError(
            f"the penalty holds the word id {wrong[0]}; expected 0 to {words - 1}, the rows of "
            f"the embedding."
        )
    if not 0 <= penalty.weight < float("inf"):
        raise ValueError(f"the penalty has weight {penalty.weight}; expected at least 0, finite.")
    if penalty.kind not in KINDS:
        raise ValueError(f"the penalty is of kind {penalty.kind!r}; expected {', '.join(KINDS)}.")


def check_resumable(path: Path, stored: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Raise ValueError where a checkpoint is of other options, penalty or data than these."""
    settings = {
        name: (stored["options"].get(name), value) for name, value in current["options"].items()
    }
    settings["penalty"] = stored.get("penalty"), current.get("penalty")
    for name, (before, now) in settings.items():
        if before != now:
            raise ValueError(
                f"{path} is of a training with {name} = {before}; this one has {now}. Resume with "
                f"the value it has, or train without resume=True."
            )
    if stored["data"] != current["data"]:
        raise ValueError(
            f"{path} is of a training on other data or word vectors. Resume with the data it was "
            f"made from, or train without resume=True."
        )
