"""`cdjax explain --png`, `--svg`, `--picture`."""

import importlib.util

import pytest
from cdjax.cli import main

from tests.cli.test_methods import save_model
from tests.pictures import check_picture, read_labels

TEXT = "It isn't a bad film."


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "model")


def explain(*options):
    return main(["explain", TEXT, *map(str, options)])


def test_both_files_of_a_picture_are_written(model, tmp_path, capsys):
    png, svg = tmp_path / "p.png", tmp_path / "p.svg"
    assert explain("--model", model, "--png", png, "--svg", svg) == 0
    # Lines are as wide as the terminal: how they break depends on the length of the path.
    assert f"{svg}:apicture(overview)of" in "".join(capsys.readouterr().out.split())
    check_picture(tmp_path / "p", ["It", "n't", "How the prediction adds up", "Every phrase"])
    assert explain("--model", model, "--svg", svg) == 2
    assert "exists; give another file or --overwrite" in capsys.readouterr().err
    more = "--svg", svg, "--overwrite"
    assert explain("--model", model, *more, "--method", "cd,cd:acd") == 0
    assert {"cd:even", "cd:acd"} <= set(read_labels(svg))
    assert explain("--model", model, *more, "--tree") == 0
    assert any("The words join" in text for text in read_labels(svg))
    assert explain("--model", model, *more, "--picture", "waterfall") == 0
    assert "= logit" in read_labels(svg)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--png", "page.jpg"], "--png page.jpg ends in '.jpg'; expected .png"),
        (["--svg", "page"], "ends in 'nothing'; expected .svg"),
        (["--picture", "words"], "is of the files of --png and --svg"),
        (["--png", "p.png", "--picture", "compare"], "shows several methods"),
        (["--png", "p.png", "--picture", "words", "--method", "cd,loo"], "and other pictures one"),
        (["--png", "there/p.png"], "there is no folder there"),
        (["--png", "p.png", "--picture", "windows"], "is of a series, and the model reads text"),
    ],
)
def test_what_is_wrong(model, options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert explain("--model", model, *options) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_extra_is_named(model, monkeypatch, capsys):
    find = importlib.util.find_spec

    def find_others(name, *more):
        return None if name == "matplotlib" else find(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", find_others)
    assert explain("--model", model, "--png", "p.png") == 2
    assert "pip install 'cdjax[plot]'" in capsys.readouterr().err
