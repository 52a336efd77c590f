"""The benchmark of training: the two sides take the same steps."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from benchmarks.training import __main__ as command
from benchmarks.training import large
from cdjax.corpus.labelled import read_labelled
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
    assert {len(review) for review in examples.sequences} == {1, 2, 3}
    assert str(trees) in source
    examples, source = command.make_examples(tmp_path / "none.txt", 50)
    assert "is not there" in source
    assert max(len(review) for review in examples.sequences) <= 30


@pytest.mark.thorough
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


def test_rows_are_in_the_format_of_yelp_review_polarity(tmp_path):
    path = tmp_path / "rows.csv"
    large.write_rows(path, 200, seed=0)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r'"[12]","([^"]|"")*"', first)
    rows = list(read_labelled(path, "yelp"))
    assert len(rows) == 200
    assert {row.label for row in rows} == {"1", "2"}
    assert any("\n" in row.text for row in rows)
    assert any('"Well"' in row.text for row in rows)
    assert 100 < np.mean([len(row.text.split()) for row in rows]) < 170


@pytest.mark.slow
def test_a_large_file_is_measured(tmp_path, capsys, monkeypatch):
    with pytest.raises(RuntimeError, match="has not learnt"):  # of so few rows
        large.main(["--rows", "6000", "--small", "5000"])
    monkeypatch.setattr(large, "LEARNT", 0.45)
    large.main(["--rows", "6000", "--small", "5000", "--out", str(tmp_path / "large.json")])
    small, big = json.loads((tmp_path / "large.json").read_text())
    assert big["rows"] == 6000 > small["rows"]
    assert 1e8 < big["peak_bytes"] < large.BUDGET
    assert "memory within 4 GB" in capsys.readouterr().out
