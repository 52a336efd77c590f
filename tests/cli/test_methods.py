"""`cdjax explain --method`."""

import re

import cdjax
import numpy as np
import pytest
from cdjax.cli import main
from cdjax.methods import make_methods
from cdjax.methods.registry import STANDARD_DEVIATIONS
from cdjax.results.numbers import write_score
from cdjax.results.scores import DIFFERENCES
from cdjax.results.thresholds import THRESHOLDS

from tests.conftest import random_classifier, random_layer

WORDS = ("<unk>", "it", "is", "n't", "a", "bad", "film", ".")


def save_model(path, layers=1, words=WORDS):
    rng = np.random.default_rng(3)
    classifier = random_classifier(rng, words=len(words), dtype=np.float32)
    if layers == 2:
        above = random_layer(rng, 5, 5, dtype=np.float32)
        classifier = classifier._replace(layers=(*classifier.layers, above))
    vocabulary = cdjax.Vocabulary(words)
    cdjax.save(cdjax.Model(classifier, vocabulary, ("negative", "positive"), {}), path)
    return str(path)


def test_every_method_has_a_fixed_scale():
    units = {method.units for method in make_methods().values()}
    assert units == {*THRESHOLDS, STANDARD_DEVIATIONS} >= set(DIFFERENCES)


def test_all_methods_side_by_side(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    path = save_model(tmp_path / "model")
    assert (
        main(
            [
                "explain",
                "It isn't a bad film.",
                "--model",
                path,
                "--method",
                "all",
                "--rule",
                "paper",
            ]
        )
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    model = cdjax.load(path)
    methods = make_methods(vocabulary=model.vocabulary)
    assert lines[2].split() == list(methods)
    shown = [
        [float(number) for number in re.findall(r"[+-]?\d+\.\d\d+", line)] for line in lines[3:10]
    ]
    ids = model.vocabulary.encode(["It", "is", "n't", "a", "bad", "film", "."])
    for column, method in zip(np.array(shown).T, methods.values(), strict=True):
        (result,) = method.score(model.classifier, [ids], max_len=1)
        expected = result.scores[:, 1]
        if method.units in DIFFERENCES:
            expected = expected - result.scores[:, 0]
        np.testing.assert_allclose(column, expected, atol=0.00501, err_msg=method.name)


def test_what_does_not_go_together(tmp_path, capsys):
    path = save_model(tmp_path / "model")
    stack = save_model(tmp_path / "stack", layers=2)
    without = save_model(tmp_path / "without", words=WORDS[:-1])
    for options, message in (
        (["--model", path, "--method", "all", "--tree"], "show words alone; leave --tree out"),
        (["--model", path, "--method", "cd,loo", "--max-len", "2"], "leave --max-len out"),
        (["--model", path, "--method", "loo", "--rule", "acd"], "acd is a rule of contextual"),
        (["--model", stack, "--method", "cell"], "for one LSTM layer.*model has 2 layers"),
        (["--model", without, "--method", "ig"], r"the vocabulary has no '\.'"),
    ):
        assert main(["explain", "a bad film", *options]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert re.fullmatch(rf"cdjax explain: error: [^\n]*{message}[^\n]*\n", err), err


@pytest.mark.thorough
def test_all_says_which_are_left_out_and_what_has_no_number(tmp_path, capsys):
    stack = save_model(tmp_path / "stack", layers=2)
    assert main(["explain", "bad", "--model", stack, "--method", "all"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "cell is left out: cell decomposition is defined for one LSTM layer" in out
    assert "n/a: the words' scores have no spread" in out


def test_one_method_is_explained_as_cd_is(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    path = save_model(tmp_path / "model")
    for method in ("occlusion", "ig_zero"):
        assert main(["explain", "It isn't a bad film.", "--model", path, "--method", method]) == 0
        out, err = capsys.readouterr()
        explanation = cdjax.explain("It isn't a bad film.", path, method)
        account = explanation.account()
        assert err == ""
        assert f"{account.whole:+.2f}  whole text" in out
        assert f"{account.remainder:+.2f}  remainder: what the method {method} gives" in out
        numbers = out.splitlines()[4].split()
        assert [float(n) for n in numbers] == [round(w.score, 2) for w in explanation.words()]


def test_rules_side_by_side(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    path = save_model(tmp_path / "model")
    argv = ["explain", "a bad film", "--model", path, "--rule", "paper", "--method", "cd,cd:acd"]
    assert main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["cd", "cd:acd"]
    for t, line in enumerate(lines[3:6]):
        expected = [cdjax.explain("a bad film", path, rule=rule)[t] for rule in ("paper", "acd")]
        assert re.findall(r"[+-]?\d\.\d\d", line) == [write_score(score) for score in expected]
