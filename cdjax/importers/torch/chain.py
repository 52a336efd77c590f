"""The order of the modules of a state dict, which does not say it: the one that widths allow.

cdjax reads an embedding, recurrent modules, then dense layers and batch norms. Where widths allow
several such orders, or one that cdjax has no network for, the order is asked for (`modules=`).
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cdjax.importers.torch.parts import Part

_MOST_STEPS = 20_000


class Chain(NamedTuple):
    """The modules in the order in which they are applied."""

    embedding: Part | None
    recurrent: tuple[Part, ...]
    head: tuple[Part, ...]
    fronts: tuple[tuple[Part, ...], ...]
    """Of each recurrent module, the Linears and batch norms between it and the one before."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all of them, in order."""
        first = () if self.embedding is None else (self.embedding,)
        body = (
            p for front, r in zip(self.fronts, self.recurrent, strict=True) for p in (*front, r)
        )
        return tuple(part.name for part in (*first, *body, *self.head))

    @property
    def front(self) -> tuple[Part, ...]:
        """All that stands before a recurrent module, but the embedding."""
        return tuple(part for front in self.fronts for part in front)


class _Order(NamedTuple):
    parts: tuple[Part, ...]
    embedded: bool  # whether the first is an embedding

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    def fits(self) -> bool:
        """Return whether recurrent modules come at once, then the head."""
        kinds = [part.kind == "recurrent" for part in self.parts[self.embedded :]]
        return bool(kinds) and kinds[0] and kinds == sorted(kinds, reverse=True)


def find_chains(
    parts: Sequence[Part], source: str, modules: Sequence[str] | None, most: int, *, fronted: bool
) -> list[Chain]:
    """Return up to `most` orders that fit.

    Args:
        parts: The modules.
        source: How to name what they are of in a message.
        modules: Names of modules in their order, as far as the caller gives them.
        most: How many.
        fronted: Whether to return those with other modules in front of recurrent ones, alone.

    Raises:
        ValueError: Where there is none of either kind; says which modules are left over.
    """
    search = _Search(parts, _check_modules(parts, modules), source)
    found = (order for order in search.walk(fronted) if order.fits() is not fronted)
    orders = list(itertools.islice(found, most))
    if not orders and next(search.walk(not fronted), None) is None:
        raise ValueError(search.explain())
    return [_make_chain(order) for order in orders]


def find_chain(
    parts: Sequence[Part], source: str, modules: Sequence[str] | None, ordered: bool
) -> Chain:
    """Return the only order that fits.

    Args:
        parts: The modules.
        source: How to name what they are of in a message.
        modules: Names of modules in their order, as far as the caller gives them.
        ordered: Whether `parts` are in the order of their definition.

    Raises:
        ValueError: Where there is none, or several; says which modules or orders.
    """
    search = _Search(parts, _check_modules(parts, modules), source)
    orders = list(itertools.islice(search.walk(False), 2))
    if not orders:
        return _make_chain(_find_fronted(search, parts, source, ordered))
    if len(orders) > 1:
        told = list(itertools.islice(search.walk(False, numbered=True), 2))
        orders = told if len(told) == 1 else orders
    definition = _find_definition(parts) if ordered else None
    if definition is not None and not search.is_numbered(definition):
        definition = None
    if len(orders) > 1 and definition is not None and definition.embedded and definition.fits():
        # A matrix without a bias in front of all: an embedding, not the last Linear.
        told = [o for o in search.walk(False) if o.embedded and o.parts[0] is definition.parts[0]]
        orders = told if len(told) == 1 else orders
    others = orders[1:]
    if not others and modules is None:
        if definition is not None:
            others = [definition] if definition.names != orders[0].names else []
        else:
            same_end = (o for o in search.walk(True) if o.parts[-1] is orders[0].parts[-1])
            others = [o for o in itertools.islice(same_end, 2) if not o.fits()][:1]
    if others:
        raise ValueError(
            f"{source} does not say the order of its modules, and their widths allow several: "
            f"{' -> '.join(orders[0].names)}, or {' -> '.join(others[0].names)}. Give modules=, "
            f"their names in the order in which they are applied: modules={orders[0].names}."
        )
    return _make_chain(orders[0])


def _find_fronted(search: "_Search", parts: Sequence[Part], source: str, ordered: bool) -> _Order:
    """Return the only order with Linears or batch norms before recurrent modules.

    Raises:
        ValueError: Where there is none, or several.
    """
    orders = list(itertools.islice(search.walk(True, numbered=True), 3))
    definition = _find_definition(parts) if ordered else None
    if not orders:
        raise ValueError(search.explain())
    if definition is not None and len(orders) > 1:
        orders = [o for o in orders if o.names == definition.names] or orders
    if len(orders) > 1:
        raise ValueError(
            f"{source} does not say the order of its modules, and their widths allow several: "
            f"{' -> '.join(orders[0].names)}, or {' -> '.join(orders[1].names)}. Give modules=, "
            f"their names in the order in which they are applied: modules={orders[0].names}."
        )
    return orders[0]


def _make_chain(order: _Order) -> Chain:
    rest = order.parts[order.embedded :]
    recurrent, fronts, begun = [], [], []
    for part in rest:
        if part.kind == "recurrent":
            recurrent.append(part)
            fronts.append(tuple(begun))
            begun = []
        else:
            begun.append(part)
    embedding = order.parts[0] if order.embedded else None
    return Chain(embedding, tuple(recurrent), tuple(begun), tuple(fronts))


