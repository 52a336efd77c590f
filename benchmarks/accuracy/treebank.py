"""The Stanford Sentiment Treebank: the models that the LSTM is compared with."""

from pathlib import Path
from typing import Any

from cdjax.text.trees import binary_sentences, read_trees
from cdjax.text.vectors import combine_vectors, read_vectors
from cdjax.text.vocabulary import Vocabulary
from cdjax.training.bag_of_vectors import train_bag
from cdjax.training.linear import fit_linear
from cdjax.training.loop import DEFAULTS
from cdjax.training.reviews import Corpus, encode
from cdjax.training.treebank import EMBEDDING, LABELS, RECIPE, build_vocabulary, make_phrases


def make_corpus(labelled) -> Corpus:
    """Return phrases or sentences in lower case, labels by name."""
    pairs = list(labelled)
    tokens = [[token.lower() for token in tokens] for tokens, _ in pairs]
    return Corpus(tokens, [LABELS[label] for _, label in pairs])


def read_sentences(folder: Path) -> dict[str, Corpus]:
    """Return the binary development and test sentences."""
    trees = {split: read_trees(folder / f"{split}.txt") for split in ("dev", "test")}
    return {split: make_corpus(binary_sentences(trees[split])) for split in trees}


def measure_words(folder: Path) -> dict[str, Any]:
    """Fit the regression on words to phrases and to sentences; measure the better one on dev.

    Phrases have the graded targets and the weights of the LSTM's training.
    """
    train, sets = list(read_trees(folder / "train.txt")), read_sentences(folder)
    words = Vocabulary.of(token for tree in train for token in tree.tokens)
    reviews, labels, targets, weights = make_phrases(
        words, train, RECIPE._replace(sentence_copies=0)
    )
    assert targets is not None
    tokens = [[words.words[n] for n in review] for review in reviews]
    phrases = Corpus(tokens, [LABELS[label] for label in labels])
    strengths = (0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 6.0)
    weightings = ("count", "once", "unit")
    fits = {
        "phrases": fit_linear(
            phrases,
            sets["dev"],
            probabilities=targets[:, 1],
            weights=weights,
            strengths=strengths,
            weightings=weightings,
        ),
        "sentences": fit_linear(
            make_corpus(binary_sentences(train)),
            sets["dev"],
            strengths=strengths,
            weightings=weightings,
        ),
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
    vocabulary = build_vocabulary(train, sources)
    embedding = combine_vectors(sources, vocabulary.words, *EMBEDDING)
    examples = {split: encode(corpus, vocabulary, LABELS) for split, corpus in sets.items()}
    phrases = make_phrases(vocabulary, train, RECIPE)
    bag = train_bag(embedding, phrases, examples["dev"], DEFAULTS)
    return {"dev": bag.dev_accuracy, "test": bag.accuracy(examples["test"])}
