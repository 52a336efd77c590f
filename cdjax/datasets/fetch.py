"""Put a data set into a folder: download its archive, check it, and extract the files needed."""

import os
import tarfile
import tempfile
import urllib.parse
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cdjax.datasets.download import CHUNK, WAIT, DownloadError, download
from cdjax.datasets.sources import Source


def fetch(
    source: Source,
    folder: Path,
    *,
    mirror: str | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    wait: float = WAIT,
) -> list[Path]:
    """Put the files of a data set into a folder.

    The files appear at the end, complete. Until then the folder holds the partial download,
    `.NAME.part`, from which another call resumes.

    Args:
        source: The data set.
        folder: The folder; created where it does not exist.
        mirror: Another URL of the same file.
        overwrite: Whether to replace files that exist.
        progress: See `download`.
        wait: See `download`.

    Returns:
        The files.

    Raises:
        FileExistsError: Where a file exists already.
        DownloadError: Where the download fails, or the archive is not as expected.
    """
    name = Path(urllib.parse.urlsplit(source.url).path).name
    targets = [folder / target for target in source.files.values()] or [folder / name]
    for target in targets:
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target} exists; give another folder or overwrite=True.")
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.part"
    url = mirror or source.url
    download(url, part, source.sha256, largest=source.largest, progress=progress, wait=wait)
    if not source.files:
        os.replace(part, targets[0])
        return targets
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as scratch:
        extract(part, source, Path(scratch))
        for target in targets:
            os.replace(Path(scratch) / target.name, target)
    part.unlink()
    return targets


def extract(archive: Path, source: Source, folder: Path) -> None:
    """Extract the files of a data set, and nothing else, from a zip or tar archive.

    Names in the archive never become paths: `source` names each extracted file. Links and other
    special members are refused, and so are files of more than `source.largest` bytes.

    Raises:
        DownloadError: Where a file is missing, not a regular file or too large, or the archive is
            damaged.
    """
    try:
        for member, target in source.files.items():
            with _open_member(archive, member) as file, (folder / target).open("wb") as out:
                size = 0
                while chunk := file.read(CHUNK):
                    size += len(chunk)
                    if size > source.largest:
                        raise DownloadError(
                            f"{archive}: {member} has more than {source.largest:,} bytes."
                        )
                    out.write(chunk)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise DownloadError(f"{archive} is a damaged archive: {error}.") from error


@contextmanager
def _open_member(archive: Path, member: str):
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            if member not in packed.namelist():
                raise _missing(archive, member, packed.namelist())
            with packed.open(member) as file:
                yield file
        return
    with tarfile.open(archive) as packed:
        if member not in packed.getnames():
            raise _missing(archive, member, packed.getnames())
        info = packed.getmember(member)
        file: IO[bytes] | None = packed.extractfile(info) if info.isreg() else None
        if file is None:
            raise DownloadError(f"{archive}: {member} is not a regular file; expected one.")
        with file:
            yield file


def _missing(archive: Path, member: str, names: list[str]) -> DownloadError:
    return DownloadError(f"{archive} has no {member}; found {', '.join(names[:9])}.")
