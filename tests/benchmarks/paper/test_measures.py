"""What is kept of a measure, and read again."""

import dataclasses
import json
import math

import cdjax
import numpy as np
import pytest
from benchmarks.paper.measures import MEASURES, Measure, _decode, _encode, is_defined, run_measure
from benchmarks.paper.statistics import Estimate
from cdjax.methods import make_methods

from benchmarks.paper import measures, phrase_labels, setting, steps
from tests.benchmarks.paper.conftest import make_model


def test_estimates_are_read_as_they_were_written():
    measured = {
        "ks": Estimate(0.5, 0.25, 0.75, (0.25, math.nan, 0.75)),
        "length": {"1": {"phrases": 3, "auc": 0.5}},
    }
    read = _decode(json.loads(json.dumps(_encode(measured), allow_nan=False)))
    assert read["length"] == measured["length"]
    assert read["ks"][:3] == measured["ks"][:3]
    assert math.isnan(read["ks"].resampled[1])
    assert read["ks"].resampled[::2] == (0.25, 0.75)


@pytest.fixture
def given(tmp_path):
    (tmp_path / "sst").mkdir()
    (tmp_path / "sst" / "dev.txt").write_text("(3 (2 a) (4 good))\n")
    subject = setting.make_subject("seed-0", "sst", make_model(0, 0.5), main=True)
    return setting.Setting(tmp_path, (subject,), sst=tmp_path / "sst", log=lambda text: None)


def test_a_measure_is_run_once_for_a_rule_a_split_and_a_number_of_resamples(given):
    calls = []

    def run(*arguments):
        calls.append(arguments[2:])
        return {"ks": Estimate(len(calls), None, None)}

    measure = Measure("toy", "x", "Toy", "ks", run, "dev", "test", 10)
    (subject,) = given.of("sst")
    renamed = cdjax.ACD._replace(name="another name")
    for rule in (cdjax.ACD, cdjax.ACD, renamed, cdjax.SHARED):
        run_measure(measure, given, subject, given.scorer(subject, rule), "choices")
    assert [(scorer.rule.name, *rest) for scorer, *rest in calls] == [
        ("acd", "dev", 10),
        ("shared", "dev", 10),
    ]
    scorer = given.scorer(subject, cdjax.ACD)
    assert run_measure(measure, given, subject, scorer, "choices")["ks"].value == 1
    run_measure(measure, given, subject, scorer, "choices", intervals=False)
    run_measure(measure, given, subject, scorer, "confirmation")
    assert [rest for _, *rest in calls[2:]] == [["dev", 0], ["test", 10]]
    (given.sst / "dev.txt").write_text("(3 (2 a) (3 good))\n")
    setting._digest_files.cache_clear()
    run_measure(measure, dataclasses.replace(given), subject, scorer, "choices")
    assert len(calls) == 5


def test_sums_of_words_have_no_interactions(given):
    (subject,) = given.of("sst")
    defined = {
        scorer.method.name: is_defined(MEASURES["negation"], scorer)
        for scorer in given.scorers(subject)
    }
    assert defined == {"cd": True, "gradient": False, "ig": False, "loo": True, "cell": False}
    assert [m.letter for m in measures.MEASURES.values() if m.decides] == list("abcde")


def test_what_is_in_a_split_is_asked_once(given):
    asked = []

    @setting.once_a_split
    def count(given, split, least=0):
        asked.append((given.quick, split, least))
        return sum(node.label >= least for tree in given.trees(split) for node in tree.nodes)

    (given.sst / "test.txt").write_text("(1 (2 a) (0 bad))\n" * 2)
    quick = dataclasses.replace(given, quick=True)
    for one in given, given, quick:
        assert [count(one, "dev"), count(one, "test"), count(one, "dev", 3)] == [3, 6, 2]
    wanted = [("dev", 0), ("test", 0), ("dev", 3)]
    assert asked == [(one, *two) for one in (False, True) for two in wanted]
    elsewhere = dataclasses.replace(given, sst=given.sst / "other")
    with pytest.raises(FileNotFoundError):
        count(elsewhere, "dev")


def test_nodes_of_some_trees_are_those_that_are_scored(given):
    texts = ["(3 (2 a) (4 good))", "(1 bad)", "(0 (1 no) (4 (3 so) (2 it)))"]
    (given.sst / "train.txt").write_text("\n".join(texts))
    (subject,) = given.of("sst")
    nodes = given.nodes(subject, given.scorer(subject, cdjax.ACD), "train", (0, 2))
    tree, size, after, label = phrase_labels._describe_nodes(given, "train", (0, 2))
    assert [(n, len(scores)) for n, scores in nodes.items()] == [(0, 3), (2, 5)]
    assert tree.tolist() == [0, 0, 0, 2, 2, 2, 2, 2]
    assert size.tolist() == [2, 1, 1, 3, 1, 2, 1, 1]
    assert after.tolist() == [0, 1, 0, 0, 2, 0, 1, 0]
    assert label.tolist() == [3, 2, 4, 0, 1, 4, 3, 2]


def test_steps_of_a_text_are_scored_once_whatever_is_asked_of_it(given):
    """Requests share texts; another process, or a later run, finds them in the files."""
    (subject,) = given.of("sst")
    gradient = make_methods(vocabulary=subject.model.vocabulary)["gradient"]
    asked = []

    def score(classifier, sequences, spans):
        asked.append([list(of) for of in sequences])
        return gradient.score(classifier, sequences, spans)

    scorer = setting.Scorer(gradient._replace(score=score), None)
    texts = [["a", "good", "film"], ["bad"], ["a", "good", "film"], ["not", "bad"]]
    spans = [[(0, 3), (1, 2), (2, 2)], [(0, 1)], [(1, 3)], []]
    ids = [subject.model.vocabulary.encode(tokens) for tokens in texts]

    def check(*chosen):
        found = given.score(
            subject, scorer, *([of[n] for n in chosen] for of in (texts, spans)), ""
        )
        direct = gradient.score(
            subject.model.classifier, *([of[n] for n in chosen] for of in (ids, spans))
        )
        for scores, result in zip(found, direct, strict=True):
            expected = result.scores[:, 1] - result.scores[:, 0]
            np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-7)

    check(0, 1)
    check(2, 1, 3)
    for path in list(given.scores_folder.glob("gradient-*.npz")):
        path.with_suffix(".1.part").write_bytes(b"what another process has begun to write")
    steps._known.cache_clear()
    check(0, 1, 2, 3)
    assert asked == [[list(ids[0]), list(ids[1])], [list(ids[3])]]
    other = setting.make_subject("other", "sst", make_model(1, 0.5), main=True)
    given.score(other, scorer, texts[:1], spans[:1], "")
    assert len(asked) == 3


def test_training_trees_are_a_sample():
    assert phrase_labels._sample(3) == (0, 1, 2)
    sample = phrase_labels._sample(8544)
    assert len(set(sample)) == phrase_labels.TRAINING_TREES
    assert list(sample) == sorted(sample)
    assert sample[-1] < 8544
