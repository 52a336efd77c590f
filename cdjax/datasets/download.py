"""Getting one file over HTTP: what a cut connection left is gone on from, and the digest decides.

Proxies are those of the environment (`http_proxy`, `https_proxy`, `no_proxy`).
"""

import hashlib
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

PIECE = 1 << 20
TRIES = 5  # in a row that bring nothing
WAIT = 1.0  # seconds before the second, doubled each time
TIMEOUT = 30.0


class DownloadError(RuntimeError):
    """A file that could not be had. The message says what happened and the remedy."""


def download(
    url: str,
    path: Path,
    sha256: str,
    *,
    largest: int,
    progress: Callable[[int, int | None], None] = lambda done, whole: None,
    wait: float = WAIT,
) -> None:
    """Get a file, or the rest of one.

    Args:
        url: `http` or `https`.
        path: Where to put it. What is there is taken for the beginning of the file; it stays where
            the connection is lost for good, and is removed where the digest is wrong.
        sha256: What the whole file's digest must be.
        largest: Bytes the file may have.
        progress: Called with the bytes so far, and all of them where the server says so.
        wait: Seconds before another try.

    Raises:
        DownloadError: Where the server cannot be reached or refuses, sends more than `largest`, or
            another file.
    """
    if (scheme := urllib.parse.urlsplit(url).scheme) not in ("http", "https"):
        raise DownloadError(f"{url}: found the scheme {scheme!r}; expected http or https.")
    fruitless = 0
    while True:
        before = _size(path)
        try:
            _get_rest(url, path, largest, progress)
            break
        except urllib.error.HTTPError as error:
            if error.code == 416:  # what is there is not the beginning of this file
                path.unlink()
            elif error.code < 500 and error.code != 429:
                raise DownloadError(f"{url}: {error.code} {error.reason}; try --mirror.") from error
            problem = f"{error.code} {error.reason}"
        except (OSError, http.client.HTTPException) as error:
            problem = str(error) or type(error).__name__
        fruitless = 0 if _size(path) > before else fruitless + 1
        if fruitless >= TRIES:
            raise DownloadError(
                f"{url}: {problem} ({TRIES} times in a row). The same command again goes on from "
                f"the {_size(path):,} bytes that are there; --mirror names another address."
            )
        time.sleep(wait * 2**fruitless)
    if (found := digest(path)) != sha256:
        size = _size(path)
        path.unlink()
        raise DownloadError(
            f"{url}: the {size:,} bytes that came have the sha256 {found}; expected {sha256}. It "
            f"is another file, or was damaged on its way: try again, or --mirror."
        )


def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _get_rest(url: str, path: Path, largest: int, progress) -> None:
    """Append to a file what it lacks; raise where the connection ends before."""
    start = _size(path)
    headers = {"User-Agent": "cdjax", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    # An opener of its own: that of `urlopen` keeps the proxies of its first call.
    with urllib.request.build_opener().open(request, timeout=TIMEOUT) as answer:
        going_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {start}-"
        )
        if not going_on:
            start = 0  # the server sends all of it, whatever was asked for
        told = answer.headers.get("Content-Length")
        whole = start + int(told) if told else None
        with path.open("ab" if going_on else "wb") as file:
            while piece := answer.read(PIECE):
                start += len(piece)
                if start > largest:
                    file.close()
                    path.unlink()
                    raise DownloadError(f"{url}: more than {largest:,} bytes came; try --mirror.")
                file.write(piece)
                progress(start, whole)
    if whole is not None and start < whole:
        raise OSError(f"the connection ended after {start:,} of {whole:,} bytes")
