"""The command line: wrong use is one line on stderr and exit code 2."""

import subprocess
import sys

import cdjax
import pytest
from benchmarks.paper.__main__ import main
from benchmarks.paper.registry import EXPERIMENTS

from tests.benchmarks.paper.conftest import run
from tests.conftest import ROOT


def check_error(capsys, code, message):
    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.startswith("python -m benchmarks.paper: error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out


def test_report_needs_results(tmp_path, capsys):
    check_error(
        capsys, main(["report", "--out", str(tmp_path)]), f"{tmp_path} holds none of unigrams.json"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "the following arguments are required: NAME, --out"),
        (["magic", "--out", "x"], "invalid choice: 'magic'"),
        (["all", "--out", "x", "--seeds", "0"], "expected a whole number of at least 1"),
        (["all", "--out", "x"], "all needs data; give their folders by --sst and --yelp"),
        (["negation", "--yelp", "y", "--out", "x"], "negation needs data; give their folders by"),
        (["negation", "--sst", "gone", "--models", "gone", "--out", "x"], "gone"),
    ],
)
def test_wrong_arguments(argv, message, capsys):
    check_error(capsys, main(argv), message)


def test_wrong_methods_and_models(world, tmp_path, capsys):
    code = run(world, tmp_path, "negation", "--methods", "cd", "magic")
    check_error(capsys, code, "there is no method 'magic'; expected any of cd, gradient")
    model = cdjax.load(world / "seed-0")
    cdjax.save(model._replace(labels=("bad", "good")), tmp_path / "other")
    data = ["--sst", str(world / "sst"), "--models", str(tmp_path / "other")]
    code = main(["negation", *data, "--out", str(tmp_path / "out")])
    check_error(capsys, code, "labels of the model other are bad, good; expected")


def test_help_lists_every_experiment(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {e.name} " in text and e.title in text for e in EXPERIMENTS.values())


def test_without_its_extra_the_command_names_it():
    code = (
        "import sys, runpy; sys.modules['sklearn'] = None; sys.argv = ['x', '--help'];"
        "runpy.run_module('benchmarks.paper', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "error: sklearn is not installed; pip install -e '.[study]'" in done.stderr
    assert done.stderr.count("\n") == 1
