import cdjax
import numpy as np
import pytest
from cdjax.model import BUNDLED
from cdjax.text.tokenizer import tokenize
from cdjax.text.trees import binary_sentences, read_trees
from cdjax.training.loop import Options
from cdjax.training.treebank import Embedding


@pytest.fixture(scope="module")
def model():
    return cdjax.load()


def test_is_of_the_size_and_accuracy_promised(model):
    assert sum(file.stat().st_size for file in BUNDLED.iterdir()) <= 16_000_000
    assert model.labels == ("negative", "positive")
    assert model.classifier.layers[0].V.shape == (4, 168, 168)
    assert model.provenance["accuracy"]["test"]["binary_sentences"] == 1821
    assert model.provenance["accuracy"]["test"]["accuracy"] >= 0.86


def test_was_trained_as_the_defaults_train(model):
    said = model.provenance
    assert Options(**said["options"])._replace(seed=Options().seed) == Options()
    assert Embedding(**said["embedding"]) == Embedding()


@pytest.mark.parametrize(("split", "count"), [("dev", 872), ("test", 1821)])
def test_is_as_accurate_as_its_provenance_says(model, shared, split, count):
    tokens, labels = zip(
        *binary_sentences(read_trees(shared / f"data/sst/{split}.txt")), strict=True
    )
    logits = cdjax.predict(model.classifier, [model.vocabulary.encode(t) for t in tokens])
    right = int((logits.argmax(axis=1) == np.array(labels)).sum())
    said = model.provenance["accuracy"][split]
    assert said["binary_sentences"] == count == len(labels)
    # Other processors round differently: a sentence on the fence may fall to the other side.
    assert abs(right - said["accuracy"] * count) <= 1


@pytest.mark.parametrize("rule", [cdjax.PAPER, cdjax.ACD, cdjax.RELEASED], ids=lambda r: r.name)
def test_negation_lifts_bad(model, rule):
    tokens = tokenize("It isn't a bad film.")
    ids = model.vocabulary.encode(tokens)
    scores = cdjax.score_spans(model.classifier, ids, np.array([[4, 5], [1, 5]]), rule)
    bad, is_nt_a_bad = scores[:, 1] - scores[:, 0]
    assert tokens[1:5] == ["is", "n't", "a", "bad"]
    assert bad < -1
    assert is_nt_a_bad > bad + 0.5
