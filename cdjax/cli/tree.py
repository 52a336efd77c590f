"""The tree of a text's phrases in the terminal, for `cdjax explain --tree`."""

from collections.abc import Iterator, Sequence

from cdjax.cli.explain import STEPS, step
from cdjax.phrases.hierarchy import Hierarchy


def print_tree(console, tokens: Sequence[str], tree: Hierarchy) -> None:
    """Print each phrase below the one it is a part of: its score, and by how much it joined."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for _ in ("score", "interaction"):
        table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_row(*(Text(head, "dim") for head in ("score", "joined by", "")))
    for place, guide in _walk(tree):
        group = tree.groups[place]
        score = float(group.scores @ tree.direction)
        joined = float(group.interaction @ tree.direction)
        mark, _, style = STEPS[step(score)]
        table.add_row(
            Text.assemble((mark, "dim"), " ", (f" {score:+.2f} ", style)),
            f"{joined:+.2f}" if group.children else "",
            Text.assemble((guide, "dim"), " ".join(tokens[group.start : group.stop])),
        )
    console.print()
    console.print("How the words join, those first that interact most", style="bold")
    console.print(table)


def _walk(tree: Hierarchy) -> Iterator[tuple[int, str]]:
    """Yield the places of all groups, parents before children, and the lines that lead to each."""
    stack = [(root, "", "") for root in reversed(tree.roots)]
    while stack:
        place, guide, below = stack.pop()
        yield place, guide
        if children := tree.groups[place].children:
            left, right = children
            stack.append((right, below + "└ ", below + "  "))
            stack.append((left, below + "├ ", below + "│ "))
