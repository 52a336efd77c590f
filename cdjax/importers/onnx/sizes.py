"""Sizes of axes that a graph leaves open: polynomials in the sizes of its input's axes.

Graphs compute shapes from the shapes of their tensors. NumPy computes with these sizes in arrays
of objects.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Union

import numpy as np

Number = Union[int, "Size"]
MOST_TERMS, MOST_FACTORS, LARGEST = 64, 16, 2**63
"""Terms of a size, names in a term, and how large a number may be: squared again and again, they
would fill memory."""


@dataclass(frozen=True)
class Size:
    """A polynomial with whole coefficients; a constant one is an int instead.

    >>> Size.of("t") * 3 - 1, Size.of("b") * Size.of("t") // Size.of("t")
    (-1 + 3*t, b)
    """

    terms: tuple[tuple[tuple[str, ...], int], ...]
    """Sorted pairs of the names that are multiplied, sorted, and their coefficient."""

    @classmethod
    def of(cls, name: str) -> "Size":
        """Return the size that has a name."""
        return cls((((name,), 1),))

    def __add__(self, other: Number) -> Number:
        return collect([*self.terms, *terms_of(other)])

    def __mul__(self, other: Number) -> Number:
        return collect(
            (tuple(sorted(a + b)), m * n) for a, m in self.terms for b, n in terms_of(other)
        )

    def __neg__(self) -> Number:
        return self * -1

    def __sub__(self, other: Number) -> Number:
        return self + other * -1

    def __rsub__(self, other: Number) -> Number:
        return -self + other

    def __floordiv__(self, other: Number) -> Number:
        quotient = divide(self, other)
        if quotient is None:
            raise ValueError(f"divides the size {self} by {other}, which is not whole")
        return quotient

    __radd__, __rmul__, __truediv__ = __add__, __mul__, __floordiv__

    def __repr__(self) -> str:
        parts = []
        for names, n in self.terms:
            factors = [str(n)] * (n != 1 or not names) + list(names)
            parts.append("*".join(factors))
        return " + ".join(parts)


def terms_of(size: Number) -> tuple[tuple[tuple[str, ...], int], ...]:
    """Return the terms of a polynomial."""
    return size.terms if isinstance(size, Size) else (((), int(size)),)


def collect(terms: Iterable[tuple[tuple[str, ...], int]]) -> Number:
    """Return the sum of terms."""
    total: Counter[tuple[str, ...]] = Counter()
    for names, n in terms:
        total[names] += n
    left = tuple(sorted((names, n) for names, n in total.items() if n))
    if len(left) > MOST_TERMS or any(
        len(names) > MOST_FACTORS or abs(n) >= LARGEST for names, n in left
    ):
        raise ValueError("computes a size that no axis has")
    if any(names for names, _ in left):
        return Size(left)
    return left[0][1] if left else 0


def divide(size: Number, by: Number) -> Number | None:
    """Return an exact quotient; None where `by` is no single term or leaves a remainder."""
    terms = terms_of(by)
    if len(terms) != 1 or not terms[0][1]:
        return None
    ((names, n),) = terms
    quotient: list[tuple[tuple[str, ...], int]] = []
    for factors, m in terms_of(size):
        left = Counter(factors)
        left.subtract(names)
        if m % n or min(left.values(), default=0) < 0:
            return None
        quotient.append((tuple(sorted(left.elements())), m // n))
    return collect(quotient)


def multiply(sizes: Iterable[Number]) -> Number:
    """Return the product of sizes."""
    product: Number = 1
    for size in sizes:
        product = product * size
    return product


def as_array(sizes: Iterable[Number]) -> np.ndarray:
    """Return sizes as a constant of a graph: whole numbers where all are known."""
    sizes = list(sizes)
    known = all(isinstance(size, (int, np.integer)) for size in sizes)
    array = np.empty(len(sizes), np.int64 if known else object)
    array[:] = sizes
    return array


def compact(array: np.ndarray) -> np.ndarray:
    """Return an array of objects as whole numbers where all of them are."""
    if array.dtype != object:
        return array
    if any(isinstance(size, int) and abs(size) >= LARGEST for size in array.ravel().tolist()):
        raise ValueError("computes a size that no axis has")
    return as_array(array.ravel().tolist()).reshape(array.shape)
