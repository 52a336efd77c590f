"""`cdjax import`, and files of other frameworks as the model of other commands."""

import json
import re

import cdjax
import numpy as np
import pytest
from cdjax.cli import main
from cdjax.importers import frameworks
from cdjax.importers.frameworks import Checked

from tests.conftest import read_npz

WORDS = ["<pad>", "<unk>", "bad", "film", "a"]
NETWORK = ["--pool", "last", "--activations", "relu,softmax", "--labels", "dull,great"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the weights of a network, by PyTorch's names, and its words."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    shapes = {
        "embedding.weight": (5, 3),
        "lstm.weight_ih_l0": (16, 3),
        "lstm.weight_hh_l0": (16, 4),
        "lstm.bias_ih_l0": (16,),
        "lstm.bias_hh_l0": (16,),
        "hidden.weight": (6, 4),
        "hidden.bias": (6,),
        "out.weight": (2, 6),
        "out.bias": (2,),
    }
    weights = {name: rng.normal(size=shape).astype("f") for name, shape in shapes.items()}
    np.savez(tmp_path / "net.npz", **weights)
    (tmp_path / "words.txt").write_text("\n".join(WORDS) + "\n")
    return tmp_path


def run(capsys, *argv):
    code = main(list(argv))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_file_becomes_a_model(here, capsys):
    words = ["--vocabulary", "words.txt"]
    code, out, err = run(capsys, "import", "net.npz", *NETWORK, *words, "--out", "m")
    assert code == 0, err
    found = {line[:10].strip(): line[10:] for line in out.splitlines()}
    assert list(found) == ["from", "network", "output", "words", "checked", "saved to"]
    assert found["network"] == "embedding 5 x 3, LSTM 4, Dense 6 relu, 2 logits"
    assert found["output"] == "softmax: dull, great"
    assert found["words"] == "5, split by treebank, others <unk>"
    assert found["checked"] == "not checked: weights alone have no forward pass of their own"
    assert "the network has no mask, so padding is input" in err
    model = cdjax.load("m")
    assert model.provenance["imported"]["from"] == "net.npz"
    saved = run(capsys, "explain", "A bad film?", "--model", "m")
    at_once = run(capsys, "explain", "A bad film?", "--model", "net.npz", *NETWORK, *words)
    assert saved == at_once
    assert "great" in saved[1]
    rows = [json.dumps({"text": "a bad film"})]
    (here / "r.jsonl").write_text("\n".join(rows))
    options = ["--model", "net.npz", *NETWORK, *words, "--out", "scores"]
    assert run(capsys, "score", "r.jsonl", *options)[0] == 0


def test_texts_are_padded_as_in_training(here, capsys):
    words = ["--vocabulary", "words.txt", "--pad-to", "9", "--pad-after", "--cut-after"]
    code, out, err = run(capsys, "import", "net.npz", *NETWORK, *words, "--out", "m")
    assert (code, err) == (0, "")
    assert "padded to 9 after the words" in out
    frame = cdjax.load("m").vocabulary.frame
    assert frame == (9, 0, False, False)


