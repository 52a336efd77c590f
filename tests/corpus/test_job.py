"""A scored corpus: its tables against the recursion, and runs that end before their end."""

import json
import os
import tracemalloc
from pathlib import Path

import cdjax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cdjax.corpus import folder, job, parts, scorer, spool, tables
from cdjax.corpus.errors import CorpusError, RejectedError, StoppedError, VerificationError
from cdjax.corpus.job import score_corpus
from cdjax.corpus.readers.records import RecordError
from cdjax.corpus.reviews import Review
from cdjax.corpus.scorer import Scorer
from cdjax.files import atomic
from cdjax.spans import count_spans, enumerate_spans

from tests.conftest import random_classifier
from tests.scoring.test_batch import recursion

WORDS = ("<unk>", "a", "bad", "film", "is", "n't", "not")


def review(id, tokens, **kept):
    return Review("a file", None, tuple(tokens), id, None, kept)


REVIEWS = [
    review("x", ["A", "bad", "film"]),
    review(None, []),
    review("ü", ["is", "n't", "a", "naïve", "film"]),
    review("z", ["zzz"]),
]


def make_model(classes=2, output="softmax", labels=None):
    if labels is None:
        labels = ("negative", "positive") if classes == 2 else ("one", "two", "three")[:classes]
    classifier = random_classifier(np.random.default_rng(0), classes=classes, dtype=np.float32)
    return cdjax.Model(classifier, cdjax.Vocabulary(WORDS), labels, {"data": "none"}, output)


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture
def small_parts(monkeypatch):
    """A part for almost every review."""
    monkeypatch.setattr(spool, "PART_SPANS", 8)


def expect(model, tokens, rule=cdjax.PAPER, max_len=None):
    """Score a review by the literal loop."""
    ids = model.vocabulary.encode(tokens)
    x = np.asarray(model.classifier.embedding, np.float64)[ids]
    return recursion(model.classifier, x, enumerate_spans(len(ids), max_len), rule)


def read_spans(out):
    return pq.read_table(out / "spans")


def read_documents(out):
    return pq.read_table(out / "documents")


def content(out):
    """All rows of a folder of scores, and which files hold them."""
    files = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    return files, {f: pq.read_table(out / f).to_pylist() for f in files if f.endswith("parquet")}


@pytest.mark.parametrize(("rule", "max_len"), [(cdjax.PAPER, None), ("released", 2)])
def test_spans(model, tmp_path, rule, max_len):
    score_corpus(model, REVIEWS, tmp_path / "out", rule, max_len, texts=True)
    table = read_spans(tmp_path / "out")
    assert {field.name: str(field.type) for field in table.schema} == {
        "doc": "int64",
        "id": "string",
        "start": "int32",
        "stop": "int32",
        "words": "int32",
        "text": "string",
        "score_negative": "float",
        "score_positive": "float",
        "score": "float",
        "interaction": "float",
    }
    rows = []
    for number, (_, _, tokens, id, *_) in enumerate(REVIEWS):
        spans = enumerate_spans(len(tokens), max_len).tolist()
        chosen = cdjax.PAPER if rule == cdjax.PAPER else cdjax.RELEASED
        exact = expect(model, tokens, chosen, max_len)
        pairs = list(zip(spans, exact, strict=True))
        word = {start: logits for (start, stop), logits in pairs if stop == start + 1}
        for (start, stop), logits in pairs:
            beyond = logits - sum(word[t] for t in range(start, stop))
            text = " ".join(tokens[start:stop])
            score, interaction = logits[1] - logits[0], beyond[1] - beyond[0]
            rows.append((number, id, start, stop, stop - start, text, *logits, score, interaction))
    for name, column in zip(table.column_names, zip(*rows, strict=True), strict=True):
        if "score" in name or name == "interaction":
            np.testing.assert_allclose(table[name], column, atol=4e-6)
        else:
            assert table[name].to_pylist() == list(column)


