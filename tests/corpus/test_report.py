"""What the page of a corpus shows, against the Parquet read by hand."""

import json

import numpy as np
import pytest
from cdjax.corpus import spool
from cdjax.corpus.errors import CorpusError
from cdjax.corpus.folder import read_finished
from cdjax.corpus.report import reviews as report_reviews
from cdjax.corpus.report import selection, shown
from cdjax.corpus.report.build import read_report
from cdjax.corpus.report.limits import Limits
from cdjax.corpus.report.scores import Scores
from cdjax.corpus.report.selection import Tally
from cdjax.corpus.report.statistics import SIDE
from cdjax.corpus.reviews import Review
from cdjax.viz.page.pack import MISSING

from tests.corpus.scored import KEEP, expected, make_model, make_reviews, read_tables, write_scores


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    out = tmp_path_factory.mktemp("scores") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "PART_SPANS", 400)  # several parts
        manifest = write_scores(out, make_reviews(60), keep=KEEP)
    assert len(manifest["parts"]) > 2
    return out


def report_of(out, limits=None, **options):
    limits = limits or Limits()
    return read_report(Scores.open(out, limits.max_len), limits, **options)


def texts(report):
    words = report.reviews.words
    return [" ".join(words[w] for w in row if w >= 0) for row in report.phrases.words.tolist()]


def units(scores):
    return np.rint(100 * np.array(scores, float)).astype(int)


def check_phrases(report, phrases, min_count, number=0):
    """Each phrase has the numbers that its rows of the Parquet give."""
    listed = texts(report)
    wanted = {
        text
        for text, rows in phrases.items()
        if len(rows) >= min_count and (np.abs(units([row[2] for row in rows])) >= 50).any()
    }
    assert set(listed) == wanted
    assert len(listed) == len(wanted) > 20
    table = report.phrases
    for n, text in enumerate(listed):
        scores = np.array([row[2] for row in phrases[text]], float)
        assert table.counts[n] == len(scores)
        assert table.means[number, n] == pytest.approx(scores.mean(), abs=1e-6)
        beyond = [row[3] for row in phrases[text]]
        assert table.interactions[number, n] == pytest.approx(np.mean(beyond), abs=1e-6)
        shown = units(scores)
        assert table.lows[number, n] == shown.min()
        assert table.highs[number, n] == shown.max()
        histogram = table.histograms[number, n]
        assert histogram.sum() == len(scores)
        assert histogram[: SIDE - 1].sum() == (shown <= -50).sum()
        assert histogram[SIDE + 2 :].sum() == (shown >= 50).sum()
        assert histogram[-1] == (shown >= 400).sum()


def test_numbers_of_phrases(out):
    report = report_of(out)
    phrases = expected(out)
    check_phrases(report, phrases, 2)
    evidence = [sum(abs(r[2]) for r in phrases[t] if abs(units(r[2])) >= 50) for t in texts(report)]
    np.testing.assert_allclose(evidence, sorted(evidence, reverse=True), rtol=1e-5)


def test_short_and_rare_phrases(out):
    report = report_of(out, Limits(max_len=2, min_count=1))
    check_phrases(report, expected(out, longest=2), 1)
    assert f"Listed are the {len(texts(report))} phrases of up to 2 words" in report.notes[0]


def test_those_of_most_evidence(out):
    every = texts(report_of(out))
    report = report_of(out, Limits(phrases=15))
    assert texts(report) == every[:15]
    assert report.notes[0].startswith("Listed are 15 of the phrases")
    assert not any("may be missing" in note for note in report.notes)


def test_bounded_memory_says_what_may_be_missing(out, monkeypatch):
    every = dict(zip(texts(whole := report_of(out)), whole.phrases.counts, strict=True))
    monkeypatch.setattr(selection, "BUFFER", 100)
    monkeypatch.setattr(selection, "CAPACITY", 120)
    report = report_of(out, Limits(phrases=30))
    (note,) = [note for note in report.notes if "may be missing" in note]
    assert "too many phrases to count each" in note
    for text, count in zip(texts(report), report.phrases.counts, strict=True):
        assert every[text] == count  # what is listed is counted whole


def test_tally_is_exact_until_it_is_full():
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 50, 2000).astype(np.uint64)
    evidence = rng.random(2000)
    tally = Tally(100)
    for part in np.split(np.arange(2000), 20):
        tally.add(keys[part], evidence[part])
    assert tally.lost == 0
    np.testing.assert_array_equal(tally.counts, np.bincount(keys.astype(int)))
    np.testing.assert_allclose(tally.evidence, np.bincount(keys.astype(int), evidence))
    small = Tally(30)
    for part in np.split(np.arange(2000), 20):
        small.add(keys[part], evidence[part])
    assert len(small.keys) <= 30
    truth = np.bincount(keys.astype(int), evidence)
    assert (small.evidence <= truth[small.keys.astype(int)] + 1e-9).all()
    assert (small.evidence + small.lost >= truth[small.keys.astype(int)] - 1e-9).all()


