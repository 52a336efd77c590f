"""The command that measures the effect of a penalty, on sentences that one word decides."""

import itertools
import json
import sys

import jax
import numpy as np
import pytest
from benchmarks.penalty import __main__ as command
from cdjax.training.batches import Examples
from cdjax.training.step import Options

SMALL = Options(hidden=4, epochs=1, batch_size=8, learning_rate=0.05, evaluations=1)
WORDS = {"fine": 4, "lovely": 3, "dull": 1, "awful": 0}
FILLERS = ("film", "plot", "cast", "place")


@pytest.fixture(autouse=True)
def standard_promotion():
    """Optax's Adam raises a Python float to an int32 array, which strict promotion refuses."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def test_every_sentence_gets_the_decoy_of_its_class_once():
    examples = Examples([np.full(3, 7, np.int32)] * 60, np.arange(60, dtype=np.int32) % 2)
    positions = set()
    for review, label in zip(*command.insert_decoys(examples, (1, 2), 0)[:2], strict=True):
        assert sorted(review) == [1 + label, 7, 7, 7]
        positions.add(int(review.argmin()))
    assert positions == {0, 1, 2, 3}


@pytest.mark.thorough
def test_the_weight_with_the_best_dev_accuracy_is_reported(tmp_path, monkeypatch, capsys):
    trees = [
        f"({label} (2 {filler}) ({label} {word}))"
        for filler, (word, label) in itertools.product(FILLERS, WORDS.items())
    ]
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_text("\n".join(trees) + "\n")
    words = np.array([*WORDS, *FILLERS, *command.DECOYS])
    vectors = np.random.default_rng(0).normal(size=(len(words), 5)).astype("f2")
    np.savez(tmp_path / "v.npz", words=words, vectors=vectors)
    monkeypatch.setattr(command, "OPTIONS", SMALL)
    out = tmp_path / "out"
    argv = ["penalty", "--sst", tmp_path, "--vectors", tmp_path / "v.npz", "--out", out]
    argv += ["--weights", 0.1, 100, "--seeds", 0, 1]
    monkeypatch.setattr(sys, "argv", [str(arg) for arg in argv])
    command.main()
    table = (out / "table.md").read_text()
    assert capsys.readouterr().out.endswith(table)
    result = json.loads((out / "result.json").read_text())
    assert len(result["rows"]) == 2 + len(command.RULES)
    for kind, runs in result["sweeps"].items():
        best = max(runs, key=lambda run: run["dev"])
        name = f"with decoys, penalty on {kind}, weight {best['weight']:g}"
        chosen = result["rows"][name]
        assert [run["seed"] for run in chosen] == [0, 1]
        assert {run["weight"] for run in chosen} == {best["weight"]}
        mean = np.mean([100 * run["test"]["without decoys"] for run in chosen])
        assert f"| {name} | {mean:.1f}%" in table
