import json
import re

import cdjax
import numpy as np
import pytest
from cdjax.corpus.labelled import read_labelled
from cdjax.model import BUNDLED, NAMES
from cdjax.text.tokenizer import tokenize
from cdjax.text.trees import binary_sentences, read_trees
from cdjax.training.fit import VectorOptions
from cdjax.training.step import Options


@pytest.fixture(scope="module")
def model():
    return cdjax.load()


def test_is_of_the_size_and_accuracy_promised(model):
    files = [file for name in NAMES for file in (BUNDLED / name).iterdir()]
    assert sum(file.stat().st_size for file in files) <= 30_000_000
    assert model.labels == ("negative", "positive")
    assert model.classifier.layers[0].V.shape == (4, 168, 168)
    assert model.provenance["accuracy"]["test"]["binary_sentences"] == 1821
    assert model.provenance["accuracy"]["test"]["accuracy"] >= 0.88


def test_was_trained_as_the_defaults_train(model):
    provenance = model.provenance
    assert Options(**provenance["options"])._replace(seed=Options().seed) == Options()
    assert VectorOptions(**provenance["embedding"]) == VectorOptions()


@pytest.mark.parametrize("name", NAMES)
def test_names_no_path_of_the_machine_that_trained(name):
    provenance = json.dumps(dict(cdjax.load(name).provenance))
    assert re.findall(r"""(?:^|[\s"'=])(?:~|\.\.?)?/\S*""", provenance) == []


@pytest.mark.parametrize(("split", "count"), [("dev", 872), ("test", 1821)])
def test_is_as_accurate_as_its_provenance_says(model, shared, split, count):
    tokens, labels = zip(
        *binary_sentences(read_trees(shared / f"data/sst/{split}.txt")), strict=True
    )
    logits = cdjax.predict(model.classifier, [model.vocabulary.encode(t) for t in tokens])
    right = int((logits.argmax(axis=1) == np.array(labels)).sum())
    result = model.provenance["accuracy"][split]
    assert result["binary_sentences"] == count == len(labels)
    # Other processors round differently: a sentence on the fence may fall to the other side.
    assert abs(right - result["accuracy"] * count) <= 1


def test_yelp_is_as_accurate_as_its_provenance_says(shared):
    model = cdjax.load("yelp")
    result = model.provenance["accuracy"]["test"]
    rows = list(read_labelled(shared / "data/yelp/reviews-test.csv", "yelp"))[::10]
    labels = np.array([int(row.label) - 1 for row in rows])
    reviews = [model.vocabulary.encode(tokenize(row.text)[:400]) for row in rows]
    right = (cdjax.predict(model.classifier, reviews).argmax(axis=1) == labels).mean()
    assert result["examples"] == 4455
    # A tenth of the reviews: four standard errors.
    assert right == pytest.approx(result["accuracy"], abs=4 * 0.0103)
    # Better than the regression on n-grams with balanced labels, see the model card.
    assert 1 - result["balanced_accuracy"] < 0.071


@pytest.mark.parametrize("name", NAMES)
def test_model_card_has_the_figures_of_the_model(name):
    card = (BUNDLED / name / "MODEL_CARD.md").read_text(encoding="utf-8")
    model = cdjax.load(name)
    for result in model.provenance["accuracy"].values():
        right = 100 * result["accuracy"]
        assert f"{right:.1f}%" in card or f"{100 - right:.1f}%" in card
    assert f"multiplied by {model.provenance['logits_scaled_by']:.2f}" in card
    assert f"vectors of {len(model.vocabulary):,} words" in card


@pytest.mark.parametrize("rule", [cdjax.PAPER, cdjax.ACD, cdjax.RELEASED], ids=lambda r: r.name)
def test_negation_lifts_bad(model, rule):
    tokens = tokenize("It isn't a bad film.")
    ids = model.vocabulary.encode(tokens)
    scores = cdjax.score_spans(model.classifier, ids, np.array([[4, 5], [1, 5]]), rule)
    bad, is_nt_a_bad = scores[:, 1] - scores[:, 0]
    assert tokens[1:5] == ["is", "n't", "a", "bad"]
    assert bad < -0.5
    assert is_nt_a_bad > bad + 0.5