def rebuild(reviews):
    """The texts, and the words' first places."""
    result, token, gap = [], 0, 0
    for length in reviews.lengths:
        pieces = [reviews.gaps[reviews.between[gap]]]
        for n in range(length):
            pieces += [
                reviews.forms[reviews.tokens[token + n]],
                reviews.gaps[reviews.between[gap + n + 1]],
            ]
        result.append("".join(pieces))
        token, gap = token + length, gap + length + 1
    return result


TEXTS = [
    "  A  bad film,\n\nisn't it?  ",
    "",
    "Not &lt;b&gt; bad\N{GRINNING FACE}a b\u202ead film</script>",
    "!!! a ``bad'' film \u00a0",
]


def test_texts_are_whole(tmp_path):
    out = tmp_path / "out"
    write_scores(out, TEXTS)
    report = report_of(out, Limits(min_count=1))
    assert rebuild(report.reviews) == TEXTS


def test_tokens_without_a_text(tmp_path):
    out = tmp_path / "out"
    write_scores(out, [Review("x", None, ("A", "bad", "film"), None, None, {})])
    report = report_of(out, Limits(min_count=1))
    assert rebuild(report.reviews) == ["A bad film"]
    assert report.reviews.ids is None


def test_words_and_occurrences_of_reviews(out):
    report = report_of(out, Limits(max_len=3))
    documents, spans = read_tables(out)
    by_span = {(row["doc"], row["start"], row["stop"]): row["score"] for row in spans}
    reviews, listed = report.reviews, set(texts(report))
    word, longer = [], []
    for doc, row in sorted(documents.items()):
        tokens = [token.lower() for token in row["tokens"]]
        for start in range(len(tokens)):
            word.append(by_span[doc, start, start + 1])
            for stop in range(start + 2, min(start + 3, len(tokens)) + 1):
                if " ".join(tokens[start:stop]) in listed:
                    longer.append(by_span[doc, start, stop])
    np.testing.assert_array_equal(reviews.scores, [units(word)])
    np.testing.assert_array_equal(report.phrases.occurrences, [units(longer)])
    assert reviews.documents.tolist() == sorted(documents)
    names = [row["prediction"] for _, row in sorted(documents.items())]
    assert [("negative", "positive")[n] for n in reviews.given[0].astype(int)] == names
    assert reviews.ids == [row["id"] for _, row in sorted(documents.items())]
    for column in reviews.columns:
        values = [column.values[n] for n in column.value_of]
        assert values == [row[column.name] for _, row in sorted(documents.items())]


def test_true_labels_and_errors(out):
    report = report_of(out)
    documents, _ = read_tables(out)
    labels = ["negative", "positive"]
    pairs = [(row["label"], row["prediction"]) for _, row in sorted(documents.items())]
    confusion = [[pairs.count((true, read)) for read in labels] for true in labels]
    assert report.answers == [labels]
    assert report.confusion.tolist() == [confusion]
    wanted = [labels.index(true) if true else np.nan for true, _ in pairs]
    np.testing.assert_array_equal(report.reviews.true, [wanted])
    unlabelled = sum(true is None for true, _ in pairs)
    assert f"{unlabelled} reviews have no true label (label)." in report.notes


def test_some_of_the_reviews_errors_first(out):
    report = report_of(out, Limits(reviews=20))
    documents, _ = read_tables(out)
    assert len(report.reviews.documents) == 20
    wrong = {
        doc: row[f"probability_{row['prediction']}"]
        for doc, row in documents.items()
        if row["label"] not in (None, row["prediction"])
    }
    surest = sorted(wrong, key=lambda doc: -wrong[doc])[:10]
    assert set(surest) <= set(report.reviews.documents.tolist())
    assert "20 of 60 reviews are on this page: errors of the model, most sure first" in " ".join(
        report.notes
    )
    # Numbers are of all reviews, and scores of those shown.
    check_phrases(report, expected(out), 2)


def test_reviews_that_are_too_large(out, monkeypatch):
    monkeypatch.setattr(shown, "MOST_CHARACTERS", 500)
    report = report_of(out)
    assert 0 < len(report.reviews.documents) < 60
    left = 60 - len(report.reviews.documents)
    assert f"{left} reviews are left out: the page would be too large." in report.notes
    monkeypatch.setattr(report_reviews, "MOST_NUMBERS", 120)
    few = report_of(out)
    assert len(few.reviews.documents) < 25
    assert "of 60 reviews are on this page" in " ".join(few.notes)


