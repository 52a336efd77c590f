"""The Stanford Sentiment Treebank: the models that the LSTM is compared with."""

from pathlib import Path
from typing import Any

from cdjax.text.trees import read_trees
from cdjax.text.vectors import read_vectors
from cdjax.training.bag_of_vectors import train_bag
from cdjax.training.corpus import Corpus, encode
from cdjax.training.fit import VECTOR_OPTIONS, build_vocabulary, make_embedding
from cdjax.training.linear import fit_linear
from cdjax.training.loop import DEFAULTS
from cdjax.training.treebank import (
    RECIPE,
    SENTIMENTS,
    count_words,
    make_phrases,
    make_sentences,
)


def read_sentences(folder: Path) -> dict[str, Corpus]:
    """Return the binary development and test sentences."""
    return {split: make_sentences(read_trees(folder / f"{split}.txt")) for split in ("dev", "test")}


def measure_words(folder: Path) -> dict[str, Any]:
    """Fit the regression on words to phrases and to sentences; measure the better one on dev.

    Phrases have the graded targets and the weights of the LSTM's training.
    """
    train, sets = list(read_trees(folder / "train.txt")), read_sentences(folder)
    corpora = {
        "phrases": make_phrases(train, RECIPE._replace(sentence_copies=0)),
        "sentences": make_sentences(train),
    }
    strengths = (0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 6.0)
    fits = {
        name: fit_linear(
            corpus, sets["dev"], strengths=strengths, weightings=("count", "once", "unit")
        )
        for name, corpus in corpora.items()
    }
    name = max(fits, key=lambda name: fits[name].dev_accuracy)
    model = fits[name]
    return {
        "dev": model.dev_accuracy,
        "test": model.accuracy(sets["test"]),
        "fitted_to": name,
        "strength": model.strength,
        "weighting": model.weighting,
    }


def measure_vectors(folder: Path, vectors: list[Path]) -> dict[str, Any]:
    """Train the bag of vectors on the phrases of the LSTM's training."""
    train, sets = list(read_trees(folder / "train.txt")), read_sentences(folder)
    sources = [read_vectors(path) for path in vectors]
    vocabulary = build_vocabulary(count_words(train), sources)
    embedding = make_embedding(vocabulary, sources, VECTOR_OPTIONS, DEFAULTS.seed)
    examples = {split: encode(corpus, vocabulary, SENTIMENTS) for split, corpus in sets.items()}
    phrases = encode(make_phrases(train), vocabulary, SENTIMENTS)
    bag = train_bag(embedding, phrases, examples["dev"], DEFAULTS)
    return {"dev": bag.dev_accuracy, "test": bag.accuracy(examples["test"])}
