"""Several processes, one thread each: side by side they use the cores better than threads do."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import jax
from cdjax.cli.cache import keep_compiled_programs
from cdjax.memory import keep_freed_arrays

from benchmarks.paper.setting import Setting

ONE_THREAD = {"NPROC": "1", "OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"}
"""Variables of a process that computes in one thread: XLA reads NPROC, and no flag; joblib, which
starts further processes, the last."""

_given: list[Setting] = []  # in a worker: what it works on
_kept: list[tuple[Setting, ProcessPoolExecutor]] = []  # within `keep_processes`


@contextmanager
def keep_processes(setting: Setting) -> Iterator[None]:
    """Let all that is worked on a setting be done by the same processes.

    They have read the data, and traced the rules, of what came before.
    """
    if not _can_share():
        yield
        return
    given = (replace(setting, log=_say),)
    pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _start, given)
    _kept.append((setting, pool))
    try:
        yield
    finally:
        _kept.pop()
        pool.shutdown(cancel_futures=True)


def work(
    function: Callable[[Setting, Any], Any], setting: Setting, items: Iterable[Any]
) -> Iterator[Any]:
    """Yield `function(setting, item)` for each item, in their order, by a process a core.

    With one core, or where JAX computes on another device, this process does it all; with one item,
    too, unless there are processes that are kept.

    Args:
        function: Of a module. Its results, like the items, have to be picklable.
        setting: What it works on.
        items: What is done, each on its own: no two may write the same file.
    """
    items = list(items)
    pool = next((pool for kept, pool in _kept if kept is setting), None)
    if pool is not None:
        yield from pool.map(_run, ((function, item) for item in items))
    elif len(items) > 1 and _can_share():
        with keep_processes(setting):
            yield from work(function, setting, items)
    else:
        yield from (function(setting, item) for item in items)


def _can_share() -> bool:
    """Return whether several processes are quicker than this one."""
    return (os.cpu_count() or 1) > 1 and jax.default_backend() == "cpu"


def _start(setting: Setting) -> None:
    os.environ.update(ONE_THREAD)  # before JAX computes
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends without a word; the first process speaks
    keep_compiled_programs()
    keep_freed_arrays()
    _given.append(setting)


def _run(given: tuple[Callable[[Setting, Any], Any], Any]) -> Any:
    function, item = given
    return function(_given[-1], item)


def _say(text: str) -> None:
    print(text, flush=True)
