"""Provenance: how a model was trained, recorded with it."""

import datetime
import hashlib
import importlib.metadata
import os
import platform
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np


def describe_run(command: Sequence[str]) -> dict[str, Any]:
    """Return the command, the date and the versions of Python and packages.

    Args:
        command: The words of the command that trains. Paths in the current folder are recorded
            relative to it, and of all others the names alone: where a machine keeps its files is
            not part of how a model was made.
    """
    return {
        "command": shlex.join(map(_shorten_path, command)),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("cdjax", "flax", "optax")},
            "jax": jax.__version__,
            "numpy": np.__version__,
        },
    }


def _shorten_path(word: str) -> str:
    """Return a word of a command, its path relative to the current folder or cut to its name."""
    option, equals, value = word.rpartition("=") if word.startswith("-") else ("", "", word)
    if not (os.path.isabs(value) or ".." in Path(value).parts):
        return word
    path, here = Path(os.path.abspath(value)), Path.cwd()
    short = path.relative_to(here) if path.is_relative_to(here) else path.name
    return f"{option}{equals}{short}"


def digest_file(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
