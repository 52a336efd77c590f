"""Word vectors kept as the arrays of an `.npz` file."""

import zipfile
from pathlib import Path

import numpy as np

from cdjax.files.npz import read_array
from cdjax.files.packed import FileError


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Read arrays of an `.npz` file by name.

    Raises:
        FileError: Where it is no such file or damaged, lacks an array, or an array holds objects
            (which would need pickle) or not what its header promises.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: read_array(archive, name) for name in names}
    except (zipfile.BadZipFile, zipfile.zlib.error, EOFError, KeyError) as error:  # pyright: ignore[reportAttributeAccessIssue]
        problem = error.args[0] if error.args else "it ends too early"
    except (RuntimeError, NotImplementedError, ValueError, OverflowError) as error:
        problem = str(error)
    expected = " and ".join(f"{name!r}" for name in names)
    raise FileError(
        f"{path} holds no word vectors: {problem}. Expected an .npz file of numpy.savez with the "
        f"arrays {expected}."
    )
