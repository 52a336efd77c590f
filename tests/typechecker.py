"""Signatures are checked while the tests run, by beartype."""

import inspect
from collections.abc import Callable
from typing import Any

from beartype import beartype

_made: dict[tuple[str, ...], Callable[..., Any]] = {}


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with its arguments checked; one for all of the same name and signature.

    jaxtyping gives empty functions that have the signatures, and again those of a function inside
    another whenever it is defined. To make their checks took longer than to run them.
    """
    signature = str(inspect.signature(function))
    key = function.__module__, function.__qualname__, signature
    if key not in _made:
        _made[key] = beartype(function)
    return _made[key]
