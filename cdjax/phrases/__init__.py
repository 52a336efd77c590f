"""Phrases beyond one text's table of scores: interactions of any sets, vectors and neighbours.

Interactions and trees of the spans of one sequence need no model and are in `cdjax.results`; they
are exported here as well.
"""

from cdjax.phrases.neighbours import find_neighbours, overlaps
from cdjax.phrases.sets import set_interactions
from cdjax.phrases.vectors import average_vectors, count_phrases, find_phrase
from cdjax.results.hierarchy import Group, Hierarchy, build_hierarchy, to_brackets, to_json
from cdjax.results.interactions import (
    adjacent_pairs,
    all_splits,
    heads_and_rests,
    interactions,
    look_up,
    split_interactions,
)
from cdjax.results.selection import strongest

__all__ = [
    "Group",
    "Hierarchy",
    "adjacent_pairs",
    "all_splits",
    "average_vectors",
    "build_hierarchy",
    "count_phrases",
    "find_neighbours",
    "find_phrase",
    "heads_and_rests",
    "interactions",
    "look_up",
    "overlaps",
    "set_interactions",
    "split_interactions",
    "strongest",
    "to_brackets",
    "to_json",
]
