"""Whether a network leaves the row of padding out at the end of a sequence, found by trying."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from cdjax.importers.assemble import Found, assemble
from cdjax.importers.verify import compare, make_inputs
from cdjax.model import Model

FEW_ROWS = 3
"""Rows of an embedding too small to leave out one that may be padding."""
_STEPS = 2


def look_at_padding(
    found: Found, row: int, run: Callable[[np.ndarray, int], Any], tolerance: float
) -> tuple[int | None, dict[str, Any]]:
    """Return the row that a forward pass leaves out at the end, and what to note of it.

    Args:
        found: The network that agrees with the forward pass on sequences without the row.
        row: The row.
        run: The forward pass of word numbers `[T]`, and how many of them are words: the others, the
            last ones, are the row.
        tolerance: How far outputs may be apart.

    Returns:
        The row and a note of it, where it is left out; None and no note where it is a word like any
        other; None and a note where it is neither.
    """
    unsaid = found.head[-1].activation == "linear" and found.output is None
    model = assemble(found, output="value" if unsaid else None)
    if not isinstance(model, Model):
        return None, {}
    # As long, once padded, as the sequences that were tried: forward passes compile for a length.
    words = [x[:-_STEPS] for x in make_inputs(found, 9) if len(x) > _STEPS + 1]

    def pad(x: np.ndarray) -> np.ndarray:
        return np.pad(x, (0, _STEPS), constant_values=row)

    def run_words(x: np.ndarray) -> Any:
        leaves = jax.tree.leaves(run(pad(x), len(x)))
        each = found.pool == "each"  # of these, the outputs at the words
        return [a[..., : len(x), :] if each and np.ndim(a) > 1 else a for a in leaves]

    try:
        if compare(model, lambda x: run(x, len(x) - _STEPS), list(map(pad, words))) <= tolerance:
            return None, {}
        if compare(model, run_words, words) <= tolerance:
            return row, {"padding": row}
    except ValueError:
        pass  # what it returns for such sequences is no output of theirs
    note = f"row {row} changes the outputs in a way of its own; leave it out of sequences"
    return None, {"padding": note}
