"""How the words of a text join, as a tree that grows to the right: strongest interactions first."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cdjax.display import show
from cdjax.results.explanation import Explanation
from cdjax.results.hierarchy import Hierarchy
from cdjax.results.overview import Overview
from cdjax.results.sentences import LONG_TEXT
from cdjax.viz.pictures.board import Board, Look
from cdjax.viz.pictures.fonts import Fonts
from cdjax.viz.pictures.parts import (
    MARGIN,
    NUMBER,
    SMALL,
    TEXT,
    add_cell,
    arrange_foot,
    arrange_outcome,
    stack,
    write_number,
)
from cdjax.viz.scale import step

ROW, CHIP = 0.29, 0.165
"""Inches of a row and of the score in it."""
DEEPEST = 16
"""Most joins above each other."""
NAMES = 0.4
"""Share of the width that words take at most, unless the tree leaves more."""
LINE, LINES = 0.16, 3
"""Inches of a line of a leaf's words, and its lines at most."""


class Name(NamedTuple):
    """The words of a leaf as they are written."""

    lines: list[str]
    size: float
    width: float

    @property
    def height(self) -> float:
        """Inches of its row."""
        return max(ROW, LINE * len(self.lines) + 0.06)


class Node(NamedTuple):
    """A group of the tree where it is drawn."""

    start: int
    stop: int
    score: float
    interaction: float
    column: int  # 0 for what is not told apart
    row: float
    children: tuple[int, ...]


def arrange_tree(
    explanation: Explanation, seen: Overview, width: float, look: Look, windows: Any = None
) -> Board:
    """Return the picture, with the prediction, the legend and the notices.

    Args:
        explanation: What to show.
        seen: Its overview.
        width: In inches.
        look: Of the picture.
        windows: Of a series, the windows of time that join; single steps when None.

    Raises:
        ValueError: Where spans are missing, or there are no words.
    """
    inner = width - 2 * MARGIN
    kind = "words" if explanation.tokens is not None else "steps" if windows is None else "windows"
    nodes, least = choose_nodes(explanation, windows)
    lines = [
        f"The {kind} join, those first that interact most. Below a score: by how much it is more "
        "than those of its parts."
    ]
    if least:
        lines.append(f"Joins are shown where something interacts by {least:g} or more.")
    branches = arrange_branches(explanation, nodes, inner, look)
    foot = arrange_foot(explanation, seen, max(inner, branches.width), look, lines)
    outcome = arrange_outcome(explanation, seen, inner, look)
    return stack([(outcome, 0.08), (branches, 0.16), (foot, 0.0)], width, look)


def arrange_branches(
    explanation: Explanation, nodes: Sequence[Node], width: float, look: Look
) -> Board:
    """Return the tree alone; wider than asked for where it is deep."""
    fonts, ink, decimals = look.fonts, look.ink, explanation.decimals
    columns = max(node.column for node in nodes)
    texts = [write_number(n, decimals) for node in nodes for n in (node.score, node.interaction)]
    chip = max(fonts.measure(text, NUMBER) for text in texts) + 0.1
    leaves = sorted((node for node in nodes if not node.children), key=lambda node: node.row)
    texts = [show(explanation.phrase_text(leaf.start, leaf.stop)) for leaf in leaves]
    column = chip + 0.14
    room = max(NAMES * width, width - 0.08 - chip - columns * column)
    names = [_arrange_name(text, room, fonts) for text in texts]
    bottoms = np.cumsum([name.height for name in names])
    middles = bottoms - [name.height / 2 for name in names]
    widest = max(name.width for name in names)
    left = widest + 0.08
    board = Board(max(width, left + chip + columns * column), look)
    # Room that is left spreads the tree.
    column = max(column, min(2 * column, (width - left - chip) / max(columns, 1)))

    def find(node: Node) -> tuple[float, float]:
        middle = np.interp(node.row, range(len(middles)), middles)
        return left + column * node.column, float(middle) - CHIP / 2

    for middle, name in zip(middles.tolist(), names, strict=True):
        base = middle + 0.045 - LINE * (len(name.lines) - 1) / 2
        for n, line in enumerate(name.lines):
            board.write(widest, base + n * LINE, line, name.size, side="right")
    for node in nodes:
        x, y = find(node)
        for child in (nodes[n] for n in node.children):
            child_x, child_y = find(child)
            fork = x - 0.06
            ends = [child_x + chip, fork, fork, x], [child_y + CHIP / 2] * 2 + [y + CHIP / 2] * 2
            board.line(*ends, ink.line, 0.8)
    for node in nodes:
        x, y = find(node)
        text = write_number(node.score, decimals)
        add_cell(board, (x, y, chip, CHIP), step(node.score, explanation.thresholds), text)
        if node.children:
            joined = write_number(node.interaction, decimals)
            board.write(x + chip / 2, y + CHIP + 0.1, joined, SMALL - 1, ink.faint, "center")
    board.height = float(bottoms[-1]) + 0.02
    return board


