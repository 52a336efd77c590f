"""A cache of compiled programs, so that later runs start faster."""

import os

import platformdirs

SWITCH = "CDJAX_CACHE"


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
