"""An explanation of a series in the terminal: windows of time, and features within them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from rich.text import Text

from cdjax.display import show
from cdjax.results.explanation import Explanation
from cdjax.results.numbers import count_decimals
from cdjax.results.scores import read
from cdjax.results.wording import describe_direction, describe_outcome
from cdjax.viz.console import Console

STRONGEST = 5
RANGE = 36
"""Most characters of a range of time."""
BAR = 20
"""Characters of a bar of 100 %."""


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
    times = shorten_times(shown.times)
    title = "Value" if explanation.output == "value" else "Prediction"
    console.print(Text.assemble(f"{title}: ", (describe_outcome(explanation), "bold")))
    features = ", ".join(shown.features)
    console.print(
        Text(f"Input: {len(times)} steps of {features}, {_show_range(times, 0, len(times))}", "dim")
    )
    total, bias = (
        float(read(part, explanation.weights))
        for part in (explanation.logits, explanation.output_bias)
    )
    numbers = np.array([explanation[start:stop] for start, stop in shown.windows.tolist()])
    decimals = count_decimals(numbers)
    size = float(np.abs(numbers).sum()) or 1.0
    strongest = explanation.strongest(STRONGEST)
    spans = [*shown.windows.tolist(), *((phrase.start, phrase.stop) for phrase in strongest)]
    label = min(RANGE, max(len(_show_range(times, *span)) for span in [*spans, (0, len(times))]))
    label = max(label, 26)

    def row(name: str, number: float, share: bool = False, sign: str = "+") -> None:
        part = abs(number) / size
        bar = ("+" if number > 0 else "-") * round(BAR * min(1, part))
        tail = f"{part:7.0%}  {bar}" if share else ""
        name = name if len(name) <= label else name[: label - 3] + "..."
        console.print(f"{name:{label}}{number:{sign}12.{decimals}f}{tail}".rstrip(), markup=False)

    def head(title: str) -> None:
        console.print()
        console.print(Text.assemble((f"{title:{label}}", "bold"), (f"{'score':>12}  share", "dim")))

    sizes = sorted({stop - start for start, stop in shown.windows.tolist()}, reverse=True)
    head(f"Windows of {sizes[0]} step{'s' * (sizes[0] > 1)}")
    for span, number in zip(shown.windows.tolist(), numbers.tolist(), strict=True):
        row(_show_range(times, *span), number, share=True)
    row("sum of the windows", float(numbers.sum()))
    row("rest", total - bias - float(numbers.sum()))
    row("output bias", bias)
    what = "value" if explanation.output == "value" else describe_direction(explanation.direction)
    row(what, total, sign="")

    head("Strongest, of any length")
    for phrase in strongest:
        row(_show_range(times, phrase.start, phrase.stop), phrase.score, share=True)
    if shown.by_feature is not None and shown.overall is not None:
        _print_features(console, shown, times, label)
    console.print()
    console.print(Text(_describe(explanation, shown), "dim"))


def _print_features(console: Console, shown: Shown, times: list[str], label: int) -> None:
    """Print the scores of the features of each window and the means of their values."""
    assert shown.by_feature is not None
    assert shown.overall is not None
    names = [
        shown.features[group[0]] if len(group) == 1 else f"{len(group)} others"
        for group in shown.groups
    ]
    decimals = count_decimals(shown.by_feature)
    cells: list[list[str]] = []
    for g, group in enumerate(shown.groups):
        values = shown.raw[:, group[0]]
        places = count_decimals(values)
        column = [f"{number:+.{decimals}f}" for number in shown.by_feature[:, g]]
        overall = f"{shown.overall[g]:+.{decimals}f}"
        means = [values[start:stop].mean() for start, stop in shown.windows.tolist()]
        texts = [f"{mean:.{places}f}" for mean in [*means, values.mean()]]
        texts = texts if len(group) == 1 else [""] * len(texts)
        wide = max(map(len, [*column, overall]))
        far = max(map(len, texts))
        cells.append(
            [
                f"{a:>{wide}} {b:>{far}}".rstrip()
                for a, b in zip([*column, overall], texts, strict=True)
            ]
        )
    widths = [max(len(name), *map(len, column)) for name, column in zip(names, cells, strict=True)]
    rows = [_show_range(times, *span)[:label] for span in shown.windows.tolist()]
    first = 0
    while first < len(names):
        stop, used = first, label
        while stop < len(names) and (stop == first or used + 3 + widths[stop] <= console.width):
            used += 3 + widths[stop]
            stop += 1
        console.print()
        columns = range(first, stop)
        line = "".join(f"   {names[g]:>{widths[g]}}" for g in columns)
        title = "By feature: score, mean"
        console.print(Text.assemble((f"{title:{label}}", "bold"), line), overflow="ellipsis")
        for n, name in enumerate([*rows, "all steps"]):
            line = "".join(f"   {cells[g][n]:>{widths[g]}}" for g in columns)
            console.print(f"{name:{label}}{line}", markup=False, overflow="ellipsis")
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
        f"A score is what the input of these steps contributes to the output, in {units}. The "
        "windows, the rest and the output bias add up to it: the rest is what comes of several "
        "windows together, or of the network's biases, and belongs to no window. Share: of the "
        "sizes of all windows' scores.",
    ]
    if shown.by_feature is not None:
        lines.append("The features of a window need not add up to its score.")
    return " ".join(lines)
