import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time

import cdjax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cdjax.cli import main
from cdjax.corpus import parts, scorer, spool

from tests.conftest import ROOT, RULE_CASES, random_classifier
from tests.scoring.test_batch import recursion

WORDS = ("<unk>", "it", "is", "n't", "a", "bad", "film")
REVIEWS = "It isn't a bad film.\n\nzzz yyy\nA film\n"


def save_model(path, classes=2, scale=1.0):
    labels = ("negative", "positive") if classes == 2 else ("one", "two", "three", "four")[:classes]
    classifier = random_classifier(
        np.random.default_rng(3), classes=classes, scale=scale, dtype=np.float32
    )
    classifier = classifier._replace(readout=12 * classifier.readout)
    cdjax.save(cdjax.Model(classifier, cdjax.Vocabulary(WORDS), labels, {}), path)
    return str(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with one file of reviews."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "reviews.txt").write_text(REVIEWS)
    return tmp_path


HEED = "import runpy; runpy.run_module('cdjax', run_name='__main__', alter_sys=True)"


def start(*argv, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    return subprocess.Popen(
        [sys.executable, "-m", "cdjax", *argv], env=environment, text=True, **options
    )


def test_score(here, model, capsys):
    assert (
        main(["score", "reviews.txt", "--out", "out", "--model", model, "--verify", "9", "--texts"])
        == 0
    )
    out, err = capsys.readouterr()
    assert err == ""  # a pipe shows no bar
    assert "\x1b" not in out
    first = r"4 reviews, 11 words, 34 phrases in [\d.]+ s: [\d,]+ phrases a second, at most [\d.]+"
    assert re.match(first, " ".join(out.split()))
    assert "1 empty" in out
    assert re.search(r"\d phrases verified in float64: .* \d\.\de-\d\d \(bound 1e-05\)", out)
    assert "warning: 1 without a single word" in out
    assert "Phrases of up to 5 words, the strongest of each review, none twice" in out
    rows = pq.read_table("out/spans").to_pylist()
    assert len(rows) == 28 + 0 + 3 + 3
    best = max((row for row in rows if row["stop"] - row["start"] <= 5), key=lambda r: r["score"])
    (line,) = re.findall(r"Most positive\n(.*)\n", out)
    assert line.split() == [f"{best['score']:+.2f}", *best["text"].split(), "doc", str(best["doc"])]
    worst = min((row for row in rows if row["stop"] - row["start"] <= 5), key=lambda r: r["score"])
    (line,) = re.findall(r"Most negative\n(.*)\n", out)
    assert line.split()[0] == f"{worst['score']:+.2f}"
    manifest = json.loads((here / "out/manifest.json").read_text())
    assert manifest["input"] == [str(here / "reviews.txt")]
    assert manifest["model"] == model
    assert manifest["command"].startswith("cdjax score reviews.txt --out out --model ")


@pytest.mark.parametrize("rule", RULE_CASES)
def test_score_under_each_rule(here, model, rule):
    argv = ["score", "reviews.txt", "--out", "out", "--model", model, "--rule", rule.name]
    assert main([*argv, "--max-len", "1", "--texts"]) == 0
    loaded = cdjax.load(model)
    x = loaded.classifier.embedding.astype(float)[[4, 6]]
    logits = recursion(loaded.classifier, x, [(0, 1), (1, 2)], rule)
    rows = pq.read_table("out/spans").to_pylist()[-2:]
    assert [row["text"] for row in rows] == ["A", "film"]
    np.testing.assert_allclose([r["score"] for r in rows], logits[:, 1] - logits[:, 0], atol=1e-5)
    assert json.loads((here / "out/manifest.json").read_text())["run"]["rule"]["name"] == rule.name


def test_score_overwrites_only_scores(here, model, capsys):
    argv = ["score", "reviews.txt", "--out", "out", "--model", model, "--max-len", "1"]
    assert main(argv) == 0
    fail(argv, capsys, "out exists; give another folder or --overwrite", first=True)
    assert main([*argv, "--overwrite"]) == 0
    (here / "out/manifest.json").unlink()
    assert main([*argv, "--overwrite"]) == 2
    assert list((here / "out/spans").iterdir())


def test_score_of_trees(here, model):
    (here / "dev.txt").write_text("(3 (2 It) (4 (2 isn't) (4 bad)))\n")
    assert main(["score", "dev.txt", "--out", "out", "--model", model, "--max-len", "1"]) == 0
    assert pq.read_table("out/documents")["tokens"].to_pylist() == [["It", "isn't", "bad"]]


def test_score_leaves_out_what_it_cannot_read(here, model, capsys):
    (here / "r.csv").write_text("id,text\n1,a film\n2\n3,bad\n")
    argv = ["score", "r.csv", "--out", "out", "--model", model, "--id-column", "id"]
    assert main(argv) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "warning: 1 records have no scores; where and why is in rejects.parquet" in out
    assert "r.csv, line 3: 1 fields; expected 2" in out
    assert pq.read_table("out/documents")["id"].to_pylist() == ["1", "3"]
    fail([*argv[:3], "strict", *argv[4:], "--strict"], capsys, r"r\.csv, line 3: 1 fields")
    assert not (here / "strict").exists()


def test_score_of_standard_input_and_of_several_files(here, model):
    (here / "a.txt").write_text("a film\n")
    (here / "b.jsonl").write_text(json.dumps({"text": "bad", "stars": 5}) + "\n")
    argv = ["--model", model, "--max-len", "1"]
    assert main(["score", "a.txt", "b.jsonl", "--out", "two", *argv]) == 0
    assert pq.read_table("two/documents")["text"].to_pylist() == ["a film", "bad"]
    process = start("score", "-", "--out", "one", *argv, stdin=-1, stdout=-1, stderr=-1)
    _, err = process.communicate("a bad film\nbad\n", timeout=120)
    assert (process.returncode, err) == (0, "")
    assert pq.read_table("one/documents")["text"].to_pylist() == ["a bad film", "bad"]
    assert main(["score", "b.jsonl", "--out", "kept", *argv, "--keep", "stars", "--top", "1"]) == 0
    assert pq.read_table("kept/documents")["stars"].to_pylist() == ["5"]


def test_progress_as_json(here, model, capsys):
    argv = ["score", "reviews.txt", "--out", "out", "--model", model, "--log-json"]
    assert main(argv) == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["stage"] for line in lines] == ["read", "score", "score"]
    last = lines[-1]
    assert (last["reviews"], last["of"], last["spans"], last["seconds_left"]) == (4, 4, 34, 0.0)
    assert last["spans_a_second"] > 0
    assert last["peak_memory_bytes"] > 5e7


def test_profile(here, model):
    argv = ["score", "reviews.txt", "--out", "out", "--model", model, "--max-len", "1"]
    assert main([*argv, "--profile", "profile"]) == 0
    assert list((here / "profile").rglob("*.xplane.pb"))


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.thorough)]
)
def test_a_signal_finishes_the_part_and_says_how_to_go_on(here, model, number, monkeypatch):
    (here / "long.txt").write_text("a film\n" * 1_000)
    monkeypatch.setattr(spool, "PART_REVIEWS", 50)
    argv = ["score", "long.txt", "--out", "out", "--model", model, "--max-len", "1"]
    heed = f"import signal; signal.signal({int(number)}, signal.SIG_DFL); "
    parts = "from cdjax.corpus import spool; spool.PART_REVIEWS = 50; "
    process = subprocess.Popen(
        [sys.executable, "-c", f"{heed}{parts}{HEED}", *argv],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
        stderr=subprocess.PIPE,
    )
    try:
        while process.poll() is None and not list(here.glob("out/.cdjax/part-*.json")):
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()  # where it did not end by itself
        process.wait()
    assert process.returncode == 128 + number
    assert re.fullmatch(
        r"cdjax score: error: stopped; \d+ of 20 parts are finished; go on with --resume\.\n", err
    )
    assert main([*argv, "--resume"]) == 0
    assert pq.read_table("out/documents")["doc"].to_pylist() == list(range(1_000))


