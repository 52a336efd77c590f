import json
import pickle

import cdjax
import numpy as np
import pytest
from cdjax.model import MODEL_FILE, NAMES, WEIGHTS_FILE, find_model

from tests.conftest import random_classifier, random_layer


@pytest.fixture
def model():
    return cdjax.Model(
        classifier=random_classifier(np.random.default_rng(0), words=4, dtype=np.float32),
        vocabulary=cdjax.Vocabulary.of(["a", "bad", "café"]),
        labels=("negative", "positive"),
        provenance={"data": "none", "accuracy": {"test": 0.5}},
    )


@pytest.mark.parametrize("depth", [1, 2])
def test_what_is_saved_is_loaded(tmp_path, model, depth):
    rng = np.random.default_rng(1)
    more = tuple(random_layer(rng, 5, 5, dtype=np.float32) for _ in range(depth - 1))
    model = model._replace(
        classifier=model.classifier._replace(layers=model.classifier.layers + more)
    )
    cdjax.save(model, tmp_path / "deep" / "model")
    loaded = cdjax.load(tmp_path / "deep" / "model")
    assert loaded[1:] == model[1:]
    assert len(loaded.classifier.layers) == depth
    for one, other in zip(loaded.classifier.layers, model.classifier.layers, strict=True):
        for name in one._fields:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("embedding", "readout", "bias"):
        np.testing.assert_array_equal(
            getattr(loaded.classifier, name), getattr(model.classifier, name)
        )
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["model"]


def test_rows_of_special_words_are_kept(tmp_path, model):
    for words, special in [
        (["<pad>", "a", "<unk>", "bad"], {"padding": 0}),
        (["a", "b", "c", "d"], {"unknown": None, "padding": 3}),
    ]:
        vocabulary = cdjax.Vocabulary(words, False, **special)
        cdjax.save(model._replace(vocabulary=vocabulary), tmp_path / "m", overwrite=True)
        assert cdjax.load(tmp_path / "m").vocabulary == vocabulary


def test_half_precision_is_read_as_single(tmp_path, model):
    cdjax.save(model, tmp_path / "m", dtype=np.float16)
    embedding = cdjax.load(tmp_path / "m").classifier.embedding
    assert embedding.dtype == np.float32
    np.testing.assert_array_equal(embedding, model.classifier.embedding.astype(np.float16))
    assert (tmp_path / "m" / WEIGHTS_FILE).stat().st_size < 2000


def test_a_folder_that_is_there_is_kept(tmp_path, model):
    cdjax.save(model, tmp_path / "m")
    with pytest.raises(FileExistsError, match="exists; give another path or overwrite=True"):
        cdjax.save(model, tmp_path / "m")
    cdjax.save(model._replace(labels=("no", "yes")), tmp_path / "m", overwrite=True)
    assert cdjax.load(tmp_path / "m").labels == ("no", "yes")
    (tmp_path / "other").mkdir()
    with pytest.raises(FileExistsError, match="is no model folder, so it is not replaced"):
        cdjax.save(model, tmp_path / "other", overwrite=True)


def test_what_the_logits_stand_for_is_kept(tmp_path, model):
    for output in ("softmax", "sigmoid", "value"):
        cdjax.save(model._replace(output=output), tmp_path / output)
        assert cdjax.load(tmp_path / output).output == output
    classifier = model.classifier
    one = classifier._replace(readout=classifier.readout[:1], bias=classifier.bias[:1])
    cdjax.save(model._replace(classifier=one, output="sigmoid"), tmp_path / "one")
    assert len(cdjax.load(tmp_path / "one").labels) == 2
    with pytest.raises(ValueError, match="labels holds 2 names; expected 1, one for each class"):
        cdjax.save(model._replace(classifier=one), tmp_path / "softmax one")
    with pytest.raises(ValueError, match="output is 'logits'; expected one of softmax"):
        cdjax.save(model._replace(output="logits"), tmp_path / "none")


def test_a_model_that_does_not_hold_together_is_not_saved(tmp_path, model):
    classifier = model.classifier
    spoiled = classifier._replace(readout=np.full_like(classifier.readout, np.inf))
    for wrong, message in [
        (model._replace(labels=("one",)), "labels holds 1 names; expected 2"),
        (model._replace(vocabulary=cdjax.Vocabulary.of("ab")), "holds 3 words; expected 4"),
        (model._replace(classifier=spoiled), "readout holds values that are not finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            cdjax.save(wrong, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda d: (d / WEIGHTS_FILE).unlink(), FileNotFoundError, "has no weights.safetensors"),
        (lambda d: (d / MODEL_FILE).unlink(), FileNotFoundError, "has no model.json"),
        (
            lambda d: (d / WEIGHTS_FILE).write_bytes((d / WEIGHTS_FILE).read_bytes()[:-9]),
            ValueError,
            "weights.safetensors is damaged or of another format",
        ),
        (
            lambda d: (d / WEIGHTS_FILE).write_bytes(pickle.dumps({"embedding": 1})),
            ValueError,
            "weights.safetensors is damaged or of another format",
        ),
        (lambda d: (d / MODEL_FILE).write_text("{"), ValueError, "model.json is damaged"),
        (lambda d: (d / MODEL_FILE).write_bytes(b"\xff\xfe"), ValueError, "model.json is damaged"),
        (lambda d: (d / MODEL_FILE).write_text("[1]"), ValueError, "is not a cdjax model"),
        (lambda d: edit(d / MODEL_FILE, format="x"), ValueError, "is not a cdjax model"),
        (lambda d: edit(d / MODEL_FILE, version=2), ValueError, r"a model of version 2; .* reads"),
        (lambda d: edit(d / MODEL_FILE, labels=["a"]), ValueError, "labels holds 1 names"),
        (lambda d: edit(d / MODEL_FILE, vocabulary=["x"]), ValueError, "holds 1 words; expected 4"),
        (lambda d: edit(d / MODEL_FILE, unknown="x"), ValueError, "no word 'x'"),
        (lambda d: edit(d / MODEL_FILE, vocabulary=["<unk>", "a", "a"]), ValueError, "'a' twice"),
    ],
)
def test_a_damaged_folder_says_what_is_wrong(tmp_path, model, damage, error, message):
    cdjax.save(model, tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(error, match=message):
        cdjax.load(tmp_path / "m")


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model at .*nowhere"):
        cdjax.load(tmp_path / "nowhere")


def test_bundled_models_have_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model() == find_model("sst")
    for name in NAMES:
        assert cdjax.load(name).labels == ("negative", "positive")
    with pytest.raises(FileNotFoundError, match="bundled models: sst, yelp"):
        cdjax.load("imdb")


def test_a_name_that_is_also_a_folder_is_asked_about(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    cdjax.save(model, "yelp")
    with pytest.raises(ValueError, match=r"give './yelp' for the folder"):
        cdjax.load("yelp")
    assert cdjax.load("./yelp").labels == model.labels
    assert cdjax.load(find_model("sst")).provenance["task"]
