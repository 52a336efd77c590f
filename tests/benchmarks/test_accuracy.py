"""The command that trains and measures every model, on a few sentences."""

import csv
import itertools
import json
import sys

import cdjax
import jax
import numpy as np
import pytest
from benchmarks.accuracy import __main__ as command
from benchmarks.accuracy import treebank, yelp
from cdjax.training.corpus import Corpus
from cdjax.training.step import Options

SMALL = Options(hidden=6, epochs=2, batch_size=8, learning_rate=0.05, evaluations=1)
WORDS = {"fine": 4, "lovely": 3, "dull": 1, "awful": 0}
FILLERS = ("film", "plot", "cast", "place")


@pytest.fixture(autouse=True)
def standard_promotion():
    """Optax's Adam raises a Python float to an int32 array, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture
def data(tmp_path):
    """Folders of trees and of Yelp's files, and a file of word vectors."""
    trees = [
        f"({label} (2 {filler}) ({label} {word}))"
        for filler, (word, label) in itertools.product(FILLERS, WORDS.items())
    ]
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_text("\n".join(trees) + "\n")
    rows = [("2" if n > 2 else "1", f"{f} {w}") for f in FILLERS for w, n in WORDS.items()]
    for split in ("train", "test"):
        with (tmp_path / f"reviews-{split}.csv").open("w", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows * 3)
    (tmp_path / "sentences-train.neg").write_text("dull place\nso so\ndull place\n\n")
    (tmp_path / "sentences-train.pos").write_text("fine place\nso so\n")
    words = np.array([*WORDS, *FILLERS])
    vectors = np.random.default_rng(0).normal(size=(len(words), 5)).astype("f2")
    np.savez(tmp_path / "v.npz", words=words, vectors=vectors)
    return tmp_path


def test_a_sentence_is_learned_once_and_only_where_its_label_is_sure(data):
    corpus = yelp.read_sentences(data)
    assert list(zip(map(" ".join, corpus.tokens), corpus.labels, strict=True)) == [
        ("dull place", "negative"),
        ("fine place", "positive"),
    ]


@pytest.mark.thorough
def test_all_is_trained_measured_and_written_once(data, monkeypatch, capsys):
    monkeypatch.setattr(command, "DEFAULTS", SMALL)
    monkeypatch.setattr(command, "SEEDS", (0, 1))
    monkeypatch.setattr(treebank, "DEFAULTS", SMALL)
    monkeypatch.setattr(yelp, "OPTIONS", SMALL)
    out = data / "out"
    argv = ["accuracy", "--sst", data, "--yelp", data, "--vectors", data / "v.npz", "--out", out]
    monkeypatch.setattr(sys, "argv", [str(arg) for arg in argv])
    command.main()
    table = (out / "table.md").read_text()
    assert capsys.readouterr().out.endswith(table)
    words = json.loads((out / "sst-words.json").read_text())
    assert words["test"] == 1.0  # the sentiment of a sentence is that of its one word
    assert "| SST bag of words | 100.0% | 83.2% |" in table
    tests = [cdjax.load(out / f"sst-{seed}").provenance["accuracy"]["test"] for seed in (0, 1)]
    mean = np.mean([100 * test["accuracy"] for test in tests])
    assert f"| SST LSTM | {mean:.1f}% ±" in table
    both = cdjax.load(out / "sst-lstm-both-directions")
    assert both.classifier.pool == "ends"
    test = both.provenance["accuracy"]["test"]["accuracy"]
    assert f"| SST LSTM, both directions | {test:.1%} |" in table
    error = 1 - cdjax.load(out / "yelp").provenance["accuracy"]["test"]["accuracy"]
    assert f"| Yelp LSTM, reviews and sentences, balanced | error {error:.1%}" in table
    # Stored figures and models are not made again.
    words["test"] = 0.5
    (out / "sst-words.json").write_text(json.dumps(words))
    command.main()
    assert "| SST bag of words | 50.0% |" in (out / "table.md").read_text()
    assert "epoch" not in capsys.readouterr().out


def test_the_labels_of_each_part_are_balanced():
    reviews = Corpus([["a"]] * 4, ["negative", "positive", "positive", "positive"])
    sentences = Corpus([["b"]] * 2, ["positive", "negative"])
    joined = yelp.join_balanced(sentences, reviews, reviews)
    assert joined.weights is not None
    np.testing.assert_allclose(joined.weights, [1, 1, *[2, *[2 / 3] * 3] * 2], rtol=1e-6)
    assert joined.labels == sentences.labels + 2 * reviews.labels
