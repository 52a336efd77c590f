"""Several processes, a core each: side by side they use the cores better than threads do.

XLA starts as many threads as there are cores for its process; nothing else limits them: jax 0.10
ignores the old flags.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from queue import Queue
from typing import Any

import jax
from cdjax.cli.compute import keep_compiled_programs
from cdjax.corpus.freed import return_freed_arrays

from benchmarks.paper.setting import Setting

_given: list[Setting] = []  # in a worker: what it works on


def find_cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def keep_to_core(process: int, core: int) -> None:
    """Let a process (0: this one) and the threads it will start use one core alone, on Linux."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process, {core})


def work(
    function: Callable[[Setting, Any], Any], setting: Setting, items: Iterable[Any]
) -> Iterator[Any]:
    """Yield `function(setting, item)` for each item, in their order, by a process a core.

    With one core or item, or where JAX computes on another device, this process does it all.
    Processes that are started keep to a core each.

    Args:
        function: Of a module. Its results, like the items, have to be picklable.
        setting: What it works on.
        items: What is done, each on its own: no two may write the same file.
    """
    items = list(items)
    cores = find_cores()[: len(items)]
    if len(cores) < 2 or jax.default_backend() != "cpu":
        yield from (function(setting, item) for item in items)
        return
    setting = replace(setting, log=_say)
    context = get_context("spawn")
    free = context.Queue()
    for core in cores:
        free.put(core)
    pool = ProcessPoolExecutor(len(cores), context, _start, (setting, free))
    try:
        yield from pool.map(_run, ((function, item) for item in items))
    finally:
        pool.shutdown(cancel_futures=True)


def _start(setting: Setting, free: "Queue[int]") -> None:
    keep_to_core(0, free.get())
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends without a word; the first process speaks
    keep_compiled_programs()
    return_freed_arrays()
    _given.append(setting)


def _run(given: tuple[Callable[[Setting, Any], Any], Any]) -> Any:
    function, item = given
    return function(_given[-1], item)


def _say(text: str) -> None:
    print(text, flush=True)
