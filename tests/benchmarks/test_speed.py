"""The benchmarks themselves: how they count, how they extrapolate, and that they run."""

import importlib.util
import itertools
import json

import cdjax
import numpy as np
import pytest
from benchmarks.speed import __main__ as command
from benchmarks.speed import measure
from benchmarks.speed.extrapolation import draw, extrapolate
from benchmarks.speed.flat import LENGTHS, count_reviews
from benchmarks.speed.floor import TILE, make_floor
from benchmarks.speed.memory import keep_last_starts
from benchmarks.speed.peers import find_peers
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import make_setup, synthetic_lengths
from benchmarks.speed.work import (
    count_corpus_steps,
    count_steps,
    make_job,
    random_classifier,
    random_reviews,
)
from cdjax.engine.run import shapes_for
from cdjax.engine.shapes import choose_shape
from cdjax.scoring.verify import BOUND, Check
from cdjax.spans import count_spans

from tests.conftest import ROOT

HEAVY = {"memory", "cold_start", "devices"}  # start processes


def numbers_in(value):
    if isinstance(value, dict):
        return itertools.chain.from_iterable(map(numbers_in, value.values()))
    if isinstance(value, list):
        return itertools.chain.from_iterable(map(numbers_in, value))
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize(
    ("length", "spans", "steps"),
    [
        (4, [[0, 1]], 1 + 3),
        (4, [[0, 4]], 4),  # no tail
        (4, [[1, 2], [1, 3]], 2 + 2 + 1),  # one trunk
        (4, [[0, 2], [1, 2]], 2 + 1 + 2 + 2),  # two
        (3, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]], 3 + 2 + 1 + 2 + 1 + 0 + 1),
    ],
)
def test_useful_steps_are_counted_by_trunk_and_tail(length, spans, steps):
    review = np.zeros((length, 1))
    assert count_steps(make_job([review], [np.array(spans)])) == steps
    assert count_steps(make_job([review] * 3, [np.array(spans)] * 3)) == 3 * steps


def test_useful_steps_of_a_corpus():
    lengths = [1, 7, 20, 7]
    closed_form = sum((t**3 - t) // 6 + t * (t + 1) // 2 for t in lengths)
    assert count_corpus_steps(lengths) == count_corpus_steps([*lengths, 0]) == closed_form
    assert count_corpus_steps([5], max_len=1) == 5 + 4 + 3 + 2 + 1


def test_an_exact_proportion_is_extrapolated_exactly():
    estimate = extrapolate([0.2, 0.6, 0.4], [1, 3, 2], whole=100)
    assert estimate == pytest.approx((20.0, 0.0, 3))


def test_the_extrapolation_is_unbiased_and_its_error_right():
    sizes = np.array([1.0, 2.0, 5.0])
    seconds = np.array([3.0, 1.0, 4.0])  # in no proportion
    probabilities = sizes / sizes.sum()
    mean = spread = told = 0.0
    for drawn in itertools.product(range(3), repeat=3):  # every sample of three, by its chance
        drawn = list(drawn)
        chance = probabilities[drawn].prod()
        estimate = extrapolate(seconds[drawn], sizes[drawn], sizes.sum())
        mean += chance * estimate.seconds
        spread += chance * (estimate.seconds - seconds.sum()) ** 2
        told += chance * estimate.standard_error**2
    assert mean == pytest.approx(seconds.sum())
    assert told == pytest.approx(spread)


def test_parts_are_drawn_in_proportion_to_their_size():
    drawn = draw([1, 0, 3], 40_000, seed=0)
    assert np.bincount(drawn, minlength=3) == pytest.approx([10_000, 0, 30_000], abs=500)


def test_one_part_gives_no_error():
    with pytest.raises(ValueError, match="1 parts were drawn"):
        extrapolate([1.0], [1.0], 2.0)


def test_a_wrong_answer_is_never_timed():
    classifier = random_classifier(5, 3, 9)
    (ids,) = random_reviews([6], 9)
    score = cdjax.score_spans(classifier, ids, [[1, 3]])[0]
    right = measure.check(classifier, [Check(ids, 1, 3, score)], cdjax.PAPER, "right")
    assert right <= BOUND
    wrong = [Check(ids, 1, 3, score + np.float32(1e-4))]
    with pytest.raises(measure.WrongAnswerError, match="shifted"):
        measure.check(classifier, wrong, cdjax.PAPER, "shifted")
    with pytest.raises(measure.WrongAnswerError, match="nothing was checked"):
        measure.check(classifier, [], cdjax.PAPER, "empty")


def test_checks_are_drawn_with_their_own_scores():
    reviews = random_reviews([3, 1, 4], 9)
    results = cdjax.score_all_spans(random_classifier(5, 3, 9), reviews)
    for check in measure.draw_checks(reviews, results, 40):
        n = next(n for n, ids in enumerate(reviews) if ids is check.ids)
        (row,) = np.flatnonzero((results[n].spans == [check.start, check.stop]).all(axis=1))
        np.testing.assert_array_equal(check.score, results[n].scores[row])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in acd
@pytest.mark.parametrize("name", ["acd.cd_text", "PyTorch batch", "vmap acd", "vmap paper"])
def test_peers_are_right(name):
    if not name.startswith("vmap"):
        for package in ("torch", "acd")[: 1 + name.startswith("acd")]:
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"{package} is not installed")
    classifier = random_classifier(5, 3, 9)
    reviews = random_reviews([3, 1, 4], 9)
    (peer,) = (peer for peer in find_peers(classifier, reviews)[0] if peer.name == name)
    checks = []
    for part in range(len(peer.sizes)):
        n, spans = peer.spans(part)
        scores = np.asarray(peer.score(part))
        assert scores.shape == (len(spans), 2)
        checks += [
            Check(reviews[n], *span, score)
            for span, score in zip(spans.tolist(), scores, strict=True)
        ]
    assert len(checks) == 6 + 1 + 10
    measure.check(classifier, checks, peer.rule, name)


