"""What a trained model says of itself: the parts that every training has in common."""

import datetime
import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cdjax.core.lstm import Classifier

PACKAGE = Path(__file__).parents[1]


def describe_run(command: str) -> dict[str, Any]:
    """Return the command, the date and the versions of what ran it."""
    return {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("cdjax", "flax", "optax")},
            "jax": jax.__version__,
            "numpy": np.__version__,
        },
    }


def digest_file(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def digest_code(*folders: str) -> str:
    """Return the sha256 of the source in some folders of this package."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(PACKAGE)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def round_to_half(classifier: Classifier) -> Classifier:
    """Return the classifier with every weight rounded to the nearest float16, kept in float32."""
    return jax.tree.map(lambda w: w.astype(np.float16).astype(np.float32), classifier)
