"""Download one file over HTTP, resume after a lost connection, and check its digest.

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

CHUNK = 1 << 20  # bytes read at a time
TRIES = 5  # in a row without a new byte
WAIT = 1.0  # seconds before the second try, doubled before each further one
TIMEOUT = 30.0  # seconds


class DownloadError(RuntimeError):
    """A download that failed. The message says what happened and the remedy."""


def download(
    url: str,
    path: Path,
    sha256: str,
    *,
    largest: int,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    wait: float = WAIT,
) -> None:
    """Download a file, or the rest of one.

    Args:
        url: `http` or `https`.
        path: Where to put it. A file that exists is taken for the beginning of the download. It is
            kept when the download fails, and removed when its digest is wrong.
        sha256: Expected digest of the file.
        largest: Most bytes that the file may have.
        progress: Called with the bytes so far and, where the server states it, their total.
        wait: Seconds before the second try.

    Raises:
        DownloadError: Where the server cannot be reached or refuses, sends more than `largest`, or
            another file.
    """
    if (scheme := urllib.parse.urlsplit(url).scheme) not in ("http", "https"):
        raise DownloadError(f"{url}: found the scheme {scheme!r}; expected http or https.")
    failures = 0
    while True:
        before = _size(path)
        try:
            _get_rest(url, path, largest, progress)
            break
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the partial file is not the beginning of this one
                path.unlink()
            elif error.code < 500 and error.code != 429:
                raise DownloadError(
                    f"{url}: {error.code} {error.reason}; give another address, mirror=URL."
                ) from error
            problem = f"{error.code} {error.reason}"
        except (OSError, http.client.HTTPException) as error:
            problem = str(error) or type(error).__name__
        failures = 0 if _size(path) > before else failures + 1
        if failures >= TRIES:
            raise DownloadError(
                f"{url}: {problem} ({TRIES} times in a row). Repeat to resume from the "
                f"{_size(path):,} bytes received, or give another address, mirror=URL."
            )
        time.sleep(wait * 2**failures)
    if (received := digest(path)) != sha256:
        size = _size(path)
        path.unlink()
        raise DownloadError(
            f"{url}: the {size:,} bytes received have the sha256 {received}; expected {sha256}. "
            f"It is another file, or was damaged on its way: try again, or another mirror=URL."
        )


def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _get_rest(url: str, path: Path, largest: int, progress) -> None:
    """Append the rest of the download to a file; raise where the connection ends early."""
    start = _size(path)
    headers = {"User-Agent": "cdjax", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    # An opener of its own: that of `urlopen` keeps the proxies of its first call.
    with urllib.request.build_opener().open(request, timeout=TIMEOUT) as response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(
            f"bytes {start}-"
        )
        if not resumed:
            start = 0  # the server ignores ranges and sends the whole file
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with path.open("ab" if resumed else "wb") as file:
            while chunk := response.read(CHUNK):
                start += len(chunk)
                if start > largest:
                    file.close()
                    path.unlink()
                    raise DownloadError(
                        f"{url}: more than {largest:,} bytes; give another address, mirror=URL."
                    )
                file.write(chunk)
                progress(start, total)
    if total is not None and start < total:
        raise OSError(f"the connection ended after {start:,} of {total:,} bytes")
