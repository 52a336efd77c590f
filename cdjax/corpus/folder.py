"""The folder of a scored corpus: who may write to it, and how one result replaces another.

    manifest.json                where the scores come from; written last
    spans/part-00000.parquet     one row a span
    documents/part-00000.parquet one row a document
    rejects.parquet              one row a record that has no scores
    .cdjax/                      of an unfinished run: its settings, its input, its finished parts

A new result is made where it belongs. One that replaces another is made beside it, and exchanged
with it as a whole when it is finished; only files that this module knows are ever deleted.
"""

import contextlib
import errno
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cdjax.corpus.errors import CorpusError
from cdjax.files.atomic import exchange

FORMAT = "cdjax-scores"
VERSION = 3
SPANS, DOCUMENTS, REJECTS, MANIFEST = "spans", "documents", "rejects.parquet", "manifest.json"
WORK = ".cdjax"
RUN, LOCK, INPUT = (f"{WORK}/{name}" for name in ("run.json", "lock", "input.parquet"))

_OWN = re.compile(
    rf"{MANIFEST}|{REJECTS}|({SPANS}|{DOCUMENTS})(/part-\d+\.parquet)?"
    rf"|{re.escape(WORK)}(/(run\.json|lock|input\.parquet|part-\d+\.json))?"
    rf"|(({SPANS}|{DOCUMENTS}|{re.escape(WORK)})/)?\.[\w.-]+\.new"  # written aside
)


class Folder(NamedTuple):
    """Where a run writes."""

    out: Path  # where its result is to be
    build: Path  # where it is made: `out`, or beside it while `out` holds another result


class UnfinishedError(FileExistsError):
    """A folder that holds an unfinished run."""


def part_path(build: Path, kind: str, number: int) -> Path:
    """Return the file of a part: of spans, of documents, or of its counts (`WORK`)."""
    return build / kind / f"part-{number:05}.{'json' if kind == WORK else 'parquet'}"


@contextlib.contextmanager
def open_folder(
    out: str | os.PathLike,
    *,
    overwrite: bool = False,
    resume: bool = False,
    inputs: Sequence[str | os.PathLike] = (),
) -> Iterator[Folder]:
    """Lock the folder of a run until it ends; leave nothing of a run that has finished no part.

    Args:
        out: The folder. It may be missing or empty.
        overwrite: Whether a result or an unfinished run that is there may be replaced.
        resume: Whether an unfinished run that is there is continued.
        inputs: Files that are read meanwhile.

    Raises:
        FileExistsError: As `check_folder`.
        BlockingIOError: Where another process writes to it.
    """
    out = Path(out).resolve()
    check_folder(out, overwrite=overwrite, resume=resume, inputs=inputs)
    finished, beside = _is_finished(out), _beside(out)
    build = beside if finished and (overwrite or (beside / RUN).exists()) else out
    made = [path for path in (build, *build.parents) if not path.exists()]
    (build / WORK).mkdir(parents=True, exist_ok=True)
    with _lock(build / LOCK, out):
        if _is_finished(out) and not finished:
            raise FileExistsError(f"{out} was finished by another process just now.")
        # What a process that was killed has left.
        if not resume:
            _check_own(build)
            remove_result(build, but=LOCK)
        for path in [*build.glob(".*.new"), *build.glob("*/.*.new")]:
            path.unlink()
        for kind in (SPANS, DOCUMENTS):
            (build / kind).mkdir(exist_ok=True)
        try:
            yield Folder(out, build)
        finally:
            if _is_finished(build) and not (build / RUN).exists():  # it was only looked at
                _remove(build, WORK)
            elif _is_unfinished(build) and not any((build / WORK).glob("part-*.json")):
                remove_result(build)
                for path in made:
                    with contextlib.suppress(OSError):  # not empty: of others
                        path.rmdir()


def check_folder(
    out: str | os.PathLike,
    *,
    overwrite: bool = False,
    resume: bool = False,
    inputs: Sequence[str | os.PathLike] = (),
) -> None:
    """Raise unless a run may write to a folder.

    Raises:
        FileExistsError: Where the path is a file, or the folder holds something else than scores;
            where it holds a result or an unfinished run, and none of `overwrite` and `resume` is
            set; where it is to be replaced and holds a file that is read; where it is a mount point
            that would have to be moved.
    """
    out = Path(out).resolve()
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise FileExistsError(f"{out} is a file; expected a folder, or a path that is free.")
    finished, unfinished = _is_finished(out), _is_unfinished(out)
    if not finished and not unfinished:
        if others := sorted(path.name for path in out.iterdir()):
            raise FileExistsError(
                f"{out} is not a folder of cdjax scores, and not empty: it holds {others[0]}; give "
                f"another folder."
            )
        return
    if unfinished and not (overwrite or resume):
        raise UnfinishedError(
            f"{out} holds an unfinished run; continue it with resume=True, or begin anew with "
            f"overwrite=True."
        )
    if finished and not (overwrite or resume):
        raise FileExistsError(f"{out} exists; give another folder or overwrite=True.")
    if overwrite and not resume:
        _check_own(out)
        for path in inputs:
            if Path(path).resolve().is_relative_to(out):
                raise FileExistsError(
                    f"{out} would be replaced and holds the input {path}; give another folder."
                )
        if finished and os.path.ismount(out):
            raise FileExistsError(
                f"{out} is a mount point, which can't be exchanged for another folder as a whole; "
                f"give a folder inside of it."
            )


