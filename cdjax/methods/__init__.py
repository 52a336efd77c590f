"""Methods that score steps and spans, beside contextual decomposition, under one contract."""

from cdjax.methods.cell_decomposition import decompose_cells
from cdjax.methods.contract import Method
from cdjax.methods.gradients import (
    StepScores,
    gradient_times_input,
    integrate_gradients,
    standardize,
)
from cdjax.methods.leave_one_out import leave_out
from cdjax.methods.registry import make_methods
from cdjax.methods.shapley import sample_shapley

__all__ = [
    "Method",
    "StepScores",
    "decompose_cells",
    "gradient_times_input",
    "integrate_gradients",
    "leave_out",
    "make_methods",
    "sample_shapley",
    "standardize",
]