def test_labels_that_do_not_exclude_each_other(tmp_path):
    out = tmp_path / "out"
    model = make_model(("long", "funny", "sad"), "sigmoid")
    write_scores(out, make_reviews(30), model, keep=KEEP, max_len=3)
    report = report_of(out)
    assert report.numbers[1] == {"name": "funny", "above": "for funny", "below": "against funny"}
    every = [expected(out, f"score_{name}", f"interaction_{name}") for name in model.labels]
    table, listed = report.phrases, texts(report)
    assert len(listed) > 20
    for number, phrases in enumerate(every):
        for n, text in enumerate(listed):
            mean = np.mean([row[2] for row in phrases[text]])
            assert table.means[number, n] == pytest.approx(mean, abs=1e-6)
    assert report.confusion is None
    (note,) = [note for note in report.notes if "what is true is not shown" in note]
    assert "each of the model's labels, which do not exclude each other, needs a kept" in note
    assert report.answers == [["not long", "long"], ["not funny", "funny"], ["not sad", "sad"]]
    documents, _ = read_tables(out)
    for label, given, sure in zip(
        model.labels, report.reviews.given, report.reviews.sure, strict=True
    ):
        likely = np.array([row[f"probability_{label}"] for _, row in sorted(documents.items())])
        np.testing.assert_array_equal(given, likely >= 0.5)
        np.testing.assert_allclose(sure, np.maximum(likely, 1 - likely), rtol=1e-6)


def with_columns(count, columns):
    """Reviews whose kept columns hold one value after the other."""
    return [
        review._replace(kept={name: values[n % len(values)] for name, values in columns.items()})
        for n, review in enumerate(make_reviews(count))
    ]


def test_true_labels_that_do_not_exclude_each_other(tmp_path):
    out = tmp_path / "out"
    model = make_model(("long", "funny", "sad"), "sigmoid")
    columns = {"funny": ["1", "no", None], "long": ["True", "0"]}
    write_scores(out, with_columns(30, columns), model, keep=("long", "funny"))
    report = report_of(out)
    assert report.true_columns == ["long", "funny"]
    true = np.array([[1, 0] * 15, [1, 0, np.nan] * 10, [np.nan] * 30])
    np.testing.assert_array_equal(report.reviews.true, true)
    given = report.reviews.given
    for question, label in enumerate(model.labels):
        pairs = [*zip(true[question].tolist(), given[question].tolist(), strict=True)]
        wanted = [[pairs.count((t, g)) for g in (0, 1)] for t in (0, 1)]
        assert report.confusion[question].tolist() == wanted, label
    few = report_of(out, Limits(reviews=6))
    wrong = np.where(~np.isnan(true) & (true != given), report.reviews.sure, 0).max(axis=0)
    assert set(np.argsort(-wrong)[:3]) <= set(few.reviews.documents.tolist())
    assert any("6 of 30 reviews are on this page: errors of the model" in n for n in few.notes)
    with pytest.raises(
        CorpusError, match="label_column names one column; the model gives 3 labels"
    ):
        report_of(out, label_column="funny")


def test_true_values(tmp_path):
    out = tmp_path / "out"
    columns = {"price": ["1.5", "-2e0", None]}
    write_scores(out, with_columns(30, columns), make_model(("price",), "value"), keep=("price",))
    report = report_of(out)
    documents, _ = read_tables(out)
    given = np.array([row["value_price"] for _, row in sorted(documents.items())])
    np.testing.assert_allclose(report.reviews.given, [given], rtol=1e-6)
    assert report.answers is report.confusion is report.reviews.sure is None
    errors = given - np.array([1.5, -2.0, np.nan] * 10)
    known = errors[~np.isnan(errors)]
    (miss,) = report.misses
    assert miss["known"] == len(known) == 20
    assert miss["absolute"] == pytest.approx(np.abs(known).mean(), rel=1e-5)
    assert miss["square"] == pytest.approx(np.sqrt((known**2).mean()), rel=1e-5)
    unit = 10.0**-report.decimals
    shown = np.rint(known / unit) * unit
    clear, strong = report.clear - unit / 9, report.strong - unit / 9
    bins = [-np.inf, -strong, -clear, clear, strong, np.inf]
    assert miss["steps"] == np.histogram(shown, bins)[0].tolist()
    few = report_of(out, Limits(reviews=6))
    worst = np.argsort(-np.abs(np.nan_to_num(errors)))[:3]
    assert set(worst.tolist()) <= set(few.reviews.documents.tolist())
    assert any("errors of the model, largest first" in note for note in few.notes)


NO_TRUTHS = {
    "no number": ("value", {"price": ["1", "dear"]}, "holds 'dear'; expected numbers"),
    "neither": ("sigmoid", {"a": ["1", "2"]}, "holds '2'; expected 1 or 0, yes or no"),
    "infinite": ("value", {"price": ["inf"]}, "holds 'inf'; expected numbers"),
}


