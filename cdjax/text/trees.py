r"""Trees of the Stanford Sentiment Treebank: a sentence with a label on each of its phrases.

One tree a line, `(3 (2 It) (4 (2 is) (4 good)))`. Labels go from 0 (very negative) to 4 (very
positive), 2 is neutral. The treebank writes brackets as -LRB- and -RRB- and escapes `/` and `*`;
that is undone.
"""

import codecs
import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

NEUTRAL = 2
LINES = 1000
"""Of a tree, at most."""

_LABELS = {"0", "1", "2", "3", "4"}
_PIECE = re.compile(r"\((?P<label>[^ ()]*) |(?P<token>[^ ()]+)|(?P<close>\))| ")
_ESCAPES = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
}


class Node(NamedTuple):
    """A phrase of a tree."""

    start: int  # half-open span of its tokens
    stop: int
    label: int  # 0 (very negative) to 4 (very positive)
    children: tuple[int, ...]  # indices of its two parts in `nodes`; none for a word


class Tree(NamedTuple):
    """A sentence and its phrases."""

    tokens: tuple[str, ...]
    nodes: tuple[Node, ...]  # parents before children, left before right; the first is the sentence

    @property
    def label(self) -> int:
        """The label of the sentence."""
        return self.nodes[0].label


def parse_tree(line: str) -> Tree:
    """Read one tree.

    Raises:
        ValueError: Where the line is no tree; says at which column and what was found.

    >>> tree = parse_tree("(3 (2 It) (4 (2 is) (4 good)))")
    >>> tree.tokens
    ('It', 'is', 'good')
    >>> tree.nodes[2]
    Node(start=1, stop=3, label=4, children=(3, 4))
    """
    tokens: list[str] = []
    nodes: list[Node] = []
    parts: list[list[int]] = []  # children of each node
    still_open: list[int] = []
    position = 0
    while position < len(line):
        piece = _PIECE.match(line, position)
        if piece is None:
            raise _error(position, f"found {line[position : position + 20]!r}; expected '(label '.")
        label, token, close = piece.groups()
        if nodes and not still_open and piece.group() != " ":
            raise _error(
                position, f"found {line[position : position + 20]!r} after the tree's end."
            )
        if label is not None:
            if label not in _LABELS:
                raise _error(position, f"found the label {label!r}; expected 0 to 4.")
            if still_open:
                parts[still_open[-1]].append(len(nodes))
            still_open.append(len(nodes))
            nodes.append(Node(len(tokens), -1, int(label), ()))
            parts.append([])
        elif token is not None:
            if not still_open or parts[still_open[-1]] or nodes[still_open[-1]].start < len(tokens):
                raise _error(
                    position,
                    f"found the word {token!r}; expected it alone with its label, '(2 {token})'.",
                )
            escaped = token[0] == "-" or "\\" in token
            tokens.append(_unescape(token) if escaped else token)
        elif close:
            if not still_open:
                raise _error(position, "found ')' where no phrase is open.")
            last = still_open.pop()
            if len(tokens) == nodes[last].start:
                raise _error(position, "found a phrase without words.")
            if len(parts[last]) not in (0, 2):
                raise _error(
                    position, f"found a phrase of {len(parts[last])} parts; expected a word or 2."
                )
            start, _, number, _ = nodes[last]
            nodes[last] = Node(start, len(tokens), number, tuple(parts[last]))
        position = piece.end()
    if still_open:
        raise ValueError(f"found the end of the line with {len(still_open)} phrases open.")
    if not nodes:
        raise ValueError("found an empty line; expected a tree, '(3 (2 It) (4 ...))'.")
    return Tree(tuple(tokens), tuple(nodes))


def read_trees(path: str | os.PathLike) -> Iterator[Tree]:
    """Read a file of trees, one at a time.

    Args:
        path: A text file in UTF-8, one tree a line, as `train.txt` of the treebank's PTB split.

    Yields:
        The trees in order.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where a line is no tree or not UTF-8; names file, line and what was found.
    """
    # Split at line feeds alone: three lines of the treebank hold Unicode white space in a token.
    with open(path, "rb") as file:
        for number, text in _join_lines(os.fspath(path), file):
            try:
                yield parse_tree(text)
            except ValueError as error:
                raise ValueError(f"{os.fspath(path)}, line {number}: {error}") from error


def _join_lines(name: str, lines: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Yield each tree's text and the line it begins at; it goes on while brackets are open."""
    begins, parts, still_open, blank = 0, [], 0, 0
    for number, line in enumerate(lines, 1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            text = line.rstrip(b"\r\n").decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}, line {number}: {error}") from error
        if not text.strip():
            blank = blank or number
            continue
        if blank:  # none but the last lines may be
            yield blank, ""
        # A line that begins "(label" at its start is a new tree, whatever is still open.
        if parts and (number - begins > LINES or not text[0].isspace()):
            yield begins, " ".join(parts)
            parts, still_open = [], 0
        begins = begins if parts else number
        parts.append(text.strip(" ") if parts or text[0] == " " else text)
        still_open += text.count("(") - text.count(")")
        if still_open <= 0:
            yield begins, " ".join(parts)
            parts, still_open = [], 0
    if parts:
        yield begins, " ".join(parts)


def binary_phrases(trees: Iterable[Tree]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield every phrase that is not neutral, whole sentences too: tokens, and 1 if positive."""
    for tree in trees:
        for node in tree.nodes:
            if node.label != NEUTRAL:
                yield tree.tokens[node.start : node.stop], int(node.label > NEUTRAL)


def average_labels(trees: Iterable[Tree]) -> dict[tuple[str, ...], float]:
    """Return every distinct phrase, in lower case, and the mean of its labels, 0 to 4."""
    labels: dict[tuple[str, ...], list[int]] = {}
    for tree in trees:
        words = tuple(token.lower() for token in tree.tokens)
        for node in tree.nodes:
            labels.setdefault(words[node.start : node.stop], []).append(node.label)
    return {words: sum(values) / len(values) for words, values in labels.items()}


def binary_sentences(trees: Iterable[Tree]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield every sentence that is not neutral: tokens, and 1 if positive."""
    for tree in trees:
        if tree.label != NEUTRAL:
            yield tree.tokens, int(tree.label > NEUTRAL)


def _error(position: int, message: str) -> ValueError:
    return ValueError(f"column {position + 1}: {message}")


def _unescape(token: str) -> str:
    return _ESCAPES.get(token) or token.replace("\\/", "/").replace("\\*", "*")


def unescape(sentence: str) -> str:
    """Return a sentence of the treebank, its tokens parted by spaces, as it was written.

    >>> unescape("Not bad -LRB- really -RRB- .")
    'Not bad ( really ) .'
    """
    return " ".join(_unescape(token) for token in sentence.split(" "))
