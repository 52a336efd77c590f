"""From labelled texts to a model: vocabulary, embedding, training, calibration, provenance."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from cdjax.core.network import Classifier
from cdjax.model import Model
from cdjax.results.notices import describe_unknown
from cdjax.text.vectors import WordVectors, combine_vectors, read_vectors
from cdjax.text.vocabulary import UNKNOWN, Vocabulary
from cdjax.training.batches import Examples, balance
from cdjax.training.calibration import calibrate
from cdjax.training.checks import check_options
from cdjax.training.corpus import TrainingData, check_corpus, encode, order_labels
from cdjax.training.loop import DEFAULTS, evaluate, train
from cdjax.training.provenance import describe_run, digest_file
from cdjax.training.step import Options

RANDOM_WIDTH = 128
"""Width of random word vectors where no other is given."""
EXTRA_VECTOR_ROWS = 50_000
"""Words that do not occur in training are known if they are among so many first of a file."""


class VectorOptions(NamedTuple):
    """How the embedding is made."""

    width: int | None = 256
    """Most principal components of the word vectors to keep, all columns when None; or the width of
    random ones, `RANDOM_WIDTH` when None."""
    spread: float = 0.5
    """Standard deviation of its values."""


VECTOR_OPTIONS = VectorOptions()


def fit(
    data: TrainingData,
    vectors: Sequence[str | os.PathLike] = (),
    options: Options = DEFAULTS,
    vector_options: VectorOptions = VECTOR_OPTIONS,
    *,
    command: Sequence[str] = (),
    log: Callable[[Mapping[str, Any]], None] = lambda record: None,
    **loop: Any,
) -> Model:
    """Train a classifier of texts, with as many classes as there are labels.

    The vocabulary is the words of the training texts, most frequent first, and then all others that
    the files of vectors have, so that the model knows more words than it was trained on.

    Args:
        data: What to train on, choose by and report, of `prepare_reviews` or `prepare_treebank`.
        vectors: Files of word vectors, see `cdjax.text.vectors.read_vectors`; random vectors
            without.
        options: How to train, and what kind of network.
        vector_options: How the embedding is made.
        command: The words of the command that trains, for the provenance.
        log: Called with a record of each evaluation.
        **loop: Further arguments of `cdjax.training.loop.train`: checkpoint, resume, ...

    Returns:
        The model that is best on the texts called "dev", its logits scaled to their least log loss
        there (`cdjax.training.calibration`), its labels in order (`order_labels`). Its weights are
        rounded to float16, so that saving it with `dtype=numpy.float16` changes nothing, and the
        accuracies in its provenance are those of the saved model.

    Raises:
        FileNotFoundError, ValueError: Where a file is missing or malformed; where an option is out
            of its range; where no texts are called "dev"; where there is one label only, or a label
            that does not occur in training; where a text has no words; as
            `cdjax.training.loop.train`.
        FloatingPointError, StoppedError: As `cdjax.training.loop.train`.
    """
    if "dev" not in data.held_out:
        names = ", ".join(data.held_out) or "none"
        raise ValueError(f"held_out has the names {names}; expected dev, the texts to choose by.")
    check_options(options)
    labels = order_labels(data.training.labels)
    for name, corpus in {"training": data.training, **data.held_out}.items():
        check_corpus(corpus, labels, name)
    counts = data.word_counts or _count_words(data)
    sources = [read_vectors(path, set(counts), EXTRA_VECTOR_ROWS) for path in vectors]
    vocabulary = build_vocabulary(counts, sources, data.min_count)
    embedding = make_embedding(vocabulary, sources, vector_options, options.seed)
    examples = encode(data.training, vocabulary, labels)
    held_out = {name: encode(part, vocabulary, labels) for name, part in data.held_out.items()}
    for name, part in {"training": examples, **held_out}.items():
        _warn_of_unknown(name, part, vocabulary)
    training = train(embedding, examples, held_out["dev"], options, log, **loop)
    dev = balance(held_out["dev"]) if options.balanced else held_out["dev"]
    classifier, factor = calibrate(training.classifier, dev)
    classifier = round_to_half(classifier)
    label_counts: dict[str, Any] = {}
    if data.training.targets is None:  # soft labels are not counted
        by_label = Counter(data.training.labels)
        label_counts["training_labels"] = {label: by_label[label] for label in labels}
    provenance = {
        "task": data.task,
        "data": {
            **data.facts,
            "min_count": data.min_count,
            "training_examples": len(data.training.labels),
            **label_counts,
        },
        "vectors": {Path(path).name: digest_file(Path(path)) for path in vectors},
        "embedding": vector_options._asdict(),
        "accuracy": {
            name: {"examples": len(part.labels), **_accuracies(evaluate(classifier, part))}
            for name, part in held_out.items()
        },
        "options": options._asdict(),
        "chosen": dict(training.best),
        "logits_scaled_by": factor,
        **describe_run(command),
    }
    return Model(classifier, vocabulary, labels, provenance)


def build_vocabulary(
    counts: Mapping[str, int], sources: Iterable[WordVectors], min_count: int = 1
) -> Vocabulary:
    """Return the words by frequency, then the others that have a vector by name.

    Args:
        counts: How often each word occurs in training, in lower case.
        sources: Word vectors.
        min_count: Words that occur less often are left out, unless they have a vector.
    """
    # Tokens are looked up in lower case: no token matches another spelling of a word.
    known = {word for source in sources for word in source.words if word == word.lower()}
    frequent = [
        word
        for word, count in Counter(counts).most_common()
        if word != UNKNOWN and (count >= min_count or word in known)
    ]
    return Vocabulary((UNKNOWN, *frequent, *sorted(known - {UNKNOWN, *frequent})))


def make_embedding(
    vocabulary: Vocabulary, sources: Sequence[WordVectors], options: VectorOptions, seed: int
) -> Float[np.ndarray, "v d"]:
    """Return the word vectors to begin with, a row a word; random ones where there is no source."""
    if sources:
        columns = sum(source.vectors.shape[1] for source in sources)
        width = None if options.width is None else min(options.width, columns)
        embedding = combine_vectors(sources, vocabulary.words, width, options.spread)
        embedding[0] = 0  # the unknown word: the mean of all
        return embedding
    shape = len(vocabulary), options.width or RANDOM_WIDTH
    return options.spread * np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def round_to_half(classifier: Classifier) -> Classifier:
    """Return the classifier with every weight rounded to the nearest float16, kept in float32."""
    return jax.tree.map(lambda w: w.astype(np.float16).astype(np.float32), classifier)


def _count_words(data: TrainingData) -> Counter[str]:
    return Counter(token for tokens in data.training.tokens for token in tokens)


def _warn_of_unknown(name: str, part: Examples, vocabulary: Vocabulary) -> None:
    known = vocabulary.known(np.concatenate(part.sequences))
    if note := describe_unknown(known):
        warnings.warn(
            f"{name} texts: {note}. A word is known that occurs often enough in training; where no "
            f"spaces separate words, a clause is one: split the texts first.",
            stacklevel=3,
        )


def _accuracies(evaluation: Mapping[str, float]) -> dict[str, float]:
    return {name: evaluation[name] for name in ("accuracy", "balanced_accuracy")}
