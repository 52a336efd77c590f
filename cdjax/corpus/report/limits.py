"""How much a page of a corpus shows; apart, since the command line has it before all else."""

from typing import NamedTuple


class Limits(NamedTuple):
    """How much a page shows."""

    max_len: int = 5  # words of a phrase
    min_count: int = 2  # occurrences of a phrase
    phrases: int = 10_000
    reviews: int = 10_000
