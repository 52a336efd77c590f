"""Signatures are checked while the tests run, by beartype."""

import inspect
from collections.abc import Callable
from typing import Any

from beartype import beartype

_made: dict[tuple[str, ...], Callable[..., Any]] = {}


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that checks its arguments; the same for the same name and signature.

    What jaxtyping gives has the signature of a function of the library and no body. For one defined
    inside another it gives a new one at each call of the outer, and beartype would compile the same
    checks again.
    """
    signature = str(inspect.signature(function))
    key = function.__module__, function.__qualname__, signature
    if key not in _made:
        _made[key] = beartype(function)
    return _made[key]
