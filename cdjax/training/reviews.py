"""Training on labelled reviews of one's own: from texts to a model with its provenance."""

import contextlib
import functools
import itertools
import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cdjax.model import Model
from cdjax.text.tokenizer import tokenize
from cdjax.text.vectors import WordVectors, combine_vectors, read_vectors
from cdjax.text.vocabulary import UNKNOWN, Vocabulary
from cdjax.training.batches import Examples
from cdjax.training.calibration import calibrate
from cdjax.training.loop import DEFAULTS, evaluate, train
from cdjax.training.provenance import describe_run, digest_file, round_to_half
from cdjax.training.step import Options


class Corpus(NamedTuple):
    """Labelled reviews, tokenized."""

    tokens: Sequence[Sequence[str]]
    labels: Sequence[str]


class Table(NamedTuple):
    """How the table of word vectors is made."""

    width: int | None = None
    """Most principal components kept of given vectors, all when None; columns of random vectors, of
    which there are 128 when None."""
    spread: float = 0.5
    """Standard deviation of its values."""
    min_count: int = 2
    """Words seen less often in training are unknown, unless a file of vectors has them."""


TABLE = Table()
RANDOM_WIDTH = 128
BLOCK = 8192
"""Reviews read at a time; fewer than these are split into words sooner than processes start."""
EXTRA_VECTOR_ROWS = 50_000
"""Of the words that training never sees, those are known that are among the first of a file."""


def tokenize_reviews(
    reviews: Iterable[tuple[str, str]], max_words: int | None, processes: int = 1
) -> Corpus:
    """Return texts and their labels as a corpus, each text cut to its first words.

    Args:
        reviews: Texts and labels.
        max_words: Words kept of each; all when None.
        processes: Where there are more than `BLOCK` reviews, processes to split the texts among,
            started as `multiprocessing` starts them by "spawn": not from a script without
            `if __name__ == "__main__"`.
    """
    tokens: list[list[str]] = []
    labels: list[str] = []
    spelling: dict[str, str] = {}
    split = functools.partial(_split_words, max_words=max_words)
    rows = iter(reviews)
    with contextlib.ExitStack() as stack:
        apply: Callable[..., Iterable[list[str]]] = map
        while block := list(itertools.islice(rows, BLOCK)):
            if tokens and processes > 1 and apply is map:
                context = multiprocessing.get_context("spawn")
                pool = ProcessPoolExecutor(processes, context, initializer=_end_with_parent)
                stack.enter_context(pool)
                apply = functools.partial(pool.map, chunksize=256)
            for found in apply(split, [text for text, _ in block]):
                # One string a word, however often it occurs: half a million reviews fit in memory.
                tokens.append([spelling.setdefault(token, token) for token in found])
            labels += [label for _, label in block]
    return Corpus(tokens, labels)


def _end_with_parent() -> None:
    """Have this process end when the one that started it does, which may have been killed.

    The pool's processes would work off what is in their queue, and then wait for more for ever.
    """

    def wait():
        parent = multiprocessing.parent_process()
        assert parent is not None  # only processes of a pool come here
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _split_words(text: str, max_words: int | None) -> list[str]:
    return [token.lower() for token in tokenize(text)[:max_words]]


def split_off(corpus: Corpus, share: float, seed: int) -> tuple[Corpus, Corpus]:
    """Split reviews at random into two, the second with this share of each label's.

    Raises:
        ValueError: Where a label has too few reviews for one in either part. Says which.
    """
    rng = np.random.default_rng(seed)
    labels = np.array(corpus.labels)
    second: list[int] = []
    for label in sorted(set(corpus.labels)):
        indices = rng.permutation(np.flatnonzero(labels == label))
        if len(indices) < 2:
            raise ValueError(
                f"only one review has the label {label!r}; expected at least two of each label, "
                f"one to train on and one to choose by. Or give texts to choose by, dev=FILE."
            )
        second += indices[: max(1, min(len(indices) - 1, round(share * len(indices))))].tolist()
    chosen = set(second)

    def part(keep: bool) -> Corpus:
        numbers = [n for n in range(len(labels)) if (n in chosen) == keep]
        return Corpus([corpus.tokens[n] for n in numbers], [corpus.labels[n] for n in numbers])

    return part(False), part(True)


