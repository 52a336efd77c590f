import argparse
import importlib
import itertools
import json
import re
import sys

import cdjax
import cdjax.training
import numpy as np
import pytest
from cdjax.cli.options import UserError
from cdjax.cli.train import add_arguments, run
from cdjax.text.trees import Tree, parse_tree
from cdjax.text.vectors import WordVectors
from cdjax.training.batches import Examples
from cdjax.training.fit import VectorOptions, build_vocabulary, fit, round_to_half
from cdjax.training.loop import evaluate
from cdjax.training.step import Options
from cdjax.training.treebank import RECIPE, Recipe, count_words, make_phrases, prepare_treebank

WORDS = {"fine": 4, "lovely": 3, "dull": 1, "awful": 0}
FILLERS = ("film", "plot", "cast", "it")


def sentences():
    """Trees such as (4 (2 it) (4 fine)) and (1 (2 not) (4 fine)), all that there are."""
    for filler, (word, label) in itertools.product(FILLERS, WORDS.items()):
        turned = 4 - label
        yield f"({label} (2 {filler}) ({label} {word}))"
        yield f"({turned} (2 {filler}) ({turned} (2 not) ({label} {word})))"
    yield "(2 (2 it) (2 film))"


@pytest.fixture
def files(tmp_path):
    """A folder of trees and two files of word vectors."""
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_text("\n".join(sentences()) + "\n")
    rng = np.random.default_rng(0)
    words = np.array([*WORDS, *FILLERS, "not", "unseen"])
    vectors = [tmp_path / "first.npz", tmp_path / "second.npz"]
    for path, width in zip(vectors, (4, 6), strict=True):
        np.savez(path, words=words, vectors=rng.normal(size=(len(words), width)).astype("f2"))
    return tmp_path, vectors


CERTAIN = Recipe((0.0, 0.0, 0.5, 1.0, 1.0))
OPTIONS = Options(
    hidden=8, epochs=30, batch_size=8, learning_rate=0.05, embedding_dropout=0.0, average=0.9,
    hidden_dropout=0.0, evaluations=1, patience=30,
)  # fmt: skip


