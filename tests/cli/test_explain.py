"""`cdjax explain`: what is printed, and how the text is given."""

import io
import re
import sys

import cdjax
import numpy as np
import pytest
from cdjax.cli import main
from cdjax.results.numbers import write_probability

from tests.cli.test_cli import explained, fail, save_model
from tests.scoring.test_batch import recursion


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """A model of four classes."""
    return save_model(tmp_path_factory.mktemp("models") / "four", classes=4)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def test_scores_are_those_of_the_definition(model, capsys):
    out = explained("It isn't a bad zzz", model, capsys)
    loaded = cdjax.load(model)
    ids = np.array([1, 2, 3, 4, 5, 0])
    x = loaded.classifier.embedding.astype(float)[ids]
    spans = cdjax.enumerate_spans(6)
    logits = recursion(loaded.classifier, x, spans, cdjax.PAPER)
    scores = dict(zip(map(tuple, spans.tolist()), logits[:, 1] - logits[:, 0], strict=True))
    tokens = ["It", "is", "n't", "a", "bad", "zzz"]
    words, numbers, marks = (line.split() for line in out.splitlines()[3:6])
    assert words == tokens
    assert numbers == [f"{scores[t, t + 1]:+.2f}" for t in range(6)]
    expected = []
    for t in range(6):
        score = scores[t, t + 1]
        size = 2 if abs(score) >= 2 else 1 if abs(score) >= 0.5 else 0
        expected.append(("·", "+" if score > 0 else "-", "++" if score > 0 else "--")[size])
    expected[5] += "?"
    assert marks == expected
    assert len(set(marks)) > 2  # the model is not one that shows nothing
    assert " ?  a word the model does not know" in out

    texts = {" ".join(tokens[a:b]): score for (a, b), score in scores.items()}
    shown = re.findall(r"^ ([+-]\d+\.\d\d) +(?:[+-]+|·) +(\S.*)$", out, re.M)
    assert len(shown) > 5
    assert all(number == f"{texts[phrase]:+.2f}" for number, phrase in shown)
    top = max((s for s in scores if s[1] - s[0] > 1 and s[1] < 6), key=scores.get)
    assert (f"{scores[top]:+.2f}", " ".join(tokens[slice(*top)])) in shown

    pairs = {
        " ".join(tokens[t : t + 2]): scores[t, t + 2] - scores[t, t + 1] - scores[t + 1, t + 2]
        for t in range(4)  # none with the word that is unknown
    }
    table = out.partition("two words\n")[2].partition("longer")[0]
    shown = re.findall(r"^ *([+-]\S+) +([+-]\S+) +([+-]\S+)  (.*)$", table, re.M)
    assert shown == [
        (f"{value:+.2f}", f"{texts[pair]:+.2f}", f"{texts[pair] - value:+.2f}", pair)
        for pair, value in sorted(pairs.items(), key=lambda item: -abs(item[1]))
        if abs(value) >= 0.5
    ]
    assert shown


def test_the_account_adds_up_to_the_prediction(model, capsys):
    loaded = cdjax.load(model)
    (logits,) = cdjax.predict(loaded.classifier, [[4, 6]])
    probability = float(np.exp(logits[1]) / np.exp(logits).sum())
    best, other = ("positive", "negative") if probability > 0.5 else ("negative", "positive")
    low, high = map(write_probability, sorted((probability, 1 - probability)))
    for rule in ("paper", "acd"):
        out = explained("A film", model, capsys, "--rule", rule)
        assert out.startswith(f"Prediction: {best} {high}  ({other} {low})\n")
        number = re.compile(r"^=? +([+-]?\d+\.\d\d)  (whole|rem|output bias|logit)", re.M)
        parts = [float(value) for value, _ in number.findall(out)]
        assert len(parts) == 4
        assert sum(parts[:3]) == pytest.approx(parts[3], abs=0.021)  # each is rounded
        assert parts[3] == pytest.approx(logits[1] - logits[0], abs=0.006)
        assert f"logit of positive - negative: positive {write_probability(probability)}" in out


def test_four_classes_and_one_against_another(four, capsys):
    loaded = cdjax.load(four)
    (logits,) = cdjax.predict(loaded.classifier, [[4, 5, 6]])
    ranked = np.argsort(-logits)
    labels = [loaded.labels[k] for k in ranked]
    x = loaded.classifier.embedding.astype(float)[[4, 5, 6]]
    scores = recursion(loaded.classifier, x, [(0, 1), (1, 2), (2, 3)], cdjax.PAPER)
    for options, positive, negative in (
        ([], 0, None),
        (["--class", labels[2]], 2, None),
        (["--class", labels[2], "--against", labels[0]], 2, 0),
        (["--against", labels[3]], 0, 3),
        (["--against", labels[0]], 1, 0),  # the predicted one of the others
    ):
        out = explained("a bad film", four, capsys, *options)
        expected = scores[:, ranked[positive]]
        sides = f"above 0 they speak for {labels[positive]}, below 0 against {labels[positive]}."
        if negative is not None:
            expected = expected - scores[:, ranked[negative]]
            sides = f"above 0 they speak for {labels[positive]}, below 0 for {labels[negative]}."
        assert out.splitlines()[4].split() == [f"{score:+.2f}" for score in expected]
        assert sides in out


