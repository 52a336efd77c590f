"""The commands with models whose logits are not a softmax over two labels."""

import json
import re

import cdjax
import numpy as np
import pyarrow.parquet as pq
import pytest
from cdjax.cli import main
from cdjax.results.numbers import write_probability

from tests.cli.test_cli import WORDS, explained, fail
from tests.conftest import random_classifier

TWO, FOUR = ("negative", "positive"), ("sports", "politics", "music", "science")
TEXTS = ("a bad film", "It isn't a film")


def save_model(folder, labels, logits, output):
    classifier = random_classifier(
        np.random.default_rng(4), words=len(WORDS), classes=logits, dtype=np.float32
    )
    classifier = classifier._replace(readout=8 * classifier.readout)
    model = cdjax.Model(classifier, cdjax.Vocabulary(WORDS), labels, {}, output)
    cdjax.save(model, folder / output)
    return str(folder / output), model


def logits_of(model, text):
    ids = model.vocabulary.encode(cdjax.tokenize(text))
    return cdjax.predict(model.classifier, [ids])[0].astype(float)


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


def numbers(out):
    return [float(number) for number in out.splitlines()[4].split()]


def test_one_logit_gives_its_sigmoid(tmp_path, capsys):
    path, model = save_model(tmp_path, TWO, 1, "sigmoid")
    seen = set()
    for text in TEXTS:
        out = explained(text, path, capsys)
        (z,) = logits_of(model, text)
        p = 1 / (1 + np.exp(-z))
        seen.add(p)
        label, other = TWO if p < 0.5 else reversed(TWO)
        low, high = map(write_probability, sorted((p, 1 - p)))
        assert out.startswith(f"Prediction: {label} {high}  ({other} {low})\n")
        ids = model.vocabulary.encode(cdjax.tokenize(text))
        (result,) = cdjax.score_all_spans(model.classifier, [ids], max_len=1)
        np.testing.assert_allclose(numbers(out), result.scores[:, 0], atol=0.00501)
        assert "above 0 they speak for positive, below 0 for negative." in out
    assert len(seen) == 2
    turned = explained(TEXTS[0], path, capsys, "--class", "negative")
    np.testing.assert_allclose(
        numbers(turned), -np.array(numbers(explained(TEXTS[0], path, capsys)))
    )
    assert "above 0 they speak for negative, below 0 for positive." in turned


def test_four_classes(tmp_path, capsys):
    path, model = save_model(tmp_path, FOUR, 4, "softmax")
    logits = logits_of(model, TEXTS[0])
    ids = model.vocabulary.encode(cdjax.tokenize(TEXTS[0]))
    (result,) = cdjax.score_all_spans(model.classifier, [ids], max_len=1)
    best = FOUR[int(logits.argmax())]
    p = np.exp(logits) / np.exp(logits).sum()
    beginning = f"Prediction: {best} {write_probability(p.max())}  ("
    assert explained(TEXTS[0], path, capsys).startswith(beginning)
    for n, label in enumerate(FOUR):
        out = explained(TEXTS[0], path, capsys, "--class", label)
        np.testing.assert_allclose(numbers(out), result.scores[:, n], atol=0.00501)
        assert f"above 0 they speak for {label}, below 0 against {label}." in out
        assert f"speak against {label}" in out or f"speak for {label}" in out
    default = explained(TEXTS[0], path, capsys)
    assert default == explained(TEXTS[0], path, capsys, "--class", best)
    assert not re.search("positive|negative", default)
    argv = ["explain", TEXTS[0], "--model", path, "--class", "arts"]
    fail(argv, capsys, "--class: there is no label 'arts'; expected one of sports, politics")


def test_a_class_with_the_tree_and_with_methods(tmp_path, capsys):
    path, _ = save_model(tmp_path, FOUR, 4, "softmax")
    out = explained(TEXTS[0], path, capsys, "--class", "music", "--tree")
    assert "above 0 they speak for music" in out
    assert "How the words join" in out
    out = explained(TEXTS[0], path, capsys, "--class", "music", "--method", "loo")
    assert "in log probability: above 0 they speak for music" in out
    out = explained(TEXTS[0], path, capsys, "--class", "music", "--method", "all")
    assert "in log probability for music" in out


