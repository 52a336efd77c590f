"""Scores of all spans in few bytes: whole numbers, predicted from shorter spans, and deflated.

A score becomes a multiple `q` of a step. Those of neighbouring spans predict each other,

    q(start, stop) = q(start + 1, stop) + q(start, stop - 1) - q(start + 1, stop - 1) + difference,

exactly where the phrase has no interaction but those of its parts. The differences are small, and
are kept by place value, which deflates well.

The step is the last bit of a float32 as large as the largest score, so that what is read back
differs by half of that at most. Where there are many spans it is longer for most of them, up to
1 / `FINER` of the last decimal shown: 3e-5 logits, where float32 itself is off by 1e-5 to 1e-3 in
texts of 200 words. What is shown is the same: single steps, and spans whose score or interaction
would be shown with another last digit or on another step of the scale, by any label or along the
direction, keep all bits. Other sums of scores, as of two phrases that join, can differ in the last
digit shown, one in some hundred. The 28,203 spans of 237 words and two labels take 37 to 100 kB in
a page, where their float32 numbers would take 300.
"""

import base64
import itertools
import json
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from cdjax.spans import enumerate_spans

BYTES = 4  # of a difference
BITS = 23  # of a float32's fraction
FINER = 300
"""Into so many steps, at least, the last decimal shown is divided."""
FEW = 5050
"""So many spans, those of 100 steps, are kept to the last bit."""
MISSING = np.iinfo(np.int64).min
"""An integer that is packed as none."""


class Reading(NamedTuple):
    """How the scores are read that a page shows."""

    weights: Float[np.ndarray, "l"]  # of the labels' scores
    decimals: int
    thresholds: Sequence[float]  # of the scale


def pack_scores(
    spans: Int[np.ndarray, "s 2"], scores: Float[np.ndarray, "s l"], length: int, reading: Reading
) -> dict[str, Any]:
    """Return the scores of all spans up to some length as a record for JSON.

    Args:
        spans: By start and then by stop, all of them up to a length.
        scores: A row a span, a number a label. NaN is kept.
        length: Steps of the sequence.
        reading: What is shown of them.

    Raises:
        ValueError: Where spans are missing, or a score is infinite.
    """
    longest = int((spans[:, 1] - spans[:, 0]).max(initial=0))
    if not np.array_equal(spans, enumerate_spans(length, longest or None)):
        raise ValueError(
            f"a page needs all spans up to a length, by start and then by stop, and these "
            f"{len(spans):,}, the longest of {longest} steps, are others; expected an explanation "
            f"as cdjax.explain returns it."
        )
    if np.isinf(scores).any():
        raise ValueError("scores hold an infinite number; expected finite ones.")
    # By length, then by start: every span comes after those that predict it.
    order = np.lexsort((spans[:, 0], spans[:, 1] - spans[:, 0]))
    numbers = scores[order].astype(np.float64)
    missing = np.flatnonzero(np.isnan(numbers).any(axis=1))
    numbers = np.nan_to_num(numbers)
    largest = float(np.abs(numbers).max(initial=0.0))
    finest = BITS - int(np.floor(np.log2(largest))) if largest else 0
    exponent = finest
    if len(spans) > FEW:
        exponent = min(finest, int(np.ceil(np.log2(FINER * 10.0**reading.decimals))))
    finely = np.rint(np.ldexp(numbers, finest)).astype(np.int64)
    multiples = np.rint(np.ldexp(numbers, exponent)).astype(np.int64)
    exact = _find_exact(
        numbers, np.ldexp(multiples.astype(float), -exponent), spans[order], reading
    )
    bits = finest - exponent
    differences = np.empty_like(multiples)
    differences[order] = _differences(multiples, length, longest)  # deflates better by start
    return {
        "longest": longest,
        "exponent": exponent,
        "bits": bits,
        "missing": missing.tolist(),
        "data": _deflate(_planes(_fold(differences.T), BYTES)),
        "exact": pack_integers(np.diff(exact, prepend=0)),
        "more": pack_integers((finely - (multiples << bits))[exact].T),
    }


