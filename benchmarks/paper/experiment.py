"""What an experiment is: the data it needs, its protocol, how it runs, and what the paper found.

Rows are the measurements: records with the fields `model`, `method`, `rule` and `primary` (whether
of the primary protocol), the fields that the `Layout` names, and for a statistic `ks` also `ks_low`
and `ks_high`, its interval.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cdjax.viz.document import Block

from benchmarks.paper.results import Record
from benchmarks.paper.setting import Setting


class Layout(NamedTuple):
    """How the rows of an experiment are compared."""

    statistic: str  # the field that methods are ranked by
    panels: tuple[str, ...] = ()  # fields whose values are compared in tables of their own
    factors: tuple[str, ...] = ()  # fields that are choices within the protocol
    others: tuple[str, ...] = ()  # further statistics
    counts: tuple[str, ...] = ()  # sizes of the sample
    lower_is_better: tuple[str, ...] = ()  # values of panels


class Experiment(NamedTuple):
    """An experiment of section 4 of the paper, or one of our own."""

    name: str  # of its files and on the command line
    title: str
    section: str  # of the paper; "" for experiments of our own
    data: tuple[str, ...]  # "sst", "yelp"
    protocol: Sequence[tuple[str, str]]  # heading and text
    run: Callable[[Setting], Record]  # returns `rows` and further fields of the result file
    draw: Callable[[Setting, Record], list[Record]]  # returns `file` and `caption` of each figure
    published: Mapping[str, Any] = {}  # the paper's figures: by method, or by data and method
    layout: Layout | None = None  # None: only the tables of `blocks`
    blocks: Callable[[Record], list[Block]] = lambda result: []  # further parts of the report
    needs_all_data: bool = True  # False: at least one of `data`
    also: tuple[str, ...] = ()  # data whose models are measured too, where there are any
    takes_long: bool = False  # of those that run side by side, these start first
    starts_processes: bool = False  # whether it uses all cores by processes of its own