@pytest.mark.parametrize("case", NO_TRUTHS)
def test_columns_that_hold_no_truth_are_told(tmp_path, case):
    output, columns, message = NO_TRUTHS[case]
    labels = ("price",) if output == "value" else ("a", "b", "c")
    reviews = with_columns(6, columns)
    write_scores(tmp_path / "out", reviews, make_model(labels, output), keep=tuple(columns))
    report = report_of(tmp_path / "out")
    assert report.reviews.true is report.confusion is report.misses is None
    assert any(message in note for note in report.notes)
    if output == "value":
        with pytest.raises(CorpusError, match=message):
            report_of(tmp_path / "out", label_column="price")
        with pytest.raises(CorpusError, match="label_values names labels; the model gives a value"):
            report_of(tmp_path / "out", label_values={"1": "price"})


def test_values(tmp_path):
    out = tmp_path / "out"
    write_scores(out, make_reviews(20), make_model(("price",), "value"), scale=1000.0)
    report = report_of(out)
    largest = max(abs(row["score_price"]) for row in read_tables(out)[1] if row["words"] <= 5)
    assert report.strong == float(f"{largest / 2:.0e}")
    assert report.decimals == 0
    assert report.numbers == [{"name": "price", "above": "raises price", "below": "lowers price"}]
    assert report.phrases.highs.max() <= round(largest)


def test_a_job_that_kept_the_strongest_alone(tmp_path):
    out = tmp_path / "out"
    write_scores(out, make_reviews(30), top=6)
    report = report_of(out)
    phrases = expected(out)
    for n, text in enumerate(texts(report)):
        assert report.phrases.counts[n] == len(phrases[text])
    assert (report.reviews.scores == MISSING).any()
    assert any("kept the 6 strongest phrases" in note for note in report.notes)


def test_case_counts_where_the_model_tells_it(tmp_path):
    out = tmp_path / "out"
    write_scores(out, ["Bad bad bad"] * 4, make_model(lowercase=False), scale=3.0)
    assert {"Bad", "bad"} <= set(texts(report_of(out)))


def test_no_word_at_all(tmp_path):
    out = tmp_path / "out"
    write_scores(out, ["", " "])
    with pytest.raises(CorpusError, match="holds no phrase: its 2 reviews are empty"):
        report_of(out)


TRUTHS = {
    "not kept": ({"label_column": "class"}, r"no kept column 'class' .*kept 'label', 'stars'"),
    "other values": (
        {"label_column": "stars"},
        "holds '.', '.', '.', .*; the model's labels",
    ),
    "no such label": (
        {"label_column": "stars", "label_values": {"1": "good"}},
        "names the label 'good'",
    ),
    "half": ({"label_column": "stars", "label_values": {"1": "negative"}}, "Say which is which"),
}


@pytest.mark.parametrize("case", TRUTHS)
def test_labels_that_cannot_be(out, case):
    options, message = TRUTHS[case]
    with pytest.raises(CorpusError, match=message):
        report_of(out, **options)


def test_values_are_mapped_to_labels(out):
    names = {"1": "negative", "2": "negative", "3": "negative", "4": "positive", "5": "positive"}
    report = report_of(out, label_column="stars", label_values=names)
    documents, _ = read_tables(out)
    wanted = [int(row["stars"]) > 3 for _, row in sorted(documents.items())]
    assert report.reviews.true.tolist() == [wanted]
    assert report.true_columns == ["stars"]


def change(name, value):
    def apply(out):
        path = out / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))

    return apply


def begin_a_run(out):
    (out / "manifest.json").unlink()
    (out / ".cdjax").mkdir()
    (out / ".cdjax/lock").touch()


BROKEN = {
    "nothing": (lambda out: (out / "manifest.json").unlink(), "not a folder of cdjax scores"),
    "other": (change("format", "other"), "not a folder of cdjax scores"),
    "version": (change("version", 2), "has version 2 of the format of scores; expected 3"),
    "unfinished": (
        begin_a_run,
        "unfinished run; finish it first: cdjax score, resume=True",
    ),
    "missing": (lambda out: (out / "spans/part-00000.parquet").unlink(), "part-00000.* is missing"),
    "cut": (
        lambda out: (out / "documents/part-00000.parquet").write_bytes(b"PAR1"),
        "is not as it was written",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_folders_that_cannot_be_read(tmp_path, case):
    out = tmp_path / "out"
    write_scores(out, ["a bad film"])
    assert read_finished(out)["counts"]["documents"] == 1
    damage, message = BROKEN[case]
    damage(out)
    with pytest.raises(CorpusError, match=message):
        Scores.open(out, 5)


def test_no_folder(tmp_path):
    with pytest.raises(
        CorpusError, match="does not exist; expected the folder that cdjax score wrote"
    ):
        Scores.open(tmp_path / "none", 5)
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match="is a file"):
        Scores.open(tmp_path / "file", 5)