def read_run(build: Path) -> dict[str, Any] | None:
    """Return what an unfinished run wrote of itself; None where there is none."""
    content = _read_json(build / RUN)
    return content if content and content.get("format") == FORMAT else None


def count_parts(out: str | os.PathLike) -> int:
    """Return how many parts of an unfinished run for `out` are finished."""
    out = Path(out).resolve()
    builds = out, _beside(out)
    return sum(len(list((b / WORK).glob("part-*.json"))) for b in builds if _is_unfinished(b))


def read_finished(out: str | os.PathLike) -> dict[str, Any]:
    """Return the manifest of a finished result, all of whose files are there.

    Raises:
        CorpusError: Where the folder holds none: it is missing, unfinished, of something else, of
            another version, or lacks a part.
    """
    out = Path(out)
    if not out.is_dir():
        what = "is a file" if out.exists() else "does not exist"
        raise CorpusError(f"{out} {what}; expected the folder that cdjax score wrote.")
    manifest = _read_json(out / MANIFEST)
    if manifest is None or manifest.get("format") != FORMAT:
        if _is_unfinished(out):
            raise CorpusError(
                f"{out} holds an unfinished run; finish it first: cdjax score, resume=True."
            )
        raise CorpusError(
            f"{out} is not a folder of cdjax scores: it has no {MANIFEST} of one; expected the "
            f"folder that it wrote."
        )
    if manifest.get("version") != VERSION:
        raise CorpusError(
            f"{out} has version {manifest.get('version')!r} of the format of scores; expected "
            f"{VERSION}: it was written by cdjax "
            f"{manifest.get('run', {}).get('versions', {}).get('cdjax')}. Score it again."
        )
    for number, part in enumerate(manifest["parts"]):
        for kind, size in part["bytes"].items():
            path = part_path(out, kind, number)
            if not path.is_file() or path.stat().st_size != size:
                what = "is not as it was written" if path.is_file() else "is missing"
                raise CorpusError(f"{path} {what} ({size:,} bytes); score the corpus again.")
    return manifest


def _beside(out: Path) -> Path:
    return out.with_name(f".{out.name}.new")


def publish(folder: Folder) -> None:
    """Make a finished result the one that is at `out`; it has a manifest.

    Done again, it goes on where it was ended: what its run wrote of itself (`WORK`) is with the new
    result, before it is exchanged and after, and the old one has none.
    """
    if folder.build != folder.out:
        exchange(folder.build, folder.out)
    _remove(folder.out, WORK)
    old = _beside(folder.out)
    if _is_finished(old) and not (old / WORK).exists():
        remove_result(old)
        old.rmdir()


def remove_result(build: Path, but: str = "") -> None:
    """Delete the files of a result or run, and its folders; files of others stay."""
    for name in (SPANS, DOCUMENTS, REJECTS, MANIFEST, WORK):
        _remove(build, name, but)


def _remove(build: Path, name: str, but: str = "") -> None:
    top = build / name
    for path in sorted([top, *top.rglob("*")], key=lambda p: -len(p.parts)):
        relative = path.relative_to(build).as_posix()
        if relative == but or not _OWN.fullmatch(relative):
            continue
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):  # not empty: it holds what stays
                    path.rmdir()
            else:
                path.unlink()


def _check_own(out: Path) -> None:
    if (other := next(_foreign(out), None)) is not None:
        raise FileExistsError(
            f"{out} holds {other}, which cdjax did not write, so it is not replaced; move that "
            f"file, or give another folder."
        )


def _foreign(out: Path) -> Iterator[str]:
    for path in sorted(out.rglob("*")):
        relative = path.relative_to(out).as_posix()
        if not _OWN.fullmatch(relative) or (path.is_symlink()):
            yield relative


def _is_finished(out: Path) -> bool:
    content = _read_json(out / MANIFEST)
    return bool(content) and content.get("format") == FORMAT


def _is_unfinished(out: Path) -> bool:
    return (out / LOCK).exists() and not _is_finished(out)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


@contextlib.contextmanager
def _lock(path: Path, out: Path) -> Iterator[None]:
    """Hold a lock that ends with the process."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        path.touch()
        yield
        return
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy = True
        else:  # not the file of a process that has just ended, which is deleted
            busy = not path.exists() or os.fstat(file.fileno()).st_ino != path.stat().st_ino
        if busy:
            raise BlockingIOError(errno.EAGAIN, "another process is writing scores there", str(out))
        yield