def test_every_option_of_pytorch_reaches_the_importer(here, capsys):
    weights = read_npz("net.npz")
    rng = np.random.default_rng(1)
    norm = {"running_mean": rng.normal(size=3), "running_var": np.full(3, 0.5)}
    renamed = {f"front.{name}": value.astype("f") for name, value in norm.items()}
    own = {name.replace("lstm.", "enc_"): value for name, value in weights.items()} | renamed
    np.savez("own.npz", **own)
    pairs = [f"{name}={name.replace('lstm.', 'enc_')}" for name in weights]
    pairs += [f"{name}={name}" for name in renamed]
    given = ["--names", ",".join(pairs), "--front-activations", "relu", "--eps", "0.25"]
    modules = ["--modules", "embedding,front,lstm,hidden,out", "--padding", "0"]
    words = ["--vocabulary", "words.txt", "--pad-to", "7", "--pad-row", "1"]
    options = [*NETWORK, *given, *modules, *words]
    code, _, err = run(capsys, "import", "own.npz", *options, "--out", "m")
    assert code == 0, err
    model = cdjax.load("m")
    scaled = (weights["embedding.weight"] - norm["running_mean"]) / np.sqrt(0.75)
    np.testing.assert_allclose(model.classifier.embedding, np.maximum(scaled, 0), rtol=1e-5)
    assert model.provenance["imported"]["padding"] == model.vocabulary.padding == 0
    assert model.vocabulary.frame == (7, 1, True, True)
    wrong = {
        ("--names", "a"): "argument --names: 'a'; expected pairs A=B,C=D, no A twice",
        ("--names", "a=b,a=c"): "expected pairs A=B,C=D",
        ("--padding", "-1"): "argument --padding: '-1'; expected a whole number",
    }
    for flags, message in wrong.items():
        code, _, err = run(capsys, "import", "own.npz", *flags, "--out", "n")
        assert code == 2
        assert message in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pad-row", "1", "--vocabulary", "words.txt"], "--pad-row is given without --pad-to"),
        (["--zeros", "h"], "--zeros is given, and cdjax.from_torch, which reads net.npz, has no"),
        (["--outputs", "h"], "--outputs is given, and cdjax.from_torch, which reads net.npz, has"),
        (
            ["--activations", "relu,softmax"],
            r"what its head reads .* give --pool NAME",
        ),
        (["--pool", "last"], r"activations of its head .* give --activations NAMES"),
        (["--pool", "first", "--activations", "relu,softmax"], r"--pool is 'first'; expected one"),
        ([*NETWORK, "--unknown", "bad"], r"--unknown is given without --vocabulary FILE"),
        ([*NETWORK, "--pad-to", "3"], r"--pad-to is given without --vocabulary FILE"),
        ([*NETWORK, "--vocabulary", "none.txt"], r"none.txt: No such file"),
        ([*NETWORK, "--vocabulary", "words.txt", "--pad-after"], r"--pad-after is given without"),
        ([*NETWORK, "--vocabulary", "net.npz"], r"net.npz is not text in UTF-8"),
        ([*NETWORK, "--config", "a.json"], r"--config is given, and cdjax.from_torch, which reads"),
        ([*NETWORK[:-1], "one,one"], r"labels holds 'one' twice"),
        (["--labels", "a,,b"], r"'a,,b' has an empty name"),
    ],
)
def test_what_is_missing_or_wrong_is_named(here, capsys, options, message):
    code, out, err = run(capsys, "import", "net.npz", *options, "--out", "m")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert re.search(message, err), err
    assert not (here / "m").exists()


def test_files_that_are_no_models(here, capsys):
    (here / "folder").mkdir()
    for name in ("model.pkl", "model.txt", "full.h6"):
        (here / name).write_bytes(b"\x80")
    for path, message in {
        "none.h5": "none.h5: no such file",
        "folder": "folder is a folder; expected a file of another framework",
        "model.pkl": "is a pickle or a program, which can run code",
        "model.txt": "is of no known kind; expected a folder made by cdjax.save, or a file that",
    }.items():
        code, _, err = run(capsys, "import", path, "--out", "m")
        assert code == 2
        assert message in err
    assert run(capsys, "explain", "a", "--model", "model.txt")[0] == 2
    code, _, err = run(capsys, "explain", "a", "--labels", "a,b")
    assert (code, "a model of cdjax says all of itself" in err) == (2, True)


def test_nothing_is_replaced_unasked(here, capsys):
    for _ in range(2):
        code, _, err = run(capsys, "import", "net.npz", *NETWORK, "--out", "m")
    assert (code, "give another path or --overwrite" in err) == (2, True)
    assert run(capsys, "import", "net.npz", *NETWORK, "--out", "m", "--overwrite")[0] == 0


@pytest.mark.parametrize(("difference", "expected"), [(3e-7, 0), (0.25, 1)])
def test_what_the_framework_computes_is_compared(here, capsys, monkeypatch, difference, expected):
    checked = Checked("keras 3.10", difference, None)
    monkeypatch.setattr(frameworks, "check_import", lambda model, path: checked)
    code, out, err = run(capsys, "import", "net.npz", *NETWORK, "--out", "m")
    assert code == expected
    if expected:
        assert "keras 3.10 computes other outputs than cdjax read in it, 0.25 apart" in err
        assert not (here / "m").exists()
    else:
        assert "keras 3.10: 8 random inputs, largest difference 3e-07" in out
        assert cdjax.load("m").provenance["imported"]["checked"]["difference"] == difference
