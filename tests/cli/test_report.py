"""`cdjax report`."""

import cdjax
import numpy as np
import pytest
from cdjax.cli import main

from tests.cli.test_cli import fail, save_model
from tests.corpus.scored import KEEP, expected, make_reviews, write_scores
from tests.viz.page.browser import read_data
from tests.viz.page.packed import read_report_page, unpack_floats, unpack_integers


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    out = tmp_path_factory.mktemp("scores") / "out"
    write_scores(out, make_reviews(40), keep=KEEP)
    return out


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def test_a_page_of_real_scores(here, capsys):
    (here / "reviews.csv").write_text(
        "text,label\n"
        + "A bad film.,negative\nIt is not a bad film!,positive\n" * 3
        + '"<script>alert(1)</script> zzz",negative\n'
    )
    model = save_model(here / "tiny")
    argv = ["score", "reviews.csv", "--out", "out", "--model", model, "--keep", "label"]
    assert main([*argv, "--text-column", "text"]) == 0
    capsys.readouterr()
    argv = ["report", "out", "--html", "page.html", "--title", "</title>&", "--similar", "2"]
    assert main(argv) == 0
    shown, err = capsys.readouterr()
    assert err == ""
    assert "Listed are the " in shown
    assert "page.html: a page of " in shown
    page = (here / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<title>&lt;/title&gt;&amp;</title>" in page
    record = read_data(page)
    assert record["trueColumns"] == ["label"]
    assert record["about"]["model"] == model
    assert np.sum(record["confusion"]) == 7
    table, phrases = read_report_page(page), expected(here / "out")
    assert len(table) > 10
    for text, (count, mean, beyond) in table.items():
        assert count == len(phrases[text])
        assert mean == pytest.approx(np.mean([row[2] for row in phrases[text]]), abs=1e-5)
        assert beyond == pytest.approx(np.mean([row[3] for row in phrases[text]]), abs=1e-5)
    check_similar(page, cdjax.load(model))


def check_similar(page, model):
    """The nearest are those of the means of beta_T, computed by the definition."""
    record = read_data(page)
    texts = list(read_report_page(page))
    sums = {}
    for text in ("it is not a bad film !", "a bad film ."):  # one as often as the other
        review = text.split()
        ids = model.vocabulary.encode(review)
        x = np.asarray(model.classifier.embedding, np.float64)[ids]
        for start, stop in cdjax.enumerate_spans(len(ids), 5).tolist():
            inside = (np.arange(len(ids)) >= start) & (np.arange(len(ids)) < stop)
            beta = cdjax.decompose(model.classifier.layers, x, inside).beta[-1]
            sums.setdefault(" ".join(review[start:stop]), []).append(np.asarray(beta))
    vectors = {text: np.mean(sums[text], axis=0) for text in texts if text in sums}
    nearest = unpack_integers(record["similar"]["indices"]).reshape(len(texts), 2)
    cosines = unpack_floats(record["similar"]["cosines"]).reshape(len(texts), 2)
    checked = 0
    for n, text in enumerate(texts):
        unknown = [word for word in text.split() if word not in model.vocabulary]
        if unknown:
            assert (nearest[n] == -1).all()
            continue
        every = [
            cosine(vectors[text], vectors[other])
            for other in vectors
            if f" {other} " not in f" {text} "
            and f" {text} " not in f" {other} "
            and all(word in model.vocabulary for word in other.split())
        ]
        best = sorted(every, reverse=True)[:2]
        assert cosines[n][: len(best)] == pytest.approx(best, abs=1e-4), text
        assert (nearest[n] >= 0).sum() == len(best)
        for other, shown in zip(nearest[n][: len(best)], cosines[n], strict=False):
            assert shown == pytest.approx(cosine(vectors[text], vectors[texts[other]]), abs=1e-4)
        checked += 1
    assert checked >= 5


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_limits(out, here, capsys):
    argv = ["report", str(out), "--html", "page.html", "--phrases", "9", "--reviews", "8"]
    argv += ["--similar", "0"]
    assert main([*argv, "--max-len", "2", "--min-count", "3"]) == 0
    shown = capsys.readouterr().out
    assert "Listed are 9 of the phrases of up to 2 words that occur at least 3 times" in shown
    assert "8 of 40 reviews are on this page" in shown
    page = (here / "page.html").read_text(encoding="utf-8")
    assert len(read_report_page(page)) == 9
    fail(argv, capsys, "page.html exists; give another file or --overwrite")
    assert main([*argv, "--overwrite", "--label-column", "stars", "--label-values",
                 "1=negative,2=negative,3=negative,4=positive,5=positive"]) == 0  # fmt: skip
    page = (here / "page.html").read_text(encoding="utf-8")
    assert read_data(page)["trueColumns"] == ["stars"]


WRONG = {
    "label column": (["--label-column", "x"], r"no kept column 'x' \(--label-column\).*--keep x"),
    "labels": (["--label-column", "stars"], r"column 'stars' holds .*--label-values '.=positive'"),
    "pairs": (["--label-values", "1"], None),
    "twice": (["--label-values", "1=negative,1=positive"], None),
    "length": (["--max-len", "21"], "--max-len is 21; expected at most 20"),
    "folder": (["--html", "none/page.html"], "there is no folder none"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong(out, here, case, capsys):
    options, message = WRONG[case]
    argv = ["report", str(out), "--html", "page.html", "--similar", "0", *options]
    if message is None:
        assert main(argv) == 2
        assert "expected pairs A=B,C=D" in capsys.readouterr().err
    else:
        fail(argv, capsys, message)
    assert not (here / "page.html").exists()


def test_the_model_is_not_there(out, here, capsys):
    argv = ["report", str(out), "--html", "page.html", "--overwrite"]
    assert main(argv) == 0
    shown = capsys.readouterr().out
    assert "No phrases alike to the model are shown (--model): the job does not say" in shown
    other = save_model(here / "tiny")
    fail([*argv, "--model", other], capsys, "the model is not the one of the job")


def test_folders(out, here, capsys):
    argv = ["report", "none", "--html", "page.html"]
    fail(argv, capsys, r"none does not exist; expected the folder that cdjax score wrote")
    (here / "other").mkdir()
    argv = ["report", "other", "--html", "page.html"]
    fail(argv, capsys, "other is not a folder of cdjax scores")
    argv = ["report", str(out), "--html", str(out / "page.html")]
    fail(argv, capsys, "page.html is in the folder of scores")
    (here / "other/.cdjax").mkdir()
    (here / "other/.cdjax/lock").touch()
    argv = ["report", "other", "--html", "page.html"]
    fail(argv, capsys, "other holds an unfinished run; finish it first: cdjax score, --resume")
