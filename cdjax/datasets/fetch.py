"""A data set in a folder: downloaded, checked, and what is wanted taken out of its archive."""

import os
import tarfile
import tempfile
import urllib.parse
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cdjax.datasets.download import WAIT, DownloadError, download
from cdjax.datasets.sources import Source


def fetch(
    source: Source,
    folder: Path,
    *,
    mirror: str | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] = lambda done, whole: None,
    wait: float = WAIT,
) -> list[Path]:
    """Put the files of a data set into a folder.

    They appear there whole, at the end; until then there is only the part of the download that has
    come so far, `.NAME.part`, from which another call goes on.

    Args:
        source: The data set.
        folder: Where to; made where it is not there.
        mirror: Another URL of the same file.
        overwrite: Whether to replace files that are there.
        progress: As of `download`.
        wait: As of `download`.

    Returns:
        The files.

    Raises:
        FileExistsError: Where a file is there already.
        DownloadError: Where the download fails, or the archive is not as expected.
    """
    name = Path(urllib.parse.urlsplit(source.url).path).name
    targets = [folder / target for target in source.files.values()] or [folder / name]
    for target in targets:
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target} exists; give another folder or --overwrite.")
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
    """Take the wanted files, and nothing else, out of a zip or tar archive.

    Names in the archive never become paths: each file wanted has its name here from `source`. Links
    and other special members are refused, and no file may grow beyond `source.largest`.

    Raises:
        DownloadError: Where a file is missing, no plain file or too large, or the archive damaged.
    """
    try:
        for member, target in source.files.items():
            with _open_member(archive, member) as file, (folder / target).open("wb") as out:
                size = 0
                while piece := file.read(1 << 20):
                    size += len(piece)
                    if size > source.largest:
                        raise DownloadError(
                            f"{archive}: {member} has more than {source.largest:,} bytes."
                        )
                    out.write(piece)
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
            raise DownloadError(f"{archive}: {member} is no plain file; expected one.")
        with file:
            yield file


def _missing(archive: Path, member: str, found: list[str]) -> DownloadError:
    return DownloadError(f"{archive} has no {member}; found {', '.join(found[:9])}.")
