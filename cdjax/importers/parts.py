"""Named parts of a network (embedding, recurrent and dense layers), put in the order of their use.

Objects and weights of Python frameworks name their parts, but what follows what is code. The widths
tell most of it, numbers in the names more; the rest is found by running the code (`verify`), or is
asked for as `modules=`.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from cdjax.core.cells import Bidirectional, cells_of
from cdjax.core.network import Dense
from cdjax.importers.assemble import Found, assemble
from cdjax.importers.padding import FEW_ROWS, look_at_padding
from cdjax.importers.verify import (
    TOLERANCE,
    DisagreementError,
    Reading,
    Run,
    find_reading,
    list_variants,
)

_MOST = 24
"""Orders that are held against a forward pass."""


class Part(NamedTuple):
    """A part of a network, by the name that its framework gives it."""

    name: str
    value: Any
    """The embedding `[V, D]`, a layer of cdjax, or a `Dense`."""
    unsaid: bool = False
    """Of a `Dense`: whether its activation is not said."""


class Wishes(NamedTuple):
    """What the caller says beside the source; the arguments of the public functions."""

    modules: Sequence[Any] | None = None
    verify: bool = True
    pool: str | None = None
    activations: Sequence[str] | None = None
    output: str | None = None
    vocabulary: Any = None
    labels: Sequence[str] | None = None


def build(
    source: str,
    framework: str,
    parts: Sequence[Part],
    wishes: Wishes,
    *,
    runs: Sequence[Run] = (),
    defined: bool,
) -> Any:
    """Return the model that the parts make; the layers alone where there is no dense one.

    Args:
        source: How to name the source in a message.
        framework: The framework.
        parts: Its parts.
        wishes: What the caller says.
        runs: The source's forward pass, in several forms of its input; none if it cannot be run.
        defined: Whether the parts are in the order of their definition, which is taken for that of
            their use where nothing speaks against it.

    Raises:
        ValueError: Where parts do not fit each other, or something is neither said nor given.
    """
    verified = wishes.verify and bool(runs)
    orders = _arrange(source, parts, wishes.modules, defined, verified)
    candidates = [_find(source, framework, order) for order in orders]
    activations = wishes.activations
    (found, *_) = candidates
    if verified:
        found = _verify(candidates, runs, wishes)
        activations = None
    return assemble(
        found,
        pool=wishes.pool,
        activations=activations,
        output=wishes.output,
        vocabulary=wishes.vocabulary,
        labels=wishes.labels,
    )


def _verify(candidates: Sequence[Found], runs: Sequence[Run], wishes: Wishes) -> Found:
    """Return the network that computes what the forward pass does, everything of it said."""
    embedding = candidates[0].embedding
    if embedding is not None and len(embedding) > FEW_ROWS:  # row 0 is looked at apart
        candidates = [replace(found, padding=0) for found in candidates]
    reading = _find_reading(candidates, runs, wishes)
    notes: dict[str, Any] = {
        "verified": {"inputs": "random", "largest difference": reading.difference}
    }
    padding = None
    if reading.found.padding == 0 and reading.found.head:
        own = reading.run
        padding, about = look_at_padding(reading.found, 0, lambda x, _: own(x), TOLERANCE)
        notes |= about
    return replace(reading.found, padding=padding, notes=notes)


def _find_reading(candidates: Sequence[Found], runs: Sequence[Run], wishes: Wishes) -> Reading:
    """Return the reading that agrees; also with an activation of what the head reads."""
    given, errors = wishes.activations, list[DisagreementError]()
    for variant in list_variants(candidates, given is not None):
        try:
            return find_reading(variant, runs, pool=wishes.pool, activations=given)
        except DisagreementError as error:
            errors.append(error)
    raise errors[0]


def _find(source: str, framework: str, order: Sequence[Part]) -> Found:
    """Return what a source holds, its parts in an order."""
    dense = [part for part in order if isinstance(part.value, Dense)]
    embeddings = [part.value for part in order if isinstance(part.value, np.ndarray)]
    return Found(
        source,
        framework,
        tuple(part.value for part in order if part.value is not None and _is_layer(part)),
        embeddings[0] if embeddings else None,
        head=tuple(part.value for part in dense),
        unsaid_activations=tuple(n for n, part in enumerate(dense) if part.unsaid),
        head_names=tuple(part.name for part in dense),
    )


def _arrange(
    source: str, parts: Sequence[Part], order: Sequence[Any] | None, defined: bool, verified: bool
) -> list[list[Part]]:
    """Return the order of the parts; where it is to be verified every order, likely ones first."""
    if order is not None:
        parts = _follow(source, parts, order)
    listed = "; ".join(map(_describe, parts)) or "nothing"
    embeddings = [part for part in parts if isinstance(part.value, np.ndarray)]
    layers = [part for part in parts if _is_layer(part)]
    dense = [part for part in parts if isinstance(part.value, Dense)]
    if not layers:
        raise ValueError(f"{source} holds no LSTM or GRU, but {listed}; expected one at least.")
    if len(embeddings) > 1:
        raise ValueError(
            f"{source} holds {len(embeddings)} embeddings ({listed}); expected one at most, the "
            f"network's input. modules= names the parts to take."
        )
    if order is not None:
        return [[*embeddings, *layers, *dense]]
    chains = (
        [*embeddings, *lower, *upper]
        for lower in _chain(layers, _widths(embeddings[0])[1] if embeddings else None)
        for upper in _chain(dense, _widths(lower[-1])[1])
    )
    orders = list(itertools.islice(chains, 1000))
    if not orders:
        raise ValueError(
            f"the parts of {source} do not fit one after the other: {listed}. Expected (an "
            f"embedding and then) recurrent layers and then dense ones, each as wide as what the "
            f"one before gives. modules= names the parts to take."
        )
    first = _name([*embeddings, *layers, *dense])
    plain = [o for o in orders if len(o) == len(parts)]  # no two cells were taken for a pair
    likely = [o for o in plain if (_name(o) == first if defined else _ascends(o))]
    if verified:
        return [*likely, *(o for o in orders if not any(o is one for one in likely))][:_MOST]
    certain = plain if len(plain) == 1 else likely
    if len(certain) != 1:
        raise ValueError(
            f"{source} does not say in which order its parts are used ({listed}); give their "
            f"names, for instance modules={_name(orders[0])!r}, where two names in brackets are "
            f"the cells that read a sequence forward and backward."
        )
    return certain


def _follow(source: str, parts: Sequence[Part], order: Sequence[Any]) -> list[Part]:
    """Return the parts that an order names."""
    by_name = {part.name: part for part in parts}

    def find(name: Any) -> Part:
        if not isinstance(name, str) or name not in by_name:
            raise ValueError(
                f"modules names {name!r}; {source} holds {', '.join(by_name) or 'nothing'}."
            )
        return by_name[name]

    if isinstance(order, str):
        raise ValueError(f"modules is {order!r}; expected a tuple of names.")
    names = [name for entry in order for name in ((entry,) if isinstance(entry, str) else entry)]
    if len({*names}) < len(names):
        raise ValueError(f"modules names a part twice: {names}; expected each once.")
    return [
        find(entry) if isinstance(entry, str) or len(entry) != 2 else _pair(*map(find, entry))
        for entry in order
    ]


def _is_layer(part: Part) -> bool:
    return not isinstance(part.value, np.ndarray | Dense)


def _pair(forward: Part, backward: Part) -> Part:
    """Return two cells as one layer in both directions."""
    for part in (forward, backward):
        if not _is_layer(part) or isinstance(part.value, Bidirectional):
            raise ValueError(f"modules has {part.name} in a pair; expected two LSTM or GRU cells.")
    return Part(f"{forward.name}|{backward.name}", Bidirectional(forward.value, backward.value))


def _chain(parts: Sequence[Part], width: int | None) -> Iterator[list[Part]]:
    """Yield the orders in which each part is as wide as what the one before gives.

    Two cells may also be a pair, the two directions of one layer.
    """
    if not parts:
        yield []
    for n, part in enumerate(parts):
        taken, given = _widths(part)
        if width not in (None, taken):
            continue
        rest = [*parts[:n], *parts[n + 1 :]]
        for above in _chain(rest, given):
            yield [part, *above]
        if isinstance(part.value, Bidirectional | Dense):
            continue
        for m, other in enumerate(rest):
            if not isinstance(other.value, Bidirectional) and _widths(other)[0] == taken:
                pair = _pair(part, other)
                for above in _chain([*rest[:m], *rest[m + 1 :]], _widths(pair)[1]):
                    yield [pair, *above]


def _widths(part: Part) -> tuple[int, int]:
    """Return how wide a part's input and output are; of an embedding, its rows are the input."""
    if isinstance(part.value, np.ndarray):
        return part.value.shape
    if isinstance(part.value, Dense):
        return part.value.W.shape[1], part.value.W.shape[0]
    cells = cells_of(part.value)
    return cells[0].W.shape[2], sum(cell.widths[0] for cell in cells)


def _name(order: Sequence[Part]) -> tuple[Any, ...]:
    """Return an order as the argument names it."""
    return tuple(tuple(p.name.split("|")) if "|" in p.name else p.name for p in order)


def _ascends(order: Sequence[Part]) -> bool:
    """Return whether names that differ in a number alone are in its order (lstm, lstm_1)."""
    numbers: dict[str, tuple[int, ...]] = {}
    for part in order:
        stem = re.sub(r"[._]?\d+", "", part.name)
        number = tuple(map(int, re.findall(r"\d+", part.name)))
        if number < numbers.get(stem, ()):
            return False
        numbers[stem] = number
    return True


def _describe(part: Part) -> str:
    return "{} {} -> {}".format(part.name, *_widths(part))
