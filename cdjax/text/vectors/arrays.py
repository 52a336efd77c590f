"""Arrays of an `.npz` file, held to the size that they have before they are read."""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from cdjax.files.packed import FileError

# An archive that unpacks to more than so many bytes, and to more than so many times its size, was
# made to fill memory. Arrays of strings are mostly zeros: they pack to a fiftieth.
_LARGE = 1 << 28
_RATIO = 400


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Read arrays of an `.npz` file by name.

    Raises:
        FileError: Where it is no such file or damaged, lacks an array, or an array holds objects
            (which would need pickle) or not what its header promises.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _read_array(archive, name) for name in names}
    except (zipfile.BadZipFile, zipfile.zlib.error, EOFError, KeyError) as error:  # pyright: ignore[reportAttributeAccessIssue]
        problem = error.args[0] if error.args else "it ends too early"
    except (RuntimeError, NotImplementedError, ValueError, OverflowError) as error:
        problem = str(error)
    expected = " and ".join(f"{name!r}" for name in names)
    raise FileError(
        f"{path} holds no word vectors: {problem}. Expected an .npz file of numpy.savez with the "
        f"arrays {expected}."
    )


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    member = archive.getinfo(f"{name}.npy")
    size = member.file_size
    if size > _LARGE and size > _RATIO * member.compress_size:
        raise ValueError(
            f"{name} would unpack {member.compress_size:,} bytes to {size:,}, which no vectors do"
        )
    with archive.open(member) as file:
        version = npy.read_magic(file)
        read: Any = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        if version not in read:
            raise ValueError(f"{name} is an array of NumPy's format {version}")
        shape, _, dtype = read[version](file)
        if dtype.hasobject:
            raise ValueError(f"{name} holds Python objects, which only pickle can read")
        promised, held = math.prod(shape) * dtype.itemsize, size - file.tell()
        if promised != held or any(n < 0 for n in shape):
            raise ValueError(
                f"the header of {name} promises {dtype} {list(shape)}, {promised:,} bytes; "
                f"{held:,} follow"
            )
    with archive.open(member) as file:
        return npy.read_array(file, allow_pickle=False)
