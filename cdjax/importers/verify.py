"""What a forward pass does, found by trying: the one reading that agrees with it on random inputs.

Objects of Python frameworks hold weights, but what happens between them is code. Where the code can
be run, every reading of the weights that cdjax has (pool, activations of the head, order of layers)
is tried against it. The one that agrees is taken; none or several raise, and name what to give.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from cdjax.activations import ACTIVATIONS
from cdjax.core.cells import Bidirectional, cells_of
from cdjax.core.network import POOLS, Classifier, forward, pool, run
from cdjax.importers.assemble import Found
from cdjax.model import Model

Run = Callable[[np.ndarray], Any]
"""A source's own forward pass of one sequence, word numbers `[T]` or vectors `[T, D]`: its output
`[K]` or `[T, K]`, with axes of size 1 anywhere, or a tuple that holds it."""

TOLERANCE = 2e-5
"""How far outputs may be apart, as a share of the largest (of 1 where that is less): what float32
loses over the steps."""

COUNT = 16
"""Random inputs; a dozen leave no doubt about a pool, the sign of an output takes more."""

_LENGTHS = 2, 3, 5, 7
_VARIED = 20
"""Outputs have to vary by so many times the tolerance, else any two networks would agree."""
_MOST = 20_000
"""Combinations of activations that are tried."""
_RARE = "relu6", "hard_tanh", "gelu_tanh"
"""What is taken only where nothing else agrees: on small numbers they are relu, linear and gelu."""
_TRIED = {
    **ACTIVATIONS,
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
    "gelu_tanh": jax.nn.gelu,  # its approximation, which cdjax has not: told apart from gelu
}


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
        found: The network: word numbers `[T]` where it has an embedding, else vectors `[T, D]`,
            float32, of several sizes.
        count: How many.
        seed: Of the random numbers.
    """
    network = found.classifier if isinstance(found, Model) else found
    rng, lengths = np.random.default_rng(seed), itertools.cycle(_LENGTHS)
    if network.embedding is not None:
        rows = np.arange(len(network.embedding), dtype=np.int32)
        if isinstance(network, Found) and network.padding is not None:
            rows = np.delete(rows, network.padding)
        return [rng.choice(rows, n) for n in itertools.islice(lengths, count)]
    width = np.shape(cells_of(network.layers[0])[0].W)[2]
    sizes = itertools.cycle((0.5, 1, 10))
    return [
        (size * rng.normal(size=(n, width))).astype(np.float32)
        for n, size, _ in zip(lengths, sizes, range(count), strict=False)
    ]


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
            (with or without a batch, time first). One that raises is left out.
        pool: Keep to this one.
        activations: Keep to these, one for each layer of the head.
        count: How many random inputs.
        tolerance: How far outputs may be apart.

    Raises:
        DisagreementError: Where no reading agrees.
        ValueError: Where several agree; where the forward pass cannot be run.
    """
    candidates = [found] if isinstance(found, Found) else list(found)
    runs = [runs] if callable(runs) else list(runs)
    source, inputs = candidates[0].source, make_inputs(candidates[0], count)
    outputs = _run_all(source, runs, inputs)
    readings = [
        reading
        for candidate in candidates
        for reading in _try_all(candidate, inputs, outputs, pool, activations)
    ]
    agreeing = [reading for reading in readings if reading.difference <= tolerance]
    if not agreeing:
        closest = min(readings, key=lambda reading: reading.difference)
        raise DisagreementError(
            f"{source} computes something else than cdjax reads in it: of {len(readings)} readings "
            f"none agrees with its forward pass on {count} random inputs; the closest, "
            f"{_describe(closest.found)}, is {closest.difference:.2g} apart. It may hold a step "
            f"that is not a layer (a residual connection, attention, a mask) or compute in half "
            f"precision; expected recurrent layers, a pool ({', '.join(POOLS)}) and dense layers. "
            f"verify=False takes pool= and activations= as given."
        )
    if max(reading.spread for reading in agreeing) < _VARIED * tolerance:
        raise ValueError(
            f"the outputs of {source} hardly vary over {count} random inputs, so that nothing can "
            f"be told from them; expected a network whose output depends on its input. "
            f"verify=False does not run it, and takes pool= and activations= as given."
        )
    best = min(reading.difference for reading in agreeing)
    agreeing = [r for r in agreeing if r.difference <= max(10 * best, 1e-7)]
    common = [r for r in agreeing if not set(_RARE) & {dense.activation for dense in r.found.head}]
    # Of one reading, the first form of the input that agrees.
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
    ((_, leaves),) = _run_all("the model", [run], inputs)
    with jax.enable_x64(True):
        network = jax.tree.map(_widen, model.classifier._replace(embedding=None))
        logits = [forward(network, _embed(model.classifier.embedding, x)) for x in inputs]
        forms = {"softmax": ("softmax", "log_softmax"), "sigmoid": ("sigmoid",)}
        names = ("linear", *forms.get(model.output, ()))
        outputs = [[np.asarray(_TRIED[name](z)) for z in logits] for name in names]
    both = itertools.product(outputs, leaves)
    difference = min((_compare(rows, leaf) for rows, leaf in both), default=np.inf)
    if np.isinf(difference):
        shapes = [np.shape(leaf[0]) for leaf in leaves]
        raise ValueError(
            f"the forward pass returns arrays of shapes {shapes} for a sequence of "
            f"{len(inputs[0])} steps; expected {outputs[0][0].shape}."
        )
    return difference


def _run_all(
    source: str, runs: Sequence[Run], inputs: Sequence[np.ndarray]
) -> list[tuple[Run, list[list[np.ndarray]]]]:
    """Return the forward passes that run, and the arrays each returns: one an input."""
    done: list[tuple[Run, list[list[np.ndarray]]]] = []
    errors: list[Exception] = []
    for own in runs:
        try:
            returned = [[_to_array(leaf) for leaf in jax.tree.leaves(own(x))] for x in inputs]
        except Exception as error:  # whatever the code of somebody else raises
            errors.append(error)
        else:
            done.append((own, [list(leaf) for leaf in zip(*returned, strict=False)]))
    if not done:
        raise ValueError(
            f"the forward pass of {source} cannot be run on a sequence of shape "
            f"{list(inputs[0].shape)} ({type(errors[0]).__name__}: {str(errors[0])[:300]}); "
            f"expected one that takes a sequence or a batch of them. verify=False does not run it, "
            f"and takes pool= and activations= as given."
        ) from errors[0]
    return done


def _to_array(leaf: Any) -> np.ndarray:
    return np.asarray(leaf.detach().cpu() if hasattr(leaf, "detach") else leaf)


def _try_all(
    found: Found,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[tuple[Run, list[list[np.ndarray]]]],
    kind: str | None,
    activations: Sequence[str] | None,
) -> list[Reading]:
    """Return every reading of what was found, beside every forward pass."""
    readings: list[Reading] = []

    def add(rows: Sequence[np.ndarray], reading: Found) -> None:
        flat = np.concatenate([row.reshape(-1, row.shape[-1]) for row in rows])
        spread = float(np.ptp(flat, axis=0).max()) / max(1.0, float(np.abs(flat).max()))
        for own, leaves in outputs:
            difference = min((_compare(rows, leaf) for leaf in leaves), default=np.inf)
            readings.append(Reading(reading, own, difference, spread))

    with jax.enable_x64(True):  # so that only the other side loses precision
        linear = tuple(dense._replace(activation="linear") for dense in found.head)
        layers, head = jax.tree.map(_widen, (found.layers, linear))
        lengths = [len(x) for x in inputs]
        longest = max(lengths)
        vectors = [_embed(found.embedding, x) for x in inputs]
        x = np.stack([np.pad(v, ((0, longest - len(v)), (0, 0))) for v in vectors])
        valid = np.arange(longest) < np.array(lengths)[:, None]
        if not head:
            h = np.asarray(_read_all(layers, x, valid, ("each",))["each"])
            add([rows[:n] for rows, n in zip(h, lengths, strict=True)], found)
            return readings
        names = _name_candidates(found, activations)
        said = kind or found.pool
        kinds = list(POOLS) if said is None else [said]
        if not isinstance(layers[-1], Bidirectional) and len(kinds) > 1:
            kinds.remove("ends")  # the same as "last"
        for kind, pooled in _read_all(layers, x, valid, tuple(kinds)).items():
            pooled = np.asarray(pooled)[valid] if kind == "each" else np.asarray(pooled)
            counts = lengths if kind == "each" else [1] * len(lengths)
            stops = np.cumsum(counts)[:-1]
            for chosen, rows in _walk(head, names, pooled):
                known = tuple(
                    dense._replace(activation="softmax" if name == "log_softmax" else name)
                    for dense, name in zip(found.head, chosen, strict=True)
                )
                reading = replace(found, pool=kind, head=known, unsaid_activations=())
                add(np.split(rows, stops), reading)
    return readings


@functools.partial(jax.jit, static_argnames="kinds")  # else every operation compiles by itself
def _read_all(layers: Any, x: Any, valid: Any, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return what a head reads, `[N, P]` or `[N, T, P]`, by pool, of sequences that are padded."""
    nothing = np.zeros((1, 1)), np.zeros(1)
    read: dict[str, Any] = {}
    h = jax.vmap(lambda x, valid: run(layers, x, valid=valid))(x, valid)
    for kind in kinds:
        network = Classifier(None, layers, *nothing, kind)
        read[kind] = jax.vmap(lambda h, valid, n=network: pool(n, h, valid=valid))(h, valid)
    return read


