"""The Stanford Sentiment Treebank as training data: all distinct phrases of its trees."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cdjax.text.trees import NEUTRAL, Tree, average_labels, binary_sentences, read_trees
from cdjax.training.corpus import Corpus, TrainingData
from cdjax.training.provenance import digest_file

SENTIMENTS = ("negative", "positive")
SPLITS = ("train", "dev", "test")
REFERENCE = (
    "Socher et al., Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank "
    "(EMNLP 2013); trainDevTestTrees_PTB.zip, nlp.stanford.edu/sentiment"
)


class Recipe(NamedTuple):
    """What is learned from the trees."""

    positive: tuple[float, ...] = (0.03, 0.25, 0.5, 0.75, 0.97)
    """The probability of "positive" that is learned for each label, 0 to 4: less certain for a mild
    phrase than for a strong one, and even for a neutral one."""
    neutral_weight: float = 0.5
    """Weight in the loss of a neutral phrase of more than one word; 0 leaves it out."""
    sentence_copies: int = 2
    """How often whole sentences are repeated in an epoch, beyond once as a phrase."""


RECIPE = Recipe()


def prepare_treebank(folder: str | os.PathLike, recipe: Recipe = RECIPE) -> TrainingData:
    """Return the phrases to train on, and the binary development and test sentences.

    Args:
        folder: Folder of `train.txt`, `dev.txt` and `test.txt`, one tree a line.
        recipe: What is learned from the trees.

    Raises:
        FileNotFoundError, ValueError: Where a file is missing or malformed.
        ValueError: Where the recipe holds a value that is no probability, weight or count.
    """
    paths = {split: Path(folder) / f"{split}.txt" for split in SPLITS}
    trees = {split: list(read_trees(path)) for split, path in paths.items()}
    return TrainingData(
        "binary sentiment of movie reviews",
        make_phrases(trees["train"], recipe),
        {split: make_sentences(trees[split]) for split in ("dev", "test")},
        {
            "name": "Stanford Sentiment Treebank, PTB split, distinct phrases but neutral words",
            "reference": REFERENCE,
            "sha256": {split: digest_file(path) for split, path in paths.items()},
            "recipe": recipe._asdict(),
        },
        count_words(trees["train"]),
        min_count=1,
    )


def count_words(trees: Iterable[Tree]) -> Counter[str]:
    """Return how often each word occurs in trees, in lower case."""
    return Counter(token.lower() for tree in trees for token in tree.tokens)


def make_sentences(trees: Iterable[Tree]) -> Corpus:
    """Return the sentences that are not neutral, each with its sentiment."""
    pairs = list(binary_sentences(trees))
    tokens = [tuple(token.lower() for token in tokens) for tokens, _ in pairs]
    return Corpus(tokens, [SENTIMENTS[label] for _, label in pairs])


def make_phrases(trees: Sequence[Tree], recipe: Recipe = RECIPE) -> Corpus:
    """Return the distinct phrases to train on, in lower case, with soft labels and weights.

    A phrase that occurs more than once has the mean of its labels; neutral phrases count as
    negative in `labels`, which training does not read where there are soft ones.

    Raises:
        ValueError: Where the recipe holds a value that is no probability, weight or count.
    """
    probabilities, weight, copies = recipe
    if len(probabilities) != 5 or not all(0 <= p <= 1 for p in probabilities):
        raise ValueError(
            f"the labels 0 to 4 stand for the probabilities {list(probabilities)}; expected five "
            f"numbers from 0 to 1."
        )
    if not (weight >= 0 and copies >= 0):
        raise ValueError(
            f"neutral_weight is {weight} and sentence_copies {copies}; expected at least 0."
        )
    means = average_labels(trees)
    phrases = [p for p, mean in means.items() if mean != NEUTRAL or (weight and len(p) > 1)]
    whole = [tuple(map(str.lower, tokens)) for tokens, _ in binary_sentences(trees)]
    phrases += copies * whole
    mean = np.array([means[phrase] for phrase in phrases])
    positive = np.interp(mean, range(5), probabilities).astype(np.float32)
    return Corpus(
        phrases,
        [SENTIMENTS[int(value > NEUTRAL)] for value in mean],
        np.stack([1 - positive, positive], axis=1),
        np.where(mean == NEUTRAL, weight, 1).astype(np.float32),
    )