def test_rows_by_hand(model, tmp_path):
    score_corpus(model, REVIEWS, tmp_path / "out", texts=True)
    rows = read_spans(tmp_path / "out").to_pylist()
    assert len(rows) == 6 + 0 + 15 + 1
    keys = [(row["doc"], row["start"], row["stop"], row["text"]) for row in rows]
    assert keys[:6] == [
        (0, 0, 1, "A"),
        (0, 0, 2, "A bad"),
        (0, 0, 3, "A bad film"),
        (0, 1, 2, "bad"),
        (0, 1, 3, "bad film"),
        (0, 2, 3, "film"),
    ]
    assert keys[-2:] == [(2, 4, 5, "film"), (3, 0, 1, "zzz")]
    assert (2, 1, 4, "n't a naïve") in keys
    score_corpus(model, REVIEWS, tmp_path / "without")
    assert "text" not in read_spans(tmp_path / "without").column_names


def test_documents(model, tmp_path):
    score_corpus(model, REVIEWS, tmp_path / "out")
    table = read_documents(tmp_path / "out")
    rows = table.to_pylist()
    assert [row["doc"] for row in rows] == [0, 1, 2, 3]
    assert [row["id"] for row in rows] == ["x", None, "ü", "z"]
    assert [tuple(row["tokens"]) for row in rows] == [review.tokens for review in REVIEWS]
    assert [row["words"] for row in rows] == [3, 0, 5, 1]
    assert [row["known_words"] for row in rows] == [3, 0, 4, 0]
    assert [row["spans"] for row in rows] == [6, 0, 15, 1]
    assert {row["token_starts"] for row in rows} == {None}  # they came as tokens
    logits = np.stack([table["logit_negative"], table["logit_positive"]], axis=1)
    np.testing.assert_allclose(logits[1], model.classifier.bias)  # nothing read
    # Under ACD the whole sentence owns everything but the output bias.
    whole = expect(model, REVIEWS[0].tokens, cdjax.ACD)[2] + model.classifier.bias
    np.testing.assert_allclose(logits[0], whole, atol=1e-6)
    odds = np.exp(logits[:, 1] - logits[:, 0])
    np.testing.assert_allclose(table["probability_positive"], odds / (1 + odds), rtol=1e-5)
    np.testing.assert_allclose(table["probability_negative"], 1 / (1 + odds), rtol=1e-5)
    labels = ["positive" if positive > negative else "negative" for negative, positive in logits]
    assert [row["prediction"] for row in rows] == labels


def test_texts_are_split_and_tokens_found_in_them(model, tmp_path):
    texts = ["A bad film isn\u2019t\u2026", ""]
    score_corpus(model, texts, tmp_path / "out")
    first, second = read_documents(tmp_path / "out").to_pylist()
    assert (first["text"], second["text"]) == tuple(texts)
    assert first["tokens"] == ["A", "bad", "film", "is", "n't", "..."]
    pairs = zip(first["token_starts"], first["token_stops"], strict=True)
    assert [texts[0][a:b] for a, b in pairs] == ["A", "bad", "film", "is", "n\u2019t", "\u2026"]
    assert (second["tokens"], second["token_starts"]) == ([], [])


def test_manifest(model, tmp_path):
    out = tmp_path / "deep/out"
    result = score_corpus(
        model, REVIEWS, out, cdjax.ACD, 2, verify=5, about={"command": "cdjax score"}
    )
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest == json.loads(json.dumps(result.manifest))
    assert manifest["format"] == "cdjax-scores"
    assert manifest["command"] == "cdjax score"
    assert manifest["provenance"] == {"data": "none"}
    run = manifest["run"]
    assert run["rule"]["name"] == "acd"
    assert run["rule"]["bias_product"] == "the phrase, at each of its steps"
    assert (run["max_len"], run["top"], run["verify"]) == (2, None, 5)
    assert (run["input"]["records"], run["input"]["parts"]) == (4, 1)
    assert set(run["versions"]) == {"cdjax", "jax", "jaxlib", "numpy", "pyarrow"}
    for digest in (run["model"], run["input"]["sha256"]):
        assert len(digest) == 64
    assert manifest["counts"] == {
        "documents": 4,
        "rejected": 0,
        "empty": 1,
        "cut": 0,
        "words": 9,
        "spans": 5 + 0 + 9 + 1,
        "known_words": 7,
        "without_known_word": 1,
    }
    assert 0 < manifest["verify"]["spans"] <= 5
    assert 0 < manifest["verify"]["largest_difference"] < 1e-5
    assert content(out)[0] == [
        "documents/part-00000.parquet",
        "manifest.json",
        "rejects.parquet",
        "spans/part-00000.parquet",
    ]
    assert [p.name for p in out.parent.iterdir()] == ["out"]  # nothing is left beside it


