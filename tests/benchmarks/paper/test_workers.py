"""Work on a setting in several processes."""

import os
import sys
from pathlib import Path

import jax
import pytest
from benchmarks.paper.setting import Setting
from benchmarks.paper.workers import keep_processes, work

pytestmark = pytest.mark.thorough


def describe(setting, item):
    if item == "bad":
        raise ValueError("the item is bad")
    return item, setting.quick, os.getpid(), count_threads()


def count_threads():
    """Return how many threads of XLA's pool compute, after a product large enough for all."""
    x = jax.numpy.ones((500, 500))
    jax.block_until_ready(x @ x)
    names = (path.read_text() for path in Path("/proc/self/task").glob("*/comm"))
    return sum(name.startswith("tf_XLAEigen") for name in names)


@pytest.fixture
def given(tmp_path, monkeypatch):
    """A setting, whose log is of this process alone, on a machine of two cores."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return Setting(Path(tmp_path), (), quick=True, log=lambda text: None)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_items_are_done_in_order_by_other_processes_of_one_thread(given):
    results = list(work(describe, given, "abcdefgh"))
    assert [(item, quick) for item, quick, _, _ in results] == [(c, True) for c in "abcdefgh"]
    assert os.getpid() not in {process for _, _, process, _ in results}
    assert {threads for *_, threads in results} == {1}
    assert "NPROC" not in os.environ


def test_one_item_one_core_or_another_device_need_no_process(given, monkeypatch):
    ours = [os.getpid()] * 2
    assert [process for _, _, process, _ in work(describe, given, "a")] == ours[:1]
    with monkeypatch.context() as patch:
        patch.setattr(jax, "default_backend", lambda: "gpu")
        assert [process for _, _, process, _ in work(describe, given, "ab")] == ours
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert [process for _, _, process, _ in work(describe, given, "ab")] == ours


def test_what_an_item_raises_ends_the_work(given):
    with pytest.raises(ValueError, match="the item is bad"):
        list(work(describe, given, ["a", "bad", "b"]))


def test_processes_are_kept_for_all_work_on_a_setting(given):
    def processes():
        return {process for _, _, process, _ in work(describe, given, "abcd")}

    with keep_processes(given):
        first = processes()
        with pytest.raises(ValueError, match="the item is bad"):
            list(work(describe, given, ["a", "bad", "b"]))
        assert len(first | processes()) <= 2
    assert not first & processes()
