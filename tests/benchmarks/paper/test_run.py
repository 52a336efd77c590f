"""All experiments from end to end on a small world, by the command."""

import json
import subprocess
from pathlib import Path

import cdjax
import numpy as np
import pytest
from benchmarks.paper.__main__ import main
from benchmarks.paper.run import NEEDS
from cdjax.text.trees import read_trees

from benchmarks.paper import models, negation, searches, setting
from benchmarks.paper import results as results_module
from tests.benchmarks.paper.conftest import make_model
from tests.training.test_treebank import parse

METHODS = ["cd", "gradient", "loo"]
PLAIN_AND_OTHERS = ("a", 0.4), ("plain", 0.9), ("b", 0.6)


def run(world, out, name="all", *more):
    data = ["--sst", str(world / "sst"), "--yelp", str(world / "yelp")]
    models = ["--models", str(world / "seed-0"), str(world / "seed-1")]
    models += ["--yelp-model", str(world / "yelp-model")]
    options = ["--methods", *METHODS, "--rule", "paper", "acd", "--out", str(out), *more]
    return main([name, *data, *models, *options])


@pytest.fixture(scope="module")
def results(world, tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    assert run(world, out) == 0
    return {name: json.loads((out / f"{name}.json").read_bytes()) for name in NEEDS}, out


@pytest.mark.parametrize("name", NEEDS)
def test_each_writes_numbers_tables_and_figures(results, name):
    documents, out = results
    document = documents[name]
    assert document["name"] == name
    assert document["rules"] == ["paper", "acd"]
    assert [method["name"] for method in document["methods"]] == METHODS
    assert [m["name"] for m in document["models"] if m["main"]] in (
        ["seed-1"], ["yelp"], ["seed-1", "yelp"],
    )  # fmt: skip
    assert document["rows"]
    assert any(row["primary"] for row in document["rows"])
    said = {(row["method"], row["rule"]) for row in document["rows"]}
    assert {("cd", "paper"), ("cd", "acd")} <= said
    assert (("loo", None) in said) == (name != "neighbours")
    for figure in document["figures"]:
        assert figure["caption"]
        for ending in (".png", ".svg"):
            assert (out / (figure["file"] + ending)).stat().st_size > 1000
    table = (out / f"{name}.md").read_text(encoding="utf-8")
    assert "CD (acd)" in table
    assert ("leave one out" in table) == (name != "neighbours")


def test_means_are_over_the_models(results):
    rows = results[0]["compositionality"]["rows"]
    mine = [r for r in rows if (r["split"], r["method"], r["rule"]) == ("dev", "cd", "acd")]
    one, other, mean = (r for r in mine)
    assert mean["model"] == "mean"
    assert mean["ks"] == pytest.approx((one["ks"] + other["ks"]) / 2, abs=1e-5)
    assert (mean["ks_low"], mean["ks_high"]) == tuple(sorted([one["ks"], other["ks"]]))


def test_the_plain_model_is_in_no_mean():
    rows = [{"model": name, "ks": ks, "method": "cd"} for name, ks in PLAIN_AND_OTHERS]
    *same, mean = results_module.with_means(rows, ["ks"])
    assert same == rows
    assert (mean["ks"], mean["ks_low"], mean["ks_high"]) == (0.5, 0.4, 0.6)
    both = {name: make_model(0, accuracy) for name, accuracy in PLAIN_AND_OTHERS}
    assert models.choose_main(both) == "b"


def test_a_model_given_is_not_taken_for_the_plain_one(world, tmp_path):
    cdjax.save(make_model(3, 0.5), tmp_path / "plain")
    given = [world / "seed-0", tmp_path / "plain"]
    with pytest.raises(ValueError, match=r"named 'plain'.* left out of means; rename"):
        models.treebank_subjects(given, world / "sst", [], 2, tmp_path, lambda text: None)


def test_models_that_are_missing_are_trained_each_with_its_options(world, tmp_path):
    commands = []

    def run(command, **_):
        commands.append(command)
        cdjax.save(make_model(3, 0.5), command[command.index("--out") + 1])
        return subprocess.CompletedProcess(command, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.subprocess, "run", run)
        vectors = tmp_path / "some.npz"
        subjects = models.treebank_subjects(
            [], world / "sst", [vectors], 2, tmp_path, lambda text: None
        )
    names = [subject.name for subject in subjects]
    assert names == ["bundled", "sst-0", "plain"]
    assert [subject.main for subject in subjects] == [True, False, False]
    by_name = {Path(command[command.index("--out") + 1]).name: command for command in commands}
    assert by_name["sst-0"][-4:-2] == ["--out", str(tmp_path / "sst-0")]
    assert "--label-probabilities" in by_name["plain"]
    assert "--label-probabilities" not in by_name["sst-0"]
    plain = parse(*by_name["plain"][4:])
    assert plain.label_probabilities == [0, 0, 0.5, 1, 1]
    options = "neutral_weight", "hidden_dropout", "embedding_dropout", "average", "sentence_copies"
    assert not any(getattr(plain, option) for option in options)


def test_what_is_done_is_left_and_scores_are_not_computed_again(world, results, capsys):
    _, out = results
    before = (out / "negation.json").read_bytes()
    assert run(world, out, "negation") == 0
    assert capsys.readouterr().out.startswith("negation: done before\nreport: ")
    assert run(world, out, "negation", "--overwrite") == 0
    assert "phrases of" not in capsys.readouterr().out
    again, first = json.loads((out / "negation.json").read_bytes()), json.loads(before)
    assert again["rows"] == first["rows"]
    files = sorted((out / "scores").iterdir())
    assert run(world, out, "negation", "--rule", "released") == 0  # another rule: run anew
    said = capsys.readouterr().out
    assert "CD (released), seed-1" in said
    assert "leave one out" not in said
    assert set(files) < set((out / "scores").iterdir())


def test_scores_of_other_code_are_not_taken(world, results, monkeypatch, capsys):
    _, out = results
    monkeypatch.setattr(setting, "digest_code", lambda *folders: "other")
    assert run(world, out, "compositionality", "--overwrite") == 0
    assert "CD (paper), seed-1: " in capsys.readouterr().out


def test_interactions_are_those_of_the_scores(world, results):
    """The document's interactions, beside scores of one phrase at a time."""
    trees = list(read_trees(world / "sst" / "train.txt"))
    phrases = list(searches.negations(trees, searches.ANY))
    model = cdjax.load(world / "seed-1")
    found = {
        (d["context"], d["search"], d["method"], d["rule"]): d
        for d in results[0]["negation"]["distributions"]
    }
    expected = {True: [], False: []}
    for phrase in phrases:
        tree = trees[phrase.tree]
        node = tree.nodes[phrase.node]
        spans = [(n.start, n.stop) for n in (node, *(tree.nodes[c] for c in node.children))]
        ids = model.vocabulary.encode(tree.tokens)
        scores = cdjax.score_spans(model.classifier, ids, spans, cdjax.ACD)
        whole, first, second = scores[:, 1] - scores[:, 0]
        expected[phrase.positive].append(whole - first - second)
    mine = found["review", "any", "cd", "acd"]
    np.testing.assert_allclose(mine["positive"], expected[True], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(mine["negative"], expected[False], rtol=1e-3, atol=1e-5)


def test_leave_one_out_is_turned_to_the_second_difference(world, results):
    """f(both) - f(first) - f(second) + f(neither), of log odds with words set to zero vectors."""
    trees = list(read_trees(world / "sst" / "train.txt"))
    model = cdjax.load(world / "seed-1")
    phrase = next(p for p in searches.negations(trees, searches.ANY) if p.positive)
    tree = trees[phrase.tree]
    node = tree.nodes[phrase.node]
    first, second = (tree.nodes[c] for c in node.children)
    classifier = model.classifier._replace(
        embedding=np.concatenate([model.classifier.embedding, 0 * model.classifier.embedding[:1]])
    )
    nothing = len(classifier.embedding) - 1

    def odds(*without):
        ids = model.vocabulary.encode(tree.tokens)
        for part in without:
            ids[part.start : part.stop] = nothing
        (logits,) = cdjax.predict(classifier, [ids])
        return logits[1] - logits[0]

    expected = odds() - odds(second) - odds(first) + odds(first, second)
    (found,) = (
        d
        for d in results[0]["negation"]["distributions"]
        if (d["context"], d["search"], d["method"]) == ("review", "any", "loo")
    )
    assert negation.REMOVING[0] == "loo"
    assert found["positive"][0] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_neighbours_are_those_of_the_mean_interactions(world, results):
    """Beside the recursion, one occurrence at a time."""
    model = cdjax.load(world / "seed-1")
    sums, counts = {}, {}
    for split in ("train", "dev"):
        for tree in read_trees(world / "sst" / f"{split}.txt"):
            x = model.classifier.embedding[model.vocabulary.encode(tree.tokens)]

            def vector(*places, x=x):
                inside = np.isin(np.arange(len(x)), places)
                return np.asarray(cdjax.decompose(model.classifier.layers, x, inside).beta[-1])

            alone = [vector(t) for t in range(len(x))]
            for t, token in enumerate(tree.tokens):
                found = [((token,), alone[t])]
                if t + 1 < len(x):
                    both = vector(t, t + 1) - alone[t] - alone[t + 1]
                    found.append(((token, tree.tokens[t + 1]), both))
                for phrase, beta in found:
                    sums[phrase] = sums.get(phrase, 0) + beta
                    counts[phrase] = counts.get(phrase, 0) + 1
    means = {phrase: sums[phrase] / counts[phrase] for phrase in sums}
    query = means["not", "bad"]

    def cosine(phrase):
        return means[phrase] @ query / np.linalg.norm(means[phrase]) / np.linalg.norm(query)

    others = [p for p in means if p not in {("not",), ("bad",), ("not", "bad")}]
    others.sort(key=cosine, reverse=True)
    rows = results[0]["neighbours"]["rows"]
    assert {row["query"] for row in rows} == {"not bad", "bad"}
    (row,) = (r for r in rows if (r["query"], r["rule"]) == ("not bad", "paper"))
    assert [phrase for phrase, _ in row["neighbours"]] == [" ".join(p) for p in others[:5]]
    for phrase, number in row["neighbours"]:
        assert number == pytest.approx(cosine(tuple(phrase.split(" "))), abs=1e-4)
    assert row["ranks"][0] == ["never dull", None]
    (row,) = (r for r in rows if (r["query"], r["rule"]) == ("bad", "paper"))
    assert dict(row["ranks"])["awful"] >= 1
    notes = results[0]["neighbours"]["notes"]
    assert "“very funny” does not occur in the trees and is left out." in notes


def test_wrong_use_is_told(world, tmp_path, capsys):
    assert main(["all", "--out", str(tmp_path)]) == 2
    assert "no experiment can be run; give the data by --sst and --yelp" in capsys.readouterr().err
    assert run(world, tmp_path, "negation", "--methods", "cd", "magic") == 2
    assert "there is no method 'magic'; expected some of cd, gradient" in capsys.readouterr().err
    model = cdjax.load(world / "seed-0")
    cdjax.save(model._replace(labels=("bad", "good")), tmp_path / "other")
    data = ["--sst", str(world / "sst"), "--models", str(tmp_path / "other")]
    assert main(["negation", *data, "--out", str(tmp_path / "out")]) == 2
    assert "classes of the model other are bad, good; expected" in capsys.readouterr().err
