"""Datasets of Hugging Face's library: by name from its hub, or objects at hand."""

import importlib
from collections.abc import Iterator
from typing import Any

from cdjax.corpus.readers.records import ReadError, Record

PREFIX = "hf:"
"""Begins the name of a dataset: hf:NAME, hf:NAME:SPLIT or hf:NAME:CONFIGURATION:SPLIT."""


def is_dataset(value: Any) -> bool:
    """Return whether a value is one of the library's datasets, without importing it."""
    return type(value).__module__.partition(".")[0] == "datasets"


def read(dataset: Any) -> Iterator[Record]:
    """Yield the rows of a dataset.

    Args:
        dataset: A `datasets.Dataset` or `IterableDataset`, or the name of one (`PREFIX`), which is
            read as a stream.

    Raises:
        ImportError: Where the library is not installed.
        ReadError: Where there is no such dataset, or it has several splits and none is named.
    """
    name = "the dataset"
    if isinstance(dataset, str):
        name, dataset = dataset, _load(dataset)
    if isinstance(dataset, dict):
        raise ReadError(
            f"{name} has the splits {', '.join(dataset)}; expected one of them, as "
            f"{PREFIX}NAME:{next(iter(dataset))} or dataset[{next(iter(dataset))!r}]."
        )
    for number, fields in enumerate(dataset):
        yield Record(f"{name}, row {number}", dict(fields))


def _load(name: str) -> Any:
    try:
        datasets: Any = importlib.import_module("datasets")
    except ImportError as error:
        raise ImportError(
            f"{name} needs Hugging Face's datasets: pip install 'cdjax[datasets]'"
        ) from error
    path, *rest = name.removeprefix(PREFIX).split(":")
    if not path or len(rest) > 2:
        raise ReadError(f"{name}: expected {PREFIX}NAME, :SPLIT or :CONFIGURATION:SPLIT after it.")
    split = rest.pop() if rest else None
    try:
        return datasets.load_dataset(path, *rest, split=split, streaming=True)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ReadError(f"{name}: {error}") from error