def test_the_hash_of_a_model_is_that_of_all_it_has(model, tmp_path):
    def identify(other):
        return score_corpus(other, REVIEWS, tmp_path / "o", overwrite=True).manifest["run"]["model"]

    layer = model.classifier.layers[0]
    others = [
        model._replace(labels=("no", "yes")),
        model._replace(vocabulary=cdjax.Vocabulary(WORDS, lowercase=False)),
        model._replace(
            classifier=model.classifier._replace(layers=(layer._replace(b=layer.b + 1),))
        ),
    ]
    first = identify(model)
    assert first == identify(model._replace(provenance={}))
    assert len({first, *map(identify, others)}) == 4


@pytest.mark.usefixtures("small_parts")
def test_result_does_not_depend_on_parts_and_groups(model, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "GROUP_SPANS", 4)
    monkeypatch.setattr(tables, "GROUP_CHARACTERS", 10)  # less than some phrases have
    many = score_corpus(model, REVIEWS * 3, tmp_path / "many", verify=1000, texts=True)
    monkeypatch.undo()
    score_corpus(model, REVIEWS * 3, tmp_path / "one", texts=True)
    for read in (read_spans, read_documents):
        one, other = read(tmp_path / "one"), read(tmp_path / "many")
        for column in one.column_names:
            if one[column].type == "float":
                np.testing.assert_allclose(one[column], other[column], atol=1e-6)
            else:
                assert one[column].to_pylist() == other[column].to_pylist()
    files = sorted((tmp_path / "many/spans").iterdir())
    assert len(files) > 3
    metadata = [pq.ParquetFile(file).metadata for file in files]
    groups = [m.row_group(n).num_rows for m in metadata for n in range(m.num_row_groups)]
    assert max(groups) <= 4
    assert many.manifest["verify"]["spans"] > 600  # but for empty reviews


@pytest.mark.parametrize(("classes", "output"), [(1, "sigmoid"), (3, "softmax")])
def test_other_numbers_of_classes(tmp_path, classes, output):
    model = make_model(classes, output)
    result = score_corpus(model, REVIEWS, tmp_path / "out")
    table = read_spans(tmp_path / "out")
    columns = [f"score_{label}" for label in model.labels]
    beyond = [f"interaction_{label}" for label in model.labels]
    assert table.column_names == ["doc", "id", "start", "stop", "words", *columns, *beyond]
    exact = np.concatenate([expect(model, review.tokens) for review in REVIEWS if review.tokens])
    np.testing.assert_allclose(np.stack([table[c] for c in columns], 1), exact, atol=1e-6)
    for label, phrases in result.highlights.items():
        best = np.asarray(table[f"score_{label}"]).max()
        assert [h.score for h in phrases][:1] == ([best] if best > 0 else [])


def score_and_read(model, out):
    manifest = score_corpus(model, REVIEWS, out).manifest
    return read_spans(out), read_documents(out), manifest


def test_one_logit_for_two_labels(tmp_path):
    """One logit z gives the files of a model of two logits whose first is always 0."""
    one = make_model(1, "sigmoid", ("negative", "positive"))
    readout, bias = one.classifier.readout, one.classifier.bias
    two = one.classifier._replace(
        readout=np.concatenate([0 * readout, readout]), bias=np.concatenate([0 * bias, bias])
    )
    *found, manifest = score_and_read(one, tmp_path / "one")
    *expected, _ = score_and_read(one._replace(classifier=two, output="softmax"), tmp_path / "two")
    for table, other in zip(found, expected, strict=True):
        assert table.column_names == other.column_names
        for name in table.column_names:
            if other[name].type == "float":
                np.testing.assert_allclose(table[name], other[name], atol=1e-6, err_msg=name)
            else:
                assert table[name].equals(other[name]), name
    assert {*found[1]["prediction"].to_pylist()} == {"negative", "positive"}
    assert (manifest["output"], manifest["score"]) == ("sigmoid", "positive - negative")


