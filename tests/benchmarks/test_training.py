"""The benchmark of training: the two sides take the same steps."""

import importlib.util
import json
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from benchmarks.training import __main__ as command
from cdjax.training.batches import shuffled_batches


@pytest.fixture(autouse=True)
def standard_promotion():
    """Optax's Adam raises a Python float to an int32 array, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def test_examples_are_as_long_as_the_phrases(tmp_path):
    trees = tmp_path / "train.txt"
    trees.write_text("(3 (2 a) (4 (3 fine) (2 film)))\n")
    examples, source = command.make_examples(trees, 50)
    assert {len(review) for review in examples.reviews} == {1, 2, 3}
    assert str(trees) in source
    examples, source = command.make_examples(tmp_path / "none.txt", 50)
    assert "is not there" in source
    assert max(len(review) for review in examples.reviews) <= 30


def test_a_step_lowers_the_loss_of_its_batch():
    examples, _ = command.make_examples(Path("none.txt"), command.SIZE)
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(command.WORDS, command.WIDTH)).astype(np.float32)
    batch, *_ = shuffled_batches(examples, command.SIZE, 2, rng)
    step, _ = command.make_cdjax(embedding)
    losses = [step(batch) for _ in range(5)]
    assert losses[-1] < losses[0]


def test_says_how_to_get_the_peer(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["training"])
    with pytest.raises(SystemExit):
        command.main()
    assert "pip install torch" in capsys.readouterr().err


def test_both_sides_run(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch", reason="the peer of this benchmark is PyTorch")
    argv = ["--batches", "2", "--rounds", "1", "--trees", "none.txt", "--out", "t.json"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["training", *argv])
    command.main()
    assert "ratio" in capsys.readouterr().out
    losses = json.loads((tmp_path / "t.json").read_text())["first_losses"]
    assert losses["cdjax"] == pytest.approx(losses["PyTorch"], rel=1e-4)
