"""The sizes of a run."""

from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

from cdjax.text.trees import parse_tree


class Setup(NamedTuple):
    """What is measured, and how often."""

    lengths: tuple[int, ...]  # words of each review of the corpus
    source: str  # where the lengths come from, in words
    trees: Path | None  # the file of trees they come from
    hidden: int
    width: int
    words: int  # of the vocabulary
    rounds: int
    checks: int  # random spans of each answer that are held against the recursion
    quick: bool  # small sizes everywhere
    full: bool  # also what takes many minutes


def make_setup(data: Path, quick: bool = False, full: bool = False) -> Setup:
    """Return the sizes of a run, lengths from a file of SST trees where it is there."""
    if data.is_file():
        lines = data.read_text(encoding="utf-8").split("\n")
        lengths = tuple(len(parse_tree(line).tokens) for line in lines if line)
        source, trees = f"the {len(lengths):,} sentences of {data.name}", data
    else:
        lengths, trees = synthetic_lengths(), None
        source = f"{len(lengths):,} synthetic lengths ({data} is not there)"
    if quick:
        lengths = tuple(min(length, 9) for length in lengths[:24])
        source += ", cut to a quick run"
        return Setup(lengths, source, trees, 16, 12, 50, 2, 3, quick, full)
    return Setup(lengths, source, trees, 168, 300, 5000, 5, 24, quick, full)


def synthetic_lengths(count: int = 1100) -> tuple[int, ...]:
    """Return fixed lengths that are spread about as sentences of film reviews are.

    Quantiles of a normal distribution, 19 words on average, from 2 to 49.
    """
    quantile = NormalDist(19.3, 9).inv_cdf
    ranks = ((7 * n % count + 0.5) / count for n in range(count))  # not in order of length
    return tuple(min(49, max(2, round(quantile(rank)))) for rank in ranks)
