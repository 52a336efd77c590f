"""An .onnx file or ModelProto: its graph, and its weights, read when they are needed."""

import os
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

MOST_BYTES = 2**31  # of a protocol buffer
OLDEST_OPSET = 7  # of 2017
QUANTIZED = "the model is quantized; import it as it was before quantization"


def read_model(source: Any) -> tuple[Any, Path | None, str]:
    """Return a ModelProto, the folder of its external data and how to name it.

    Raises:
        FileNotFoundError: Where there is no such file.
        ImportError: Where the package onnx is not installed.
        TypeError: Where the source is neither a path nor a ModelProto.
        ValueError: Where the file is no model.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ImportError(
            "from_onnx needs the package onnx; install it with: pip install 'cdjax[onnx]'"
        ) from error
    if isinstance(source, onnx.ModelProto):
        model, folder, name = source, None, "the model"
    elif isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"no file at {path}; expected an .onnx file.")
        name, folder = path.name, path.parent
        if path.stat().st_size >= MOST_BYTES:
            raise ValueError(
                f"{name} has {path.stat().st_size:,} bytes; expected fewer than {MOST_BYTES:,}, "
                f"with larger weights as external data."
            )
        model = onnx.ModelProto()
        try:
            model.ParseFromString(path.read_bytes())
        except (DecodeError, RecursionError, ValueError) as error:
            raise ValueError(f"{name} is damaged, or no .onnx file: {error}.") from error
    else:
        raise TypeError(
            f"source is a {type(source).__name__}; expected the path of an .onnx file or an "
            f"onnx.ModelProto."
        )
    if not model.graph.node or not model.graph.output:
        raise ValueError(f"{name} holds no graph; it is damaged, or no .onnx file.")
    if model.functions:
        model = _inline(model, name)
    return model, folder, name


def _inline(model: Any, name: str) -> Any:
    """Return a model without functions of its own, as older exporters write them."""
    import onnx.inliner

    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # of a type of onnx's own
        raise ValueError(
            f"{name} holds functions that cannot be put in their place: {error}."
        ) from error


def find_opset(model: Any, name: str) -> int:
    """Return the version of the standard operators.

    Raises:
        ValueError: Where it is one that had other rules of broadcasting.
    """
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    if (opset := max(versions, default=1)) < OLDEST_OPSET:
        raise ValueError(
            f"{name} is of opset {opset}; expected {OLDEST_OPSET} or newer. "
            f"onnx.version_converter.convert_version(model, 17) may make it so."
        )
    return opset


def read_tensor(tensor: Any, folder: Path | None) -> np.ndarray:
    """Return the numbers of a TensorProto.

    Raises:
        ValueError: Where they are missing, or in a file outside of the model's folder.
    """
    import onnx

    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return _read_external(tensor, folder)
    try:
        return onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(f"the tensor {tensor.name!r} is damaged: {error}") from error


def _read_external(tensor: Any, folder: Path | None) -> np.ndarray:
    """Return the numbers of a tensor whose data is in a file beside the model."""
    import onnx

    where = {entry.key: entry.value for entry in tensor.external_data}
    location = where.get("location", "")
    if folder is None:
        raise ValueError(
            f"the tensor {tensor.name!r} is in the file {location!r}; give the model's path, or "
            f"a ModelProto with its data, onnx.load(path)"
        )
    parts = PurePosixPath(location.replace("\\", "/"))
    path = folder / location
    inside = path.resolve().is_relative_to(folder.resolve())
    if not location or parts.is_absolute() or ".." in parts.parts or not inside:
        raise ValueError(
            f"the tensor {tensor.name!r} is in the file {location!r}; expected one in the model's "
            f"own folder"
        )
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}, where the tensor {tensor.name!r} is.")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    try:
        offset = int(where.get("offset", 0) or 0)
        size = int(np.prod([int(n) for n in tensor.dims], dtype=object)) * dtype.itemsize
        length = int(where.get("length", size) or size)
    except ValueError as error:
        raise ValueError(f"the tensor {tensor.name!r} is damaged: {error}") from error
    if (
        offset < 0
        or length != size
        or offset + size > path.stat().st_size
        or min([*tensor.dims, 0]) < 0
    ):
        raise ValueError(
            f"the tensor {tensor.name!r} of shape {list(tensor.dims)} takes {size:,} bytes from "
            f"{offset:,} of {location!r}, which has {path.stat().st_size:,}"
        )
    with path.open("rb") as file:
        file.seek(offset)
        return np.frombuffer(file.read(size), dtype).reshape(tuple(tensor.dims))
