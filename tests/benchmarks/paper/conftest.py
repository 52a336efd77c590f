"""A small treebank, Yelp reviews, models of both, and the results of all experiments on them."""

import fcntl
import os

import cdjax
import numpy as np
import pytest
from benchmarks.paper.__main__ import main
from benchmarks.paper.family import make_family
from benchmarks.paper.planted.languages import LANGUAGES

from benchmarks.paper import faithfulness, planted_rules, rules
from tests.conftest import random_classifier

LABELS = ("negative", "positive")
METHODS = ["cd", "gradient", "loo"]
WORDS = {"not": 0, "a": 0, "film": 0, ".": 0, "good": 1, "great": 2, "bad": -1, "awful": -2}


def write_trees(folder, rng, counts):
    """Write trees whose labels follow from their words; a negation turns the sign of the rest."""

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


def write_reviews(folder, rng):
    folder.mkdir()
    for split, count in (("train", 500), ("test", 60)):
        lines = []
        for _ in range(count):
            words = rng.choice(list(WORDS), size=rng.integers(3, 9)).tolist()
            label = 2 if sum(WORDS[word] for word in words) > 0 else 1
            lines.append(f'"{label}","{" ".join(words)}"')
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_model(seed, dev_accuracy):
    rng = np.random.default_rng(seed)
    vocabulary = cdjax.Vocabulary.of(WORDS)
    classifier = random_classifier(rng, words=len(vocabulary), scale=0.6, dtype=np.float32)
    provenance = {"accuracy": {"dev": {"accuracy": dev_accuracy}}, "options": {"seed": seed}}
    return cdjax.Model(classifier, vocabulary, LABELS, provenance)


def planted():
    """A network of the words of a language, as it was before training."""
    vocabulary = cdjax.Vocabulary(LANGUAGES["parity"].words, unknown="<unk>")
    rng = np.random.default_rng(4)
    classifier = random_classifier(rng, words=len(vocabulary), scale=0.6, dtype=np.float32)
    provenance = {"language": "parity", "options": {"cell": "lstm"}}
    return cdjax.Model(classifier, vocabulary, LABELS, provenance)


def make_world(folder):
    rng = np.random.default_rng(0)
    write_trees(folder / "sst", rng, {"train": 60, "dev": 30, "test": 30})
    write_reviews(folder / "yelp", rng)
    for seed, accuracy in ((0, 0.7), (1, 0.8)):
        cdjax.save(make_model(seed, accuracy), folder / f"seed-{seed}")
    cdjax.save(make_model(2, 0.6), folder / "yelp-model")


def run(world, out, name="all", *options):
    """Run the command on the world."""
    data = ["--sst", str(world / "sst"), "--yelp", str(world / "yelp")]
    models = ["--models", str(world / "seed-0"), str(world / "seed-1")]
    models += ["--yelp-model", str(world / "yelp-model")]
    rules = ["--rule", "paper", "acd"]
    return main([name, *data, *models, "--methods", *METHODS, *rules, "--out", str(out), *options])


def make_once(tmp_path_factory, name, make):
    """Return a folder made by one process of the test run and read by all."""
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent
    folder, done = common / name, common / f"{name}.done"
    with (common / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The folder of the small world; not to be written to."""
    return make_once(tmp_path_factory, "paper-world", make_world)


@pytest.fixture(scope="session")
def results(world, tmp_path_factory):
    """The folder of the results of all experiments; not to be written to."""

    def make(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "cpu_count", lambda: 1)  # what is patched holds in this process
            patch.setattr(rules, "make_family", lambda: make_family((0.5,), (0.0,)))
            patch.setattr(rules, "FINALISTS", 1)
            patch.setattr(faithfulness, "REVIEWS", 10)
            patch.setattr(planted_rules, "NETWORKS", ["parity-lstm"])
            patch.setattr(planted_rules, "load_planted", lambda *_, texts: planted())
            assert run(world, folder) == 0

    return make_once(tmp_path_factory, "paper-results", make)