def train_on_reviews(
    corpus: Corpus,
    dev: Corpus,
    vectors: Sequence[str | os.PathLike] = (),
    options: Options = DEFAULTS,
    table: Table = TABLE,
    *,
    test: Corpus | None = None,
    about: Mapping[str, Any] | None = None,
    command: Sequence[str] = (),
    log: Callable[[Mapping[str, Any]], None] = lambda record: None,
    **loop: Any,
) -> Model:
    """Train a classifier of reviews, with as many classes as there are labels.

    Args:
        corpus: What to train on.
        dev: What to choose by.
        vectors: Files of word vectors, see `cdjax.text.vectors.read_vectors`; random ones without.
        options: How to train.
        table: How the table of word vectors is made.
        test: What to report the accuracy on beside `dev`.
        about: What the data are, for the provenance.
        command: The words of the command that trains, for the provenance.
        log: Called with a record of each evaluation.
        **loop: Further arguments of `cdjax.training.loop.train`: checkpoint, resume, ...

    Returns:
        The model that was best on `dev`, its logits scaled to their least log loss there
        (`cdjax.training.calibration`), its labels in order (numbers by size), its weights rounded
        to float16.

    Raises:
        FileNotFoundError, ValueError: Where a file is missing or malformed; where there is but one
            label, or a label that training has not seen; where a review has no words.
    """
    labels = order_labels(corpus.labels)
    sets = {"dev": dev} | ({"test": test} if test is not None else {})
    for name, part in {"training": corpus, **sets}.items():
        _check(part, labels, name)
    seen = {token for tokens in corpus.tokens for token in tokens}
    sources = [read_vectors(path, seen, EXTRA_VECTOR_ROWS) for path in vectors]
    vocabulary = build_vocabulary(corpus, sources, table.min_count)
    embedding = make_embedding(vocabulary, sources, table, options.seed)
    examples = {name: encode(part, vocabulary, labels) for name, part in sets.items()}
    training = train(
        embedding, encode(corpus, vocabulary, labels), examples["dev"], options, log, **loop
    )
    classifier, factor = calibrate(training.classifier, examples["dev"])
    classifier = round_to_half(classifier)
    counts = Counter(corpus.labels)
    provenance = {
        "task": "classification of reviews",
        "data": {**(about or {}), "training_reviews": {label: counts[label] for label in labels}},
        "vectors": {Path(path).name: digest_file(Path(path)) for path in vectors},
        "embedding": table._asdict(),
        "accuracy": {
            name: {
                "reviews": len(part.labels),
                "accuracy": evaluate(classifier, part)["accuracy"],
                "balanced_accuracy": evaluate(classifier, part)["balanced_accuracy"],
            }
            for name, part in examples.items()
        },
        "options": options._asdict(),
        "chosen": dict(training.best),
        "logits_scaled_by": factor,
        **describe_run(command),
    }
    return Model(classifier, vocabulary, labels, provenance)


def order_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return each label once: by size where all are numbers, else by name.

    >>> order_labels(["10", "2", "2"])
    ('2', '10')
    """
    found = set(labels)
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return tuple(sorted(found))


def build_vocabulary(corpus: Corpus, sources: Sequence[WordVectors], least: int) -> Vocabulary:
    """Return the words of the reviews, most frequent first, then the others that have a vector."""
    counts = Counter(token for tokens in corpus.tokens for token in tokens)
    known = {word for source in sources for word in source.words if word == word.lower()}
    often = [w for w, count in counts.most_common() if count >= least or w in known]
    often = [word for word in often if word != UNKNOWN]
    return Vocabulary((UNKNOWN, *often, *sorted(known - {UNKNOWN, *often})))


def make_embedding(
    vocabulary: Vocabulary, sources: Sequence[WordVectors], table: Table, seed: int
) -> Float[np.ndarray, "v d"]:
    """Return the word vectors to begin with; random ones where there is no source."""
    if sources:
        columns = sum(source.vectors.shape[1] for source in sources)
        width = None if table.width is None else min(table.width, columns)
        embedding = combine_vectors(sources, vocabulary.words, width, table.spread)
        embedding[0] = 0  # a word nobody knows: the mean of all
        return embedding
    shape = len(vocabulary), table.width or RANDOM_WIDTH
    return table.spread * np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def encode(corpus: Corpus, vocabulary: Vocabulary, labels: Sequence[str]) -> Examples:
    """Return reviews as word numbers and their labels as class numbers."""
    number = {label: n for n, label in enumerate(labels)}
    classes = np.array([number[label] for label in corpus.labels], np.int32)
    return Examples([vocabulary.encode(tokens) for tokens in corpus.tokens], classes)


def _check(corpus: Corpus, labels: Sequence[str], name: str) -> None:
    if not corpus.labels:
        raise ValueError(f"there are no {name} reviews; expected some.")
    if len(labels) < 2:
        raise ValueError(f"all reviews have the label {labels[0]!r}; expected at least two labels.")
    for n, (tokens, label) in enumerate(zip(corpus.tokens, corpus.labels, strict=True)):
        if label not in labels:
            raise ValueError(
                f"{name} review {n} has the label {label!r}; expected one of those trained on: "
                f"{', '.join(labels[:20])}."
            )
        if not tokens:
            raise ValueError(f"{name} review {n} has no words; leave it out.")
