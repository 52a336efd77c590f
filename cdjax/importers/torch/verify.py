"""A live module held against the networks that were read from it, on random inputs."""

import functools
import itertools
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cdjax.importers.assemble import Found, assemble
from cdjax.importers.readings import add_activation
from cdjax.importers.torch.modules import in_evaluation
from cdjax.importers.torch.runs import Arrangement, RunError, Runner, list_arrangements
from cdjax.importers.verify import DisagreementError, Reading, compare, find_reading, make_inputs
from cdjax.model import Model

_BEFORE = ("relu", "tanh")
_MANY = 100
_FEW_ROWS = 3
"""Rows of an embedding too small to leave out those that may be padding."""


def check_module(
    candidates: Sequence[Found],
    runner: Runner,
    *,
    pool: str | None,
    activations: Sequence[str] | None,
) -> Found:
    """Return the network that is the same as a module, its pool and activations known.

    Args:
        candidates: What was read; several where its parts can be in several orders.
        runner: Runs the module.
        pool: Keep to this one.
        activations: Keep to these.

    Raises:
        ValueError: Where the module does not run, or no network or several are the same as it.
    """
    torch = runner.torch

    def find() -> Found:
        threads = torch.get_num_threads()
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
            try:
                torch.set_num_threads(1)  # more have no use for inputs so small
                return _find(list(candidates), runner, pool, activations)
            finally:
                torch.set_num_threads(threads)

    return in_evaluation(runner.module, find)


def _find(
    candidates: list[Found],
    runner: Runner,
    pool: str | None,
    activations: Sequence[str] | None,
) -> Found:
    first = candidates[0]
    outputs = _count_outputs(first)
    rows = 0 if first.embedding is None else len(first.embedding)
    # A row that may stand for padding is looked at apart.
    left_out = (runner.padding or 0) if rows > _FEW_ROWS else None
    candidates = [replace(found, padding=left_out) for found in candidates]
    inputs = make_inputs(candidates[0], 4)
    failures: dict[str, str] = {}
    ran: list[Arrangement] = []
    for how in list_arrangements(runner.steps_first, inputs[0]):
        try:
            own = functools.partial(_run_one, runner, how, outputs)
            _check_repeatable(first.source, own, inputs)
            ran.append(how)
        except RunError as error:
            failures[how.name] = str(error)
    if not ran:
        tried = "; ".join(f"{name}: {problem[:200]}" for name, problem in failures.items())
        raise ValueError(
            f"{first.source} could not be run to verify what was read ({tried}). verify=False "
            f"does not run it, and takes pool= and activations= as given; the recurrent layers "
            f"alone are cdjax.from_torch(module.lstm), whatever its name there."
        )
    reading, how = _find_reading(candidates, runner, ran, outputs, pool, activations)
    padding, about = None, {}
    if left_out is not None and first.head:
        padding, about = _look_at_padding(reading.found, runner, how, left_out, outputs)
    verified = {"inputs": "random", "largest difference": reading.difference}
    notes = {**reading.found.notes, "verified": verified, **about}
    return replace(reading.found, padding=padding, notes=notes)


def _find_reading(
    candidates: list[Found],
    runner: Runner,
    hows: Sequence[Arrangement],
    outputs: int,
    pool: str | None,
    activations: Sequence[str] | None,
) -> tuple[Reading, Arrangement]:
    """Return the network that agrees, and the arrangement of the inputs with which it does.

    Raises:
        DisagreementError: Where none agrees with any: that of the first.
    """
    attempts = [(candidates, activations)]
    if candidates[0].head and activations is None:
        # Of what the head reads, which none of its layers has.
        attempts += [([add_activation(candidates[0], name)], None) for name in _BEFORE]
    errors: list[DisagreementError] = []
    for (tried, names), how in itertools.product(attempts, hows):
        own = functools.partial(_run_one, runner, how, outputs)
        search = functools.partial(find_reading, tried, own, pool=pool, activations=names)
        try:
            reading = search(tolerance=runner.rounding)
        except DisagreementError as error:
            errors.append(error)
            continue
        except ValueError:  # several agree: more inputs may tell, or say so again
            reading = search(tolerance=runner.rounding, count=_MANY)
        return reading, how
    raise errors[0]


def _count_outputs(found: Found) -> int:
    if found.head:
        return len(found.head[-1].b)
    top = found.layers[-1]
    return sum(cell.widths[0] for cell in (top if hasattr(top, "backward") else (top,)))


def _make_batch(x: np.ndarray, outputs: int) -> np.ndarray:
    """Return a sequence with others of its length, which must not change what comes of it.

    Their number is neither that of the steps nor of the outputs, so that axes are told apart.
    """
    size = next(n for n in (3, 4, 5, 6) if n not in (len(x), outputs))
    return np.stack([np.roll(x, shift, axis=0) for shift in range(size)])


def _run_one(runner: Runner, how: Arrangement, outputs: int, x: np.ndarray) -> np.ndarray:
    batch = _make_batch(x, outputs)
    return runner.run(batch, np.full(len(batch), len(x)), how, outputs)[0]


def _check_repeatable(source: str, own: Any, inputs: Sequence[np.ndarray]) -> None:
    """Raise where a module gives other outputs for the same input the second time."""
    torch: Any = sys.modules["torch"]
    both: list[np.ndarray] = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        both.append(np.concatenate([np.ravel(own(x)) for x in inputs]))
    if not np.array_equal(*both, equal_nan=True):
        raise ValueError(
            f"{source} gives other outputs for the same input when it is run again: it draws its "
            f"first states at random, or keeps them from call to call. Let it begin with zeros."
        )


def _look_at_padding(
    found: Found, runner: Runner, how: Arrangement, row: int, outputs: int
) -> tuple[int | None, dict[str, Any]]:
    """Return the row that a module leaves out at the end, and what to note of it."""
    unsaid = found.head[-1].activation == "linear" and found.output is None
    model = assemble(found, output="value" if unsaid else None)
    if not isinstance(model, Model):
        return None, {}
    words = [x[: len(x) - n % 2] for n, x in enumerate(make_inputs(found, 8)) if len(x) > 2]

    def run_padded(x: np.ndarray, masked: bool) -> np.ndarray:
        batch = _make_batch(x, outputs)
        real = np.full(len(batch), len(x) - 2 * (not masked))
        if masked:
            batch = np.pad(batch, ((0, 0), (0, 2)), constant_values=row)
        y = runner.run(batch, real, how, outputs)[0]
        return y[: len(x)] if y.ndim == 2 else y

    try:
        padded = [np.pad(x, (0, 2), constant_values=row) for x in words]
        if compare(model, lambda x: run_padded(x, False), padded) <= runner.rounding:
            return None, {}
        if compare(model, lambda x: run_padded(x, True), words) <= runner.rounding:
            return row, {"padding": row}
    except ValueError:
        pass  # what it returns for such sequences is no output of theirs
    return None, {
        "padding": f"row {row} changes the outputs in a way of its own; leave it out of sequences"
    }
