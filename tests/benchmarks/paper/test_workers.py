"""Work on a setting in several processes."""

import os
from pathlib import Path

import jax
import pytest
from benchmarks.paper.setting import Setting
from benchmarks.paper.workers import work

from benchmarks.paper import workers

pytestmark = pytest.mark.thorough


def describe(setting, item):
    if item == "bad":
        raise ValueError("the item is bad")
    return item, setting.quick, os.getpid(), tuple(os.sched_getaffinity(0))


@pytest.fixture
def given(tmp_path, monkeypatch):
    """A setting, whose log is of this process alone, on a machine of two cores."""
    monkeypatch.setattr(workers, "find_cores", lambda: sorted(os.sched_getaffinity(0))[:1] * 2)
    return Setting(Path(tmp_path), (), quick=True, log=lambda text: None)


def test_items_are_done_in_order_by_other_processes_of_one_core(given):
    results = list(work(describe, given, "abcdefgh"))
    assert [(item, quick) for item, quick, _, _ in results] == [(c, True) for c in "abcdefgh"]
    assert os.getpid() not in {process for _, _, process, _ in results}
    assert {cores for *_, cores in results} == {(min(os.sched_getaffinity(0)),)}


def test_one_item_one_core_or_another_device_need_no_process(given, monkeypatch):
    ours = [os.getpid()] * 2
    assert [process for _, _, process, _ in work(describe, given, "a")] == ours[:1]
    with monkeypatch.context() as patch:
        patch.setattr(jax, "default_backend", lambda: "gpu")
        assert [process for _, _, process, _ in work(describe, given, "ab")] == ours
    monkeypatch.setattr(workers, "find_cores", lambda: [0])
    assert [process for _, _, process, _ in work(describe, given, "ab")] == ours


def test_what_an_item_raises_ends_the_work(given):
    with pytest.raises(ValueError, match="the item is bad"):
        list(work(describe, given, ["a", "bad", "b"]))
