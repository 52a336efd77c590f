"""Training on the Stanford Sentiment Treebank: from its files to a model with its provenance."""

import datetime
import hashlib
import importlib.metadata
import os
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from cdjax.core.lstm import Classifier
from cdjax.model import Model
from cdjax.text.trees import Tree, binary_phrases, binary_sentences, read_trees
from cdjax.text.vectors import WordVectors, combine_vectors, read_vectors
from cdjax.text.vocabulary import UNKNOWN, Vocabulary
from cdjax.training.batches import Examples
from cdjax.training.loop import DEFAULTS, Options, evaluate, train

LABELS = ("negative", "positive")
SPLITS = ("train", "dev", "test")
REFERENCE = (
    "Socher et al., Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank "
    "(EMNLP 2013); trainDevTestTrees_PTB.zip, nlp.stanford.edu/sentiment"
)


class Embedding(NamedTuple):
    """How the table of word vectors is made."""

    width: int | None = 256
    """Principal components kept; all columns of all files when None."""
    spread: float = 0.5
    """Standard deviation of its values."""


EMBEDDING = Embedding()


def train_on_treebank(
    data: str | os.PathLike,
    vectors: Sequence[str | os.PathLike],
    options: Options = DEFAULTS,
    embedding: Embedding = EMBEDDING,
    *,
    sentence_copies: int = 2,
    command: str = "",
    log: Callable[[Mapping[str, Any]], None] = lambda record: None,
) -> Model:
    """Train a binary sentiment classifier on all phrases of the treebank that are not neutral.

    The vocabulary is the words of the training trees, most frequent first, and then all others that
    the vectors know, so that the model reads more words than it was trained on.

    Args:
        data: Folder of `train.txt`, `dev.txt` and `test.txt`, one tree a line.
        vectors: Files of word vectors, see `cdjax.text.vectors.read_vectors`.
        options: How to train.
        embedding: How the vectors are combined.
        sentence_copies: How often whole sentences are seen an epoch beyond the one time that each
            phrase is.
        command: The command that does this, for the provenance.
        log: Called with a record of each evaluation.

    Returns:
        The model that was best on the binary development sentences. Its weights are rounded to
        float16, so that saved with `dtype=numpy.float16` it is the very model whose accuracies are
        in its provenance.

    Raises:
        FileNotFoundError, ValueError: Where a file is missing or malformed.
    """
    paths = {split: Path(data) / f"{split}.txt" for split in SPLITS}
    trees = {split: list(read_trees(path)) for split, path in paths.items()}
    sources = [read_vectors(path) for path in vectors]
    vocabulary = build_vocabulary(trees["train"], sources)
    table = combine_vectors(sources, vocabulary.words, *embedding)
    table[0] = 0  # a word nobody knows: the mean of all

    sentences = {split: _examples(vocabulary, binary_sentences(trees[split])) for split in SPLITS}
    phrases = list(binary_phrases(trees["train"]))
    phrases += sentence_copies * list(binary_sentences(trees["train"]))
    training = train(table, _examples(vocabulary, phrases), sentences["dev"], options, log)
    classifier = round_to_half(training.classifier)
    provenance = {
        "task": "binary sentiment of movie reviews",
        "data": {
            "name": "Stanford Sentiment Treebank, PTB split, all phrases that are not neutral",
            "reference": REFERENCE,
            "sha256": {split: _sha256(path) for split, path in paths.items()},
            "training_phrases": len(phrases) - sentence_copies * len(sentences["train"].labels),
            "sentence_copies": sentence_copies,
        },
        "vectors": {Path(path).name: _sha256(Path(path)) for path in vectors},
        "embedding": embedding._asdict(),
        "accuracy": {
            split: {
                "binary_sentences": len(sentences[split].labels),
                "accuracy": evaluate(classifier, sentences[split])["accuracy"],
            }
            for split in ("dev", "test")
        },
        "options": options._asdict(),
        "chosen": dict(training.best),
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("cdjax", "flax", "optax")},
            "jax": jax.__version__,
            "numpy": np.__version__,
        },
    }
    return Model(classifier, vocabulary, LABELS, provenance)


def build_vocabulary(trees: Iterable[Tree], sources: Iterable[WordVectors]) -> Vocabulary:
    """Return the words of the trees, most frequent first, then the others that have a vector."""
    counts = Counter(token.lower() for tree in trees for token in tree.tokens)
    frequent = [word for word, _ in counts.most_common()]
    # Tokens are looked up in lower case, so other spellings of a word would never be read.
    lower = {word for source in sources for word in source.words if word == word.lower()}
    return Vocabulary((UNKNOWN, *frequent, *sorted(lower - {UNKNOWN, *frequent})))


def round_to_half(classifier: Classifier) -> Classifier:
    """Return the classifier with every weight rounded to the nearest float16, kept in float32."""
    return jax.tree.map(lambda w: w.astype(np.float16).astype(np.float32), classifier)


def _examples(vocabulary: Vocabulary, labelled: Iterable[tuple[tuple[str, ...], int]]) -> Examples:
    pairs = list(labelled)
    return Examples(
        [vocabulary.encode(tokens) for tokens, _ in pairs],
        np.array([label for _, label in pairs], np.int32),
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