def test_labels_that_do_not_exclude_each_other(tmp_path, capsys):
    path, model = save_model(tmp_path, FOUR, 4, "sigmoid")
    out = explained(TEXTS[0], path, capsys)
    p = 1 / (1 + np.exp(-logits_of(model, TEXTS[0])))
    shown = {label: write_probability(value) for label, value in zip(FOUR, p, strict=True)}
    pairs = dict(re.findall(r"(\w+) ((?:over |under )?\d+\.\d%)", out.splitlines()[0]))
    assert pairs == shown
    assert p.sum() > 1.05 or p.sum() < 0.95
    assert out.splitlines()[1] == "The labels do not exclude each other."


def test_values_have_no_percentages(tmp_path, capsys):
    path, model = save_model(tmp_path, ("stars",), 1, "value")
    out = explained(TEXTS[0], path, capsys)
    (value,) = logits_of(model, TEXTS[0])
    assert out.startswith(f"Value: stars {value:.4g}\n")
    assert "%" not in out
    assert "above 0 they raise stars, below 0 lower stars." in out


@pytest.mark.parametrize(
    ("labels", "count", "output"),
    [(TWO, 1, "sigmoid"), (FOUR, 4, "sigmoid"), (("stars",), 1, "value")],
)
def test_score_and_neighbours(tmp_path, capsys, monkeypatch, labels, count, output):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.txt").write_text("a bad film\na bad film it is\nIt isn't a film\n")
    path, model = save_model(tmp_path, labels, count, output)
    assert main(["score", "reviews.txt", "--model", path, "--out", "out", "--verify", "5"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    units = {"one": "logits, positive - negative.", "value": "none twice; in the units of the val"}
    assert units.get("one" if count < len(labels) else output, "none twice; logits.") in out
    columns = pq.read_table("out/documents").column_names
    assert ("prediction" in columns) == (count < len(labels))
    assert any(name.startswith("probability") for name in columns) == (output != "value")
    assert json.loads((tmp_path / "out/manifest.json").read_text())["output"] == output
    argv = ["neighbours", "a bad", "--corpus", "reviews.txt", "--model", path, "--max-len", "2"]
    assert main(argv) == 0
    out = capsys.readouterr().out
    (score, label) = re.search(r"([+-]\d+\.\d\d)( \w+)? +2  a bad", out).groups()
    phrases = cdjax.phrases
    reviews = [
        model.vocabulary.encode(cdjax.tokenize(line))
        for line in (tmp_path / "reviews.txt").read_text().splitlines()
    ]
    counted = phrases.count_phrases(reviews, 2, 2, unknown=model.vocabulary.unknown)
    table = phrases.average_vectors(model.classifier, reviews, counted)
    mean = model.classifier.readout @ table.vectors[phrases.find_phrase(table, [4, 5])]
    if count < len(labels):
        assert (label, score) == (None, f"{mean[0]:+.2f}")
    else:
        assert label == f" {labels[int(mean.argmax())]}"
        assert score == f"{mean.max():+.2f}"


@pytest.mark.parametrize("command", ["explain", "score", "neighbours"])
@pytest.mark.parametrize("embedding", [True, False])
def test_a_model_without_vocabulary_reads_no_text(tmp_path, capsys, command, embedding):
    classifier = random_classifier(np.random.default_rng(4), dtype=np.float32)
    if not embedding:
        classifier = classifier._replace(embedding=None)
    cdjax.save(cdjax.Model(classifier, None, TWO, {}), tmp_path / "m")
    (tmp_path / "texts.txt").write_text("a film\n")
    arguments = {
        "explain": ["a film"],
        "score": [str(tmp_path / "texts.txt"), "--out", str(tmp_path / "out")],
        "neighbours": ["film", "--corpus", str(tmp_path / "texts.txt")],
    }[command]
    message = "the model has no vocabulary, so it cannot read text; expected"
    if command == "explain" and not embedding:
        message = "the model reads series of numbers, and 'a film' is no such file; expected"
    fail([command, *arguments, "--model", str(tmp_path / "m")], capsys, message)
    assert not (tmp_path / "out").exists()


def test_scores_that_are_not_finite_are_an_error(tmp_path, capsys):
    path, model = save_model(tmp_path, TWO, 2, "softmax")
    large = np.full_like(model.classifier.readout, 3e38)
    layer = model.classifier.layers[0]
    layer = layer._replace(b=np.full_like(layer.b, 50))  # states close to 1
    classifier = model.classifier._replace(readout=large, layers=(layer,))
    cdjax.save(model._replace(classifier=classifier), path, overwrite=True)
    fail(["explain", TEXTS[0], "--model", path], capsys, "of sequence 0 are not finite")
