"""A training that is stopped or killed, and goes on, ends as one that was not."""

import os
import signal
import subprocess
import sys
import textwrap

import jax
import numpy as np
import pytest
from cdjax.training.checkpoints import load_checkpoint, read_facts, save_checkpoint
from cdjax.training.loop import StoppedError, train

from tests.conftest import ROOT
from tests.training.toy import DROPOUT, sentences, vectors

OPTIONS = DROPOUT._replace(epochs=10)
DATA = sentences(60, 0), sentences(20, 1)
STEPS = 40  # of the whole training, 4 an epoch


def assert_equal(first, second):
    for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_array_equal(a, b)


def without_time(history):
    return [{k: v for k, v in r.items() if k != "examples_a_second"} for r in history]


@pytest.fixture(scope="module")
def unbroken():
    return train(vectors(), *DATA, OPTIONS)


def stop_at(step):
    calls = iter(range(1, 1000))
    return lambda: next(calls) == step


@pytest.mark.parametrize("stops", [(1,), (5, 4), (39,)])
def test_stopped_and_resumed_it_ends_the_same(stops, unbroken, tmp_path):
    path = tmp_path / "checkpoint"
    for n, step in enumerate(stops):
        with pytest.raises(StoppedError, match=f"step {sum(stops[: n + 1])} of {STEPS}"):
            train(vectors(), *DATA, OPTIONS, checkpoint=path, resume=n > 0, stop=stop_at(step))
    assert read_facts(path)["count"] == sum(stops)
    resumed = train(vectors(), *DATA, OPTIONS, checkpoint=path, resume=True)
    assert_equal(resumed.classifier, unbroken.classifier)
    assert without_time(resumed.history) == without_time(unbroken.history)
    # Resumed at its end, there is nothing left to do.
    again = train(vectors(), *DATA, OPTIONS, checkpoint=path, resume=True, stop=stop_at(1))
    assert_equal(again.classifier, unbroken.classifier)


SCRIPT = """
import sys
import time
from pathlib import Path
import jax
from cdjax.training.loop import train
from tests.training.test_checkpoints import DATA, OPTIONS
from tests.training.toy import vectors

jax.config.update("jax_numpy_dtype_promotion", "standard")  # as conftest.py here does

path = Path(sys.argv[1])
def log(record):
    print(record["step"], flush=True)
    time.sleep(0.05)  # the training outlasts the signal to come

train(vectors(), *DATA, OPTIONS, checkpoint=path, resume=path.exists(), log=log)
"""


@pytest.mark.thorough
def test_killed_at_any_moment_and_resumed_it_ends_the_same(unbroken, tmp_path):
    path, script = tmp_path / "checkpoint", tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, str(script), str(path)]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    for line in running.stdout:
        if int(line) >= 6:  # its checkpoint is being written about now
            running.send_signal(signal.SIGKILL)
            break
    running.stdout.close()
    assert running.wait() == -signal.SIGKILL
    assert 0 < read_facts(path)["count"] < STEPS
    resumed = train(vectors(), *DATA, OPTIONS, checkpoint=path, resume=True)
    assert_equal(resumed.classifier, unbroken.classifier)


@pytest.fixture
def stopped(tmp_path):
    path = tmp_path / "checkpoint"
    with pytest.raises(StoppedError):
        train(vectors(), *DATA, OPTIONS, checkpoint=path, stop=stop_at(2))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.01}, r"learning_rate = 0\.03; this one has 0\.01"),
        ({"cell": "gru"}, "cell = lstm; this one has gru"),
        ({"layers": 2}, "layers = 1; this one has 2"),
        ({"bidirectional": True}, "bidirectional = False; this one has True"),
        ({"hidden": 9}, "hidden = 8; this one has 9"),
    ],
)
def test_other_options_are_refused(stopped, change, message):
    other = OPTIONS._replace(**change)
    with pytest.raises(ValueError, match=message):
        train(vectors(), *DATA, other, checkpoint=stopped, resume=True)


def test_another_network_goes_on_as_well(tmp_path):
    path = tmp_path / "checkpoint"
    options = OPTIONS._replace(cell="gru", bidirectional=True, epochs=1, evaluations=1)
    whole = train(vectors(), *DATA, options).classifier
    with pytest.raises(StoppedError):
        train(vectors(), *DATA, options, checkpoint=path, stop=stop_at(2))
    resumed = train(vectors(), *DATA, options, checkpoint=path, resume=True).classifier
    assert resumed.pool == "ends"
    assert_equal(resumed, whole)


def test_other_data_are_refused(stopped):
    with pytest.raises(ValueError, match="other data"):
        train(vectors(seed=9), *DATA, OPTIONS, checkpoint=stopped, resume=True)


def test_another_model_is_refused(stopped):
    with pytest.raises(ValueError, match="another model"):
        load_checkpoint(stopped, {"a": np.zeros(3)})


def test_a_damaged_file_is_refused(stopped):
    stopped.write_bytes(stopped.read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged"):
        train(vectors(), *DATA, OPTIONS, checkpoint=stopped, resume=True)


def test_nothing_to_resume_from(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        train(vectors(), *DATA, OPTIONS, checkpoint=tmp_path / "none", resume=True)
    with pytest.raises(ValueError, match="expected a checkpoint"):
        train(vectors(), *DATA, OPTIONS, resume=True)


def test_a_write_that_fails_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    save_checkpoint(path, {"a": np.arange(3)}, {"count": 1})

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"a": np.arange(3) + 1}, {"count": 2})
    arrays, facts = load_checkpoint(path, {"a": np.zeros(3, int)})
    np.testing.assert_array_equal(arrays["a"], np.arange(3))
    assert facts == {"count": 1}


def test_a_checkpoint_with_a_wrong_bit_is_refused(stopped):
    content = bytearray(stopped.read_bytes())
    content[-5] ^= 1
    stopped.write_bytes(content)
    with pytest.raises(ValueError, match=r"is damaged: what it holds is not what was written"):
        train(vectors(), *DATA, OPTIONS, checkpoint=stopped, resume=True)


def test_a_full_disk_at_a_checkpoint_does_not_end_training(unbroken, stopped, monkeypatch):
    before = stopped.read_bytes()

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(
        UserWarning, match=r"checkpoint of step \d+ could not be written \(.*No space"
    ):
        training = train(vectors(), *DATA, OPTIONS, checkpoint=stopped)
    assert_equal(training.classifier, unbroken.classifier)
    assert stopped.read_bytes() == before
    assert [path.name for path in stopped.parent.iterdir()] == ["checkpoint"]
    with (
        pytest.warns(UserWarning, match="an earlier one is kept"),
        pytest.raises(StoppedError, match="at step 1 of 40; the checkpoint of step 1 could"),
    ):
        train(vectors(), *DATA, OPTIONS, checkpoint=stopped, stop=stop_at(1))