def _arrange_name(text: str, width: float, fonts: Fonts) -> Name:
    """Return a leaf's words in lines of a width: smaller for a long word, broken if it must be."""
    size = TEXT
    while size > SMALL and any(fonts.measure(word, size) > width for word in text.split()):
        size -= 0.5
    lines = fonts.wrap(fonts.break_words(text, size, width), size, width, LINES)
    return Name(lines, size, max(fonts.measure(line, size) for line in lines or [""]))


def choose_nodes(explanation: Explanation, windows: Any = None) -> tuple[list[Node], float]:
    """Return what is drawn of the tree, and how strong its interactions are at least.

    All of a short text; of a long one, or where the tree is deep, only what interacts clearly.
    """
    tree, clear = explanation.tree(windows), explanation.thresholds.clear
    leaves = len(explanation) if windows is None else len(windows)
    least = clear if leaves > LONG_TEXT else 0.0
    nodes = place(choose_parts(explanation, tree, least))
    while max(node.column for node in nodes) > DEEPEST:
        least = 2 * least or clear
        nodes = place(choose_parts(explanation, tree, least))
    return nodes, least


class Part(NamedTuple):
    """A phrase that is drawn, and those that are drawn as its parts."""

    start: int
    stop: int
    score: float
    parts: tuple["Part", ...] = ()


def choose_parts(explanation: Explanation, tree: Hierarchy, least: float) -> list[Part]:
    """Return the roots of what is drawn of a tree.

    Args:
        explanation: What the tree is of.
        tree: The tree.
        least: Groups in which nothing interacts by so much are drawn without their parts; other
            groups that interact by less are not drawn, but their parts, as parts of the next.
            Of these, neighbours that say nothing are one.
    """
    strongest: list[float] = []  # interaction in each group
    drawn: list[tuple[Part, ...]] = []  # what stands for each group
    for n, group in enumerate(tree.groups):
        size = abs(float(group.interaction @ tree.direction))
        strongest.append(max([size, *(strongest[child] for child in group.children)]))
        score = float(group.scores @ tree.direction)
        parts = tuple(part for child in group.children for part in drawn[child])
        if strongest[n] < least:
            parts = ()
        elif parts and size < least and n not in tree.roots:
            drawn.append(parts)
            continue
        elif least:
            parts = _join_silent(explanation, parts)
        drawn.append((Part(group.start, group.stop, score, parts),))
    return [part for root in tree.roots for part in drawn[root]]


def _join_silent(explanation: Explanation, parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return parts with neighbours that are not split, and say nothing, as one."""
    joined: list[Part] = []
    for part in parts:
        silent = not part.parts and abs(part.score) < explanation.thresholds.clear
        if silent and joined and not joined[-1].parts:
            start = joined[-1].start
            score = explanation[start : part.stop]
            if max(abs(joined[-1].score), abs(score)) < explanation.thresholds.clear:
                joined[-1] = Part(start, part.stop, score)
                continue
        joined.append(part)
    return tuple(joined) if len(joined) > 1 else tuple(parts)


def place(roots: Sequence[Part]) -> list[Node]:
    """Return what is drawn with rows and columns, parts before wholes."""
    found, stack = [], list(roots)
    while stack:
        found.append(stack.pop())
        stack += found[-1].parts
    found.sort(key=lambda part: (part.stop - part.start, part.start))
    leaves = sorted(part.start for part in found if not part.parts)
    rows = {start: row for row, start in enumerate(leaves)}
    index = {(part.start, part.stop): n for n, part in enumerate(found)}
    nodes: list[Node] = []
    for part in found:
        children = tuple(index[child.start, child.stop] for child in part.parts)
        row, column, interaction = float(rows[part.start]), 0, 0.0
        if children:
            row = (nodes[children[0]].row + nodes[children[-1]].row) / 2
            column = 1 + max(nodes[child].column for child in children)
            interaction = part.score - sum(nodes[child].score for child in children)
        nodes.append(Node(part.start, part.stop, part.score, interaction, column, row, children))
    return nodes