@functools.partial(jax.jit, static_argnames="names")
def _apply_all(z: Any, names: tuple[str, ...]) -> list[Any]:
    return [_TRIED[name](z) for name in names]


def _name_candidates(found: Found, activations: Sequence[str] | None) -> list[Sequence[str]]:
    """Return the activations to try, for each layer of the head."""
    if activations is not None:
        if isinstance(activations, str) or len(activations) != len(found.head):
            raise ValueError(
                f"activations is {activations!r}; expected {len(found.head)} names, one for each "
                f"layer of the head."
            )
        if unknown := [name for name in activations if name not in _TRIED]:
            raise ValueError(
                f"activations holds {unknown[0]!r}; expected some of {', '.join(ACTIVATIONS)}."
            )
        return [(name,) for name in activations]
    names: list[Sequence[str]] = []
    for n, dense in enumerate(found.head):
        last = n == len(found.head) - 1
        tried = [*ACTIVATIONS, "gelu_tanh"]
        if last and len(dense.b) > 1:
            tried += ["softmax", "log_softmax"]
        names.append(tried if n in found.unsaid_activations else [dense.activation])
    if np.prod([len(tried) for tried in names]) > _MOST:
        raise ValueError(
            f"{found.source} does not say {len(found.unsaid_activations)} activations of its head, "
            f"too many to try all; give activations=, a name for each of its {len(found.head)} "
            f"layers."
        )
    return names


