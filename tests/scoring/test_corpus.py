import json
import tracemalloc

import cdjax
import numpy as np
import pyarrow.parquet as pq
import pytest
from cdjax.scoring import corpus, tables
from cdjax.scoring.corpus import CorpusError, VerificationError, score_corpus
from cdjax.spans import count_spans, enumerate_spans
from cdjax.text.documents import Document, read_documents

from tests.conftest import random_classifier
from tests.scoring.test_batch import recursion

WORDS = ("<unk>", "a", "bad", "film", "is", "n't", "not")
DOCUMENTS = [
    Document("x", ["A", "bad", "film"]),
    Document(None, []),
    Document("ü", ["is", "n't", "a", "naïve", "film"]),
    Document("z", ["zzz"]),
]


def make_model(classes=2, output="softmax", labels=None):
    if labels is None:
        labels = ("negative", "positive") if classes == 2 else ("one", "two", "three")[:classes]
    classifier = random_classifier(np.random.default_rng(0), classes=classes, dtype=np.float32)
    return cdjax.Model(classifier, cdjax.Vocabulary(WORDS), labels, {"data": "none"}, output)


@pytest.fixture(scope="module")
def model():
    return make_model()


def expect(model, document, rule=cdjax.PAPER, max_len=None):
    """Score a document by the literal loop."""
    ids = model.vocabulary.encode(document.tokens)
    x = np.asarray(model.classifier.embedding, np.float64)[ids]
    return recursion(model.classifier, x, enumerate_spans(len(ids), max_len), rule)


@pytest.mark.parametrize(("rule", "max_len"), [(cdjax.PAPER, None), (cdjax.RELEASED, 2)])
def test_spans(model, tmp_path, rule, max_len):
    score_corpus(model, DOCUMENTS, tmp_path / "out", rule, max_len)
    table = pq.read_table(tmp_path / "out/spans.parquet")
    assert {field.name: str(field.type) for field in table.schema} == {
        "doc": "int64",
        "start": "int32",
        "stop": "int32",
        "text": "string",
        "score_negative": "float",
        "score_positive": "float",
        "score": "float",
    }
    rows = []
    for number, document in enumerate(DOCUMENTS):
        spans = enumerate_spans(len(document.tokens), max_len)
        for (start, stop), logits in zip(
            spans.tolist(), expect(model, document, rule, max_len), strict=True
        ):
            rows.append((number, start, stop, " ".join(document.tokens[start:stop]), *logits))
    for name, column in zip(table.column_names, zip(*rows, strict=True), strict=False):
        if name.startswith("score"):
            np.testing.assert_allclose(table[name], column, atol=1e-6)
        else:
            assert table[name].to_pylist() == list(column)
    scores = [positive - negative for *_, negative, positive in rows]
    np.testing.assert_allclose(table["score"], scores, atol=2e-6)