@pytest.mark.parametrize("length", LENGTHS)
def test_reviews_of_every_length_make_whole_jobs(length):
    classifier = random_classifier(168, 3, 9)
    count = count_reviews(classifier, length)
    largest = shapes_for(classifier)[-1]
    rows, spans = count * length, count * count_spans(length)
    jobs = -(-spans // largest.states)
    assert jobs == 1 or count == 1  # a review of more spans than a job holds takes several
    assert choose_shape(rows, spans // jobs, (largest,)) == largest
    assert rows > largest.rows // 3 or spans > largest.states // 3


def test_spans_that_start_last():
    assert keep_last_starts(4, 5).tolist() == [[2, 3], [2, 4], [3, 4]]


def test_the_floor_does_the_work_it_says():
    floor = make_floor(8, TILE + 1)
    assert floor.steps == 2 * TILE


def test_without_data_the_lengths_are_synthetic_and_said_to_be(tmp_path):
    setup = make_setup(tmp_path / "dev.txt")
    assert setup.lengths == synthetic_lengths()
    assert "synthetic" in setup.source
    assert 2 <= min(setup.lengths) < 5 < 40 < max(setup.lengths) <= 49


def test_lengths_come_from_trees(tmp_path):
    path = tmp_path / "dev.txt"
    path.write_text("(3 (2 It) (4 (2 is) (4 good)))\n(2 no)\n", encoding="utf-8")
    setup = make_setup(path)
    assert setup.lengths == (3, 1)
    assert setup.trees == path


def run_quick(names, tmp_path, capsys):
    out = tmp_path / "speed.json"
    missing = str(tmp_path / "nothing.txt")
    command.main(["--quick", "--only", ",".join(names), "--out", str(out), "--data", missing])
    record = json.loads(out.read_text(encoding="utf-8"))
    printed = capsys.readouterr().out
    command.main(["--markdown", str(out)])
    return record, printed, capsys.readouterr().out


def check_record(record, printed, names):
    assert list(record["benchmarks"]) == names
    assert record["versions"]["cdjax"]
    assert record["quick"] is True
    assert "synthetic" in record["lengths"]
    for name, result in record["benchmarks"].items():
        assert f"## {name}" in printed
        assert np.isfinite(list(numbers_in(result))).all()
        assert result["took_seconds"] > 0
        for difference in result.get("largest_difference", {}).values():
            assert 0 <= difference <= BOUND


@pytest.mark.slow
def test_quick_run(tmp_path, capsys, monkeypatch):
    # Peers are tested by themselves; importing torch takes its time.
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    names = [name for name in command.BENCHMARKS if name not in HEAVY]
    record, printed, markdown = run_quick(names, tmp_path, capsys)
    check_record(record, printed, names)
    corpus = record["benchmarks"]["corpus"]
    assert corpus["missing"] == [
        "PyTorch in batches: torch is not installed",
        "acd.cd_text: torch is not installed",
    ]
    assert len(corpus["raw_seconds"]["cdjax acd"]) == 2
    assert f"{corpus['sizes']['spans']:,} spans" in markdown
    assert "torch is not installed" in printed
    assert "torch is not installed" in markdown


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HEAVY))
def test_quick_run_in_processes(name, tmp_path, capsys):
    record, printed, markdown = run_quick([name], tmp_path, capsys)
    check_record(record, printed, [name])
    assert markdown.count("\n|") > 2


def test_numbers_and_tables_in_markdown():
    assert [figure(n) for n in (0.01234, 1.234, 123.4, 12345.6)] == [
        "0.0123",
        "1.23",
        "123",
        "12,346",
    ]
    text = "| a | bcd |\n| - | --: |\n| x |   1 |"
    assert table(("a", "bcd"), [("x", 1)]) == text


def test_unknown_benchmarks_are_named(capsys):
    with pytest.raises(SystemExit):
        command.main(["--only", "corpse"])
    assert "corpse" in capsys.readouterr().err


def test_every_benchmark_is_a_module():
    modules = {path.stem for path in (ROOT / "benchmarks" / "speed").glob("*.py")}
    assert set(command.BENCHMARKS) <= modules
