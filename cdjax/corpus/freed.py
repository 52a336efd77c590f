"""Memory that is free again: a long job gives it back to the system."""

import contextlib
import ctypes
import sys

_MMAP_THRESHOLD = -3  # of mallopt, in malloc.h
_LARGE = 1 << 20


def return_freed_arrays() -> None:
    """Let the system have the memory of arrays from 1 MB on as soon as they are freed.

    For processes of ours that score many jobs: glibc's own limit grows with the arrays that it has
    seen, up to 32 MB, and what is freed below it stays in pieces, more with every job: 1.8 GB of
    2.7 after 20,000 reviews. Does nothing where the C library has no such setting.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)
