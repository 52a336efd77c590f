"""The worked examples: a BiLSTM that Keras made, read and explained."""

import json
import os
from pathlib import Path

import cdjax
import jax
import numpy as np
import pytest
from benchmarks.examples import sentiment

from tests.conftest import ROOT

FILES = ROOT / "tests" / "importers" / "files"


@pytest.fixture
def model():
    """What `benchmarks.examples.sentiment --width 8 --words 1500 --epochs 4` saved, uncompiled."""
    pytest.importorskip("h5py")
    return cdjax.from_keras(
        FILES / "sentiment.keras", vocabulary=FILES / "sentiment.txt", labels=sentiment.LABELS
    )


def test_a_bilstm_of_keras_is_read_and_explained(model):
    kept = json.loads((FILES / "sentiment.json").read_text())
    for text, probability in zip(kept["texts"], kept["probabilities"], strict=True):
        explanation = cdjax.explain(text, model, rule=cdjax.ACD)
        assert explanation.probabilities()["positive"] == pytest.approx(probability, abs=1e-5)
        whole = explanation[0 : len(explanation)]
        bias = explanation.output_bias @ np.array([-1, 1])
        assert whole + bias == pytest.approx(explanation.logits @ np.array([-1, 1]), abs=1e-5)
    explanation = cdjax.explain(kept["texts"][0], model)
    assert explanation["bad"] < -0.5
    assert "bad" in explanation.strongest()[0].text


def test_shares_of_negations_are_counted(model):
    sentences = [sentiment.Sentence(cdjax.tokenize(t), True) for t in ("not bad", "a bad film")]
    pairs, turned, against = sentiment.flip_shares(model, sentences)
    result = cdjax.explain("not bad", model, rule=cdjax.ACD)
    assert pairs == 1
    assert turned == (result[0:2] * result[1] < 0)
    assert against == ((result[0:2] - result[0] - result[1]) * result[1] < 0)


def test_sentences_are_padded_as_keras_pads():
    sentences = [sentiment.Sentence(["A", "bad", "film"], False)]
    assert sentiment.make_words(sentences, 2) == ["<pad>", "<unk>", "a", "bad"]
    assert sentiment.encode(sentences, ["<pad>", "<unk>", "a", "bad"], 5).tolist() == [
        [0, 0, 2, 3, 1]
    ]


@pytest.mark.filterwarnings("ignore")  # of Keras, about itself
def test_the_whole_example(tmp_path, monkeypatch, capsys):
    """With Keras itself, on the sentences, where both are there (`.ci/importers`)."""
    pytest.importorskip("keras")
    package = Path(os.environ.get("CDJAX_REAL_FILES", "none")) / "vaderSentiment-2.5.tar.gz"
    if not package.exists():
        pytest.skip("CDJAX_REAL_FILES names no folder with vaderSentiment-2.5.tar.gz")
    options = ["--epochs", "3", "--width", "8", "--words", "1500"]
    # What the tests of cdjax forbid is for Keras to do.
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        measured = sentiment.main([str(package), "--out", str(tmp_path / "m"), *options])
    assert measured["difference"] < 1e-5
    assert measured["accuracy"] > measured["majority"] + 0.05
    assert "accuracy" in capsys.readouterr().out
