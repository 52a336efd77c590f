import json
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import cdjax
import numpy as np
import pytest
from cdjax.cli import cache, main
from cdjax.text.vectors import WordVectors
from cdjax.text.vocabulary import Vocabulary
from cdjax.training.corpus import Corpus, TrainingData, order_labels, split_off
from cdjax.training.fit import (
    RANDOM_WIDTH,
    VECTOR_OPTIONS,
    VectorOptions,
    build_vocabulary,
    fit,
    make_embedding,
)
from cdjax.training.reviews import prepare_reviews, tokenize_reviews

WORDS = {"1": "awful", "3": "ordinary", "10": "lovely"}
FAST = ["--hidden=8", "--width=8", "--batch-size=8", "--learning-rate=0.03", "--patience=99"]


def write_reviews(path, count=90, seed=0):
    rng = np.random.default_rng(seed)
    lines = ["stars,body"]
    for _ in range(count):
        label = rng.choice(list(WORDS))
        fillers = rng.choice(["the", "film", "was", "it"], 3).tolist()
        fillers.insert(rng.integers(4), WORDS[label])
        lines.append(f"{label},{' '.join(fillers)}")
    path.write_text("\n".join(lines) + "\n")
    return path


def train(*arguments):
    return main(["train", *map(str, arguments), *FAST])


COLUMNS = "--text-column=body", "--label-column=stars"


def test_own_reviews_are_trained_on_and_explained(tmp_path, capsys, monkeypatch):
    kept = []
    monkeypatch.setattr(cache, "keep_compiled_programs", lambda: kept.append("programs"))
    data, out = write_reviews(tmp_path / "reviews.csv"), tmp_path / "model"
    log, curve = tmp_path / "log.jsonl", tmp_path / "curve.png"
    test = write_reviews(tmp_path / "test.csv", 30, seed=1)
    options = "--log", log, "--curve", curve, "--epochs=8", "--test", test
    assert train("--data", data, *COLUMNS, "--out", out, *options) == 0
    assert kept == ["programs"]
    printed = capsys.readouterr().out
    assert "word vectors begin at random" in printed
    assert f"{data}: 90 reviews" in printed
    assert "test: 100.00% of 30" in printed
    assert curve.read_bytes().startswith(b"\x89PNG")
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(records) == 8 * 4
    model = cdjax.load(out)
    assert model.labels == ("1", "3", "10")
    assert model.provenance["accuracy"]["test"]["balanced_accuracy"] == 1.0
    assert model.provenance["data"]["training_examples"] == 81
    assert sum(model.provenance["data"]["training_labels"].values()) == 81
    assert main(["explain", "the film was lovely", "--model", str(out)]) == 0
    assert "10" in capsys.readouterr().out
    ids = model.vocabulary.encode(["the", "film", "was", "lovely"])
    scores = cdjax.score_spans(model.classifier, ids, [[3, 4]])[0]
    assert scores.argmax() == 2


@pytest.mark.thorough
def test_a_network_of_other_cells_is_saved_and_explained(tmp_path, capsys):
    data, out, state = write_reviews(tmp_path / "reviews.csv"), tmp_path / "model", tmp_path / "s"
    network = "--cell=gru", "--layers=2", "--bidirectional", "--balanced", "--checkpoint", state
    arguments = "--data", data, *COLUMNS, "--out", out, "--epochs=8", "--test", data
    assert train(*arguments, *network) == 0
    printed = capsys.readouterr().out
    assert "dev balanced accuracy 100.00%" in printed
    assert "test: 100.00% of 90, 100.00% balanced" in printed
    model = cdjax.load(out)
    assert "Bidirectional(GRU 8, GRU 8), Bidirectional(GRU 8, GRU 8), ends" in repr(model)
    options = model.provenance["options"]
    assert (options["cell"], options["layers"], options["bidirectional"]) == ("gru", 2, True)
    assert main(["explain", "the film was lovely", "--model", str(out)]) == 0
    assert "lovely" in capsys.readouterr().out
    assert train(*arguments, "--overwrite", "--resume", "--checkpoint", state) == 2
    assert "is of a training with cell = gru; this one has lstm" in capsys.readouterr().err


def test_malformed_rows_are_left_out_and_reported(tmp_path, capsys):
    data = write_reviews(tmp_path / "reviews.csv", 40)
    data.write_text(data.read_text() + "3\n")
    assert train("--data", data, *COLUMNS, "--out", tmp_path / "model", "--epochs=1") == 0
    printed = capsys.readouterr().out
    assert f"left out: {data}, line 42: 1 fields; expected 2" in printed
    assert "1 malformed rows left out" in printed
    assert train("--data", data, *COLUMNS, "--out", tmp_path / "other", "--strict") == 2
    assert "line 42" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.thorough