def _check_modules(parts: Sequence[Part], modules: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of modules that are given in order, once they are known."""
    if modules is None:
        return ()
    if isinstance(modules, str):
        raise ValueError(f"modules is the string {modules!r}; expected names, (first, second).")
    known = [part.name for part in parts]
    for name in modules:
        if name not in known or list(modules).count(name) > 1:
            raise ValueError(f"modules holds {name!r}; expected each once, of {tuple(known)}.")
    return tuple(modules)


def _find_definition(parts: Sequence[Part]) -> _Order | None:
    """Return the order of the definition where widths allow it."""
    for embedded in (True, False):
        if embedded and parts[0].kind not in ("embedding", "matrix"):
            continue
        width = parts[0].takes if embedded else None
        chained = True
        for part in parts[embedded:]:
            chained = chained and part.kind != "embedding" and width in (None, part.takes)
            width = part.gives
        if chained and len(parts) > embedded:
            return _Order(tuple(parts), embedded)
    return None


class _Search:
    """All orders that widths allow, those that agree with the order given."""

    def __init__(self, parts: Sequence[Part], given: tuple[str, ...], source: str):
        self.parts, self.given, self.source = parts, given, source
        self.steps = 0
        self.deepest: tuple[Part, ...] = ()

    def walk(self, free: bool, numbered: bool = False) -> Iterator[_Order]:
        """Yield orders; `free` ones too that cdjax has no network for; or only `numbered` ones.

        `numbered`: modules numbered inside another one (`head.0`, `head.3`, as `nn.Sequential`
        does) by their numbers, and no embedding but the one that is called so, if one is.
        """
        self.steps = 0
        called = numbered and any(map(_is_called_embedding, self.parts))
        for n, part in enumerate(self.parts):
            named = not called or part.kind == "embedding" or _is_called_embedding(part)
            if part.kind in ("embedding", "matrix") and named and self._may_follow(part, ()):
                yield from self._extend(frozenset({n}), (part,), part.takes, True, free, numbered)
        yield from self._extend(frozenset(), (), None, False, free, numbered)

    def _may_follow(self, part: Part, before: tuple[Part, ...]) -> bool:
        if part.name not in self.given:
            return True
        names = {p.name for p in before}
        return names.issuperset(self.given[: self.given.index(part.name)])

    def _extend(
        self,
        used: frozenset[int],
        before: tuple[Part, ...],
        width: int | None,
        embedded: bool,
        free: bool,
        numbered: bool,
    ) -> Iterator[_Order]:
        if len(before) > len(self.deepest):
            self.deepest = before
        if len(used) == len(self.parts):
            if any(part.kind == "recurrent" for part in before):
                yield _Order(before, embedded)
            return
        self.steps += 1
        if self.steps > _MOST_STEPS:
            if free:
                return
            raise ValueError(
                f"{self.source} does not say the order of its {len(self.parts)} modules; give "
                f"modules=, their names in the order in which they are applied."
            )
        last = before[-1].kind if len(before) > embedded else None
        for n, part in enumerate(self.parts):
            if n in used or part.kind == "embedding" or width not in (None, part.takes):
                continue
            recurrent = part.kind == "recurrent"
            if not free and recurrent and last not in (None, "recurrent"):
                continue
            if not free and not recurrent and last is None:
                continue
            if numbered and (_is_called_embedding(part) or self._is_early(n, used)):
                continue
            if self._may_follow(part, before):
                after = (*before, part)
                yield from self._extend(used | {n}, after, part.gives, embedded, free, numbered)

    def _is_early(self, n: int, used: frozenset[int]) -> bool:
        """Return whether a sibling of a lower number is still to come."""
        outer, number = _split_number(self.parts[n].name)
        if number is None:
            return False
        others = (_split_number(p.name) for m, p in enumerate(self.parts) if m not in used)
        return any(o == outer and k is not None and k < number for o, k in others)

    def is_numbered(self, order: _Order) -> bool:
        """Return whether modules numbered inside another one are in the order of their numbers."""
        places = [self.parts.index(part) for part in order.parts]
        return not any(
            self._is_early(n, frozenset(places[:before])) for before, n in enumerate(places)
        )

    def explain(self) -> str:
        """Return why there is no order."""
        if self.given and not self.deepest:
            return f"modules={self.given} does not fit the widths of {self._list(self.parts)}."
        reached = " -> ".join(part.title for part in self.deepest) or "nothing"
        left = [part for part in self.parts if part not in self.deepest]
        top = self.deepest[-1].gives if self.deepest else 0
        hint = next(filter(None, (_suspect(part, top) for part in left)), "")
        return (
            f"{self.source}: the widths of its modules do not make one chain: {reached}, then "
            f"nothing for {self._list(left)}.{hint} Expected an embedding, recurrent modules and "
            f"dense layers, each of the width of the one before; no branches, no attention."
        )

    @staticmethod
    def _list(parts: Sequence[Part]) -> str:
        return ", ".join(part.title for part in parts)


def _suspect(part: Part, width: int) -> str:
    """Return what a module may be that takes another width than there is."""
    if width and part.takes > width and part.takes % width == 0:
        times = part.takes // width
        return f" {part.name} takes {part.takes} = {times} x {width}: steps or pools side by side."
    if part.takes * 2 == width:
        return f" {part.name} takes half of {width}: one direction alone, or the sum of both."
    return ""


def _is_called_embedding(part: Part) -> bool:
    return part.kind == "matrix" and "emb" in part.name.lower()


def _split_number(name: str) -> tuple[str, int | None]:
    """Return the module around a numbered one and its number: "head.0" is ("head", 0)."""
    outer, _, last = name.rpartition(".")
    return (outer, int(last)) if last.isdecimal() and len(last) < 9 else (name, None)