def test_model_is_as_its_provenance_says(files, tmp_path):
    data, vectors = files
    training_data = prepare_treebank(data, CERTAIN)
    model = fit(training_data, vectors, OPTIONS, VectorOptions(7, 0.5), command=["some", "command"])
    assert model.labels == ("negative", "positive")
    assert model.classifier.embedding.shape == (len(model.vocabulary), 7)
    assert len(model.vocabulary) == 1 + 10
    assert model.vocabulary.words[-1] == "unseen"
    provenance = model.provenance
    result = {"examples": 32, "accuracy": 1.0, "balanced_accuracy": 1.0}
    assert provenance["accuracy"] == {"dev": result, "test": result}
    # 32 sentences, "not fine" and its like, "fine" and its like, "it film"; sentences twice more.
    assert provenance["data"]["training_examples"] == 32 + 4 + 4 + 1 + 2 * 32
    assert "training_labels" not in provenance["data"]  # they are soft
    assert provenance["data"]["recipe"]["sentence_copies"] == 2
    assert provenance["command"] == "some command"
    assert provenance["options"]["hidden"] == 8
    assert provenance["embedding"] == {"width": 7, "spread": 0.5}
    assert set(provenance["vectors"]) == {"first.npz", "second.npz"}
    assert all(len(digest) == 64 for digest in provenance["data"]["sha256"].values())
    # Saved in half the size, it is the same model.
    cdjax.save(model, tmp_path / "model", dtype=np.float16)
    loaded = cdjax.load(tmp_path / "model")
    for before, after in zip(model.classifier.layers[0], loaded.classifier.layers[0], strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(model.classifier.embedding, loaded.classifier.embedding)
    assert json.loads(json.dumps(provenance)) == dict(loaded.provenance)


def test_phrases_are_distinct_and_as_certain_as_their_labels():
    trees = [
        parse_tree("(3 (2 it) (3 (2 is) (4 fine)))"),
        parse_tree("(4 (2 IT) (3 (2 is) (4 Fine)))"),
    ]
    trees.append(parse_tree("(2 (2 the) (2 film))"))
    recipe = Recipe((0.0, 0.2, 0.5, 0.8, 1.0), neutral_weight=0.25, sentence_copies=1)
    tokens, labels, targets, weights = make_phrases(trees, recipe)
    assert targets is not None
    assert weights is not None
    phrases = [
        (" ".join(words), label, round(float(target[1]), 6), weight)
        for words, label, target, weight in zip(tokens, labels, targets, weights, strict=True)
    ]
    whole = ("it is fine", "positive", 0.9, 1.0)  # between its two labels
    rest = [
        ("is fine", "positive", 0.8, 1.0),
        ("fine", "positive", 1.0, 1.0),
        ("the film", "negative", 0.5, 0.25),
    ]
    assert sorted(phrases) == sorted([whole, whole, whole, *rest])
    plain = make_phrases(trees, Recipe((0, 0, 0.5, 1, 1), 0, 0))
    assert list(map(" ".join, plain.tokens)) == ["it is fine", "is fine", "fine"]
    assert plain.targets is not None
    assert plain.targets[:, 1].tolist() == [1, 1, 1]


def test_bad_recipes_raise():
    with pytest.raises(ValueError, match=r"probabilities \[0, 0.5, 1\]; expected five numbers"):
        make_phrases([], Recipe((0, 0.5, 1)))
    with pytest.raises(ValueError, match=r"expected five numbers from 0 to 1"):
        make_phrases([], Recipe((0, 0.5, 0.5, 0.5, 1.1)))
    with pytest.raises(ValueError, match=r"neutral_weight is -1 .* expected at least 0"):
        make_phrases([], Recipe(neutral_weight=-1))


def test_vocabulary_is_by_frequency_and_then_by_name():
    trees: list[Tree] = [parse_tree("(2 (2 The) (2 (2 the) (2 film)))"), parse_tree("(2 film)")]
    trees.append(parse_tree("(2 (2 the) (2 plot))"))
    source = WordVectors(("zoo", "the", "act", "Zoo", "<unk>"), np.zeros((5, 2), np.float32))
    assert build_vocabulary(count_words(trees), [source]).words == (
        "<unk>", "the", "film", "plot", "act", "zoo",
    )  # fmt: skip


def test_rounding_is_to_half_precision():
    layer = cdjax.LSTMParams(
        *(np.full(s, 1 / 3, np.float32) for s in ((4, 2, 3), (4, 2, 2), (4, 2)))
    )
    embedding, readout = np.full((5, 3), 1 / 3, np.float32), np.full((2, 2), 1 / 3, np.float32)
    rounded = round_to_half(cdjax.Classifier(embedding, (layer,), readout, readout[0]))
    assert rounded.layers[0].V.dtype == np.float32
    assert rounded.layers[0].V[0, 0, 0] == np.float32(np.float16(1 / 3)) != np.float32(1 / 3)


def parse(*arguments):
    parser = argparse.ArgumentParser(prog="cdjax train")
    add_arguments(parser)
    args = parser.parse_args([str(argument) for argument in arguments])
    args.argv = ["train", *map(str, arguments)]  # as the command line sets it
    return args


def test_command_trains_saves_and_logs(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal: there is a bar
    data, vectors = files
    out, log = tmp_path / "model", tmp_path / "metrics.jsonl"
    options = ["--hidden=8", "--epochs=3", "--batch-size=8", "--width=0", "--evaluations=2"]
    args = parse("--data", data, "--vectors", *vectors, "--out", out, "--log", log, *options)
    run(args)
    printed, bar = capsys.readouterr()
    assert printed.count("dev accuracy") == 6
    assert re.search(r"loss \d\.\d{4}, dev accuracy \d+\.\d\d%", bar)
    model = cdjax.load(out)
    assert model.classifier.embedding.shape == (11, 10)
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert [record["epoch"] for record in records] == pytest.approx(
        [0.5, 1, 1.5, 2, 2.5, 3], abs=0.05
    )
    assert model.provenance["chosen"] in records
    accuracy = model.provenance["accuracy"]["dev"]["accuracy"]
    assert f"dev: {accuracy:.2%} of 32" in printed
    trees = [parse_tree(line) for line in sentences()]
    dev = Examples(
        [model.vocabulary.encode(tree.tokens) for tree in trees if tree.label != 2],
        np.array([int(tree.label > 2) for tree in trees if tree.label != 2], np.int32),
    )
    assert evaluate(model.classifier, dev)["accuracy"] == accuracy
    with pytest.raises(FileExistsError, match="overwrite=True"):
        run(args)


def test_options_of_review_files_are_refused_for_a_folder(files, tmp_path):
    args = parse("--data", files[0], "--out", tmp_path / "model", "--text-column=text")
    with pytest.raises(UserError, match=r"--text-column is for files of reviews; .* is a folder"):
        run(args)


def test_command_replaces_only_models(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    args = parse("--data=none", "--vectors=none.npz", "--out", tmp_path, "--overwrite")
    with pytest.raises(FileExistsError, match="no model folder"):
        run(args)


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optax", None)
    with pytest.raises(ImportError, match=r"pip install 'cdjax\[train\]'"):
        importlib.reload(cdjax.training)


def test_defaults_of_the_command_are_those_of_the_functions():
    args = parse("--data", "sst", "--vectors", "some.npz", "--out", "model")
    assert {name: getattr(args, name) for name in Options._fields} == Options()._asdict()
    assert (args.width, args.spread) == VectorOptions()
    given = tuple(args.label_probabilities), args.neutral_weight, args.sentence_copies
    assert given == RECIPE


def test_missing_data_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.txt"):
        prepare_treebank(tmp_path)
