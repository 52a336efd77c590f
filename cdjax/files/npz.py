"""Arrays of an `.npz` file, held to the size that they have before they are read."""

import math
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy

# An archive that unpacks to more than so many bytes, and to more than so many times its size, was
# made to fill memory. Arrays of strings are mostly zeros: they pack to a fiftieth.
_LARGE = 1 << 28
_RATIO = 400


def read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Read an array of an open `.npz` file.

    Raises:
        KeyError: Where there is none of that name.
        ValueError: Where it holds objects, which would need pickle, or not what its header
            promises; as `zipfile` does of a damaged archive.
    """
    member = archive.getinfo(f"{name}.npy")
    size = member.file_size
    if size > _LARGE and size > _RATIO * member.compress_size:
        raise ValueError(
            f"{name} would unpack {member.compress_size:,} bytes to {size:,}, which no weights do"
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
