"""A live module held against the networks that were read from it, on random inputs."""

import contextlib
import copy
import functools
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cdjax.importers.assemble import Found
from cdjax.importers.padding import FEW_ROWS, look_at_padding
from cdjax.importers.torch.modules import Live, in_evaluation, read_module
from cdjax.importers.torch.runs import Arrangement, RunError, Runner, list_arrangements
from cdjax.importers.verify import (
    DisagreementError,
    Reading,
    find_reading,
    list_variants,
    make_inputs,
)

_TOLD = ("modules", "front_activations")
"""Notes by which a candidate is known again with other weights."""


Read = Callable[[Live], list[Found]]
"""What is read of a module; several where its parts can be in several orders."""


def check_module(
    live: Live, read: Read, *, pool: str | None, activations: Sequence[str] | None
) -> Found:
    """Return the network that is the same as a module, its pool and activations known.

    Args:
        live: The module.
        read: Reads it.
        pool: Keep to this one.
        activations: Keep to these.

    Raises:
        ValueError: Where the module does not run, or no network or several are the same as it.
    """
    check = _Check(live, read, pool, activations)
    torch = check.runner.torch

    def find() -> Found:
        threads = torch.get_num_threads()
        device = check.runner.device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices):  # the caller's random numbers stay as they are
            try:
                torch.set_num_threads(1)  # more have no use for inputs so small
                return check.find()
            finally:
                torch.set_num_threads(threads)

    return in_evaluation(check.runner.module, find)