def _walk(
    head: Sequence[Any], names: Sequence[Sequence[str]], rows: np.ndarray
) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """Yield the head's outputs for every combination of its layers' activations."""
    dense, *above = head
    sums = rows @ dense.W.T + dense.b[None]
    applied = _apply_all(sums, tuple(names[0]))
    for name, values in zip(names[0], map(np.asarray, applied), strict=True):
        if above:
            for combination, outputs in _walk(above, names[1:], values):
                yield (name, *combination), outputs
        else:
            yield (name,), values


def _compare(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    """Return the largest difference, a share of the largest output; infinite if shapes differ."""
    difference = 0.0
    scale = max([1.0, *(float(np.max(np.abs(their), initial=0)) for their in theirs)])
    for our, their in zip(ours, theirs, strict=True):
        our, their = np.squeeze(our), np.squeeze(their)
        if our.shape != their.shape or their.dtype.kind != "f" or not np.isfinite(their).all():
            return np.inf
        difference = max(difference, float(np.max(np.abs(our - their), initial=0)))
    return difference / scale


def _widen(weight: Any) -> np.ndarray:
    return np.asarray(weight, np.float64)


def _embed(embedding: Any, x: np.ndarray) -> np.ndarray:
    return _widen(x if embedding is None else embedding[x])


def _identify(found: Found) -> tuple[Any, ...]:
    """Return what tells a reading from others: its description and its weights, in their order."""
    return (_describe(found), *map(id, jax.tree.leaves((found.layers, found.head))))


def _describe(found: Found) -> str:
    """Name a reading as its arguments do."""
    if not found.head:
        return "its layers' outputs at every step"
    return f"pool={found.pool!r}, activations={tuple(dense.activation for dense in found.head)}"
