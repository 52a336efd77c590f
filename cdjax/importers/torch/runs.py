"""A live module of PyTorch, run on inputs of its kind; its outputs brought into one layout."""

import copy
import inspect
import itertools
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from cdjax.importers.torch.modules import Live, to_array


class Arrangement(NamedTuple):
    """A way to hand sequences `[B, T]` or `[B, T, D]` to a module."""

    name: str
    arrange: Callable[[np.ndarray], np.ndarray]
    steps_first: bool = False
    single: bool = False
    """Whether one sequence at a time."""


_ONE = Arrangement("one sequence at a time", lambda x: x, single=True)
_PLAIN = (
    Arrangement("[B, T]", lambda x: x),
    Arrangement("[T, B]", lambda x: x.swapaxes(0, 1), steps_first=True),
)
_OTHERS = (_ONE, Arrangement("[T], no batch", lambda x: x[0], single=True))
_FEATURES_FIRST = Arrangement("[B, D, T]", lambda x: x.swapaxes(1, 2))
_NO_FEATURES = Arrangement("[B, T] of floats", lambda x: x[..., 0])


class RunError(ValueError):
    """A module that did not run, or gave nothing that its outputs may be."""


def list_arrangements(steps_first: bool, x: np.ndarray) -> list[Arrangement]:
    """Return the ways to hand over sequences such as `x`, `[T]` or `[T, D]`, likeliest first."""
    others = [_FEATURES_FIRST] * (x.ndim == 2) + [_NO_FEATURES] * (x.shape[1:] == (1,))
    return [*(_PLAIN[::-1] if steps_first else _PLAIN), *others, *_OTHERS]


class Runner:
    """Runs a module; in single precision where its weights are in half."""

    def __init__(self, live: Live):
        torch: Any = sys.modules["torch"]
        self.torch, self.kind = torch, live.kind
        self.steps_first = live.steps_first
        weights = (p for p in live.module.parameters() if p.is_floating_point())
        weight = next(weights)
        self.device, self.dtype = weight.device, weight.dtype
        self.module = live.module
        if self.dtype not in (torch.float32, torch.float64):
            self.dtype = torch.float32
            self.module = copy.deepcopy(live.module).float()

    @property
    def rounding(self) -> float:
        """The error of rounding, relative to the largest output, that is taken for none."""
        return 1e-9 if self.dtype == self.torch.float64 else 2e-5

    def run(self, x: np.ndarray, lengths: np.ndarray, how: Arrangement, outputs: int) -> np.ndarray:
        """Return the outputs `[B, K]` or, of every step, `[B, T, K]`.

        Args:
            x: Sequences `[B, T]` or `[B, T, D]`.
            lengths: How many steps of each are real.
            how: How to hand them over.
            outputs: K.

        Raises:
            RunError: Where the module raises, or gives nothing of these shapes.
        """
        if not how.single:
            return self._run(x, lengths, how, outputs)
        each = [self._run(x[n : n + 1], lengths[n : n + 1], how, outputs) for n in range(len(x))]
        return np.concatenate(each)

    def _run(self, x: np.ndarray, lengths: np.ndarray, how: Arrangement, outputs: int):
        torch = self.torch
        tensor = torch.from_numpy(np.ascontiguousarray(how.arrange(x))).to(self.device)
        tensor = tensor if x.ndim == 2 else tensor.to(self.dtype)
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                raw = self._call(tensor, torch.from_numpy(lengths.astype(np.int64)))
        except Exception as error:  # whatever the user's code raises
            raise RunError(f"{type(error).__name__}: {error}") from error
        shapes: list[list[int]] = []
        for value in itertools.islice(_find_tensors(raw), 16):
            shapes.append(list(value.shape))
            array = (
                _align(value, x.shape[0], x.shape[1], outputs, how) if _is_float(value) else None
            )
            if array is not None:
                return array
        raise RunError(
            f"it gives {f'tensors of shapes {shapes}' if shapes else type(raw).__name__} for "
            f"{x.shape[0]} sequences of {x.shape[1]} steps; expected {outputs} outputs a sequence "
            f"or step"
        )

    def _call(self, x: Any, lengths: Any) -> Any:
        if self.kind in ("LSTMCell", "GRUCell"):
            return self._loop(x)
        return self.module(x, *self._fill(lengths))

    def _loop(self, x: Any) -> Any:
        """Return the outputs of a single cell at every step, `[T, B, H]` of `[T, B, D]`."""
        state, outputs = None, []
        for step in x:
            state = self.module(step, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return self.torch.stack(outputs)

    def _fill(self, lengths: Any) -> list[Any]:
        """Return what `forward` needs besides its input: lengths, or no first states."""
        filled: list[Any] = []
        for name, parameter in list(inspect.signature(self.module.forward).parameters.items())[1:]:
            if parameter.kind not in (
                inspect.Parameter.POSITIONAL_ONLY,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
            ):
                break
            if "len" in name.lower():
                filled.append(lengths)
            elif parameter.default is not inspect.Parameter.empty:
                break
            elif _is_state(name.lower()):
                filled.append(None)
            else:
                raise TypeError(f"forward needs {name!r}, which cdjax has no value for")
        return filled


def _is_state(name: str) -> bool:
    """Return whether an argument is called as first states are, zeros where it is None."""
    return name in ("h", "hc", "hx") or any(
        w in name for w in ("hid", "state", "h0", "h_0", "prev")
    )


def _find_tensors(raw: Any, depth: int = 3) -> Iterator[Any]:
    """Yield the tensors of an output, in order."""
    if hasattr(raw, "detach") and hasattr(raw, "shape"):
        yield raw
    elif depth and isinstance(raw, Mapping):
        for value in raw.values():
            yield from _find_tensors(value, depth - 1)
    elif depth and isinstance(raw, tuple | list):
        for value in raw:
            yield from _find_tensors(value, depth - 1)


def _is_float(tensor: Any) -> bool:
    return bool(tensor.is_floating_point())


def _align(
    tensor: Any, batch: int, steps: int, outputs: int, how: Arrangement
) -> np.ndarray | None:
    """Return an output as `[B, K]` or `[B, T, K]`; None where it has no such shape."""
    array, shape = to_array(tensor), tuple(tensor.shape)
    B, T, K = batch, steps, outputs
    if shape in ((B, K), (1, B, K), (B, 1, K)):
        return array.reshape(B, K)
    if (shape == (B,) and K == 1) or (how.single and shape in ((K,), () if K == 1 else (K,))):
        return array.reshape(B, K)
    if shape == (B, T, K) or (how.single and shape in ((T, K), (T, 1, K))):
        return array.reshape(B, T, K)
    if shape == (T, B, K):
        return array.swapaxes(0, 1)
    if shape == (B, K, T):
        return array.swapaxes(1, 2)
    if shape == (B * T, K):
        if how.steps_first:
            return array.reshape(T, B, K).swapaxes(0, 1)
        return array.reshape(B, T, K)
    if K == 1 and (shape == (B, T) or (how.single and shape == (T,))):
        return array.reshape(B, T, 1)
    return array.T.reshape(B, T, 1) if K == 1 and shape == (T, B) else None
