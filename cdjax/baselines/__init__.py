"""Other ways to score words and phrases beside contextual decomposition, under one contract."""

from cdjax.baselines.cell_decomposition import decompose_cells
from cdjax.baselines.contract import Method
from cdjax.baselines.gradients import (
    WordScores,
    gradient_times_input,
    integrate_gradients,
    standardize,
)
from cdjax.baselines.leave_one_out import leave_out
from cdjax.baselines.methods import make_methods
from cdjax.baselines.shapley import sample_shapley

__all__ = [
    "Method",
    "WordScores",
    "decompose_cells",
    "gradient_times_input",
    "integrate_gradients",
    "leave_out",
    "make_methods",
    "sample_shapley",
    "standardize",
]