def test_labels_that_do_not_exclude_each_other(tmp_path):
    model = make_model(2, "sigmoid")
    spans, documents, manifest = score_and_read(model, tmp_path / "out")
    assert "score" not in spans.column_names
    assert "prediction" not in documents.column_names
    for label in model.labels:
        logits = np.asarray(documents[f"logit_{label}"], float)
        expected = 1 / (1 + np.exp(-logits))
        np.testing.assert_allclose(documents[f"probability_{label}"], expected, rtol=1e-5)
    assert manifest["score"] is None


def test_values_have_no_probability(tmp_path):
    model = make_model(1, "value", ("stars",))
    spans, documents, _ = score_and_read(model, tmp_path / "out")
    assert spans.column_names[5:] == ["score_stars", "interaction_stars"]
    numbers = [name for name in documents.column_names if documents[name].type == "float"]
    assert numbers == ["value_stars"]
    ids = [model.vocabulary.encode(review.tokens) for review in REVIEWS]
    values = cdjax.predict(model.classifier, ids)[:, 0]
    np.testing.assert_allclose(documents["value_stars"], values, atol=1e-6)


@pytest.mark.usefixtures("small_parts")
def test_highlights(model, tmp_path):
    result = score_corpus(model, REVIEWS * 2, tmp_path / "out", max_len=2, texts=True)
    rows = read_spans(tmp_path / "out").to_pylist()
    for label, sign in (("negative", -1), ("positive", 1)):
        phrases = result.highlights[label]
        best = {}  # of each document; texts of both halves are the same, the first is kept
        for row in rows:
            if row["doc"] < 4 and sign * row["score"] > best.get(row["doc"], (0,))[0]:
                best[row["doc"]] = sign * row["score"], row["text"], row["doc"]
        expected = sorted(best.values(), reverse=True)
        assert [(h.text, h.doc) for h in phrases] == [(text, doc) for _, text, doc in expected]
        np.testing.assert_allclose([sign * h.score for h in phrases], [s for s, *_ in expected])
    assert any(result.highlights.values())


def test_columns_of_the_input_are_kept(model, tmp_path):
    reviews = [review("x", ["a"], stars="5", time=None), review("y", ["a"], stars="1", time="12")]
    score_corpus(model, reviews, tmp_path / "out", keep=("stars", "time"))
    table = read_documents(tmp_path / "out")
    assert table["stars"].to_pylist() == ["5", "1"]
    assert table["time"].to_pylist() == [None, "12"]
    with pytest.raises(CorpusError, match="keep names the column 'words', which the table"):
        score_corpus(model, reviews, tmp_path / "other", keep=("words",))
    assert not (tmp_path / "other").exists()


def test_the_strongest_spans_alone(model, tmp_path):
    score_corpus(model, REVIEWS, tmp_path / "all")
    score_corpus(model, REVIEWS, tmp_path / "top", top=2)
    every = read_spans(tmp_path / "all").to_pylist()
    expected = []
    for doc in range(4):
        rows = [row for row in every if row["doc"] == doc]
        strongest = sorted(rows, key=lambda row: -abs(row["score"]))[:2]
        expected += [row for row in rows if row in strongest]
    assert read_spans(tmp_path / "top").to_pylist() == expected
    assert read_documents(tmp_path / "top")["spans"].to_pylist() == [2, 0, 2, 1]