def test_rows_by_hand(model, tmp_path):
    score_corpus(model, DOCUMENTS, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out/spans.parquet").to_pylist()
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


def test_documents(model, tmp_path):
    score_corpus(model, DOCUMENTS, tmp_path / "out")
    table = pq.read_table(tmp_path / "out/documents.parquet")
    rows = table.to_pylist()
    assert [row["doc"] for row in rows] == [0, 1, 2, 3]
    assert [row["id"] for row in rows] == ["x", None, "ü", "z"]
    assert [row["tokens"] for row in rows] == [document.tokens for document in DOCUMENTS]
    assert [row["words"] for row in rows] == [3, 0, 5, 1]
    assert [row["known_words"] for row in rows] == [3, 0, 4, 0]
    assert [row["spans"] for row in rows] == [6, 0, 15, 1]
    logits = np.stack([table["logit_negative"], table["logit_positive"]], axis=1)
    np.testing.assert_allclose(logits[1], model.classifier.bias)  # nothing read
    # Under ACD the whole sentence owns everything but the output bias.
    whole = expect(model, DOCUMENTS[0], cdjax.ACD)[2] + model.classifier.bias
    np.testing.assert_allclose(logits[0], whole, atol=1e-6)
    odds = np.exp(logits[:, 1] - logits[:, 0])
    np.testing.assert_allclose(table["probability_positive"], odds / (1 + odds), rtol=1e-5)
    np.testing.assert_allclose(table["probability_negative"], 1 / (1 + odds), rtol=1e-5)
    labels = ["positive" if positive > negative else "negative" for negative, positive in logits]
    assert [row["prediction"] for row in rows] == labels


def test_manifest(model, tmp_path):
    out = tmp_path / "deep/out"
    about = {"command": "cdjax score", "input": {"path": "x"}}
    result = score_corpus(model, DOCUMENTS, out, cdjax.ACD, 2, verify=5, about=about)
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest == json.loads(json.dumps(result.manifest))
    assert manifest["format"] == "cdjax-scores"
    assert manifest["command"] == "cdjax score"
    assert manifest["provenance"] == {"data": "none"}
    assert manifest["rule"]["name"] == "acd"
    assert "the phrase, at each of its steps" in manifest["rule"]["description"]
    assert manifest["max_len"] == 2
    assert manifest["counts"] == {
        "documents": 4,
        "empty": 1,
        "words": 9,
        "spans": 5 + 0 + 9 + 1,
        "known_words": 7,
        "without_known_word": 1,
    }
    assert manifest["verify"]["spans"] == 5
    assert 0 < manifest["verify"]["largest_difference"] < 1e-5
    assert set(manifest["versions"]) == {"python", "cdjax", "jax", "numpy", "pyarrow"}
    assert set(manifest["seconds"]) == {"read", "score", "write", "verify"}
    assert sorted(p.name for p in out.iterdir()) == [
        "documents.parquet",
        "manifest.json",
        "spans.parquet",
    ]
    assert [p.name for p in out.parent.iterdir()] == ["out"]  # nothing is left beside it


def test_result_does_not_depend_on_chunks_and_groups(model, tmp_path, monkeypatch):
    score_corpus(model, DOCUMENTS * 3, tmp_path / "one")
    monkeypatch.setattr(corpus, "CHUNK_SPANS", 16)
    monkeypatch.setattr(corpus, "CHUNK_DOCUMENTS", 3)
    monkeypatch.setattr(tables, "GROUP_SPANS", 4)
    monkeypatch.setattr(tables, "GROUP_CHARACTERS", 10)  # less than some phrases have
    score_corpus(model, DOCUMENTS * 3, tmp_path / "many", verify=1000)
    for name, most in (("spans.parquet", 4), ("documents.parquet", 3)):
        one, many = pq.read_table(tmp_path / "one" / name), pq.read_table(tmp_path / "many" / name)
        assert one.drop_columns([c for c in one.column_names if one[c].type == "float"]).equals(
            many.drop_columns([c for c in one.column_names if one[c].type == "float"])
        )
        for column in one.column_names:
            if one[column].type == "float":
                np.testing.assert_allclose(one[column], many[column], atol=1e-6)
        groups = pq.ParquetFile(tmp_path / "many" / name).metadata
        sizes = [groups.row_group(n).num_rows for n in range(groups.num_row_groups)]
        assert max(sizes) <= most
    manifest = json.loads((tmp_path / "many/manifest.json").read_text())
    assert manifest["verify"]["spans"] == 3 * 22  # all there are, each found in its chunk


@pytest.mark.parametrize(("classes", "output"), [(1, "sigmoid"), (3, "softmax")])
def test_other_numbers_of_classes(tmp_path, classes, output):
    model = make_model(classes, output)
    result = score_corpus(model, DOCUMENTS, tmp_path / "out")
    table = pq.read_table(tmp_path / "out/spans.parquet")
    columns = [f"score_{label}" for label in model.labels]
    assert table.column_names == ["doc", "start", "stop", "text", *columns]
    exact = np.concatenate([expect(model, document) for document in DOCUMENTS if document.tokens])
    np.testing.assert_allclose(np.stack([table[c] for c in columns], 1), exact, atol=1e-6)
    for label, phrases in result.highlights.items():
        best = np.asarray(table[f"score_{label}"]).max()
        assert [h.score for h in phrases][:1] == ([best] if best > 0 else [])


def read_scores_and_documents(model, out):
    score_corpus(model, DOCUMENTS, out)
    return pq.read_table(out / "spans.parquet"), pq.read_table(out / "documents.parquet")


def test_one_logit_for_two_labels(tmp_path):
    """One logit z gives the files of a model of two logits whose first is always 0."""
    one = make_model(1, "sigmoid", ("negative", "positive"))
    readout, bias = one.classifier.readout, one.classifier.bias
    two = one.classifier._replace(
        readout=np.concatenate([0 * readout, readout]), bias=np.concatenate([0 * bias, bias])
    )
    tables = read_scores_and_documents(one, tmp_path / "one")
    expected = read_scores_and_documents(
        one._replace(classifier=two, output="softmax"), tmp_path / "two"
    )
    for table, other in zip(tables, expected, strict=True):
        assert table.column_names == other.column_names
        for name in table.column_names:
            if other[name].type == "float":
                np.testing.assert_allclose(table[name], other[name], atol=1e-6, err_msg=name)
            else:
                assert table[name].equals(other[name]), name
    assert {*tables[1]["prediction"].to_pylist()} == {"negative", "positive"}
    manifest = json.loads((tmp_path / "one/manifest.json").read_text())
    assert (manifest["output"], manifest["score"]) == ("sigmoid", "positive - negative")


def test_labels_that_do_not_exclude_each_other(tmp_path):
    model = make_model(2, "sigmoid")
    spans, documents = read_scores_and_documents(model, tmp_path / "out")
    assert "score" not in spans.column_names
    assert "prediction" not in documents.column_names
    for label in model.labels:
        logits = np.asarray(documents[f"logit_{label}"], float)
        expected = 1 / (1 + np.exp(-logits))
        np.testing.assert_allclose(documents[f"probability_{label}"], expected, rtol=1e-5)
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["score"] is None


def test_values_have_no_probability(tmp_path):
    model = make_model(1, "value", ("stars",))
    spans, documents = read_scores_and_documents(model, tmp_path / "out")
    assert spans.column_names == ["doc", "start", "stop", "text", "score_stars"]
    columns = ["doc", "id", "tokens", "value_stars", "words", "known_words", "spans"]
    assert documents.column_names == columns
    ids = [model.vocabulary.encode(document.tokens) for document in DOCUMENTS]
    values = cdjax.predict(model.classifier, ids)[:, 0]
    np.testing.assert_allclose(documents["value_stars"], values, atol=1e-6)


def test_highlights(model, tmp_path):
    result = score_corpus(model, [*DOCUMENTS, *DOCUMENTS], tmp_path / "out", max_len=2)
    rows = pq.read_table(tmp_path / "out/spans.parquet").to_pylist()
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


def test_verification_fails_and_keeps_nothing(model, tmp_path, monkeypatch):
    right = corpus.score_all_spans

    def wrong(*args):
        results = right(*args)
        results[2].scores[7, 1] += 1e-4
        return results

    monkeypatch.setattr(corpus, "score_all_spans", wrong)
    with pytest.raises(VerificationError, match=r"22 spans .* differs by .*bound 1e-05"):
        score_corpus(model, DOCUMENTS, tmp_path / "out", verify=22)
    assert not list(tmp_path.iterdir())
    score_corpus(model, DOCUMENTS, tmp_path / "out")  # unseen without verification


def test_draw_is_seeded(model, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        corpus, "largest_difference", lambda c, checks, r: drawn.append(checks) or 0.0
    )
    for seed in (0, 0, 1):
        score_corpus(model, DOCUMENTS, tmp_path / "o", verify=5, seed=seed, overwrite=True)
    spans = [[(len(c.ids), c.start, c.stop) for c in checks] for checks in drawn]
    assert spans[0] == spans[1] != spans[2]
    assert len(set(spans[0])) == 5


class Interrupting:
    """A stage that is interrupted after the reviews are read."""

    def __call__(self, progress):
        if progress.stage == "score":
            raise KeyboardInterrupt


def test_interruption_leaves_nothing_and_keeps_the_old(model, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        score_corpus(model, DOCUMENTS, tmp_path / "out", progress=Interrupting())
    assert not list(tmp_path.iterdir())
    score_corpus(model, DOCUMENTS, tmp_path / "out", max_len=1)
    with pytest.raises(KeyboardInterrupt):
        score_corpus(model, DOCUMENTS, tmp_path / "out", overwrite=True, progress=Interrupting())
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert pq.read_metadata(tmp_path / "out/spans.parquet").num_rows == 9


def test_existing_folder(model, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(FileExistsError, match="out exists; give another folder or overwrite=True"):
        score_corpus(model, DOCUMENTS, out)
    (out / "thesis.txt").write_text("years of work")
    (out / "manifest.json").write_text('{"name": "an app"}')
    with pytest.raises(FileExistsError, match="is not a folder of cdjax scores"):
        score_corpus(model, DOCUMENTS, out, overwrite=True)
    assert (out / "thesis.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError, match="is not a folder of cdjax scores"):
        score_corpus(model, DOCUMENTS, tmp_path / "file", overwrite=True)
    score_corpus(model, DOCUMENTS, tmp_path / "new")
    score_corpus(model, DOCUMENTS, tmp_path / "new", max_len=1, overwrite=True)
    assert pq.read_metadata(tmp_path / "new/spans.parquet").num_rows == 9


def test_input_is_checked_before_any_work(model, tmp_path, monkeypatch):
    def never(*args):
        raise AssertionError("scored before all was read")

    def broken():
        yield from DOCUMENTS
        raise ValueError("line 5 is no good")

    monkeypatch.setattr(corpus, "score_all_spans", never)
    with pytest.raises(ValueError, match="line 5"):
        score_corpus(model, broken(), tmp_path / "out")
    long = Document("long", ["a"] * 2001)
    with pytest.raises(
        CorpusError,
        match=r"document 4 \(id long\) has 2,001 words, so 2,003,001 phrases; .*max_len=10",
    ):
        score_corpus(model, [*DOCUMENTS, long], tmp_path / "out")
    with pytest.raises(CorpusError, match="no review in the input"):
        score_corpus(model, [], tmp_path / "out")
    for options in ({"max_len": 0}, {"verify": -1}):
        with pytest.raises(ValueError, match=r"is (0|-1); expected at least"):
            score_corpus(model, DOCUMENTS, tmp_path / "out", **options)
    repeating = model._replace(labels=("good", "good"))
    with pytest.raises(ValueError, match="repeat"):
        score_corpus(repeating, DOCUMENTS, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("max_len", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_long_review_with_a_limit(model, tmp_path, max_len):
    long = Document(None, ["a", "bad", "film", "zzz"] * 1250)
    score_corpus(model, [long], tmp_path / "out", max_len=max_len)
    table = pq.read_table(tmp_path / "out/spans.parquet")
    assert len(table) == count_spans(5000, max_len) == {1: 5000, 3: 14_997}[max_len]
    last = table.slice(len(table) - 1).to_pylist()[0]
    assert (last["start"], last["stop"], last["text"]) == (4999, 5000, "zzz")
    assert np.isfinite(table["score"]).all()


def test_empty_corpus_of_empty_reviews(model, tmp_path):
    result = score_corpus(model, [Document(None, [])] * 3, tmp_path / "out", verify=3)
    assert pq.read_metadata(tmp_path / "out/spans.parquet").num_rows == 0
    assert pq.read_metadata(tmp_path / "out/documents.parquet").num_rows == 3
    assert result.manifest["verify"]["spans"] == 0


def test_text_of_a_long_review_comes_in_pieces():
    """All phrases of 800 words hold 0.4 GB of text; a piece of the table has a bounded share."""
    tokens = ["word"] * 800
    spans = enumerate_spans(800)
    scores = np.zeros((len(spans), 2), np.float32)
    chunk = tables.Chunk(0, [Document(None, tokens)])
    result = cdjax.SpanScores(spans, scores, np.zeros(2, np.float32))
    tracemalloc.start()
    rows = characters = 0
    for table in tables.span_tables(tables.Outputs(("a", "b"), 2, "softmax"), chunk, [result]):
        rows += len(table)
        characters += sum(map(len, table["text"].to_pylist()[-1:]))
        assert table["text"].nbytes < 1.2 * tables.GROUP_CHARACTERS
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 320_400
    assert peak < 3 * tables.GROUP_CHARACTERS


def test_treebank_pairs(shared, tmp_path):
    tiny = random_classifier(np.random.default_rng(0), dtype=np.float32)
    model = cdjax.Model(tiny, cdjax.Vocabulary(WORDS), ("negative", "positive"), {})
    documents = read_documents(shared / "data/sst/dev.txt")
    result = score_corpus(model, documents, tmp_path / "out", max_len=2, verify=3)
    assert result.manifest["counts"]["documents"] == 1101
    assert pq.read_metadata(tmp_path / "out/spans.parquet").num_rows == 41_447


@pytest.mark.slow
def test_treebank(shared, tmp_path):
    tiny = random_classifier(np.random.default_rng(0), dtype=np.float32)
    model = cdjax.Model(tiny, cdjax.Vocabulary(WORDS), ("negative", "positive"), {})
    documents = read_documents(shared / "data/sst/dev.txt")
    result = score_corpus(model, documents, tmp_path / "out", verify=20)
    assert result.manifest["counts"]["documents"] == 1101
    table = pq.read_table(tmp_path / "out/spans.parquet")
    assert len(table) == 259_389
    first = table.slice(0, 3).to_pylist()
    assert [row["text"] for row in first] == ["It", "It 's", "It 's a"]
