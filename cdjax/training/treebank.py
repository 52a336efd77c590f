"""Training on the Stanford Sentiment Treebank: from its files to a model with its provenance."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cdjax.model import Model
from cdjax.text.trees import NEUTRAL, Tree, average_labels, binary_sentences, read_trees
from cdjax.text.vectors import WordVectors, combine_vectors, read_vectors
from cdjax.text.vocabulary import UNKNOWN, Vocabulary
from cdjax.training.batches import Examples
from cdjax.training.calibration import calibrate
from cdjax.training.loop import DEFAULTS, evaluate, train
from cdjax.training.provenance import describe_run, digest_file, round_to_half
from cdjax.training.reviews import EXTRA_VECTOR_ROWS
from cdjax.training.step import Options

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


class Recipe(NamedTuple):
    """What is learned from the trees."""

    positive: tuple[float, ...] = (0.03, 0.25, 0.5, 0.75, 0.97)
    """The probability of "positive" that each label, 0 to 4, stands for. A mild phrase is not
    learned as certainly as a strong one, and a neutral one as neither."""
    neutral_weight: float = 0.5
    """Weight of a neutral phrase of more than one word in the loss; 0 leaves it out."""
    sentence_copies: int = 2
    """How often whole sentences are seen an epoch beyond the one time that each phrase is."""


RECIPE = Recipe()


def train_on_treebank(
    data: str | os.PathLike,
    vectors: Sequence[str | os.PathLike],
    options: Options = DEFAULTS,
    embedding: Embedding = EMBEDDING,
    recipe: Recipe = RECIPE,
    *,
    command: Sequence[str] = (),
    log: Callable[[Mapping[str, Any]], None] = lambda record: None,
    **loop: Any,
) -> Model:
    """Train a binary sentiment classifier on all distinct phrases of the treebank.

    The vocabulary is the words of the training trees, most frequent first, and then all others that
    the vectors know, so that the model reads more words than it was trained on.

    Args:
        data: Folder of `train.txt`, `dev.txt` and `test.txt`, one tree a line.
        vectors: Files of word vectors, see `cdjax.text.vectors.read_vectors`.
        options: How to train.
        embedding: How the vectors are combined.
        recipe: What is learned from the trees.
        command: The words of the command that trains, for the provenance.
        log: Called with a record of each evaluation.
        **loop: Further arguments of `cdjax.training.loop.train`: checkpoint, resume, ...

    Returns:
        The model that was best on the binary development sentences, its logits scaled to their
        least log loss there (`cdjax.training.calibration`). Its weights are rounded to
        float16, so that saved with `dtype=numpy.float16` it is the very model whose accuracies are
        in its provenance.

    Raises:
        FileNotFoundError, ValueError: Where a file is missing or malformed.
    """
    paths = {split: Path(data) / f"{split}.txt" for split in SPLITS}
    trees = {split: list(read_trees(path)) for split, path in paths.items()}
    seen = {token.lower() for tree in trees["train"] for token in tree.tokens}
    sources = [read_vectors(path, seen, EXTRA_VECTOR_ROWS) for path in vectors]
    vocabulary = build_vocabulary(trees["train"], sources)
    table = combine_vectors(sources, vocabulary.words, *embedding)
    table[0] = 0  # a word nobody knows: the mean of all

    sentences = {split: _examples(vocabulary, binary_sentences(trees[split])) for split in SPLITS}
    phrases = make_phrases(vocabulary, trees["train"], recipe)
    training = train(table, phrases, sentences["dev"], options, log, **loop)
    classifier, factor = calibrate(training.classifier, sentences["dev"])
    classifier = round_to_half(classifier)
    provenance = {
        "task": "binary sentiment of movie reviews",
        "data": {
            "name": "Stanford Sentiment Treebank, PTB split, distinct phrases but neutral words",
            "reference": REFERENCE,
            "sha256": {split: digest_file(path) for split, path in paths.items()},
            "training_examples": len(phrases.labels),
            "recipe": recipe._asdict(),
        },
        "vectors": {Path(path).name: digest_file(Path(path)) for path in vectors},
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
        "logits_scaled_by": factor,
        **describe_run(command),
    }
    return Model(classifier, vocabulary, LABELS, provenance)


def build_vocabulary(trees: Iterable[Tree], sources: Iterable[WordVectors]) -> Vocabulary:
    """Return the words of the trees, most frequent first, then the others that have a vector."""
    counts = Counter(token.lower() for tree in trees for token in tree.tokens)
    frequent = [word for word, _ in counts.most_common()]
    # Tokens are looked up in lower case, so other spellings of a word would never be read.
    lower = {word for source in sources for word in source.words if word == word.lower()}
    return Vocabulary((UNKNOWN, *frequent, *sorted(lower - {UNKNOWN, *frequent})))


def make_phrases(vocabulary: Vocabulary, trees: Sequence[Tree], recipe: Recipe) -> Examples:
    """Return the phrases to train on, and the probabilities to learn.

    Raises:
        ValueError: Where the recipe holds what is no probability, weight or number.
    """
    probabilities, weight, copies = recipe
    if len(probabilities) != 5 or not all(0 <= chance <= 1 for chance in probabilities):
        raise ValueError(
            f"the labels 0 to 4 stand for the probabilities {list(probabilities)}; expected five "
            f"numbers from 0 to 1."
        )
    if not (weight >= 0 and copies >= 0):
        raise ValueError(
            f"neutral_weight is {weight} and sentence_copies {copies}; expected at least 0."
        )
    means = average_labels(trees)
    whole = [tuple(token.lower() for token in tokens) for tokens, _ in binary_sentences(trees)]
    kept = [p for p, mean in means.items() if mean != NEUTRAL or (weight and len(p) > 1)]
    kept += copies * whole
    mean = np.array([means[phrase] for phrase in kept])
    positive = np.interp(mean, range(5), probabilities).astype(np.float32)
    return Examples(
        [vocabulary.encode(phrase) for phrase in kept],
        (mean > NEUTRAL).astype(np.int32),
        np.stack([1 - positive, positive], axis=1),
        np.where(mean == NEUTRAL, weight, 1).astype(np.float32),
    )


def _examples(vocabulary: Vocabulary, labelled: Iterable[tuple[tuple[str, ...], int]]) -> Examples:
    pairs = list(labelled)
    return Examples(
        [vocabulary.encode(tokens) for tokens, _ in pairs],
        np.array([label for _, label in pairs], np.int32),
    )