def test_score_of_csv_options(here, model):
    (here / "r.csv").write_text("7,A film\n8,bad\n")
    argv = ["score", "r.csv", "--out", "out", "--model", model, "--max-len", "1"]
    assert main([*argv, "--no-header", "--text-column", "2", "--id-column", "1"]) == 0
    assert pq.read_table("out/documents")["id"].to_pylist() == ["7", "8"]


def fail(argv, capsys, message, code=2, first=False):
    if first:  # what was printed before is of no interest
        capsys.readouterr()
    assert main(argv) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(rf"cdjax {argv[0]}: error: [^\n]*{message}[^\n]*\n", err), err


BAD_INPUT = {
    "missing": ("none.txt", None, [], r"none\.txt: no such file"),
    "folder": ("empty", None, [], r"empty is a folder without a file of reviews"),
    "type": ("a.docx", b"x", [], r"unknown file type; .*--format NAME"),
    "column": ("a.csv", b"id,text\n1,a\n", ["--text-column", "t"], r"no column 't'.*'id', 'text'"),
    "utf-8": ("a.txt", b"ok\ncaf\xe9\n", [], r"a\.txt, line 2: byte 0xe9 at offset 6"),
    "row": ("a.csv", b"id,text\n2,b,c\n", ["--strict"], r"a\.csv, line 2: 3 fields; expected 2"),
    "quote": ("a.csv", b'text\n"a\nb\n', [], r"a\.csv, line 2: .*never closed"),
    "json": ("a.jsonl", b"{,}\n", [], r"all 1 rec.*a\.jsonl, line 1: malformed JSON"),
    "null": ("a.jsonl", b'{"text": null}\n', [], r"a\.jsonl, line 1: the text is null"),
    "parquet": ("a.parquet", b"PAR1", [], r"a\.parquet: not a readable Parquet file"),
    "nothing": ("a.txt", b"", [], r"no review in the input"),
    "long": (
        "a.txt",
        b"ok\n" + b"a " * 2001,
        ["--strict"],
        r"the review has at least 2,001 words.*--max-len",
    ),
    "max-len": ("a.txt", b"a", ["--max-len", "0"], r"--max-len: '0'; expected a whole number"),
    "verify": ("a.txt", b"a", ["--verify", "-1"], r"--verify: '-1'; expected a whole number"),
    "rule": ("a.txt", b"a", ["--rule", "new"], r"--rule: there is no 'new'; expected"),
    "format": ("a.txt", b"a", ["--format", "xml"], r"--format: there is no 'xml'; expected"),
    "option": ("a.txt", b"a", ["--fast"], r"there is no option '--fast'; leave"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input(here, model, capsys, case):
    name, content, options, message = BAD_INPUT[case]
    (here / "empty").mkdir()
    if content is not None:
        (here / name).write_bytes(content)
    before = sorted(here.iterdir())
    argv = ["score", name, "--out", "out", "--model", model, *options]
    fail(argv, capsys, message)
    assert sorted(here.iterdir()) == before


def test_bad_use(here, model, capsys):
    fail(["score", "reviews.txt"], capsys, "arguments are required: --out")
    for text in ("", " \n"):
        fail(["explain", text, "--model", model], capsys, "the text is empty")
    fail(["explain", "a " * 7001, "--model", model], capsys, "the text has 7,001 words")
    argv = ["explain", "a " * 2001, "--model", model, "--tree"]
    fail(argv, capsys, "the text has 2,001 words")


def test_bad_output(here, model, capsys):
    (here / "file").write_text("x")
    fail(
        ["score", "reviews.txt", "--out", "file/out", "--model", model],
        capsys,
        r"file[/\w.]*: (File exists|Not a directory)",
    )


@pytest.mark.parametrize("command", [["explain", "A film"], ["score", "reviews.txt", "--out", "o"]])
def test_bad_model(here, model, capsys, command):
    fail([*command, "--model", "none"], capsys, "no model at none")
    (here / "folder").mkdir()
    fail([*command, "--model", "folder"], capsys, r"folder is not a model: it has no model\.json")
    shutil.copytree(model, here / "damaged")
    weights = (here / "damaged/weights.safetensors").read_bytes()
    (here / "damaged/weights.safetensors").write_bytes(weights[:-8])
    fail([*command, "--model", "damaged"], capsys, r"weights\.safetensors is damaged or of another")
    (here / "damaged/model.json").write_text('{"format": "pickle"}')
    fail([*command, "--model", "damaged"], capsys, r"model\.json is not a cdjax model")


def test_failed_verification(here, model, capsys, monkeypatch):
    monkeypatch.setattr(parts, "largest_difference", lambda *_: 2e-5)
    argv = ["score", "reviews.txt", "--out", "out", "--model", model, "--verify", "3"]
    fail(argv, capsys, r"differs by 2e-05, more than the bound 1e-05\. Please report", code=1)
    assert not (here / "out").exists()


def test_a_bug_of_ours_is_not_hidden(here, model, monkeypatch):
    def broken(*_):
        raise ValueError("a bug")

    monkeypatch.setattr(scorer, "score_all_spans", broken)
    with pytest.raises(ValueError, match="a bug"):
        main(["score", "reviews.txt", "--out", "out", "--model", model])


def test_interruption(here, model):
    (here / "long.txt").write_text(("a bad film " * 100 + "\n") * 400)
    # A job in the background of a shell has SIGINT ignored, and so have the processes it starts.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    process = subprocess.Popen(
        [sys.executable, "-c", heed + HEED, "score", "long.txt", "--out", "out", "--model", model],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
        stderr=subprocess.PIPE,
    )
    try:
        while process.poll() is None and not list(here.glob("out/.cdjax/input.parquet")):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()  # where it did not end by itself
        process.wait()
    # Python ends itself by the signal if it arrives inside of exec(): 130 to a shell, too.
    assert process.returncode in (130, -signal.SIGINT)
    assert re.search("cdjax score: (error: )?interrupted", err)
    assert sorted(p.name for p in here.iterdir()) == ["long.txt", "reviews.txt"]


@pytest.mark.parametrize("command", ["score", "explain"])
def test_interruption_at_any_moment(here, model, command):
    """While modules are imported, too, where an exception could be lost or end in a crash."""
    heed = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    # "begun" follows start()'s handler of the signal: Python's own would print a traceback.
    code = f"{heed}from cdjax import cli; main = cli.main; cli.main = lambda: "
    code += "(print('begun', flush=True), main())[1]; cli.start()"
    words = {"score": ["reviews.txt", "--out", "out"], "explain": ["a bad film"]}[command]
    for wait in (0.001, 0.3, 1.0):
        process = subprocess.Popen(
            [sys.executable, "-c", code, command, *words, "--model", model],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        ended = process.returncode == -signal.SIGINT and not err  # Python was about to end
        if process.returncode == 0 or ended:
            assert out
            assert wait > 0.5
            continue
        # Python ends itself by the signal if it arrives inside of exec(): 130 to a shell, too.
        assert process.returncode in (130, -signal.SIGINT), (wait, err)
        assert re.fullmatch(r"cdjax( score)?: (error: )?interrupted.*\n", err)


def test_one_line_from_a_real_process(here):
    done = start("score", "none.csv", "--out", "o", stdout=-1, stderr=-1)
    out, err = done.communicate(timeout=60)
    assert (done.returncode, out, err) == (2, "", "cdjax score: error: none.csv: no such file.\n")


def test_bar_and_colour_on_a_terminal(here, model):
    master, terminal = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CI")}
    process = subprocess.Popen(
        [sys.executable, "-m", "cdjax", "score", "reviews.txt", "--out", "o", "--model", model],
        env=environment | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "80"},
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    assert process.wait(timeout=60) == 0
    assert b"Scoring" in shown
    assert b"4/4" in shown
    assert b"\x1b[1m34 phrases" in shown


def test_help_and_version(capsys):
    for argv, words in (
        (["--help"], ("COMMAND", "score", "explain", "examples:")),
        (["score", "--help"], ("spans/part-*.parquet", "odds", "--verify", "examples:")),
        (["explain", "--help"], ("logits", "--max-len", "examples:", "interaction")),
        (["--version"], ("cdjax 0.",)),
    ):
        assert main(argv) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert all(word in out for word in words)
        assert max(map(len, out.splitlines())) <= 90


def test_help_loads_no_command():
    code = "import sys; from cdjax.cli import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"pyarrow", "rich", "nltk", "cdjax.cli.score", "cdjax.cli.explain"} & loaded


def explained(text, model, capsys, *options):
    """What is printed, of contextual decomposition by the paper's rule where none is named."""
    rule = () if {"--rule", "--method"} & set(options) else ("--rule", "paper")
    assert main(["explain", text, "--model", model, *rule, *options]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "\x1b" not in out
    return out


def test_parquet_input(here, model):
    pq.write_table(pa.table({"body": ["A film"], "n": [3]}), "r.parquet")
    argv = ["score", "r.parquet", "--text-column", "body", "--id-column", "n", "--out", "o"]
    assert main([*argv, "--model", model]) == 0
    assert pq.read_table("o/documents")["id"].to_pylist() == ["3"]


@pytest.mark.thorough
@pytest.mark.parametrize("switch", ["on", "off"])
def test_compiled_programs_are_kept(here, model, switch, monkeypatch):
    monkeypatch.setenv("CDJAX_CACHE", switch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    printed = set()
    for _ in range(2 if switch == "on" else 1):
        process = start(
            "explain",
            "a bad film",
            f"--model={model}",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
        printed.add(out)
    assert len(printed) == 1
    assert any(here.glob("cache/cdjax/jax/*")) == (switch == "on")
