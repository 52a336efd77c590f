"""Explanations on disk: one JSON file, which cannot run code when read.

    {"format": "cdjax-explanation", "version": 2, "labels": [...], ...}

A field for each attribute of `Explanation`; an array is `{"dtype", "shape", "values"}`, its values
in one flat list, written such that reading gives the same bits; NaN is null.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cdjax.files.atomic import write_atomically

FORMAT = "cdjax-explanation"
VERSION = 2
ARRAYS = ("spans", "scores", "logits", "output_bias", "offsets", "known", "series", "values")
DTYPES = ("bool", "int32", "int64", "float16", "float32", "float64")


def write(
    path: str | os.PathLike[str], content: Mapping[str, Any], *, overwrite: bool = False
) -> None:
    """Write the fields of an explanation; the file appears whole or not at all.

    Raises:
        FileExistsError: Where the path is taken and `overwrite` is not set.
        ValueError: Where a number is infinite.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; give another path or overwrite=True.")
    fields = {name: _encode(name, value) for name, value in content.items()}
    text = json.dumps(
        {"format": FORMAT, "version": VERSION, **fields}, ensure_ascii=False, allow_nan=False
    )
    with write_atomically(path) as new:
        new.write_text(text + "\n", encoding="utf-8")


def read(path: str | os.PathLike[str], names: Sequence[str]) -> dict[str, Any]:
    """Return the fields of an explanation's file, which are to be the ones named.

    Raises:
        FileNotFoundError: Where there is no file.
        ValueError: Where it is no explanation, of another version, or damaged.
    """
    try:
        content = json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(
            f"{path} is not JSON ({error}); expected a file made by Explanation.save."
        ) from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise ValueError(
            f"{path} is no explanation; expected a file made by Explanation.save, "
            f'with "format": "{FORMAT}".'
        )
    version = content.pop("version", None)
    if version != VERSION:
        raise ValueError(
            f"{path} is an explanation of version {version}; this cdjax reads version {VERSION}. "
            f"Install the cdjax that saved it."
        )
    if set(content) != set(names):
        raise ValueError(
            f"{path} is damaged: it has the fields {sorted(content)}; expected {sorted(names)}."
        )
    try:
        return {name: _decode(name, value) for name, value in content.items()}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path} is damaged: an array cannot be read ({error}).") from error


def _encode(name: str, value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return dict(value) if isinstance(value, Mapping) else value
    if value.dtype.kind == "f" and np.isinf(value).any():
        raise ValueError(f"{name} holds an infinite number; expected finite ones.")
    values = [None if isinstance(v, float) and math.isnan(v) else v for v in value.ravel().tolist()]
    return {"dtype": value.dtype.name, "shape": list(value.shape), "values": values}


def _decode(name: str, value: Any) -> Any:
    if name not in ARRAYS or value is None:
        return value
    if value["dtype"] not in DTYPES:
        raise ValueError(f"dtype {value['dtype']!r}; expected one of {', '.join(DTYPES)}")
    dtype = np.dtype(value["dtype"])
    kinds = {"b": (bool,), "i": (int,), "f": (int, float, type(None))}[dtype.kind]
    for number in value["values"]:
        if type(number) not in kinds:
            raise ValueError(f"{number!r} among values of {dtype}")
    numbers = [math.nan if number is None else number for number in value["values"]]
    return np.array(numbers, dtype).reshape(value["shape"])
