"""An explanation of a series in the terminal: windows of time, and features within them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from rich.cells import cell_len
from rich.text import Text

from cdjax.display import show
from cdjax.results.explanation import Explanation
from cdjax.results.numbers import count_decimals, write_score
from cdjax.results.phrases import Phrase
from cdjax.results.times import list_features
from cdjax.results.windows import list_windows
from cdjax.viz.console import Console
from cdjax.viz.scale import step
from cdjax.viz.terminal.rows import paint, print_rows, quote, say, style, title
from cdjax.viz.terminal.sections import print_account, print_notices, print_outcome
from cdjax.viz.terminal.tree import print_tree
from cdjax.viz.terminal.words import print_legend

STRONGEST = 5
BAR = 20
"""Most characters of a bar, of 100 %."""


class ByFeature(NamedTuple):
    """Scores of features within windows, numbers along the direction."""

    groups: list[list[int]]  # the features that have a column: one, or the others together
    scores: Float[np.ndarray, "w g"]
    overall: Float[np.ndarray, "g"]  # those of all steps


def choose_groups(sizes: Float[np.ndarray, "d"], most: int = 6) -> list[list[int]]:
    """Return the features that get a column, the strongest, and the others as one.

    >>> choose_groups(np.array([1.0, 5.0, 2.0, 4.0]), 3)
    [[1], [3], [0, 2]]
    """
    count = len(sizes)
    if count <= most:
        return [[d] for d in range(count)]
    strongest = np.argsort(-sizes, kind="stable")[: most - 1]
    chosen = sorted(int(d) for d in strongest)
    return [*([d] for d in chosen), [d for d in range(count) if d not in chosen]]


def print_series(
    console: Console,
    explanation: Explanation,
    windows: Int[np.ndarray, "w 2"],
    by_feature: ByFeature | None = None,
    name: Callable[[str], str] = str,
    *,
    tree: bool = False,
) -> None:
    """Print the value, the windows of time, the strongest windows of any length, the features.

    Args:
        console: The console.
        explanation: What to print, of a series.
        windows: Half-open, together all steps.
        by_feature: The scores of features within them.
        name: Writes the arguments in a notice as the user gives them.
        tree: Whether to print the tree of the windows instead of the strongest of any length.
    """
    seen = explanation.overview()
    print_head(console, explanation)
    parts = list_windows(explanation, windows)
    size = sum(abs(window.score) for window in parts) or 1.0
    steps = int(np.diff(windows).max())
    title(console, f"What each window of {steps} step{'s' * (steps > 1)} contributes")
    _print_windows(console, explanation, parts, size)
    print_legend(console, explanation, seen)
    print_notices(console, seen, name, first=False)
    total = sum(window.score for window in parts)
    print_account(console, explanation, seen, total, "windows")
    if tree:
        print_tree(console, explanation, windows)
    else:
        strongest = [
            phrase
            for phrase in explanation.strongest(STRONGEST)
            if abs(phrase.score) >= seen.thresholds.clear
        ]
        if strongest:
            title(console, "Strongest windows of any length")
            _print_windows(console, explanation, strongest, size)
    if by_feature is not None:
        _print_features(console, explanation, windows, by_feature)
    console.print()
    say(console, _describe(explanation, by_feature), "dim")


def print_head(console: Console, explanation: Explanation) -> None:
    """Print the value or the prediction, and what the input is."""
    seen = explanation.overview()
    print_outcome(console, explanation, seen)
    if seen.input:
        say(console, Text.assemble("Input: ", quote(seen.input), style="dim"))


def _print_windows(
    console: Console, explanation: Explanation, windows: Sequence[Phrase], size: float
) -> None:
    """Print the score of each window, its share of the sizes of all, and a bar as long."""
    edges, decimals = explanation.thresholds, explanation.decimals
    most = min(BAR, console.width // 6)
    rows = []
    for window in windows:
        share = abs(window.score) / size
        bar = ("+" if window.score > 0 else "-") * round(most * min(1, share))
        score = paint(console, window.score, edges, decimals)
        colours = style(console, step(window.score, edges))
        cells = score, f"{share:.0%}", Text(bar, colours)
        rows.append((cells, quote(window.text)))
    print_rows(console, rows, ("score ", "share", ""), left=(2,))


def _print_features(
    console: Console,
    explanation: Explanation,
    windows: Int[np.ndarray, "w 2"],
    by_feature: ByFeature,
) -> None:
    """Print the scores of the features of each window and the means of their values."""
    assert explanation.series is not None
    raw = explanation.series if explanation.values is None else explanation.values
    features, spans = list_features(explanation), windows.tolist()
    decimals = count_decimals(by_feature.scores)
    columns: list[tuple[str, list[str]]] = []
    for g, group in enumerate(by_feature.groups):
        name = features[group[0]] if len(group) == 1 else f"{len(group)} others"
        values = raw[:, group[0]]
        places = count_decimals(values)
        numbers = [*by_feature.scores[:, g].tolist(), float(by_feature.overall[g])]
        means = [float(values[start:stop].mean()) for start, stop in spans]
        scores = [write_score(number, decimals) for number in numbers]
        texts = [f"{mean:z.{places}f}" for mean in [*means, float(values.mean())]]
        texts = texts if len(group) == 1 else [""] * len(texts)
        widest = max(map(len, texts))
        columns.append(
            (name, [f"{a} {b:>{widest}}".rstrip() for a, b in zip(scores, texts, strict=True)])
        )
    names = [*(explanation.phrase_text(*span) for span in spans), "all steps"]
    widths = [max(cell_len(name), *map(len, column)) + 2 for name, column in columns]
    room = max(1, console.width - max(cell_len(show(name)) for name in names))
    title(console, "By feature: score, and mean of the values")
    first = 0
    while first < len(columns):
        stop, used = first + 1, widths[first]
        while stop < len(columns) and used + widths[stop] <= room:
            used += widths[stop]
            stop += 1
        chosen = columns[first:stop]
        rows = [([column[n] for _, column in chosen], quote(name)) for n, name in enumerate(names)]
        if first:
            console.print()
        print_rows(console, rows, [show(name) for name, _ in chosen])
        first = stop


def _describe(explanation: Explanation, by_feature: ByFeature | None) -> str:
    if explanation.method != "cd":
        return "Share: of the sizes of all windows' scores."
    units = "the units of the value" if explanation.output == "value" else explanation.units
    lines = [
        f"A score is what the input of these steps contributes to the output, in {units}. "
        "Share: of the sizes of all windows' scores.",
    ]
    if by_feature is not None:
        lines.append("The features of a window need not add up to its score.")
    return " ".join(lines)
