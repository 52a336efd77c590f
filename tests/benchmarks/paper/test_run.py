"""All experiments from end to end on a small world, by the command."""

import dataclasses
import functools
import json
import os
import subprocess
from pathlib import Path

import cdjax
import jax
import numpy as np
import pytest
from benchmarks.paper.ahead import fit_regressions
from benchmarks.paper.experiment import Experiment
from benchmarks.paper.registry import EXPERIMENTS
from benchmarks.paper.results import with_means
from benchmarks.paper.run import run_experiment, run_experiments
from benchmarks.paper.workers import keep_processes
from cdjax.text.trees import read_trees
from cdjax.training.step import Options

from benchmarks.paper import models, negation, searches, setting, unigrams
from tests.benchmarks.paper.conftest import METHODS, make_model
from tests.pictures import check_picture
from tests.training.test_treebank import parse

PLAIN_AND_OTHERS = ("a", 0.4), ("plain", 0.9), ("b", 0.6)

pytestmark = pytest.mark.thorough


def read(results, name):
    return json.loads((results / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_writes_numbers_tables_and_figures(results, name):
    document = read(results, name)
    assert document["name"] == name
    assert document["rules"] == ["paper", "acd"]
    assert [method["name"] for method in document["methods"]] == METHODS
    assert [m["name"] for m in document["models"] if m["main"]] in (
        ["seed-1"], ["yelp"], ["seed-1", "yelp"],
    )  # fmt: skip
    assert any(row["primary"] for row in document["rows"])
    scorers = {(row["method"], row["rule"]) for row in document["rows"]}
    assert {("cd", "paper"), ("cd", "acd")} <= scorers
    assert (("loo", None) in scorers) == (name != "neighbours")
    for figure in document["figures"]:
        assert figure["caption"]
        check_picture(results / figure["file"], ["CD (paper)", "CD (acd)"])
    tables = (results / f"{name}.md").read_text(encoding="utf-8")
    assert "CD (acd)" in tables
    assert ("leave one out" in tables) == (name != "neighbours")


def test_the_report_has_every_experiment(results):
    page = (results / "report.html").read_text(encoding="utf-8")
    for name, experiment in EXPERIMENTS.items():
        assert f"{experiment.title}</h2>" in page
        assert page.count("<figure>") >= len(read(results, name)["figures"])
    assert "not run" not in page


def test_means_are_over_the_models(results):
    rows = read(results, "compositionality")["rows"]
    one, other, mean = (
        r for r in rows if (r["split"], r["method"], r["rule"]) == ("dev", "cd", "acd")
    )
    assert mean["model"] == "mean"
    assert mean["ks"] == pytest.approx((one["ks"] + other["ks"]) / 2, abs=1e-5)
    assert (mean["ks_low"], mean["ks_high"]) == tuple(sorted([one["ks"], other["ks"]]))


def test_the_plain_model_is_in_no_mean():
    rows = [{"model": name, "ks": ks, "method": "cd"} for name, ks in PLAIN_AND_OTHERS]
    *unchanged, mean = with_means(rows, ["ks"])
    assert unchanged == rows
    assert (mean["ks"], mean["ks_low"], mean["ks_high"]) == (0.5, 0.4, 0.6)
    by_name = {name: make_model(0, accuracy) for name, accuracy in PLAIN_AND_OTHERS}
    assert models.choose_main(by_name) == "b"


def test_a_given_model_is_not_mistaken_for_the_plain_one(world, tmp_path):
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
        vectors = tmp_path / "vectors.npz"
        subjects = models.treebank_subjects(
            [], world / "sst", [vectors], 2, tmp_path, lambda text: None
        )
    names = [subject.name for subject in subjects]
    assert names == ["bundled", "sst-0", "plain"]
    assert [subject.main for subject in subjects] == [True, False, False]
    by_name = {Path(command[command.index("--out") + 1]).name: command for command in commands}
    assert by_name["sst-0"][by_name["sst-0"].index("--out") + 1] == str(tmp_path / "sst-0")
    assert "--label-probabilities" in by_name["plain"]
    assert "--label-probabilities" not in by_name["sst-0"]
    plain = parse(*by_name["plain"][4:])
    assert plain.label_probabilities == [0, 0, 0.5, 1, 1]


def test_networks_of_other_kinds_are_trained_by_the_usual_recipe(world, tmp_path):
    commands = {}

    def run(command, **_):
        path = command[command.index("--out") + 1]
        commands[Path(path).name] = parse(*command[4:])
        cdjax.save(make_model(3, 0.9), path)
        return subprocess.CompletedProcess(command, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.subprocess, "run", run)
        vectors = [tmp_path / "vectors.npz"]
        arguments = world / "sst", vectors, tmp_path, lambda text: None
        subjects = models.architecture_subjects(*arguments)
        assert not any(subject.main for subject in subjects)
        assert {subject.name: subject.data for subject in subjects} == dict.fromkeys(
            commands, "sst"
        )
    kinds = {name: (c.cell, c.layers, c.bidirectional) for name, c in commands.items()}
    assert kinds == {
        "sst-bilstm": ("lstm", 1, True),
        "sst-two-layers": ("lstm", 2, False),
        "sst-gru": ("gru", 1, False),
    }
    for command in commands.values():
        options = Options(*(getattr(command, name) for name in Options._fields))
        usual = Options(patience=models.PATIENCE)
        assert options._replace(cell="lstm", layers=1, bidirectional=False) == usual


def test_regressions_are_fitted_while_models_are_trained(world, tmp_path, monkeypatch):
    done, lines = [], []

    def run(command, **_):
        done.append(command)
        cdjax.save(make_model(3, 0.5), command[command.index("--out") + 1])
        return subprocess.CompletedProcess(command, 0)

    given = setting.Setting(tmp_path, (), world / "sst", world / "yelp", log=lines.append)
    monkeypatch.setattr(models.subprocess, "run", run)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # in this process, where lines are counted
    runs = {"one": (), "two": ()}
    for _ in range(2):  # the second time, nothing is missing
        models.train_missing(
            *(runs, world / "sst", [], tmp_path / "models", lambda text: None),
            lambda: done.append(fit_regressions(given)),
        )
    assert [item is None for item in done] == [False, False, True]
    assert {line[line.rindex("(") :] for line in lines} == {"(sst)", "(yelp)"}
    fitted = len(lines)
    for data in ("sst", "yelp"):
        unigrams.prepare(given, data)
    assert len(lines) == fitted == len(list((tmp_path / "regressions").iterdir()))


@pytest.fixture
def toy(world, tmp_path, monkeypatch):
    """An experiment that counts its runs, and what it is run on."""
    lines, runs = [], []

    def run(given):
        runs.append(given)
        (subject, *_) = given.of("sst")
        (scorer, *_) = given.scorers(subject)
        (scores,) = given.score(subject, scorer, [["not", "bad"]], [[(0, 2)]], "two words")
        key = {"model": subject.name, **scorer.key, "primary": True}
        return {"rows": [{**key, "score": float(scores[0])}]}

    experiment = Experiment("toy", "Toy", "", ("sst",), (), run, lambda given, result: [])
    monkeypatch.setitem(EXPERIMENTS, "toy", experiment)
    subject = setting.make_subject("seed-0", "sst", cdjax.load(world / "seed-0"), main=True)
    given = setting.Setting(tmp_path, (subject,), sst=world / "sst", log=lines.append)
    return experiment, given, runs, lines


def test_experiments_run_side_by_side_and_find_the_same(world, results, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    subjects = tuple(
        setting.make_subject(name, "sst", cdjax.load(world / name), main=name == "seed-1")
        for name in ("seed-0", "seed-1")
    )
    given = setting.Setting(
        tmp_path, subjects, world / "sst", methods=tuple(METHODS), rules=setting.RULES[:2]
    )
    names = ["compositionality", "phrase_labels"]
    run_experiments(names, given)
    for name in names:
        rows = zip(read(tmp_path, name)["rows"], read(results, name)["rows"], strict=True)
        for field, value, expected in ((f, row[f], other[f]) for row, other in rows for f in row):
            near = pytest.approx(expected, rel=1e-3) if isinstance(expected, float) else expected
            assert value == near, (name, field)


@pytest.mark.thorough
def test_a_single_experiment_is_run_here_with_all_threads(toy, monkeypatch):
    _, given, runs, _ = toy  # a function of this process: no other would know it
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with keep_processes(given):
        run_experiments(["toy"], given)
    assert len(runs) == 1


def test_a_new_experiment_is_a_record_in_the_registry(toy):
    experiment, given, _, _ = toy
    path = run_experiment(experiment, given)
    (row,) = json.loads(path.read_bytes())["rows"]
    model = cdjax.load(given.sst.parent / "seed-0")
    ids = model.vocabulary.encode(["not", "bad"])
    (expected,) = cdjax.score_spans(model.classifier, ids, [(0, 2)])
    assert row["score"] == pytest.approx(expected[1] - expected[0], rel=1e-4)
    assert path.with_suffix(".md").read_text(encoding="utf-8").startswith("# Toy\n")


def test_what_is_done_is_not_repeated_and_stored_scores_are_used(toy):
    experiment, given, runs, lines = toy
    first = run_experiment(experiment, given).read_bytes()
    assert "two words" in lines[1]
    del lines[:]
    assert run_experiment(experiment, given).read_bytes() == first
    assert (len(runs), lines) == (1, ["toy: done before"])
    again = json.loads(run_experiment(experiment, given, overwrite=True).read_bytes())
    assert again["rows"] == json.loads(first)["rows"]
    assert len(runs) == 2
    assert not [line for line in lines if "two words" in line]
    other_rule = dataclasses.replace(given, rules=(cdjax.ACD,))
    run_experiment(experiment, other_rule)
    assert len(runs) == 3
    assert "CD (acd), seed-0: 1 phrases of two words" in lines[-2]


def test_results_and_scores_of_other_code_are_not_used(toy, monkeypatch):
    experiment, given, _, lines = toy
    run_experiment(experiment, given)
    monkeypatch.setattr(setting, "digest_code", lambda *folders: "other")
    run_experiment(experiment, given, overwrite=True)
    assert sum("two words" in line for line in lines) == 2


def test_code_is_digested_folder_by_folder(tmp_path):
    for name, text in (("a", "x = 1"), ("b", "x = 2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text(text)
    a, b = (setting.digest_code(tmp_path / name) for name in "ab")
    assert len({a, b, setting.digest_code(tmp_path / "a", tmp_path / "b")}) == 3
    with pytest.raises(FileNotFoundError, match="gone holds no Python source"):
        setting.digest_code(tmp_path / "gone")


def test_interactions_are_those_of_the_scores(world, results):
    """The document's interactions, against scores of one phrase at a time."""
    trees = list(read_trees(world / "sst" / "train.txt"))
    phrases = list(searches.negations(trees, searches.ANY))
    model = cdjax.load(world / "seed-1")
    distributions = {
        (d["context"], d["search"], d["method"], d["rule"]): d
        for d in read(results, "negation")["distributions"]
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
    of_cd = distributions["review", "any", "cd", "acd"]
    np.testing.assert_allclose(of_cd["positive"], expected[True], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(of_cd["negative"], expected[False], rtol=1e-3, atol=1e-5)


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
    (distribution,) = (
        d
        for d in read(results, "negation")["distributions"]
        if (d["context"], d["search"], d["method"]) == ("review", "any", "loo")
    )
    assert negation.REMOVING[0] == "loo"
    assert distribution["positive"][0] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_neighbours_are_those_of_the_mean_interactions(world, results):
    """Against the recursion, one occurrence at a time."""
    model = cdjax.load(world / "seed-1")
    sums, counts = {}, {}

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(None, 0))
    def vectors(x, inside):
        return cdjax.decompose(model.classifier.layers, x, inside).beta[-1]

    for split in ("train", "dev"):
        for tree in read_trees(world / "sst" / f"{split}.txt"):
            ids = model.vocabulary.encode(tree.tokens)
            alone = np.eye(len(ids), dtype=bool)
            both = alone[:-1] | alone[1:]
            x = model.classifier.embedding[ids]
            beta = np.asarray(vectors(x, np.concatenate([alone, both])))
            words, pairs = beta[: len(ids)], beta[len(ids) :]
            occurrences = [((token,), word) for token, word in zip(tree.tokens, words, strict=True)]
            for t, pair in enumerate(pairs):
                occurrences.append((tuple(tree.tokens[t : t + 2]), pair - words[t] - words[t + 1]))
            for phrase, vector in occurrences:
                sums[phrase] = sums.get(phrase, 0) + vector
                counts[phrase] = counts.get(phrase, 0) + 1
    means = {phrase: sums[phrase] / counts[phrase] for phrase in sums}
    query = means["not", "bad"]

    def cosine(phrase):
        return means[phrase] @ query / np.linalg.norm(means[phrase]) / np.linalg.norm(query)

    others = [p for p in means if p not in {("not",), ("bad",), ("not", "bad")}]
    others.sort(key=cosine, reverse=True)
    document = read(results, "neighbours")
    rows = {(row["query"], row["rule"]): row for row in document["rows"]}
    assert {query for query, _ in rows} == {"not bad", "bad"}
    row = rows["not bad", "paper"]
    assert [phrase for phrase, _ in row["neighbours"]] == [" ".join(p) for p in others[:5]]
    for phrase, number in row["neighbours"]:
        assert number == pytest.approx(cosine(tuple(phrase.split(" "))), abs=1e-4)
    assert row["ranks"][0] == ["never dull", None]
    assert dict(rows["bad", "paper"]["ranks"])["awful"] >= 1
    assert "“very funny” does not occur in the trees and is left out." in document["notes"]
