"""Files of weights by name: `.pt` and its like, `.safetensors`, `.npz`. None of them runs code."""

import importlib
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from cdjax.files.npz import read_array
from cdjax.importers.torch.parts import is_recurrent

PICKLED = (".pt", ".pth", ".bin", ".ckpt", ".chkpt", ".th", ".tar")
_REMEDY = "save the weights alone, torch.save(model.state_dict(), path), and give that file"
_OLDEST = (2, 6)  # before it, torch.load(weights_only=True) could be made to run code
_DEEPEST = 3
_SMALL = 1 << 20
_SHARED = 8
"""How many times a file's bytes its tensors may take, where several share their values."""


def read_weights(path: Path) -> tuple[Mapping[str, Any], bool]:
    """Return the weights of a file by name, and whether their order is that of the modules.

    Raises:
        FileNotFoundError: Where there is no such file.
        ImportError: Where PyTorch is needed and not installed.
        ValueError: Where the file is of another kind or damaged, or holds more than weights.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file of weights.")
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; expected a file of weights.")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _read_npz(path), True
    if suffix == ".safetensors":
        return _read_safetensors(path), False  # safetensors sorts the names
    if suffix in PICKLED:
        return open_checkpoint(_read_pickled(path), str(path)), True
    raise ValueError(
        f"{path} ends in {suffix!r}; expected {', '.join(PICKLED)}, .safetensors or .npz."
    )


def open_checkpoint(loaded: Any, source: str) -> Mapping[str, Any]:
    """Return the state dict of a checkpoint, which may hold it among other things.

    Raises:
        ValueError: Where there is none, or there are several.
    """
    found = dict(_find_state_dicts(loaded, "", _DEEPEST))
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise ValueError(
            f"{source} holds weights several times, under {sorted(found)}; load it, and give "
            f"cdjax.from_torch the one that is meant."
        )
    if isinstance(loaded, Mapping):
        return loaded  # whoever reads it says what is missing
    raise ValueError(f"{source} holds a {type(loaded).__name__}; expected a state dict: {_REMEDY}.")


def _find_state_dicts(value: Any, name: str, depth: int):
    """Yield the mappings inside of which there are weights of recurrent modules, with names."""
    if not isinstance(value, Mapping) or depth < 0:
        return
    if any(isinstance(key, str) and is_recurrent(key) for key in value):
        yield name, value
        return
    for key, inner in value.items():
        yield from _find_state_dicts(inner, f"{name}.{key}" if name else str(key), depth - 1)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            return {name: read_array(archive, name) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, MemoryError) as error:
        problem = str(error.args[0] if error.args else "it ends too early")
    except (RuntimeError, NotImplementedError, ValueError, OverflowError) as error:
        problem = str(error)
    raise ValueError(
        f"{path} is no .npz file of weights, or damaged: {problem}. Expected arrays saved with "
        f"numpy.savez."
    )


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: _read_tensor(file, name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError, MemoryError) as error:
        raise ValueError(
            f"{path} is no .safetensors file, or damaged: {str(error).rstrip('.')}. Get it again."
        ) from error


def _read_tensor(file: Any, name: str) -> np.ndarray:
    try:
        return file.get_tensor(name)
    except (TypeError, KeyError, AttributeError) as error:  # a type that NumPy does not have
        raise ValueError(
            f"{name} is stored as {file.get_slice(name).get_dtype()}, which NumPy does not have; "
            f"store it as float32"
        ) from error


def _read_pickled(path: Path) -> Any:
    """Return what `torch.load` reads without running any code of the file."""
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(
            f"reading {path.name} needs PyTorch: pip install torch. (A .safetensors or .npz file "
            f"of the same weights is read without.)"
        ) from error
    version = tuple(map(int, re.findall(r"\d+", torch.__version__)[:2]))
    if version < _OLDEST:
        raise ImportError(
            f"reading {path.name} safely needs PyTorch 2.6 or later, found {torch.__version__}: "
            f"pip install --upgrade torch"
        )
    inside = _list_archive(path)
    if sum(info.file_size for info in inside) > 2 * path.stat().st_size + _SMALL:
        raise ValueError(f"{path} unpacks to far more than torch.save writes; {_REMEDY}.")
    if _is_program([info.filename.partition("/")[2] for info in inside]):
        raise ValueError(
            f"{path} is a TorchScript or torch.export archive, which holds a program; {_REMEDY}, "
            f"or give the model exported as ONNX to cdjax.from_onnx."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many types, by what is damaged
        raise ValueError(_explain(path, str(error))) from None
    _refuse_expanded(dict(_find_tensors(loaded)), path)
    return loaded


def _list_archive(path: Path) -> list[zipfile.ZipInfo]:
    """Return what is in a file that is an archive; nothing of another one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return []


def _is_program(inside: Sequence[str]) -> bool:
    """Return whether an archive holds code, as those of `torch.jit.save` and `torch.export` do."""
    return "constants.pkl" in inside or any(
        name.startswith(("code/", "models/", "archive_format")) for name in inside
    )


def _explain(path: Path, problem: str) -> str:
    """Return what is wrong with a file that `torch.load` refuses."""
    if named := re.search(r"GLOBAL ([\w.]+)", problem):
        return (
            f"{path} holds more than weights, an object of {named[1]}: a pickle, which can run "
            f"code when it is read. Where you made it, {_REMEDY}."
        )
    first = re.sub(r"\s+", " ", problem).split(". ")[0][:200] or "it ends too early"
    return f"{path} is damaged, or no file of torch.save: {first}. Get it again, or {_REMEDY}."


def _find_tensors(loaded: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield what a checkpoint holds by name, as deep as state dicts are looked for."""
    if isinstance(loaded, Mapping):
        for key, value in loaded.items() if depth <= _DEEPEST + 1 else ():
            yield from _find_tensors(value, f"{name}.{key}" if name else str(key), depth + 1)
    elif hasattr(loaded, "untyped_storage"):
        yield name, loaded


def _refuse_expanded(tensors: Mapping[str, Any], path: Path) -> None:
    """Raise where tensors are larger than what the file holds of them, which would fill memory."""
    total = 0
    for name, tensor in tensors.items():
        stored, needed = _count_stored(tensor), tensor.numel() * tensor.element_size()
        total += needed
        if needed > stored:
            raise ValueError(
                f"{path}: {name} has shape {list(tensor.shape)}, of which the file holds "
                f"{stored:,} bytes; expected every value. Where you made it, {_REMEDY}."
            )
    if total > _SHARED * (path.stat().st_size + _SMALL):  # the same values under many names
        raise ValueError(
            f"{path}: its {len(tensors):,} tensors take {total:,} bytes, many times what the file "
            f"holds. Where you made it, {_REMEDY}."
        )


def _count_stored(tensor: Any) -> int:
    """Return the bytes that a tensor has in memory; 0 where it has no plain storage."""
    try:
        return tensor.untyped_storage().nbytes()
    except (RuntimeError, NotImplementedError):  # sparse and the like
        return 0