def _find_exact(
    numbers: Float[np.ndarray, "s l"],
    rounded: Float[np.ndarray, "s l"],
    spans: Int[np.ndarray, "s 2"],
    reading: Reading,
) -> Int[np.ndarray, "e"]:
    """Return which spans, by length, are single steps or would be shown as others, if rounded."""
    single = spans[:, 1] - spans[:, 0] == 1
    sums = np.zeros((int(single.sum()) + 1, numbers.shape[1]))
    np.cumsum(numbers[single], axis=0, out=sums[1:])
    sums = sums[spans[:, 1]] - sums[spans[:, 0]]

    def show(scores: Float[np.ndarray, "s l"]) -> Float[np.ndarray, "s n"]:
        read = np.column_stack([scores, scores @ reading.weights])
        steps = [np.abs(read) >= threshold for threshold in reading.thresholds]
        return np.column_stack([np.floor(np.abs(read) * 10.0**reading.decimals + 0.5), *steps])

    same = (show(numbers) == show(rounded)) & (show(numbers - sums) == show(rounded - sums))
    return np.flatnonzero(single | ~same.all(axis=1))


def pack_integers(numbers: Int[np.ndarray, "*n"]) -> dict[str, Any]:
    """Return integers below 2 ** 46 in absolute value, or MISSING, as a record for JSON.

    In row-major order, by place value, in as many planes of bytes as the largest needs.

    Raises:
        ValueError: Where one is too large.
    """
    flat = np.asarray(numbers).ravel().astype(np.int64)
    missing = flat == MISSING
    folded = np.where(missing, 0, _fold(np.where(missing, 0, flat)) + 1)
    largest = int(folded.max(initial=1))
    if largest > 1 << 47:
        raise ValueError("a number is too large for a page; expected it below 2 ** 46.")
    count = (largest.bit_length() + 7) // 8
    return {"planes": count, "size": len(flat), "data": _deflate(_planes(folded, count))}


def pack_floats(numbers: Float[np.ndarray, "*n"]) -> str:
    """Return numbers as float32, in row-major order, by place value, deflated and in base64."""
    flat = np.ascontiguousarray(numbers, "<f4").ravel()
    return _deflate(flat.view(np.uint8).reshape(-1, 4).T)


def pack_texts(texts: Sequence[str | None]) -> str:
    """Return texts, deflated and in base64."""
    return _deflate(json.dumps(list(texts), ensure_ascii=False).encode())


def _fold(numbers: Int[np.ndarray, "*n"]) -> Int[np.ndarray, "*n"]:
    """Return 0, 1, 2, 3, ... for 0, -1, 1, -2, ..."""
    return (numbers << 1) ^ (numbers >> 63)


def _planes(numbers: Int[np.ndarray, "*n"], count: int) -> UInt8[np.ndarray, "c m"]:
    """Return the lowest bytes of numbers, all first ones, all second ones and so on."""
    unsigned = np.ascontiguousarray(numbers).ravel().astype("<u8")
    return unsigned.view(np.uint8).reshape(-1, 8)[:, :count].T


def _deflate(content: bytes | np.ndarray) -> str:
    raw = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, strategy=zlib.Z_FILTERED)
    return base64.b64encode(packer.compress(raw) + packer.flush()).decode()


def _differences(
    multiples: Int[np.ndarray, "s l"], length: int, longest: int
) -> Int[np.ndarray, "s l"]:
    """Return what each multiple has beyond its prediction; single steps are kept as they are."""
    firsts = np.cumsum([0, *(length - n + 1 for n in range(1, longest + 1))])
    rows = [multiples[a:b] for a, b in itertools.pairwise(firsts)]
    differences = [rows[0]] if rows else []
    for n in range(1, longest):
        predicted = rows[n - 1][1:] + rows[n - 1][:-1]
        predicted -= rows[n - 2][1:-1] if n > 1 else 0
        differences.append(rows[n] - predicted)
    return np.concatenate(differences) if differences else multiples
