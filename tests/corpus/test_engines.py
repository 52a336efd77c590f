"""Engines that make the parts on several processes give what this process gives."""

import gc
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import cdjax
import numpy as np
import pyarrow.parquet as pq
import pytest
from cdjax.corpus import spool
from cdjax.corpus.errors import RejectedError, StoppedError
from cdjax.corpus.job import score_corpus
from cdjax.corpus.runners import ray as ray_runner

from tests.conftest import ROOT, random_classifier

WORDS = ["a", "bad", "film", "not", "it"]


@pytest.fixture
def model():
    classifier = random_classifier(np.random.default_rng(0), words=6, dtype=np.float32)
    return cdjax.Model(classifier, cdjax.Vocabulary.of(WORDS), ("negative", "positive"), {})


@pytest.fixture
def reviews(monkeypatch):
    monkeypatch.setattr(spool, "PART_REVIEWS", 3)
    rng = np.random.default_rng(1)
    return [" ".join(rng.choice(WORDS, rng.integers(1, 8))) for _ in range(20)]


def tables(out):
    """Everything a run has written, but for its seconds."""
    return {
        path.relative_to(out).as_posix(): pq.read_table(path)
        for path in sorted(Path(out).rglob("*.parquet"))
    }


needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'cdjax[ray]'"
)


@pytest.fixture(scope="module")
def ray():
    """Ray on this machine, for all tests."""
    ray = ray_runner._import_ray()
    ray_runner._start(ray, None)
    yield
    with warnings.catch_warnings():  # Ray 2.50 does not wait for the processes that it ends
        warnings.simplefilter("ignore", ResourceWarning)
        ray.shutdown()
        gc.collect()


@pytest.fixture
def pool(ray, monkeypatch, tmp_path):
    """A function that finds the processes of a pool."""
    token = str(tmp_path)
    environment = ray_runner._environment
    monkeypatch.setattr(
        ray_runner, "_environment", lambda threads: {**environment(threads), "CDJAX_TEST": token}
    )

    def find():
        for process in Path("/proc").glob("[0-9]*"):
            try:
                name, values = (
                    (process / "cmdline").read_bytes(),
                    (process / "environ").read_bytes(),
                )
            except OSError:
                continue
            if name.startswith(b"ray::") and f"CDJAX_TEST={token}".encode() in values.split(b"\0"):
                yield int(process.name)

    return find


@pytest.mark.slow
@needs_ray
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_ray_makes_the_same_parts(model, reviews, tmp_path, pool):
    score_corpus(model, reviews, tmp_path / "one", top=5)
    run = ray_runner.make_runner(2)

    def stop():
        return any(tmp_path.glob("many/spans/*.parquet"))

    with pytest.raises(StoppedError, match=r"1 of 7 parts are finished"):
        score_corpus(model, reviews, tmp_path / "many", top=5, runner=run, stop=stop)
    result = score_corpus(model, reviews, tmp_path / "many", top=5, runner=run, resume=True)
    assert result.manifest["counts"]["documents"] == 20
    assert tables(tmp_path / "many") == tables(tmp_path / "one")
    with pytest.raises(RejectedError, match="review 1: the review has at least 11 words"):
        score_corpus(
            model, ["a", "a " * 11], tmp_path / "s", strict=True, most_steps=60, runner=run
        )


@needs_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(5))
def test_a_process_of_ray_that_is_killed_is_replaced(model, reviews, tmp_path, pool, seed):
    many = reviews * 60
    score_corpus(model, many, tmp_path / "one")
    killed = []

    def kill():
        rng = np.random.default_rng(seed)
        while not (found := sorted(pool())) or not list(tmp_path.glob("many/spans/*.parquet")):
            time.sleep(0.01)
        time.sleep(rng.random())
        killed.append(found[rng.integers(len(found))])
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    score_corpus(model, many, tmp_path / "many", runner=ray_runner.make_runner(2))
    thread.join()
    assert killed
    assert tables(tmp_path / "many") == tables(tmp_path / "one")


@pytest.mark.parametrize(
    ("processors", "workers", "parts", "pool"),
    [(2, None, 9, (1, 2, 1.8)), (2, 2, 9, (2, 1, 0.9)), (64, None, 9, (9, 7, 6.4))],
)
def test_a_pool_leaves_processors_free(processors, workers, parts, pool):
    def cluster(free):
        all_, free = {"CPU": float(processors)}, {"CPU": float(free)}
        return SimpleNamespace(cluster_resources=lambda: all_, available_resources=lambda: free)

    assert ray_runner.plan_pool(cluster(processors), workers, parts) == pytest.approx(pool)
    with pytest.warns(UserWarning, match=f"of the {processors} processors .* 0.5 are free"):
        ray_runner.plan_pool(cluster(0.5), workers, parts)
    with pytest.raises(ConnectionError, match="no processor"):
        ray_runner.plan_pool(SimpleNamespace(cluster_resources=dict), None, 1)


def test_an_address_is_not_passed_over(model, tmp_path, monkeypatch):
    connected = SimpleNamespace(is_initialized=lambda: True)
    monkeypatch.setattr(ray_runner, "_import_ray", lambda: connected)
    run = ray_runner.make_runner(address="10.0.0.1:6379")
    with pytest.raises(ConnectionError, match=r"already, so .* connected to 10\.0\.0\.1"):
        score_corpus(model, ["bad"], tmp_path / "out", runner=run)


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"engine=ray needs Ray: pip install 'cdjax\[ray\]'"):
        ray_runner.make_runner()


MAP = """
import cdjax
import datasets
import multiprocess
from cdjax.corpus.scorer import Scorer

if __name__ == "__main__":
    datasets.disable_progress_bars()
    cdjax.explain("It isn't a bad film.")  # JAX has run
    texts = ["It isn't a bad film.", "dull"] * 4
    data = datasets.Dataset.from_dict({"text": texts}).with_format("arrow")
    scorer = Scorer(max_len=3)
    multiprocess.set_start_method("fork", force=True)
    try:
        data.map(scorer, batched=True, batch_size=2, num_proc=2)
    except RuntimeError as error:
        assert 'multiprocess.set_start_method("spawn")' in str(error)
    else:
        raise AssertionError("it went on in a fork")
    multiprocess.set_start_method("spawn", force=True)
    scored = data.map(scorer, batched=True, batch_size=2, num_proc=2)
    rows = scored.with_format("python")[:]
    assert rows["tokens"][0] == ["It", "is", "n't", "a", "bad", "film", "."]
    words = [span for span in rows["spans"][0] if span["stop"] - span["start"] == 1]
    assert [span["start"] for span in words] == list(range(7))
    model = cdjax.load()
    ids = model.vocabulary.encode(rows["tokens"][0])
    (result,) = cdjax.score_all_spans(model, [ids])
    expected = {tuple(span): score for span, score in zip(result.spans.tolist(), result.scores)}
    for span in rows["spans"][0]:
        negative, positive = expected[span["start"], span["stop"]]
        assert abs(span["score"] - (positive - negative)) < 1e-4
"""


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("datasets") is None,
    reason="needs datasets: pip install 'cdjax[datasets]'",
)
def test_datasets_map_on_two_processes(tmp_path):
    """Documented in `cdjax.corpus.scorer`. A fork after JAX has run is refused."""
    script = tmp_path / "script.py"
    script.write_text(MAP)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-W", "ignore", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