def test_interrupted_it_says_how_to_go_on(tmp_path):
    data, out = write_reviews(tmp_path / "reviews.csv"), tmp_path / "model"
    words = ["--data", data, *COLUMNS, "--out", out, "--checkpoint", tmp_path / "state", *FAST]
    # A job in the background of a shell has SIGINT ignored, and so have the processes it starts.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heed}; from cdjax.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", code]
    command += ["train", *map(str, words), "--epochs=400"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("epoch"):
            running.send_signal(signal.SIGINT)
            break
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert re.search(r"stopped at step \d+ of .*; its state is in .*state", errors)
    assert errors.strip().endswith("--resume")
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume"], "--resume needs the --checkpoint"),
        (["--label-column=rating"], "no column 'rating' (--label-column)"),
        (["--checkpoint=none", "--resume"], "there is no checkpoint none"),
        (["--dev=dev.csv"], "dev.csv: no such file"),
        (["--cell=rnn"], "--cell: there is no 'rnn'; expected one of lstm, gru"),
    ],
)
def test_wrong_use_is_an_error(arguments, message, tmp_path, capsys):
    data = write_reviews(tmp_path / "reviews.csv", 20)
    assert train("--data", data, *COLUMNS, "--out", tmp_path / "model", *arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--curve=x.foo"], "x.foo: found the suffix '.foo'; expected a picture, .eps"),
        (["--curve=no/x.png"], "--curve no/x.png: there is no folder no; make it first"),
        (["--log=."], "--log . is a folder; expected a file"),
        (["--log=reviews.csv"], "--log reviews.csv is also the input"),
        (["--log=a.png", "--curve=a.png"], "--curve a.png is also --log"),
        (["--checkpoint=notes.txt"], "--checkpoint notes.txt exists; give another file or --over"),
        (["--out=notes.txt"], "notes.txt is no model folder"),
        (["--out=notes.txt/model"], "can't be made in"),
        (["--out=.", "--overwrite"], "is no model folder"),
        (["--vectors=none.npz"], "none.npz"),
        (["--layers=0"], "--layers is 0; expected at least 1"),
        (["--evaluations=0"], "--evaluations is 0; expected at least 1"),
    ],
)
def test_paths_are_checked_before_training(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cdjax.training.fit.train", lambda *_, **__: pytest.fail("trained"))
    data = write_reviews(tmp_path / "reviews.csv", 20)
    (tmp_path / "notes.txt").write_text("mine")
    assert train("--data", data, *COLUMNS, "--out", "model", *arguments) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "reviews.csv"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.filterwarnings("default")
def test_a_picture_that_fails_is_told_and_the_model_is_saved(tmp_path, capsys, monkeypatch):
    def fail(*_):
        raise RuntimeError("no font")

    monkeypatch.setattr("cdjax.training.curve.draw_curve", fail)
    data = write_reviews(tmp_path / "reviews.csv", 40)
    options = "--epochs=1", "--curve", tmp_path / "c.png", "--log", tmp_path / "log" / ".." / "l"
    (tmp_path / "log").mkdir()
    assert train("--data", data, *COLUMNS, "--out", tmp_path / "model", *options) == 0
    assert re.search(
        r"warning: --curve .*c\.png could not be written: no font", capsys.readouterr().err
    )
    assert len(cdjax.load(tmp_path / "model").labels) == 3


def test_a_part_is_split_off_by_label():
    labels = ["a"] * 40 + ["b"] * 10 + ["c"] * 2
    corpus = Corpus([[str(n)] for n in range(52)], labels)
    first, second = split_off(corpus, 0.1, seed=0)
    assert [second.labels.count(label) for label in "abc"] == [4, 1, 1]
    assert sorted(map(tuple, [*first.tokens, *second.tokens])) == sorted(map(tuple, corpus.tokens))
    assert split_off(corpus, 0.1, seed=0) == (first, second)
    assert split_off(corpus, 0.1, seed=1)[1] != second
    soft = corpus._replace(targets=np.eye(52), weights=np.arange(52.0))
    _, part = split_off(soft, 0.1, seed=0)
    chosen = [int(tokens[0]) for tokens in part.tokens]
    np.testing.assert_array_equal(part.targets, np.eye(52)[chosen])
    np.testing.assert_array_equal(part.weights, chosen)
    with pytest.raises(ValueError, match="only one text has the label 'b'"):
        split_off(Corpus([["x"]] * 3, ["a", "a", "b"]), 0.5, seed=0)


def test_rare_words_are_unknown_unless_there_is_a_vector():
    counts = {"film": 3, "zany": 1, "gem": 1}
    source = WordVectors(("gem", "Gem", "art"), np.zeros((3, 2), np.float32))
    assert build_vocabulary(counts, [], 2).words == ("<unk>", "film")
    assert build_vocabulary(counts, [source], 2).words == ("<unk>", "film", "gem", "art")


def test_an_embedding_is_random_where_there_are_no_vectors():
    vocabulary = Vocabulary(("<unk>", "film", "gem"))
    first, again, other = (make_embedding(vocabulary, [], VECTOR_OPTIONS, n) for n in (0, 0, 1))
    assert first.shape == (3, VECTOR_OPTIONS.width)
    assert first.std() == pytest.approx(VECTOR_OPTIONS.spread, rel=0.1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert make_embedding(vocabulary, [], VectorOptions(None), 0).shape == (3, RANDOM_WIDTH)
    source = WordVectors(("film", "gem"), np.eye(2, dtype=np.float32))
    known = make_embedding(vocabulary, [source], VECTOR_OPTIONS, 0)  # no wider than the vectors
    assert known.shape == (3, 2)
    np.testing.assert_array_equal(known[0], 0)


def test_texts_are_tokenized_in_lower_case_and_cut():
    corpus = tokenize_reviews([("It isn't BAD.", "1")], 4)
    assert corpus == Corpus([["it", "is", "n't", "bad"]], ["1"])


@pytest.mark.thorough
def test_processes_share_the_texts_in_order(monkeypatch):
    monkeypatch.setattr("cdjax.training.reviews.BLOCK", 3)
    texts = [(f"Film {n} isn't bad.", str(n % 2)) for n in range(10)]
    shared = tokenize_reviews(iter(texts), 5, processes=2)
    assert shared == tokenize_reviews(texts, 5)
    assert shared.tokens[9] == ["film", "9", "is", "n't", "bad"]
    assert shared.tokens[0][0] is shared.tokens[9][0]  # one string a word


@pytest.mark.parametrize(
    ("corpus", "dev", "message"),
    [
        (([], []), ([["x"]], ["1"]), "no training texts"),
        (([["x"]], ["1"]), ([["x"]], ["1"]), "all texts have the label '1'"),
        (([["x"], ["y"]], ["0", "1"]), ([["x"]], ["2"]), "dev text 0 has the label '2'"),
        (([["x"], []], ["0", "1"]), ([["x"]], ["1"]), "training text 1 has no words"),
    ],
)
def test_reviews_are_checked_first(corpus, dev, message):
    with pytest.raises(ValueError, match=message):
        fit(prepare_reviews(Corpus(*corpus), Corpus(*dev)))


def test_texts_to_choose_by_are_needed():
    with pytest.raises(ValueError, match="held_out has the names test; expected dev"):
        fit(TrainingData("a task", Corpus([["x"]], ["1"]), {"test": Corpus([["x"]], ["1"])}, {}))


def test_labels_are_in_order():
    assert order_labels(["b", "10", "2"]) == ("10", "2", "b")


ENDLESS = """
import itertools
from cdjax.training import reviews

reviews.BLOCK = 64
rows = ((f"a fine film, number {n}", "1") for n in itertools.count())
if __name__ == "__main__":
    reviews.tokenize_reviews(rows, None, processes=2)
"""


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to see processes")
def test_processes_end_with_one_that_is_killed(tmp_path):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)

    def wait_for(condition):
        for _ in range(600):
            if condition():
                return
            time.sleep(0.1)
        pytest.fail("waited for a minute")

    def children(pid):
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(c) for task in tasks for c in (task / "children").read_text().split()]

    def alive(pid):
        try:
            return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            return False

    with subprocess.Popen([sys.executable, str(script)]) as process:
        try:
            wait_for(lambda: len(children(process.pid)) >= 2)  # one tracks resources
            started = children(process.pid)
        finally:
            process.kill()
    wait_for(lambda: not any(map(alive, started)))


def test_words_that_are_mostly_unknown_are_told(tmp_path, capsys):
    data = Path(__file__).parents[1] / "cases" / "train-chinese" / "r.csv"
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert train("--data", data, "--out", tmp_path / "model", "--epochs=1") == 0
    (line, *_) = re.findall("cdjax train: warning: .*", capsys.readouterr().err)
    assert "training texts: the model knows none of the words" in line
    assert "where no spaces separate words, a clause is one" in line
