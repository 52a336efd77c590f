"""Files and folders that appear whole or not at all."""

import contextlib
import ctypes
import errno
import os
from collections.abc import Collection, Iterator
from pathlib import Path


@contextlib.contextmanager
def write_atomically(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a path beside a file to write to; what is written there then replaces the file.

    It is on disk before it is renamed, so the file is the old one or the new one at any moment,
    after a power cut, too. Its permissions follow the umask. Where the block raises, nothing is
    left.
    """
    path = Path(path)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        yield new
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def write_folder(path: str | os.PathLike, names: Collection[str]) -> Iterator[Path]:
    """Yield a folder beside `path` to write files to; as a whole it then takes its place.

    A folder that is there is exchanged for the new one, and then its files are deleted: the old
    one or the new one is there at any moment (`exchange`). Permissions follow the umask. Where the
    block raises, nothing is left.

    Args:
        path: The folder to make.
        names: Of all files that are written; no others are ever deleted.

    Raises:
        FileExistsError: As `check_replaceable`.
    """
    path = Path(path).resolve()
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    check_replaceable(path, names)
    path.parent.mkdir(parents=True, exist_ok=True)
    new.mkdir()
    try:
        yield new
        for name in names:
            with (new / name).open("rb+") as file:
                os.fsync(file.fileno())
        if path.exists():
            exchange(new, path)
        else:
            new.rename(path)
    finally:
        if new.exists():  # the old one, or an unfinished new one
            for name in names:
                (new / name).unlink(missing_ok=True)
            new.rmdir()
    _sync_folder(path.parent)


def check_replaceable(path: Path, names: Collection[str]) -> None:
    """Raise FileExistsError where there is something else than a folder of files of these names."""
    if not path.exists():
        return
    if not path.is_dir():
        raise FileExistsError(f"{path} is a file; expected a folder, or a path that is free.")
    if others := sorted({entry.name for entry in path.iterdir()} - set(names)):
        raise FileExistsError(
            f"{path} holds {others[0]}, which would not be of what replaces it; move it, or give "
            f"another folder."
        )


def exchange(one: Path, other: Path) -> None:
    """Exchange two folders, in one step where the system can (Linux).

    Elsewhere there is a moment between two steps when neither is at `other`.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        rename = None
    if rename is not None:
        here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        if rename(here, os.fsencode(one), here, os.fsencode(other), swap) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise OSError(number, os.strerror(number), str(other))
    aside = one.with_name(f"{one.name}.old")
    other.rename(aside)
    try:
        one.rename(other)
    except BaseException:
        aside.rename(other)
        raise
    aside.rename(one)


def _sync_folder(path: Path) -> None:
    """Put the names of a folder's files on disk, where the system can."""
    try:
        folder = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            os.fsync(folder)
    finally:
        os.close(folder)
