"""What a forward pass does, found by trying: the one reading that agrees with it on random inputs.

Objects of Python frameworks hold weights, but what happens between them is code. Where the code can
be run, every reading of the weights that cdjax has (pool, activations of the head, order of layers)
is tried against it. The one that agrees is taken; none or several raise, and name what to give.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from cdjax.activations import ACTIVATIONS
from cdjax.core.cells import cells_of
from cdjax.core.network import POOLS
from cdjax.importers.assemble import Found
from cdjax.importers.readings import (
    TRIED,
    Candidate,
    add_activation,
    compute_all,
    compute_logits,
)
from cdjax.model import Model

Run = Callable[[np.ndarray], Any]
"""A source's own forward pass of one sequence, word numbers `[T]` or vectors `[T, D]`: its output
`[K]` or `[T, K]`, with axes of size 1 anywhere, or a tuple that holds it."""

TOLERANCE = 2e-5
"""How far outputs may be apart, as a share of the largest (of 1 where that is less): what float32
loses over the steps."""

COUNT = 16
"""Random inputs; a dozen leave no doubt about a pool, the sign of an output takes more."""

_LENGTHS = 3, 5, 7  # none of 2, the sequences of a batch
_FAR = 1000
"""A difference of so many times the tolerance is no rounding, on whatever scale."""
_VARIED = 20
"""Outputs have to vary by so many times the tolerance, else any two networks would agree."""
_RARE = "relu6", "hard_tanh", "gelu_tanh"
"""What is taken only where nothing else agrees: on small numbers they are relu, linear and gelu."""


class DisagreementError(ValueError):
    """No reading of a source agrees with its own forward pass."""


class Reading(NamedTuple):
    """A reading of a source that agrees with its own forward pass."""

    found: Found
    """With its pool and every activation known."""
    run: Run
    """The forward pass it agrees with."""
    difference: float
    """The largest difference between the outputs."""
    spread: float
    """How far an output varies over the inputs; both as shares of the largest output."""


def make_inputs(found: Found | Model, count: int = COUNT, seed: int = 0) -> list[np.ndarray]:
    """Return random sequences of several lengths that a network can read.

    Args:
        found: The network: word numbers `[T]` where it has an embedding, else vectors `[T, D]` of
            several sizes, in the float type of its weights.
        count: How many.
        seed: Of the random numbers.
    """
    source = found.classifier if isinstance(found, Model) else found
    rng, lengths = np.random.default_rng(seed), itertools.cycle(_LENGTHS)
    if source.embedding is not None:
        rows = np.arange(len(source.embedding), dtype=np.int32)
        if isinstance(source, Found) and source.padding is not None:
            rows = np.delete(rows, source.padding)
        return [rng.choice(rows, n) for n in itertools.islice(lengths, count)]
    W = cells_of(source.layers[0])[0].W
    sizes = itertools.cycle((0.5, 1, 3, 10))
    return [
        (size * rng.normal(size=(n, W.shape[2]))).astype(W.dtype)
        for n, size, _ in zip(lengths, sizes, range(count), strict=False)
    ]


def list_variants(found: Sequence[Found], known: bool) -> list[list[Found]]:
    """Return lists of what may be the same as a source, to be tried one after the other.

    At first what was found; then the same with an activation of what the head reads, which is none
    of a layer's: it stands between the pool and the first dense layer.

    Args:
        found: What was found.
        known: Whether all activations are given.
    """
    variants = [list(found)]
    if found[0].head and not known:
        variants += [[add_activation(one, name) for one in found] for name in ("relu", "tanh")]
    return variants


def find_reading(
    found: Found | Sequence[Found],
    runs: Run | Sequence[Run],
    *,
    pool: str | None = None,
    activations: Sequence[str] | None = None,
    count: int = COUNT,
    tolerance: float = TOLERANCE,
) -> Reading:
    """Return the one reading of a source that agrees with its own forward pass.

    Args:
        found: What the source holds; several where its parts can be put in several orders. What is
            said there is kept; pool and activations that are not said are tried, all of them.
        runs: The source's forward pass; several where the form of its input is not known either
            (with or without a batch, time first): the first that agrees. One that raises is left
            out.
        pool: Keep to this one.
        activations: Keep to these, one for each layer of the head.
        count: How many random inputs.
        tolerance: How far outputs may be apart.

    Raises:
        DisagreementError: Where no reading agrees.
        ValueError: Where several agree; where the forward pass cannot be run.
    """
    orders = [found] if isinstance(found, Found) else list(found)
    runs = [runs] if callable(runs) else list(runs)
    source, inputs = orders[0].source, make_inputs(orders[0], count)
    candidates = [
        candidate for order in orders for candidate in compute_all(order, inputs, pool, activations)
    ]
    if not candidates:
        raise DisagreementError(f"{source} gives outputs that are not finite, on random inputs.")
    errors: list[Exception] = []
    closest: Reading | None = None
    for own in runs:
        try:
            readings = _compare_all(candidates, own, inputs, tolerance)
        except Exception as error:  # whatever the code of somebody else raises
            errors.append(error)
            continue
        agreeing = [reading for reading in readings if reading.difference <= tolerance]
        if agreeing:
            return _choose(source, agreeing, count, tolerance)
        nearest = min(readings, key=lambda reading: reading.difference)
        if closest is None or nearest.difference < closest.difference:
            closest = nearest
    if closest is None:
        raise _cannot_run(source, inputs[0], errors[0]) from errors[0]
    raise DisagreementError(
        f"{source} computes something else than cdjax reads in it: of {len(candidates)} readings "
        f"none agrees with its forward pass on random inputs; the closest, "
        f"{_describe(closest.found)}, is {closest.difference:.2g} apart. It may hold a step that "
        f"is not a layer (a residual connection, attention, a mask, an activation in front of a "
        f"recurrent layer) or compute in half precision; "
        f"expected recurrent layers, a pool ({', '.join(POOLS)}) and dense layers. verify=False "
        f"takes pool= and activations= as given."
    )


def _choose(source: str, agreeing: Sequence[Reading], count: int, tolerance: float) -> Reading:
    """Return the one reading that agrees.

    Raises:
        ValueError: Where several do, or it has an activation that cdjax has not; where there is
            nothing to tell them apart by.
    """
    if max(reading.spread for reading in agreeing) < _VARIED * tolerance:
        raise ValueError(
            f"the outputs of {source} hardly vary over {count} random inputs, so that nothing can "
            f"be told from them; expected a network whose output depends on its input. "
            f"verify=False does not run it, and takes pool= and activations= as given."
        )
    best = min(reading.difference for reading in agreeing)
    agreeing = [r for r in agreeing if r.difference <= max(10 * best, 1e-7)]
    common = [r for r in agreeing if not set(_RARE) & {dense.activation for dense in r.found.head}]
    distinct = {_identify(reading.found): reading for reading in reversed(common or agreeing)}
    if len(distinct) > 1:
        raise ValueError(
            f"{len(distinct)} readings of {source} agree with its forward pass on {count} random "
            f"inputs: {'; '.join(sorted(text for text, *_ in distinct))}. Say which: give pool= "
            f"and activations=."
        )
    (reading,) = distinct.values()
    if any(dense.activation == "gelu_tanh" for dense in reading.found.head):
        raise ValueError(
            f"{source} computes gelu by its approximation with tanh, which is not supported; "
            f"expected gelu itself (approximate=False), or one of {', '.join(ACTIVATIONS)}."
        )
    return reading


def compare(model: Model, run: Run, inputs: Sequence[np.ndarray] | None = None) -> float:
    """Return the largest difference between a model's outputs and those of another forward pass.

    Args:
        model: The model.
        run: The framework's own forward pass of one sequence, as `find_reading` takes it; whether
            it returns logits or (log) probabilities is found by itself.
        inputs: Sequences, word numbers `[T]` or vectors `[T, D]`; random ones when None.

    Returns:
        The difference, as a share of the largest output (of 1 where that is less).

    Raises:
        ValueError: Where the forward pass cannot be run, or returns nothing of the right shape.
    """
    inputs = make_inputs(model) if inputs is None else inputs
    try:
        returned = _run_all(run, inputs)
    except Exception as error:  # whatever the code of somebody else raises
        raise _cannot_run("the model", inputs[0], error) from error
    with jax.enable_x64(True):
        logits = compute_logits(model.classifier, inputs)
        counts = tuple(map(len, logits))
        forms = {"softmax": ("softmax", "log_softmax"), "sigmoid": ("sigmoid",)}
        names = ("linear", *forms.get(model.output, ()))
        outputs = [np.asarray(TRIED[name](np.concatenate(logits))) for name in names]
    aligned = [_align(leaf, counts, outputs[0].shape[1]) for leaf in returned]
    leaves = [leaf for leaf in aligned if leaf is not None]
    if not leaves:
        shapes = [np.shape(leaf[0]) for leaf in returned]
        raise ValueError(
            f"the forward pass returns arrays of shapes {shapes} for a sequence of "
            f"{len(inputs[0])} steps; expected {logits[0].shape}, finite."
        )
    return min(_compare(ours, theirs) for ours in outputs for theirs in leaves)


def _cannot_run(source: str, x: np.ndarray, error: Exception) -> ValueError:
    return ValueError(
        f"the forward pass of {source} cannot be run on a sequence of shape {list(x.shape)} "
        f"({type(error).__name__}: {str(error)[:300]}); expected one that takes a sequence or a "
        f"batch of them. verify=False does not run it, and takes pool= and activations= as given."
    )


def _run_all(own: Run, inputs: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """Return the arrays that a forward pass returns: of each, one an input."""
    returned = [[_to_array(leaf) for leaf in jax.tree.leaves(own(x))] for x in inputs]
    return [list(leaf) for leaf in zip(*returned, strict=True)]


def _to_array(leaf: Any) -> np.ndarray:
    return np.asarray(leaf.detach().cpu() if hasattr(leaf, "detach") else leaf)


def _compare_all(
    candidates: Sequence[Candidate], own: Run, inputs: Sequence[np.ndarray], tolerance: float
) -> list[Reading]:
    """Return every reading with how far it is from a forward pass.

    Where none is anywhere near it on the first input, the others are left out: a forward pass may
    have to compile for each length.
    """
    if len(inputs) > 1:
        readings = _compare_all(candidates, own, inputs[:1], tolerance)
        if min(reading.difference for reading in readings) > _FAR * tolerance:
            return readings
    returned = _run_all(own, inputs)

    @functools.cache
    def align(counts: tuple[int, ...], width: int) -> list[np.ndarray]:
        aligned = [_align(leaf, counts, width) for leaf in returned]
        return [leaf for leaf in aligned if leaf is not None]

    readings: list[Reading] = []
    for found, all_counts, all_rows in candidates:
        counts = all_counts[: len(inputs)]
        rows = all_rows[: sum(counts)]
        leaves = align(counts, rows.shape[1])
        difference = min((_compare(rows, leaf) for leaf in leaves), default=np.inf)
        spread = float(np.ptp(rows, axis=0).max()) / max(1.0, float(np.abs(rows).max()))
        readings.append(Reading(found, own, difference, spread))
    return readings


def _align(leaf: Sequence[np.ndarray], counts: Sequence[int], width: int) -> np.ndarray | None:
    """Return the outputs for all inputs as rows `[N, K]`; None where their shapes are others."""
    rows: list[np.ndarray] = []
    for array, count in zip(leaf, counts, strict=True):
        if array.dtype.kind != "f" or array.size != count * width:
            return None
        squeezed = [n for n in (count, width) if n > 1]
        if list(np.squeeze(array).shape) != squeezed or not np.isfinite(array).all():
            return None
        rows.append(array.reshape(count, width))
    return np.concatenate(rows)


def _compare(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference, a share of the largest output."""
    scale = max(1.0, float(np.max(np.abs(theirs))))
    return float(np.max(np.abs(ours - theirs))) / scale


def _identify(found: Found) -> tuple[Any, ...]:
    """Return what tells a reading from others: its description and its weights, in their order.

    Layers alone are the same whatever of their outputs is returned.
    """
    return (
        _describe(found) if found.head else "",
        *map(id, jax.tree.leaves((found.layers, found.head))),
    )


def _describe(found: Found) -> str:
    """Name a reading as its arguments do."""
    if not found.head:
        return f"its layers' outputs, pool={found.pool!r}"
    return f"pool={found.pool!r}, activations={tuple(dense.activation for dense in found.head)}"
