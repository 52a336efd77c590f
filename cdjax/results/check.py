"""Whether the parts of an explanation fit together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cdjax.results.scores import check_output


def check_explanation(explanation: Any) -> None:
    """Raise unless the parts of an `Explanation` fit together.

    Raises:
        ValueError: Where they do not; names the part, what it is and what was expected.
    """
    e = explanation
    if not isinstance(e.labels, tuple) or not e.labels or len(set(e.labels)) != len(e.labels):
        raise ValueError(f"labels is {e.labels!r}; expected a tuple of names, none twice.")
    if (e.tokens is None) == (e.series is None):
        raise ValueError("expected either tokens or a series.")
    if e.tokens is not None and not all(isinstance(token, str) for token in e.tokens):
        raise ValueError("tokens holds something else than texts.")
    if e.series is not None:
        _check_array("series", e.series, (None, None), "f")
    _check_names(e)
    count, steps, spans = len(e.labels), len(e), len(e.spans)
    _check_array("spans", e.spans, (spans, 2), "iu")
    _check_array("scores", e.scores, (spans, count), "f")
    _check_array("logits", e.logits, (count,), "f")
    _check_array("output_bias", e.output_bias, (count,), "f")
    if e.offsets is not None:
        _check_array("offsets", e.offsets, (steps, 2), "iu")
    if e.known is not None:
        _check_array("known", e.known, (steps,), "b")
    start, stop = e.spans[:, 0], e.spans[:, 1]
    if not ((start >= 0) & (start <= stop) & (stop <= steps)).all():
        raise ValueError(f"spans holds one that is not within the {steps} steps.")
    if (e.text is None) != (e.offsets is None):
        raise ValueError("expected both a text and the offsets of its tokens, or neither.")
    if not isinstance(e.padding, int) or isinstance(e.padding, bool) or e.padding < 0:
        raise ValueError(f"padding is {e.padding!r}; expected a number of steps.")
    if set(e.direction) != set(e.labels):
        raise ValueError(
            f"direction has the labels {list(e.direction)}; expected {list(e.labels)}."
        )
    check_output(e.output)


def _check_names(e: Any) -> None:
    """Raise unless names and values are those of a series, and `step` is one of the steps."""
    steps, width = (len(e), 0) if e.series is None else e.series.shape
    for name, count in (("features", width), ("times", steps)):
        names = getattr(e, name)
        if names is None:
            continue
        if e.series is None:
            raise ValueError(f"{name} are of a series, and the explanation is of a text.")
        if not isinstance(names, tuple) or not all(isinstance(text, str) for text in names):
            raise ValueError(f"{name} is {names!r}; expected a tuple of texts.")
        if len(names) != count:
            raise ValueError(f"{name} is {len(names)} names; expected {count}.")
    if e.values is not None:
        if e.series is None:
            raise ValueError("values are of a series, and the explanation is of a text.")
        _check_array("values", e.values, e.series.shape, "f")
    step = e.step
    if step is not None and (type(step) is not int or not 0 <= step < steps):
        raise ValueError(f"step is {step!r}; expected one of the {steps} steps, or None.")


def check_same_input(first: Any, others: Sequence[Any]) -> None:
    """Raise unless other explanations are of the same text or series and labels as a first one.

    Raises:
        ValueError: Where one is not; says which, and how it differs.
    """
    for n, other in enumerate(others):
        if first.series is None or other.series is None:
            kinds = [(e.series is None, e.tokens, e.text) for e in (first, other)]
            same = kinds[0] == kinds[1]
        else:
            same = np.array_equal(first.series, other.series)
        if not same:
            raise ValueError(
                f"others[{n}] explains another text or series ({len(other)} steps, the first has "
                f"{len(first)}); expected explanations of the same."
            )
        if first.step != other.step:
            raise ValueError(
                f"others[{n}] explains the output at step {other.step}, the first that at step "
                f"{first.step}; expected explanations of the same output."
            )
        if first.labels != other.labels or first.output != other.output:
            raise ValueError(
                f"others[{n}] has the labels {', '.join(other.labels)} ({other.output}); expected "
                f"those of the first: {', '.join(first.labels)} ({first.output})."
            )


def _check_array(name: str, array: Any, shape: tuple[int | None, ...], kinds: str) -> None:
    """Raise unless an array has the shape (None: any length) and one of the kinds of dtype."""
    is_array = isinstance(array, np.ndarray)
    fits = is_array and array.ndim == len(shape) and array.dtype.kind in kinds
    if not fits or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        given = f"{array.dtype} {list(array.shape)}" if is_array else repr(array)
        expected = {"iu": "integers", "f": "floats", "b": "booleans"}[kinds]
        lengths = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(f"{name} is {given}; expected {expected} [{lengths}].")
