"""Explanations in the terminal, by rich: legible at any width, with colours and without."""

from cdjax.viz.terminal.methods import print_side_by_side
from cdjax.viz.terminal.rows import say
from cdjax.viz.terminal.sections import (
    print_account,
    print_evidence,
    print_explanation,
    print_growth,
    print_interactions,
    print_notes,
    print_notices,
    print_outcome,
)
from cdjax.viz.terminal.series import print_head, print_series
from cdjax.viz.terminal.tree import print_tree
from cdjax.viz.terminal.words import print_legend, print_words

__all__ = [
    "print_account",
    "print_evidence",
    "print_explanation",
    "print_growth",
    "print_head",
    "print_interactions",
    "print_legend",
    "print_notes",
    "print_notices",
    "print_outcome",
    "print_series",
    "print_side_by_side",
    "print_tree",
    "print_words",
    "say",
]