def test_long_reviews_are_rejected_or_cut(model, tmp_path):
    texts = ["a film", ", " * 3000, "bad " * 1100]
    result = score_corpus(model, texts, tmp_path / "out", max_len=3, most_steps=1_000_000)
    rejects = pq.read_table(tmp_path / "out/rejects.parquet").to_pylist()
    assert rejects == result.rejected
    assert [(r["doc"], r["location"]) for r in rejects] == [(1, "review 1"), (2, "review 2")]
    most = 708  # n (n + 1) / 2 + the sum over k = 1, 2, 3 of (n - k) (n - k + 1) / 2
    assert f"for one review at most 1,000,000 are made, {most:,} words." in rejects[0]["reason"]
    assert rejects[0]["reason"].endswith(f"max_words={most}.")
    assert read_documents(tmp_path / "out")["doc"].to_pylist() == [0]
    assert result.manifest["counts"]["rejected"] == 2
    with pytest.raises(RejectedError, match=r"review 1: the review has at least 3,000 words,"):
        score_corpus(model, texts, tmp_path / "two", max_len=3, most_steps=1_000_000, strict=True)
    assert not (tmp_path / "two").exists()
    result = score_corpus(
        model, texts, tmp_path / "cut", max_len=3, most_steps=1_000_000, max_words=most
    )
    assert read_documents(tmp_path / "cut")["words"].to_pylist() == [2, most, most]
    assert read_documents(tmp_path / "cut")["cut"].to_pylist() == [False, True, True]
    assert result.manifest["counts"]["cut"] == 2


def test_a_text_of_a_million_words_takes_no_time(model, tmp_path):
    texts = ["a", "a " * 1_000_000, "x" * 3_000_000]
    result = score_corpus(model, texts, tmp_path / "out", max_len=1)
    assert [r["doc"] for r in result.rejected] == [1]
    assert "at least 1,000,000 words" in result.rejected[0]["reason"]


def test_records_that_hold_no_review_are_rejected(model, tmp_path):
    records = [REVIEWS[0], RecordError("r.csv, line 3", "the text is null."), REVIEWS[2]]
    score_corpus(model, records, tmp_path / "out")
    (reject,) = pq.read_table(tmp_path / "out/rejects.parquet").to_pylist()
    assert reject == {
        "doc": 1,
        "location": "r.csv, line 3",
        "id": None,
        "reason": "the text is null.",
    }
    assert read_documents(tmp_path / "out")["doc"].to_pylist() == [0, 2]
    with pytest.raises(RecordError, match=r"r\.csv, line 3: the text is null"):
        score_corpus(model, records, tmp_path / "strict", strict=True)
    with pytest.raises(CorpusError, match=r"all 1 records of the input are rejected.*line 3"):
        score_corpus(model, records[1:2], tmp_path / "strict")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_verification_fails_and_keeps_nothing(model, tmp_path, monkeypatch):
    right = scorer.score_all_spans

    def wrong(*args):
        results = right(*args)
        results[2].scores[:, 1] += 1e-4
        return results

    monkeypatch.setattr(scorer, "score_all_spans", wrong)
    with pytest.raises(VerificationError, match=r"spans .* differs by .*bound 1e-05"):
        score_corpus(model, REVIEWS, tmp_path / "out", verify=22)
    assert not list(tmp_path.iterdir())
    score_corpus(model, REVIEWS, tmp_path / "out")  # unseen without verification


def test_draw_is_seeded(model, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        parts, "largest_difference", lambda c, checks, r: drawn.append(checks) or 0.0
    )
    for seed in (0, 0, 1):
        score_corpus(model, REVIEWS, tmp_path / "o", verify=9, seed=seed, overwrite=True)
    spans = [[(len(c.ids), c.start, c.stop) for c in checks] for checks in drawn]
    assert spans[0] == spans[1] != spans[2]
    assert len(set(spans[0])) > 2


