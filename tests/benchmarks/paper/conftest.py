import cdjax
import numpy as np
import pytest

from tests.conftest import random_classifier

NAMES = ("negative", "positive")


def write_trees(folder, rng, counts):
    """Write trees of a few words whose labels follow their words, a negation turning the rest."""

    def tree(words):
        if len(words) == 1:
            return f"({2 + WORDS[words[0]]} {words[0]})", WORDS[words[0]]
        cut = 1 if words[0] == "not" else int(rng.integers(1, len(words)))
        (left, a), (right, b) = tree(words[:cut]), tree(words[cut:])
        value = -b if words[0] == "not" else int(np.clip(a + b, -2, 2))
        return f"({2 + value} {left} {right})", value

    folder.mkdir()
    for split, count in counts.items():
        lines = [
            tree(rng.choice(list(WORDS), size=rng.integers(4, 9)).tolist())[0] for _ in range(count)
        ]
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


WORDS = {"not": 0, "a": 0, "film": 0, ".": 0, "good": 1, "great": 2, "bad": -1, "awful": -2}


def write_reviews(folder, rng):
    folder.mkdir()
    for split, count in (("train", 500), ("test", 60)):
        lines = []
        for _ in range(count):
            words = rng.choice(list(WORDS), size=rng.integers(3, 9)).tolist()
            label = 2 if sum(WORDS[word] for word in words) > 0 else 1
            lines.append(f'"{label}","{" ".join(words)}"')
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def make_model(seed, dev_accuracy):
    rng = np.random.default_rng(seed)
    vocabulary = cdjax.Vocabulary.of(WORDS)
    classifier = random_classifier(rng, words=len(vocabulary), scale=0.6, dtype=np.float32)
    provenance = {"accuracy": {"dev": {"accuracy": dev_accuracy}}, "options": {"seed": seed}}
    return cdjax.Model(classifier, vocabulary, NAMES, provenance)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A folder with a small treebank, Yelp reviews and models of both."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("world")
    write_trees(folder / "sst", rng, {"train": 60, "dev": 30, "test": 30})
    write_reviews(folder / "yelp", rng)
    for seed, accuracy in ((0, 0.7), (1, 0.8)):
        cdjax.save(make_model(seed, accuracy), folder / f"seed-{seed}")
    cdjax.save(make_model(2, 0.6), folder / "yelp-model")
    return folder
