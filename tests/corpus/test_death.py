"""Whatever ends a run, and whenever: nothing is lost, and what `--resume` makes is the same.

A server that has imported everything forks a process for each run, so that hundreds of them take
minutes. It has not used JAX, so its forks may.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import cdjax
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT, random_classifier

pytestmark = pytest.mark.slow

SERVER = """
    import json, os, resource, signal, sys
    import cdjax.cli.score, cdjax.corpus.job, cdjax.cli.progress, cdjax.scoring.batch
    import cdjax.corpus.reviews, cdjax.corpus.runners.local, nltk.tokenize.destructive, rich.table
    import pyarrow.parquet, safetensors.numpy
    from cdjax.cli import main
    from cdjax.corpus import spool

    spool.PART_REVIEWS = 8
    for line in sys.stdin:
        request = json.loads(line)
        if (child := os.fork()) == 0:
            status = 1
            try:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error of writing instead
                for target, flags in ((1, "out"), (2, "err")):
                    file = os.open(request[flags], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
                    os.dup2(file, target)
                if request["largest"] is not None:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest"],) * 2)
                if request["user"] is not None:
                    os.setuid(request["user"])
                status = main(request["argv"])
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        print(child, flush=True)
"""


@pytest.fixture(scope="module")
def base():
    """A folder that other users can read, with a model, reviews and an undisturbed result."""
    base = Path(tempfile.mkdtemp(prefix="cdjax-death-"))
    base.chmod(0o755)
    rng = np.random.default_rng(0)
    words = ["a", "bad", "film", "is", "not"]
    classifier = random_classifier(rng, words=6, dtype=np.float32)
    labels = ("negative", "positive")
    cdjax.save(cdjax.Model(classifier, cdjax.Vocabulary.of(words), labels, {}), base / "model")
    lines = [" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(200)]
    (base / "reviews.txt").write_text("\n".join(lines) + "\n")
    yield base
    shutil.rmtree(base)


class Server:
    """Runs of `cdjax score`."""

    def __init__(self, base):
        self.base = base
        (base / "server.py").write_text(textwrap.dedent(SERVER))
        (base / "compiled").mkdir()
        (base / "compiled").chmod(0o777)
        cache = {"JAX_COMPILATION_CACHE_DIR": str(base / "compiled")}
        environment = os.environ | cache | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, base / "server.py"],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def start(self, out, *options, largest=None, user=None, log="log"):
        """Start a run and return its process."""
        argv = ["score", str(self.base / "reviews.txt"), "--model", str(self.base / "model")]
        request = {
            "argv": [*argv, "--out", str(out), *options],
            "out": str(self.base / f"{log}.out"),
            "err": str(self.base / f"{log}.err"),
            "largest": largest,
            "user": user,
        }
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def wait(self, pid, log="log"):
        """Wait until a run has ended; return whether it says what went wrong, in one line."""
        while running(pid):
            time.sleep(0.002)
        return (self.base / f"{log}.err").read_text()

    def run(self, out, *options, **keywords):
        return self.wait(self.start(out, *options, **keywords), keywords.get("log", "log"))


def running(pid):
    """Whether a process runs, or one of its threads: they keep its files open for a moment."""
    try:
        dead = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return not dead or len(os.listdir(f"/proc/{pid}/task")) > 1
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def server(base):
    server = Server(base)
    assert server.run(base / "whole") == ""
    yield server
    server.process.communicate()


@pytest.fixture(scope="module")
def whole(server, base):
    """What an undisturbed run writes, and how long it takes."""
    begun = time.perf_counter()
    assert server.run(base / "again") == ""
    seconds = time.perf_counter() - begun
    assert read(base / "again") == read(base / "whole")
    return read(base / "whole"), seconds


def read(out):
    """Every row of every file."""
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    return {f: pq.read_table(out / f) if f.endswith(".parquet") else None for f in files}


def told(err):
    """Whether a message is one line, and no traceback."""
    return err.startswith("cdjax score: error: ") and err.count("\n") == 1


@pytest.mark.parametrize("seed", range(100))
def test_killed_at_any_moment(server, base, whole, seed):
    rng = np.random.default_rng(seed)
    content, seconds = whole
    out = base / f"killed{seed}"
    for _ in range(rng.integers(1, 4)):
        pid = server.start(out, "--resume")
        time.sleep(rng.uniform(0, 1.1) * seconds)
        if running(pid):
            os.kill(pid, signal.SIGKILL)
        server.wait(pid)
    assert server.run(out, "--resume") == ""
    assert read(out) == content
    assert sorted(p.name for p in base.glob(f".killed{seed}*")) == []
    shutil.rmtree(out)


@pytest.mark.parametrize("seed", range(50))
def test_killed_while_it_replaces_a_result(server, base, whole, seed):
    """The old result or the new one is there at any moment, whole."""
    rng = np.random.default_rng(seed)
    new, seconds = whole
    out = base / f"replaced{seed}"
    assert server.run(out, "--max-len", "2") == ""
    old = read(out)
    pid = server.start(out, "--overwrite")
    time.sleep(rng.uniform(0.5, 1.1) * seconds)
    if running(pid):
        os.kill(pid, signal.SIGKILL)
    server.wait(pid)
    there = {name: rows for name, rows in read(out).items() if not name.startswith(".cdjax/")}
    assert there in (old, new)
    err = server.run(out, "--resume")
    if err:  # it had not begun
        assert told(err)
        assert "another" in err
        assert server.run(out, "--overwrite") == ""
    assert read(out) == new
    assert sorted(p.name for p in base.glob(f".replaced{seed}*")) == []


@pytest.mark.parametrize("seed", range(25))
def test_a_full_disk(server, base, whole, seed):
    """A file can't grow beyond a size, which is smaller than some that are to be written."""
    content, _ = whole
    out = base / f"full{seed}"
    largest = max(p.stat().st_size for p in (base / "whole").rglob("*.parquet"))
    err = server.run(out, largest=int(np.random.default_rng(seed).integers(0, largest)))
    assert told(err), err
    assert "too large" in err
    assert server.run(out, "--resume") == ""
    assert read(out) == content


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to run as another user")
@pytest.mark.parametrize("seed", range(25))
def test_a_folder_that_becomes_read_only(server, base, whole, seed):
    content, seconds = whole
    out = base / f"locked{seed}"
    out.mkdir()
    nobody = 65534
    os.chown(out, nobody, nobody)
    pid = server.start(out, user=nobody)
    time.sleep(np.random.default_rng(seed).uniform(0, 1) * seconds)
    folders = [out, *(p for p in out.rglob("*") if p.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    err = server.wait(pid)
    for folder in folders:
        if folder.exists():
            folder.chmod(0o755)
    assert err == "" or told(err), err
    assert server.run(out, "--resume", user=nobody) == ""
    assert read(out) == content


@pytest.mark.parametrize("seed", range(25))
def test_a_folder_that_is_removed(server, base, whole, seed):
    content, seconds = whole
    out = base / f"removed{seed}"
    pid = server.start(out)
    time.sleep(np.random.default_rng(seed).uniform(0, 1) * seconds)
    shutil.rmtree(out, ignore_errors=True)
    err = server.wait(pid)
    assert err == "" or told(err), err
    shutil.rmtree(out, ignore_errors=True)
    assert server.run(out) == ""
    assert read(out) == content


@pytest.mark.parametrize("seed", range(25))
def test_two_writers(server, base, whole, seed):
    content, seconds = whole
    out = base / f"two{seed}"
    first = server.start(out, log="first")
    time.sleep(np.random.default_rng(seed).uniform(0, 1) * seconds)
    second = server.start(out, "--overwrite", log="second")
    errors = [server.wait(first, "first"), server.wait(second, "second")]
    assert all(err == "" or told(err) for err in errors), errors
    assert "" in errors
    assert read(out) == content
    assert sorted(p.name for p in base.glob(f".two{seed}*")) == []