def stopped(model, out, parts, **options):
    """Score until so many parts are finished (2 or more)."""
    progress = []
    with pytest.raises(StoppedError, match=rf"{parts} of \d+ parts are finished; go on"):
        score_corpus(
            model,
            REVIEWS * 3,
            out,
            # The first report of this stage comes before the first part, and a part is scored while
            # the one before is written.
            stop=lambda: sum(p.stage == "score" for p in progress) == parts,
            progress=progress.append,
            **options,
        )


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(None, marks=pytest.mark.thorough),
        "counts",
        pytest.param("spans", marks=pytest.mark.thorough),
        "scratch",
    ],
)
def test_resumed_it_ends_the_same(model, tmp_path, damage):
    options = {"verify": 5, "max_len": 3}
    score_corpus(model, REVIEWS * 3, tmp_path / "whole", **options)
    out = tmp_path / "out"
    stopped(model, out, 3, **options)
    assert folder.count_parts(out) == 3
    if damage == "counts":
        (out / ".cdjax/part-00001.json").write_text('{"counts": ')
    elif damage == "spans":
        (out / "spans/part-00001.parquet").write_bytes(b"PAR1")
    elif damage == "scratch":
        (out / "spans/.part-00003.parquet.7.new").write_bytes(b"half of it")
    made = []
    run = job.local.run
    result = score_corpus(
        model,
        REVIEWS * 3,
        out,
        resume=True,
        runner=lambda maker, numbers, stop: made.extend(numbers) or run(maker, numbers, stop),
        **options,
    )
    assert min(made) == (1 if damage in ("counts", "spans") else 3)
    assert content(out) == content(tmp_path / "whole")
    assert folder.count_parts(out) == 0
    again = score_corpus(model, REVIEWS * 3, out, resume=True, **options)
    assert again.manifest == json.loads(json.dumps(result.manifest))


@pytest.mark.usefixtures("small_parts")
def test_only_an_equal_run_is_resumed(model, tmp_path):
    out = tmp_path / "out"
    stopped(model, out, 2)
    for change, message in (
        ({"max_len": 2}, "max_len: it has None, this one 2"),
        ({"rule": "acd"}, "rule: .*it has .*, this one"),
        ({"texts": True}, "texts: it has False, this one True"),
    ):
        with pytest.raises(CorpusError, match=f"differs from this one in {message}"):
            score_corpus(model, REVIEWS * 3, out, resume=True, **change)
    with pytest.raises(CorpusError, match="in input: parts: it has 7, this one 3"):
        score_corpus(model, REVIEWS, out, resume=True)
    other = model._replace(labels=("bad", "good"))
    with pytest.raises(CorpusError, match="in model"):
        score_corpus(other, REVIEWS * 3, out, resume=True)
    with pytest.raises(FileExistsError, match="unfinished run; continue it with resume=True"):
        score_corpus(model, REVIEWS * 3, out)
    assert folder.count_parts(out) == 2
    score_corpus(model, None, out, resume=True)  # with the input that was read
    assert len(read_documents(out)) == 12
    names = sorted(path.name for path in out.iterdir())
    with pytest.raises(CorpusError, match="max_len: it has None, this one 2"):
        score_corpus(model, REVIEWS * 3, out, resume=True, max_len=2)
    assert sorted(path.name for path in out.iterdir()) == names  # a result that was looked at
    with pytest.raises(CorpusError, match="no run whose input was read to its end"):
        score_corpus(model, None, tmp_path / "none", resume=True)


@pytest.mark.usefixtures("small_parts")
def test_overwriting_keeps_the_old_until_the_new_is_whole(model, tmp_path):
    out = tmp_path / "out"
    score_corpus(model, REVIEWS * 3, out, max_len=1)
    old = content(out)
    stopped(model, out, 2, overwrite=True)
    assert content(out) == old
    assert folder.count_parts(out) == 2
    with pytest.raises(FileExistsError, match="out exists"):
        score_corpus(model, REVIEWS * 3, out)
    score_corpus(model, REVIEWS * 3, out, resume=True)
    score_corpus(model, REVIEWS * 3, tmp_path / "fresh")
    assert content(out) == content(tmp_path / "fresh")
    # Begun anew, what an ended run has left is cleared away.
    stopped(model, out, 2, overwrite=True)
    score_corpus(model, REVIEWS, out, overwrite=True)
    assert len(read_documents(out)) == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fresh", "out"]


def test_interruption_leaves_nothing_and_keeps_the_old(model, tmp_path):
    def interrupt(progress):
        if progress.stage == "score":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_corpus(model, REVIEWS, tmp_path / "deep/out", progress=interrupt)
    assert not list(tmp_path.iterdir())
    score_corpus(model, REVIEWS, tmp_path / "out", max_len=1)
    with pytest.raises(KeyboardInterrupt):
        score_corpus(model, REVIEWS, tmp_path / "out", overwrite=True, progress=interrupt)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert len(read_spans(tmp_path / "out")) == 9


