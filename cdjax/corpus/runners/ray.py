"""Parts made by Ray Data, on this machine or on a cluster.

Each process of a pool ("actor") loads the model once and makes one part after the other. All of
them read the input from the run's folder and write the parts there, so on a cluster that is on a
file system that all machines share. A process that dies is started again, and the part that it was
making is made again; what a part holds depends on its records alone.
"""

import importlib
import json
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import pyarrow as pa

from cdjax.corpus.errors import CorpusError, RejectedError, VerificationError
from cdjax.corpus.parts import PartMaker
from cdjax.corpus.runners import Finished, Runner
from cdjax.memory import return_freed_arrays

_SHARE = 0.9
"""Of the processors for the pool. A pool that takes all leaves none to what feeds it, and waits for
ever."""
_BLOCKS = 10_000
"""Pieces that the numbers of the parts are cut into, at most; of one piece all is made anew."""
_TOLD = (CorpusError, RejectedError, VerificationError, FloatingPointError, OSError)
"""Errors that end a run, and would end it again: they are no reason to try again."""


def make_runner(workers: int | None = None, address: str | None = None) -> Runner:
    """Return the engine.

    Args:
        workers: Processes; one for each two processors of the cluster when None.
        address: Of the cluster. When None, the one that this process is connected to; where there
            is none, Ray is started on this machine for this run.

    Raises:
        ImportError: Where Ray is not installed.
    """
    ray = _import_ray()

    def run(maker: PartMaker, numbers: Sequence[int], stop: Callable[[], bool]) -> Finished:
        if not numbers:
            return
        ours = not ray.is_initialized()
        if ours:
            _start(ray, address)
        elif address is not None:
            raise ConnectionError(
                f"Ray runs in this process already, so it can't be connected to {address}; leave "
                f"the address out to use what it is connected to, or call ray.shutdown() before."
            )
        try:
            yield from _run(ray, maker, numbers, stop, workers)
        finally:
            if ours:
                ray.shutdown()

    return run


def _import_ray() -> Any:
    os.environ.setdefault("RAY_DATA_LOG_LEVEL", "ERROR")  # read when it is imported
    try:
        ray = importlib.import_module("ray")
        importlib.import_module("ray.data")
    except ImportError as error:
        raise ImportError(f"engine=ray needs Ray: pip install 'cdjax[ray]' ({error})") from error
    return ray


def _start(ray: Any, address: str | None) -> None:
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address is not None:
        options["address"] = address
    else:  # a machine's name may stand for an address that it does not answer at
        options |= {"_node_ip_address": "127.0.0.1", "include_dashboard": False}
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise ConnectionError(f"Ray at {address or 'this machine'}: {error}") from error


def _run(
    ray: Any,
    maker: PartMaker,
    numbers: Sequence[int],
    stop: Callable[[], bool],
    workers: int | None,
) -> Finished:
    pool = plan_pool(ray, workers, len(numbers))
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.verbose_progress = False
    blocks = min(len(numbers), _BLOCKS)
    results = ray.data.from_items(
        [{"number": number} for number in numbers], override_num_blocks=blocks
    ).map_batches(
        _Worker,
        fn_constructor_args=(maker, pool.threads),
        batch_size=1,
        batch_format="pyarrow",
        concurrency=pool.workers,
        num_cpus=pool.processors,
        runtime_env={"env_vars": _environment(pool.threads)},
    )
    for batch in results.iter_batches(batch_size=1, batch_format="pyarrow"):
        (row,) = batch.to_pylist()
        if row["error"] is not None:
            kind = next(k for k in _TOLD if k.__name__ == row["error"])
            raise kind(row["content"])
        yield row["number"], json.loads(row["content"])
        if stop():
            return


class Pool(NamedTuple):
    """How a cluster is used."""

    workers: int
    threads: int  # of each worker
    processors: float  # asked of Ray for each worker


def plan_pool(ray: Any, workers: int | None, parts: int) -> Pool:
    """Return a pool that leaves some of the cluster's processors free.

    Raises:
        ConnectionError: Where the cluster has none.
    """
    processors = int(ray.cluster_resources().get("CPU", 0))
    if not processors:
        raise ConnectionError("the Ray cluster has no processor; expected at least one.")
    workers = min(workers or max(1, processors // 2), parts)
    pool = Pool(workers, max(1, processors // workers), _SHARE * processors / workers)
    free = ray.available_resources().get("CPU", 0.0)
    if free < pool.workers * pool.processors:
        warnings.warn(
            f"of the {processors} processors of the Ray cluster {free:g} are free; the "
            f"{workers} processes ask for {pool.processors:g} each, and wait until others leave.",
            stacklevel=2,
        )
    return pool


def _environment(threads: int) -> dict[str, str]:
    """Return the variables of a process of the pool.

    XLA takes all processors unless it is told, so that two processes would be slower than one.
    """
    environment = {"NPROC": str(threads), "OMP_NUM_THREADS": str(threads)}
    kept = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"
    values = {name.upper(): jax.config.values[name] for name in kept}
    return environment | {name: str(value) for name, value in values.items() if value is not None}


class _Worker:
    """Makes parts in a process of the pool."""

    def __init__(self, maker: PartMaker, threads: int):
        pa.set_cpu_count(threads)
        return_freed_arrays()
        self.maker = maker

    def __call__(self, batch: pa.Table) -> pa.Table:
        (number,) = batch["number"].to_pylist()
        error = None
        try:
            content = json.dumps(self.maker(number))
        except _TOLD as told:
            error = next(k.__name__ for k in _TOLD if isinstance(told, k))
            content = str(told)
        columns = {"number": [number], "content": [content]}
        return pa.table(columns).append_column("error", pa.array([error], pa.string()))
