"""How JAX computes in a command: programs are kept from run to run, and every core has its job."""

import contextlib
import os

import platformdirs

SWITCH = "CDJAX_CACHE"
MOST_DEVICES = 8
"""All jobs share one limit of memory: many devices would have small ones."""


def keep_compiled_programs() -> None:
    """Let JAX cache compiled programs in the user's cache folder.

    Does nothing under `CDJAX_CACHE=off`, where JAX has a cache folder already
    (`JAX_COMPILATION_CACHE_DIR`), or where the folder cannot be made.
    """
    import jax

    if os.environ.get(SWITCH, "").lower() in ("off", "0", "no"):
        return
    if jax.config.values["jax_compilation_cache_dir"]:
        return
    folder = platformdirs.user_cache_path("cdjax", appauthor=False) / "jax"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def compute_on_every_core() -> None:
    """Let JAX take each core for a device: the engine scores a job on each, all at the same time.

    Within one job, threads wait for each other at every operation: on 2 cores a corpus takes 1.2
    times as long with one device. Does nothing where JAX has computed before, or where its number
    of CPU devices is given. GPUs and TPUs are used as ever.
    """
    import jax

    given = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if given or jax.config.values["jax_num_cpu_devices"] != -1:
        return
    with contextlib.suppress(RuntimeError):  # JAX has computed
        jax.config.update("jax_num_cpu_devices", count_devices())


def count_devices() -> int:
    """Return how many devices that is: the cores of this process, up to `MOST_DEVICES`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST_DEVICES)