def test_folders_of_others_are_left_alone(model, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    (out / "manifest.json").write_text('{"name": "an app"}')
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(FileExistsError, match="is not a folder of cdjax scores, and not empty"):
            score_corpus(model, REVIEWS, out, **options)
    assert (out / "thesis.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError, match="file is a file"):
        score_corpus(model, REVIEWS, tmp_path / "file", overwrite=True)


@pytest.mark.parametrize("name", ["notes.txt", "spans/mine.parquet", ".cdjax/x", "sub/a"])
def test_files_of_others_among_the_scores_are_never_deleted(model, tmp_path, name):
    out = tmp_path / "out"
    score_corpus(model, REVIEWS, out)
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("years of work")
    with pytest.raises(FileExistsError, match=rf"{Path(name).parts[0]}.*, which cdjax did not"):
        score_corpus(model, REVIEWS, out, overwrite=True)
    assert (out / name).read_text() == "years of work"
    assert len(read_documents(out)) == 4


def test_links_are_not_followed(model, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/part-00000.parquet").write_text("years of work")
    out = tmp_path / "out"
    score_corpus(model, REVIEWS, out)
    for file in (out / "spans").iterdir():
        file.unlink()
    (out / "spans").rmdir()
    (out / "spans").symlink_to(tmp_path / "precious")
    with pytest.raises(FileExistsError, match="holds spans, which cdjax did not write"):
        score_corpus(model, REVIEWS, out, overwrite=True)
    assert (tmp_path / "precious/part-00000.parquet").exists()


def test_the_input_is_not_replaced(model, tmp_path):
    score_corpus(model, REVIEWS, tmp_path / "out")
    (file,) = (tmp_path / "out/documents").iterdir()
    with pytest.raises(FileExistsError, match="would be replaced and holds the input"):
        score_corpus(model, REVIEWS, tmp_path / "out", overwrite=True, inputs=[file])


def test_an_empty_folder_is_used_as_it_is(model, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    number = out.stat().st_ino
    score_corpus(model, REVIEWS, out)
    assert out.stat().st_ino == number  # a mount point could not be replaced
    assert len(read_documents(out)) == 4


def test_two_writers(model, tmp_path):
    out = tmp_path / "out"

    def second(progress):
        if progress.stage == "score":
            with pytest.raises(BlockingIOError, match="another process is writing"):
                score_corpus(model, REVIEWS, out, resume=True)

    score_corpus(model, REVIEWS, out, progress=second)
    assert len(read_documents(out)) == 4


def test_folders_are_exchanged_where_the_system_has_no_such_call(tmp_path, monkeypatch):
    class Old:
        @property
        def renameat2(self):
            raise AttributeError

    for patched in (False, True):
        for name in "ab":
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "file").write_text(name)
        if patched:
            monkeypatch.setattr(atomic.ctypes, "CDLL", lambda *_, **__: Old())
        atomic.exchange(tmp_path / "a", tmp_path / "b")
        assert [(tmp_path / name / "file").read_text() for name in "ab"] == ["b", "a"]
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_files_follow_the_umask(model, tmp_path):
    before = os.umask(0o027)
    try:
        score_corpus(model, REVIEWS, tmp_path / "out")
    finally:
        os.umask(before)
    modes = {p.stat().st_mode & 0o777 for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert modes == {0o640}


def test_input_is_read_before_any_work(model, tmp_path, monkeypatch):
    def never(*args):
        raise AssertionError("scored before all was read")

    def broken():
        yield from REVIEWS
        raise ValueError("line 5 is no good")

    monkeypatch.setattr(scorer, "score_all_spans", never)
    with pytest.raises(ValueError, match="line 5"):
        score_corpus(model, broken(), tmp_path / "out")
    with pytest.raises(CorpusError, match="no review in the input"):
        score_corpus(model, [], tmp_path / "out")
    for options in ({"max_len": 0}, {"verify": -1}, {"top": 0}, {"max_words": 0}):
        with pytest.raises(ValueError, match=r"is (0|-1); expected at least"):
            score_corpus(model, REVIEWS, tmp_path / "out", **options)
    with pytest.raises(CorpusError, match="repeat"):
        score_corpus(model._replace(labels=("good", "good")), REVIEWS, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_long_review_with_a_limit(model, tmp_path):
    long = review(None, ["a", "bad", "film", "zzz"] * 400)
    score_corpus(model, [long], tmp_path / "out", max_len=1, texts=True)
    table = read_spans(tmp_path / "out")
    assert len(table) == count_spans(1600, 1)
    last = table.slice(len(table) - 1).to_pylist()[0]
    assert (last["start"], last["stop"], last["text"]) == (1599, 1600, "zzz")
    assert np.isfinite(table["score"]).all()


def test_empty_corpus_of_empty_reviews(model, tmp_path):
    result = score_corpus(model, [review(None, [])] * 3, tmp_path / "out", verify=3)
    assert len(read_spans(tmp_path / "out")) == 0
    assert len(read_documents(tmp_path / "out")) == 3
    assert result.manifest["verify"]["spans"] == 0


def test_text_of_a_long_review_comes_in_pieces():
    """All phrases of 800 words hold 0.4 GB of text; a piece of the table has a bounded share."""
    spans = enumerate_spans(800)
    outputs = scorer.Outputs(("a", "b"), 2, "softmax")
    numbers = np.zeros((len(spans), len(outputs.names)), np.float32)
    batch = pa.RecordBatch.from_pydict(
        {
            "doc": pa.array([0]),
            "id": pa.array([None], pa.string()),
            "tokens": pa.array([["word"] * 800]),
            "spans": scorer._lists(
                np.array([len(spans)]), scorer._structs(outputs, spans, numbers)
            ),
        }
    )
    tracemalloc.start()
    rows = 0
    for table in tables.span_tables(outputs, batch, True):
        rows += len(table)
        assert table["text"].nbytes < 1.2 * tables.GROUP_CHARACTERS
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 320_400
    assert peak < 3 * tables.GROUP_CHARACTERS


def test_a_scorer_is_a_function_of_a_table_and_can_be_sent(model, tmp_path):
    import pickle

    cdjax.save(model, tmp_path / "model")
    texts = ["A bad film", "", "isn't"]
    batch = pa.RecordBatch.from_pydict({"key": [7, 8, 9], "text": texts})
    by_path = Scorer(tmp_path / "model", "acd", 2)
    assert by_path.model.labels == model.labels
    sent = pickle.dumps(by_path)
    assert len(sent) < 2000  # not the model
    result = pickle.loads(sent)(batch)
    assert result["key"].to_pylist() == [7, 8, 9]
    assert [len(spans) for spans in result["spans"].to_pylist()] == [5, 0, 3]
    exact = expect(model, ["A", "bad", "film"], cdjax.ACD, 2)
    first = result["spans"].to_pylist()[0]
    for span, logits in zip(first, exact, strict=True):
        assert span["score"] == pytest.approx(logits[1] - logits[0], abs=2e-6)
    assert result.equals(pickle.loads(pickle.dumps(Scorer(model, "acd", 2)))(batch))
    with pytest.raises(ValueError, match="the batch has the columns key; expected text"):
        by_path(batch.select(["key"]))
    for options, message in (({"rule": "new"}, "rule is 'new'"), ({"top": 0}, "top is 0")):
        with pytest.raises(ValueError, match=message):
            Scorer(model, **options)


def test_treebank_pairs(shared, tmp_path):
    from cdjax.text.trees import read_trees

    model = make_model()
    reviews = [review(None, tree.tokens) for tree in read_trees(shared / "data/sst/dev.txt")]
    result = score_corpus(model, reviews, tmp_path / "out", max_len=2, verify=3)
    assert result.manifest["counts"]["documents"] == 1101
    assert len(read_spans(tmp_path / "out")) == 41_447


def test_a_text_without_spaces_between_words_is_rejected(model, tmp_path):
    texts = ["a bad film", "这部电影真的很好看,我非常喜欢。", "a film: 君の名は"]
    result = score_corpus(model, texts, tmp_path / "out")
    (reject,) = result.rejected
    assert reject["doc"] == 1
    assert reject["reason"].startswith("the text is in Chinese or Japanese, which puts no spaces")
