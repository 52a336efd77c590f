"""Checkpoints: the whole state of a training in one file, to resume from it exactly.

The file is replaced atomically: at any moment it is a complete checkpoint, the latest or the one
before.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from cdjax.files.atomic import write_atomically

FORMAT = "cdjax training checkpoint 3"


def save_checkpoint(path: Path, arrays: Any, facts: Mapping[str, Any]) -> None:
    """Replace the checkpoint.

    Args:
        path: The file.
        arrays: A pytree of arrays.
        facts: Anything that JSON can hold.
    """
    leaves = {name: np.asarray(leaf) for name, leaf in _named(arrays)}
    text = json.dumps(facts)
    header = {"format": FORMAT, "facts": text, "sha256": _digest(leaves, text)}
    with write_atomically(path) as new:
        new.write_bytes(safetensors.numpy.save(leaves, metadata=header))


def load_checkpoint(path: Path, like: Any) -> tuple[Any, dict[str, Any]]:
    """Read a checkpoint.

    Args:
        path: The file.
        like: A pytree of arrays, of the structure and shapes expected.

    Returns:
        The pytree and the facts.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where the file is no checkpoint or damaged, or the structure or shapes differ.
    """
    header = _read_header(path)
    with safetensors.safe_open(path, framework="np") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if _digest(stored, header["facts"]) != header["sha256"]:
        raise ValueError(
            f"{path} is damaged: what it holds is not what was written (sha256). Train without "
            f"resume=True."
        )
    expected = {name: np.shape(leaf) for name, leaf in _named(like)}
    shapes = {name: array.shape for name, array in stored.items()}
    names = sorted({*shapes, *expected})
    if name := next((n for n in names if shapes.get(n) != expected.get(n)), None):
        raise ValueError(
            f"{path} is the checkpoint of another model: {name} has shape {shapes.get(name)}; "
            f"expected {expected.get(name)}."
        )
    leaves = [jnp.asarray(stored[name]) for name, _ in _named(like)]
    return jax.tree.unflatten(jax.tree.structure(like), leaves), json.loads(header["facts"])


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts of a checkpoint.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where the file is no checkpoint or damaged.
    """
    return json.loads(_read_header(path)["facts"])


def _read_header(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}; train without resume=True first.")
    try:
        with safetensors.safe_open(path, framework="np") as file:
            header = file.metadata() or {}
        if header.get("format") != FORMAT:
            raise ValueError(f"its format is {header.get('format')!r}; expected {FORMAT!r}")
        if missing := {"facts", "sha256"} - set(header):
            raise ValueError(f"it has no {', '.join(sorted(missing))}")
        json.loads(header["facts"])
    except (ValueError, safetensors.SafetensorError) as error:
        raise ValueError(
            f"{path} is no checkpoint of a training, or damaged: {error}. Train without "
            f"resume=True."
        ) from error
    return header


def _digest(arrays: Mapping[str, np.ndarray], facts: str) -> str:
    digest = hashlib.sha256(facts.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {fingerprint(arrays[name])}".encode())
    return digest.hexdigest()


def fingerprint(*arrays: np.ndarray) -> str:
    """Return a digest of arrays, to tell whether data are equal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _named(tree: Any):
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in paths]
