"""An explanation of a series in the terminal: windows of time, and features within them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from rich.cells import cell_len
from rich.text import Text

from cdjax.display import show
from cdjax.results.explanation import Explanation
from cdjax.results.numbers import count_decimals, write_score
from cdjax.results.phrases import Phrase
from cdjax.viz.console import Console
from cdjax.viz.scale import step
from cdjax.viz.terminal.rows import paint, print_rows, quote, say, style, title
from cdjax.viz.terminal.sections import print_account, print_outcome
from cdjax.viz.terminal.words import print_legend

STRONGEST = 5
BAR = 20
"""Most characters of a bar, of 100 %."""


class Shown(NamedTuple):
    """What is shown beside an explanation."""

    features: tuple[str, ...]
    raw: Float[np.ndarray, "t d"]  # the values of the file, before they were scaled
    times: list[str]  # of each step
    windows: Int[np.ndarray, "w 2"]  # half-open, all steps together
    groups: list[list[int]]  # the features that have a column: one, or the others together
    by_feature: Float[np.ndarray, "w g"] | None = None  # numbers along the direction
    overall: Float[np.ndarray, "g"] | None = None  # those of all steps


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


def shorten_times(times: Sequence[str]) -> list[str]:
    """Return times without what all of them end in and says nothing: zero seconds, midnight.

    >>> shorten_times(["2024-01-31 13:00:00", "2024-01-31 14:00:00"])
    ['2024-01-31 13:00', '2024-01-31 14:00']
    """
    shown = list(times)
    for ending, colons in ((".000000", 2), (":00", 2), (" 00:00", 1), ("T00:00", 1)):
        if all(text.endswith(ending) and text.count(":") == colons for text in shown):
            shown = [text.removesuffix(ending) for text in shown]
    return shown


def print_series(console: Console, explanation: Explanation, shown: Shown) -> None:
    """Print the value, the windows of time, the strongest windows of any length, the features."""
    seen, times = explanation.overview(), shorten_times(shown.times)
    print_outcome(console, explanation, seen)
    features = quote(", ".join(shown.features))
    input_ = f"Input: {len(times)} steps of ", features, f", {_show_range(times, 0, len(times))}"
    say(console, Text.assemble(*input_, style="dim"))
    spans = shown.windows.tolist()
    windows = [
        Phrase(start, stop, _show_range(times, start, stop), explanation[start:stop])
        for start, stop in spans
    ]
    strongest = [
        phrase._replace(text=_show_range(times, phrase.start, phrase.stop))
        for phrase in explanation.strongest(STRONGEST)
        if abs(phrase.score) >= seen.thresholds.clear
    ]
    size = sum(abs(window.score) for window in windows) or 1.0
    steps = max(stop - start for start, stop in spans)
    title(console, f"What each window of {steps} step{'s' * (steps > 1)} contributes")
    _print_windows(console, explanation, windows, size)
    print_legend(console, explanation, seen)
    total = sum(window.score for window in windows)
    print_account(console, explanation, seen, total, "windows")
    if strongest:
        title(console, "Strongest windows of any length")
        _print_windows(console, explanation, strongest, size)
    if shown.by_feature is not None and shown.overall is not None:
        _print_features(console, shown, times)
    console.print()
    say(console, _describe(explanation, shown), "dim")


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


def _print_features(console: Console, shown: Shown, times: list[str]) -> None:
    """Print the scores of the features of each window and the means of their values."""
    assert shown.by_feature is not None
    assert shown.overall is not None
    spans = shown.windows.tolist()
    decimals = count_decimals(shown.by_feature)
    columns: list[tuple[str, list[str]]] = []
    for g, group in enumerate(shown.groups):
        name = shown.features[group[0]] if len(group) == 1 else f"{len(group)} others"
        values = shown.raw[:, group[0]]
        places = count_decimals(values)
        numbers = [*shown.by_feature[:, g].tolist(), float(shown.overall[g])]
        means = [float(values[start:stop].mean()) for start, stop in spans]
        scores = [write_score(number, decimals) for number in numbers]
        texts = [f"{mean:z.{places}f}" for mean in [*means, float(values.mean())]]
        texts = texts if len(group) == 1 else [""] * len(texts)
        widest = max(map(len, texts))
        columns.append(
            (name, [f"{a} {b:>{widest}}".rstrip() for a, b in zip(scores, texts, strict=True)])
        )
    names = [*(_show_range(times, *span) for span in spans), "all steps"]
    widths = [max(cell_len(name), *map(len, column)) + 2 for name, column in columns]
    room = max(1, console.width - max(map(len, names)))
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


def _show_range(times: list[str], start: int, stop: int) -> str:
    """Return the first and last time of a window; of one day, the day only once."""
    first, last = show(times[start]), show(times[stop - 1])
    if stop - start == 1:
        return first
    day, space, clock = last.rpartition(" ")
    return f"{first} to {clock if space and first.startswith(day + space) else last}"


def _describe(explanation: Explanation, shown: Shown) -> str:
    units = "the units of the value" if explanation.output == "value" else explanation.units
    lines = [
        f"A score is what the input of these steps contributes to the output, in {units}. "
        "Share: of the sizes of all windows' scores.",
    ]
    if shown.by_feature is not None:
        lines.append("The features of a window need not add up to its score.")
    return " ".join(lines)
