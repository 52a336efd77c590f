"""Modules of JAX's frameworks: told by the names of their classes, and run. None is imported."""

import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cdjax.importers.layout import name_activation
from cdjax.importers.parts import Part
from cdjax.importers.verify import Run

_NOT_TRAINING = {
    "train": False,
    "training": False,
    "is_training": False,
    "deterministic": True,
    "inference": True,
}
"""Arguments of a forward pass that tell it from a step of training."""


def is_of(value: Any, package: str, name: str) -> bool:
    """Return whether a class of a package, or of a part of it, is among those of an object."""
    return any(c.__name__ == name and _is_in(c, package) for c in type(value).__mro__)


def find_kind(module: Any, package: str, known: Collection[str], bases: Sequence[str]) -> str:
    """Return the name of the framework's own class that a module is.

    Args:
        module: The module.
        package: The framework's package, or a part of it.
        known: The classes that are supported.
        bases: The classes that every module has, somebody's own one too.

    Returns:
        The name; "" for a class of somebody else's.

    Raises:
        ValueError: Where it is none that is supported, or has a forward pass of its own.
    """
    own = type(module)
    for cls in own.__mro__:
        if not _is_in(cls, package):
            continue
        if cls.__name__ in bases:
            return ""
        if cls.__name__ not in known:
            raise ValueError(f"{own.__name__} is not supported; expected {', '.join(known)}.")
        if _find_call(own) is not _find_call(cls):
            raise ValueError(
                f"{own.__name__} is a {cls.__name__} with a forward pass of its own (__call__); "
                f"expected {cls.__name__} itself."
            )
        return cls.__name__
    return ""


def _is_in(cls: type, package: str) -> bool:
    return f"{cls.__module__}.".startswith(f"{package}.")


def _find_call(cls: type) -> Any:
    return inspect.getattr_static(cls, "__call__", None)


def find_arguments(call: Callable[..., Any]) -> dict[str, bool]:
    """Return the arguments that tell a forward pass that it is no step of training."""
    try:
        names = inspect.signature(call).parameters
    except (TypeError, ValueError):  # one that is not written in Python
        return {}
    return {name: value for name, value in _NOT_TRAINING.items() if name in names}


def activate(part: Part, functions: Sequence[Any]) -> Part:
    """Return a part with the activation that a list of layers has after it.

    Args:
        part: A dense layer.
        functions: What stands between it and the next layer. Where it is none of cdjax's
            activations the part's is not said: the forward pass will tell, or the caller.
    """
    try:
        names = [name_activation(function, part.name) for function in functions] or ["linear"]
    except ValueError:
        return part
    return Part(part.name, part.value._replace(activation=names[0])) if len(names) == 1 else part


def make_runs(call: Callable[..., Any], **arguments: Any) -> list[Run]:
    """Return a forward pass of JAX in the forms that its input may have.

    A batch, the sequence itself, a batch with time first, a batch and its lengths. A batch holds
    two sequences, so that one that mixes them is none.

    Args:
        call: The forward pass.
        arguments: Further ones that it takes by name.
    """
    own = functools.partial(call, **arguments)
    compiled = jax.jit(own)

    uncompiled: set[tuple[tuple[int, ...], ...]] = set()  # shapes that do not compile

    def run(*given: Any) -> Any:
        shapes = tuple(map(np.shape, given))
        with jax.default_matmul_precision("highest"):  # else TF32 and the like on accelerators
            try:
                if shapes not in uncompiled:
                    return compiled(*given)
            except Exception:  # code that only runs uncompiled, or not at all
                uncompiled.add(shapes)
            return own(*given)

    def take_first(returned: Any, axis: int) -> list[Any]:
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(returned)]
        return [np.take(a, 0, axis) if a.ndim > axis and a.shape[axis] == 2 else a for a in leaves]

    def run_batch(x: np.ndarray) -> Any:
        return take_first(run(jnp.stack([x, x[::-1]])), 0)

    def run_time_first(x: np.ndarray) -> Any:
        leaves = take_first(run(jnp.stack([x, x[::-1]], 1)), 0)  # one output a sequence
        return take_first(leaves, 1)  # an output a step

    def run_lengths(x: np.ndarray) -> Any:
        return take_first(run(jnp.stack([x, x[::-1]]), jnp.full(2, len(x))), 0)

    return [run_batch, lambda x: run(jnp.asarray(x)), run_time_first, run_lengths]