class _Check:
    """A module beside all that may be the same as it."""

    def __init__(self, live: Live, read: Read, pool: str | None, activations: Sequence[str] | None):
        self.live, self.read, self.pool, self.activations = live, read, pool, activations
        self.runner = Runner(live)
        first = read(live)[0]
        self.source, self.outputs = first.source, _count_outputs(first)
        self.names = first.head_names
        rows = 0 if first.embedding is None else len(first.embedding)
        # A row that may stand for padding is looked at apart.
        self.left_out = (live.padding or 0) if rows > FEW_ROWS else None

    def find(self) -> Found:
        """Return the one network that is the same."""
        inputs = make_inputs(self._list_variants(self.live)[0][0], 4)
        failures: dict[str, str] = {}
        ran: list[Arrangement] = []
        for how in list_arrangements(self.runner.steps_first, inputs[0]):
            try:
                own = functools.partial(_run_one, self.runner, how, self.outputs)
                _check_repeatable(self.source, own, inputs)
                ran.append(how)
            except RunError as error:
                failures[how.name] = str(error)
        if not ran:
            tried = "; ".join(f"{name}: {problem[:200]}" for name, problem in failures.items())
            raise ValueError(
                f"{self.source} could not be run to verify what was read ({tried}). verify=False "
                f"does not run it, and takes pool= and activations= as given; the recurrent "
                f"layers alone are cdjax.from_torch(module.lstm), whatever its name there."
            )
        reading, how = self._find_reading(ran)
        padding, about = None, {}
        if self.left_out is not None and reading.found.head:
            padding, about = look_at_padding(
                reading.found,
                self.left_out,
                lambda x, words: _run_one(self.runner, how, self.outputs, x, words),
                self.runner.rounding,
            )
        verified = {"inputs": "random", "largest difference": reading.difference}
        notes = {**reading.found.notes, "verified": verified, **about}
        return replace(reading.found, padding=padding, notes=notes)

    def _list_variants(self, live: Live) -> list[list[Found]]:
        """Return lists of what may be the same, see `list_variants`."""
        candidates = [replace(found, padding=self.left_out) for found in self.read(live)]
        return list_variants(candidates, self.activations is not None)

    def _search(
        self, runner: Runner, how: Arrangement, candidates: Sequence[Found], **given: Any
    ) -> Reading:
        own = functools.partial(_run_one, runner, how, self.outputs)
        given = {"pool": self.pool, "activations": self.activations} | given
        return find_reading(candidates, own, tolerance=runner.rounding, **given)

    def _find_reading(self, hows: Sequence[Arrangement]) -> tuple[Reading, Arrangement]:
        """Return the network that agrees, and the arrangement of the inputs with which it does.

        Raises:
            DisagreementError: Where none agrees with any: that of the first.
        """
        errors: list[DisagreementError] = []
        variants = self._list_variants(self.live)
        for (n, candidates), how in itertools.product(enumerate(variants), hows):
            try:
                try:
                    reading = self._search(self.runner, how, candidates)
                except DisagreementError:
                    raise
                except ValueError as error:
                    reading = self._tell_apart(candidates, n, how, error)
                self._confirm(reading, n, how)
                return reading, how
            except DisagreementError as error:
                errors.append(error)
        hint = (
            " (Its recurrent module has batch_first=False: it reads the first axis of its input "
            "as steps.)"
        )
        raise DisagreementError(
            f"{errors[0]}{hint * (self.live.steps_first and len(variants) > 1)}"
        )

    def _tell_apart(
        self, candidates: list[Found], variant: int, how: Arrangement, error: ValueError
    ) -> Reading:
        """Return the one of several that agree which does so with other weights, too.

        Activations are the same to sums of one sign (relu, elu and linear above 0). With the
        weights of dense layers negated and no biases, in a copy of the module, they have the other.

        Raises:
            ValueError: That was raised before, where none does.
        """
        for names, sign in ((self.names[-1:], -1), (self.names, -1), (self.names, 1)):
            try:
                live = read_module(_turn(self.runner, names, sign))
                told = self._search(Runner(live), how, self._list_variants(live)[variant]).found
            except (ValueError, TypeError, RuntimeError, AttributeError):
                continue  # they agree there too, or it cannot be copied
            with contextlib.suppress(DisagreementError):
                return self._search_as(told, self.runner, how, candidates)
        raise error

    def _search_as(
        self, told: Found, runner: Runner, how: Arrangement, candidates: Sequence[Found]
    ) -> Reading:
        """Return the candidate that is described as another one, if it agrees."""
        same = [
            candidate
            for candidate in candidates
            if all(candidate.notes.get(n) == told.notes.get(n) for n in _TOLD)
        ]
        if not told.head:
            return self._search(runner, how, same)
        *above, last = [dense.activation for dense in told.head]
        try:
            return self._search(runner, how, same, pool=told.pool, activations=(*above, last))
        except DisagreementError:
            if last != "softmax":
                raise
            last = "log_softmax"  # which is read as its softmax
            return self._search(runner, how, same, pool=told.pool, activations=(*above, last))

    def _confirm(self, reading: Reading, variant: int, how: Arrangement) -> None:
        """Raise unless a network is the same as a module with other weights, too.

        What has no effect with the weights as they are (a norm that is still the identity, a
        branch that is still 0) has one with others.

        Raises:
            DisagreementError: Where it is not.
        """
        try:
            live = read_module(_move(self.runner))
            runner, candidates = Runner(live), self._list_variants(live)[variant]
        except (ValueError, TypeError, RuntimeError, AttributeError):
            return  # it cannot be copied
        try:
            self._search_as(reading.found, runner, how, candidates)
        except DisagreementError as error:
            raise DisagreementError(
                f"with other weights in the place of its own, {error}"
            ) from error
        except ValueError:
            return  # other weights told nothing


def _move(runner: Runner) -> Any:
    """Return a copy of a module with every weight multiplied by a factor of its own."""
    module = copy.deepcopy(runner.module)
    runner.torch.manual_seed(3)
    with runner.torch.no_grad():
        for weight in module.state_dict().values():
            if weight.is_floating_point():
                weight.mul_(0.5 + runner.torch.rand_like(weight))
    return module


def _turn(runner: Runner, names: Sequence[str], sign: int) -> Any:
    """Return a copy of a module, parts of its head without bias and multiplied by a sign."""
    module = copy.deepcopy(runner.module)
    with runner.torch.no_grad():
        for name in names:
            part = module.get_submodule(name)
            if part.weight is not None:
                part.weight.mul_(sign)
            if part.bias is not None:
                part.bias.zero_()
    return module


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


def _run_one(
    runner: Runner, how: Arrangement, outputs: int, x: np.ndarray, words: int | None = None
) -> np.ndarray:
    """Return the outputs of a sequence, of which all steps are real, or the first ones."""
    batch = _make_batch(x, outputs)
    real = np.full(len(batch), len(x) if words is None else words)
    return runner.run(batch, real, how, outputs)[0]


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
