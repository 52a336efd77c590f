"""Weights and texts out of an HDF5 file, which may be damaged or hostile."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

DEEPEST, MOST = 32, 20_000
"""Groups inside each other, and entries, that a file may hold."""
EXPANSION, SLACK = 100, 1 << 20
"""How many times its stored bytes a weight may take, and bytes that are never too many."""


@contextmanager
def open_hdf5(content: Path | bytes, name: str) -> Iterator[Any]:
    """Open a file for reading; whatever is wrong with it while it is open is a ValueError.

    Args:
        content: Its path, or its bytes.
        name: How to name it in messages.

    Raises:
        ImportError: Where h5py is not installed.
        ValueError: Where it is damaged.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"Keras's files are read by h5py ({error}): pip install 'cdjax[keras]'"
        ) from error
    try:
        with h5py.File(io.BytesIO(content) if isinstance(content, bytes) else content, "r") as file:
            yield file
    except (
        AttributeError,
        KeyError,
        MemoryError,
        OSError,
        RuntimeError,
        TypeError,
        UnicodeError,
    ) as error:
        raise ValueError(f"{name} is damaged, or no HDF5 file: {error}") from error


def list_datasets(group: Any, name: str, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the data sets below a group by their paths, the parts joined by "/".

    Args:
        group: The group.
        name: How to name the file in messages.
        leave_out: Entries of the group itself that are not looked at.

    Raises:
        ValueError: Where there are too many entries, one is a link out of the file, or they say
            that they hold more than the file has.
    """
    import h5py

    datasets: dict[str, Any] = {}
    seen = stored = 0
    length = group.file.id.get_filesize()

    def visit(group: Any, path: tuple[str, ...]) -> None:
        nonlocal seen, stored
        for key in group:
            if not path and key in leave_out:
                continue
            seen += 1
            if seen > MOST or len(path) > DEEPEST:
                raise ValueError(
                    f"{name} holds more than {MOST:,} entries, or more than {DEEPEST} groups "
                    f"inside each other; that is no file of Keras."
                )
            where = (*path, key.replace("\\", "/"))  # Keras 2.12 on Windows
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise ValueError(
                    f"{'/'.join(where)} of {name} is a link to elsewhere, which is not followed; "
                    f"expected the weights themselves."
                )
            entry = group[key]
            if isinstance(entry, h5py.Group):
                visit(entry, where)
                continue
            datasets["/".join(where)] = entry
            if not getattr(entry, "external", None):
                stored += entry.id.get_storage_size()
            if stored > length:  # the same values under many names
                raise ValueError(
                    f"{name} has {length:,} bytes, and its entries say that they hold more; it is "
                    f"damaged, or hostile."
                )

    visit(group, ())
    return datasets


def read_dataset(dataset: Any, name: str) -> np.ndarray:
    """Return the values of a data set.

    Args:
        dataset: The data set.
        name: How to name it in messages.

    Raises:
        ValueError: Where its values are not in the file, or would take far more memory than they
            take there.
    """
    if getattr(dataset, "external", None) or getattr(dataset, "is_virtual", False):
        raise ValueError(f"{name} is kept in another file; expected the values themselves.")
    if dataset.dtype.kind not in "fiu" and dataset.dtype.str[1:] != "V2":
        raise ValueError(f"{name} holds {dataset.dtype}; expected floats.")
    # A damaged header may say that more is stored than there is.
    stored = min(dataset.id.get_storage_size(), dataset.file.id.get_filesize())
    needed = dataset.size * dataset.dtype.itemsize
    if needed > EXPANSION * stored + SLACK:
        raise ValueError(
            f"{name} has shape {list(dataset.shape)}, {needed:,} bytes, of which the file holds "
            f"{stored:,}; the file is damaged, or hostile."
        )
    values = np.asarray(dataset[()])
    if values.dtype.kind == "V" and values.dtype.itemsize == 2:  # bfloat16, as Keras 3 stores it
        values = (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return values


def read_text(attributes: Any, key: str) -> str | None:
    """Return an attribute that holds a text, if it is there."""
    if key not in attributes or attributes.get_id(key).shape != ():
        return None
    value = attributes[key]
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else None


def read_texts(attributes: Any, key: str) -> list[str]:
    """Return an attribute that holds texts; Keras splits a long one into `key0`, `key1` and so on.

    Raises:
        KeyError: Where it is not there.
    """
    keys = [key] if key in attributes else [f"{key}0"]
    while keys != [key] and f"{key}{len(keys)}" in attributes:
        keys.append(f"{key}{len(keys)}")
    if sum(math.prod(attributes.get_id(key).shape) for key in keys) > MOST:
        raise ValueError(f"{key} lists more than {MOST:,} names; that is no file of Keras.")
    parts = [attributes[key] for key in keys]
    texts = [text for part in parts for text in np.atleast_1d(part).tolist()]
    return [text.decode() if isinstance(text, bytes) else str(text) for text in texts]