def test_labels_that_are_wrong(four, capsys):
    for options, message in (
        (["--class", "thre"], "--class: there is no label 'thre'; did you mean three"),
        (["--against", "x"], "--against: there is no label 'x'; expected one of one, two, three,"),
        (
            ["--class", "one", "--against", "one"],
            "--class and --against are both one; expected two",
        ),
    ):
        fail(["explain", "a film", "--model", four, *options], capsys, message)


def test_every_class_is_named_by_its_label(tmp_path, capsys):
    loaded = cdjax.load(save_model(tmp_path / "model"))
    cdjax.save(loaded._replace(labels=("Kritik", "Lob")), tmp_path / "praise")
    for options in ([], ["--tree"], ["--method", "all"], ["--method", "occlusion"]):
        out = explained("It isn't a bad film", str(tmp_path / "praise"), capsys, *options)
        assert "Lob" in out
        assert not re.search("positive|negative", out)


def test_words_wrap_and_markup_is_text(model, capsys):
    out = explained("[bold]a[/bold] " * 12, model, capsys, "--max-len", "1")
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("/bold") == 12
    assert "Phrases" not in out  # of one word there are none
    assert "interaction" not in out


def test_unknown_words_only(model, capsys):
    out = explained("zzz", model, capsys)
    assert "\nThe model knows none of the words; the scores mean little.\n" in out


def test_a_text_has_the_rule_that_the_study_chose_and_says_so(model, capsys):
    text = "It isn't a bad film."
    assert main(["explain", text, "--model", model]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1].startswith("Scores are by the rule even, ")
    assert out.count("The paper's: --rule paper.") == 1
    assert f"{cdjax.explain(text, model, rule='even')[:]:+.2f}  whole text" in out
    named = explained(text, model, capsys, "--rule", "even")
    assert [line for line in out.splitlines() if line not in named.splitlines()] == [
        out.splitlines()[1]
    ]
    other = explained(text, model, capsys, "--method", "loo")
    assert "rule even" not in other


def test_a_file_and_standard_input(model, capsys, monkeypatch, tmp_path):
    expected = explained("It isn't a bad film.", model, capsys)
    (tmp_path / "review.txt").write_bytes("\ufeffIt isn't\na bad film.\n".encode())
    named = ["--model", model, "--rule", "paper"]
    assert main(["explain", "--file", "review.txt", *named]) == 0
    assert capsys.readouterr().out == expected

    def give(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    give(b"It isn't a bad film.")
    assert main(["explain", "-", *named]) == 0
    assert capsys.readouterr().out == expected
    for content, message in (
        (b" \n", "the text is empty"),
        (b"caf\xe9", r"standard input is not UTF-8 \(byte 3\)"),
        (b"a " * 2_000_001, "standard input has more than 4,000,000 bytes"),
    ):
        give(content)
        fail(["explain", "-", "--model", model], capsys, message)


def test_texts_that_are_none(capsys, tmp_path):
    (tmp_path / "review.txt").write_text("good")
    for argv, message in (
        ([], r'there is no text; expected "TEXT" in quotes, - or --file FILE\.'),
        (["a", "--file", "review.txt"], "there is a text and a --file; expected one of them"),
        (["--file", "none.txt"], "none.txt: No such file"),
        (["--file", "."], r"\. is a folder"),
        (["review.txt"], r'review.txt is a file; .*: --file "review.txt"'),
        ([""], "the text is empty"),
        ([" \n"], "the text is empty"),
    ):
        fail(["explain", *argv], capsys, message)


def test_a_long_text_is_seen_by_sentences(model, capsys):
    text = "It is a bad film. " * 10
    out = explained(text, model, capsys)
    assert out.count("It is a bad film") >= 10
    assert "What each sentence contributes" in out
    phrases = re.findall(r"^ [+-]\S+ +[+-]+ +(.*)$", out.partition("Phrases")[2], re.M)
    assert phrases
    assert all(phrase.count(".") <= 1 for phrase in phrases)
    whole = f"{cdjax.explain(text, model)[:]:+.2f}  whole text"
    assert whole in out
    out = explained(text, model, capsys, "--max-len", "2")
    assert "What each sentence contributes" in out
    assert whole in out
    assert "Phrases of more than 2 words were not scored." in out
