import re

import cdjax
import numpy as np
import pytest
from cdjax.cli import main
from cdjax.phrases import vectors
from cdjax.phrases.vectors import average_vectors, count_phrases, find_phrase

from tests.cli.test_cli import WORDS, fail, save_model

REVIEWS = "It isn't a bad film.\nIs it a bad film?\n\nzzz a film\nA bad zzz it isn't\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "reviews.txt").write_text(REVIEWS)
    return tmp_path


def table(model, max_len=5, min_count=2):
    """The vectors, by phrase."""
    loaded = cdjax.load(model)
    tokens = ["it is n't a bad film .", "is it a bad film ?", "", "zzz a film"]
    tokens = [text.split() for text in [*tokens, "a bad zzz it is n't"]]
    reviews = [loaded.vocabulary.encode(words) for words in tokens]
    phrases = average_vectors(
        loaded.classifier, reviews, count_phrases(reviews, max_len, min_count, unknown=0)
    )
    return loaded, phrases


def rows(out):
    """The phrases shown, with cosine, score and times; the query has no cosine."""
    pattern = r"^ *([-\d]\.\d{3})? +([+-]\d+\.\d\d) +(\d+)  (\S.*?) *$"
    return re.findall(pattern, out, re.M)


@pytest.mark.parametrize("options", [[], ["--interactions", "--max-len", "2", "--min-count", "1"]])
def test_neighbours(here, model, capsys, options):
    argv = ["neighbours", "a bad", "--corpus", "reviews.txt", "--model", model, "--top", "3"]
    assert main([*argv, *options]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    loaded, phrases = table(model, *((2, 1) if options else (5, 2)))
    assert f"5 reviews, 22 words, {len(phrases.words)} phrases" in out
    matrix = (phrases.interactions if options else phrases.vectors).astype(float)
    names = [" ".join(WORDS[w] for w in row if w >= 0) for row in phrases.words.tolist()]
    query = find_phrase(phrases, [4, 5])
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    cosines = unit @ unit[query]
    scores = matrix @ (loaded.classifier.readout[1] - loaded.classifier.readout[0])
    wanted = [
        n
        for n in np.argsort(-cosines)
        if f" {names[n]} " not in " a bad " and " a bad " not in f" {names[n]} "
    ]
    expected = [("", f"{scores[query]:+.2f}", "3", "a bad")] + [
        (f"{cosines[n]:.3f}", f"{scores[n]:+.2f}", str(phrases.counts[n]), names[n])
        for n in wanted[:3]
    ]
    assert rows(out) == expected


def test_more_than_one_phrase_and_a_file(here, model, capsys):
    argv = ["neighbours", "bad", "Isn't", "--corpus", "reviews.txt", "--model", model]
    assert main([*argv, "--out", "vectors.npz"]) == 0
    shown = rows(capsys.readouterr().out)
    assert [row[3] for row in shown if not row[0]] == ["bad", "Isn't"]
    _, phrases = table(model)
    with np.load("vectors.npz") as file:
        assert file["phrases"].tolist()[find_phrase(phrases, [4, 5, 6])] == "a bad film"
        np.testing.assert_array_equal(file["counts"], phrases.counts)
        np.testing.assert_array_equal(file["vectors"], phrases.vectors)
        np.testing.assert_array_equal(file["interactions"], phrases.interactions)


def test_three_classes(here, capsys):
    path = save_model(here / "three", classes=3)
    assert main(["neighbours", "bad", "--corpus", "reviews.txt", "--model", path]) == 0
    out = capsys.readouterr().out
    assert re.search(r"[+-]\d\.\d\d (one|two|three) +3  bad", out)
    assert "mean logits, highest." in " ".join(out.split())


def test_bad_use(here, model, capsys, monkeypatch):
    def refuse(phrase, message, *options, corpus="reviews.txt"):
        argv = ["neighbours", phrase, "--corpus", corpus, "--model", model, *options]
        fail(argv, capsys, message)

    def no_scoring(*_, **__):
        raise AssertionError("scored before all was checked")

    monkeypatch.setattr(vectors, "average_vectors", no_scoring)
    refuse(" ", "a phrase is empty")
    refuse("a zzz qqq", r"'a zzz qqq': the model does not know zzz, qqq")
    refuse("a bad film", r"'a bad film' has 3 words; .* --max-len 3", "--max-len", "2")
    refuse("film a", r"'film a' does not occur in the corpus")
    refuse("it a", r"'it a' occurs once in the corpus; expected at least 2 .* --min-count 1")
    refuse("a bad", r"'a bad' occurs 3 times .* expected at least 4", "--min-count", "4")
    refuse("bad", r"none\.txt: no such file", corpus="none.txt")
    refuse("bad", r"expected a name that ends in \.npz", "--out", "x.csv")
    refuse("bad", r"there is no folder", "--out", "no/x.npz")
    refuse("bad", r"--top: '0'; expected a whole number", "--top", "0")
    monkeypatch.setattr(vectors, "MEMORY", 0)
    refuse("bad", r"phrases occur often enough; expected at most 0")
    fail(["neighbours", "bad"], capsys, "arguments are required: --corpus")
    assert sorted(p.name for p in here.iterdir()) == ["reviews.txt"]


def test_help(capsys):
    assert main(["neighbours", "--help"]) == 0
    out = capsys.readouterr().out
    assert "--interactions" in out
    assert "(default: 5)" in out
    assert max(map(len, out.splitlines())) <= 90
