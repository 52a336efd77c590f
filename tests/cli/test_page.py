"""`cdjax explain --html`."""

import cdjax
import pytest
from cdjax.cli import main

from tests.cli.test_methods import save_model
from tests.viz.page.browser import read_data

TEXT = "It isn't a bad film."


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "model")


def explain(*options):
    return main(["explain", TEXT, *map(str, options)])


def methods_of(path):
    explanations = read_data(path.read_text(encoding="utf-8"))["explanations"]
    return [(one["method"], one["rule"]) for one in explanations]


def test_a_page_is_written(model, tmp_path, capsys):
    path = tmp_path / "page.html"
    assert explain("--model", model, "--html", path) == 0
    # Lines are as wide as the terminal: how they break depends on the length of the path.
    assert f"{path}:apageof" in "".join(capsys.readouterr().out.split())
    assert methods_of(path) == [("cd", "even"), ("ig_zero", None), ("alone", None)]
    assert explain("--model", model, "--html", path) == 2
    assert "exists; give another file or --overwrite" in capsys.readouterr().err
    options = "--overwrite", "--method", "cd,cd:acd,loo", "--class", "negative", "--max-len", "2"
    assert explain("--model", model, "--html", path, *options) == 0
    assert methods_of(path) == [("cd", "even"), ("cd", "acd"), ("loo", None)]
    (first, *_) = read_data(path.read_text(encoding="utf-8"))["explanations"]
    assert first["weights"] == [1.0, -1.0]
    assert first["longest"] == 2


@pytest.mark.thorough
def test_methods_that_are_not_defined_are_left_out_of_a_page(tmp_path, capsys):
    stack = save_model(tmp_path / "stack", layers=2)
    path = tmp_path / "page.html"
    assert explain("--model", stack, "--html", path, "--method", "all") == 0
    assert "cell is left out" in capsys.readouterr().out
    left = {"cell", "cell_gamma"}
    assert [name for name, _ in methods_of(path)] == [
        name for name in cdjax.methods.make_methods() if name not in left
    ]
    assert explain("--model", stack, "--html", path, "--overwrite", "--method", "cell") == 2
    assert "cell: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "cd,nothing"], "'nothing'; expected some of cd, gradient"),
        (["--method", "cd,all"], "'all'; expected some of"),
        (["--method", "cd:nothing"], "expected a rule after cd: alone, one of paper"),
        (["--method", "loo:acd"], "expected a rule after cd: alone"),
        (["--method", "cd,cd"], "names a method twice"),
        (["--html", "there/page.html"], "there is no folder there"),
        (["--overwrite"], "is of the files of --html, --png"),
        (["--html", "page.html", "--tree"], "a page has the tree"),
    ],
)
def test_what_is_wrong(model, options, message, capsys):
    assert explain("--model", model, *options) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
