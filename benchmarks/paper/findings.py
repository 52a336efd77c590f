"""What the numbers of an experiment say: ours beside the paper's, and what moves them.

Each sentence is made from the rows of a result file; none is written beforehand.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.paper.results import MEAN, Record, label

CD, RULE = "cd", "paper"  # the method and the rule that the paper's figures are compared with
CHOICES = {
    "context": "whether the words stand within their review or alone",
    "least": "how often a word must occur",
    "lengths": "the length of the phrases",
    "model": "the trained model",
    "regression": "the regression",
    "rule": "the rule",
    "search": "the search",
    "split": "the split",
    "threshold": "the threshold of the regression's score",
}
"""The fields of rows that are choices of ours, in words."""


class ReportError(ValueError):
    """A result cannot be reported: says which, what was found and what was expected."""


class Layout(NamedTuple):
    """How the rows of an experiment are read."""

    statistic: str  # the field that methods are compared by
    name: str  # in words
    panels: tuple[str, ...] = ()  # fields that part the rows into comparisons of their own
    factors: tuple[str, ...] = ()  # fields that are choices of the protocol
    others: tuple[str, ...] = ()  # further statistics
    counts: tuple[str, ...] = ()
    less_is_better: tuple[str, ...] = ()  # values of panels


CORRELATION, KS = "Pearson correlation", "KS statistic"
LAYOUTS = {
    "unigrams": Layout(
        "pearson",
        CORRELATION,
        panels=("data",),
        factors=("regression", "least", "context"),
        others=("spearman",),
        counts=("words",),
    ),
    "dissent": Layout(
        "ks",
        KS,
        factors=("threshold",),
        others=("auc", "right_positive", "right_negative"),
        counts=("positive", "negative"),
    ),
    "compositionality": Layout(
        "ks",
        KS,
        panels=("split",),
        others=("auc", "right_positive", "right_negative"),
        counts=("positive", "negative"),
    ),
    "negation": Layout(
        "ks",
        KS,
        panels=("context", "search"),
        others=("auc", "positive_quantile", "negative_quantile"),
        counts=("positive", "negative"),
    ),
    "deletion": Layout(
        "area", "area under the curve", panels=("data", "task"), less_is_better=("deletion",)
    ),
    "phrase_labels": Layout(
        "spearman",
        "rank correlation",
        panels=("split",),
        factors=("lengths",),
        others=("auc",),
        counts=("phrases",),
    ),
}


class Reading(NamedTuple):
    """A method's figure in one comparison."""

    label: str
    method: str
    rule: str | None
    value: float
    low: float | None
    high: float | None
    mean: Record | None  # the row of the mean over models
    published: float | None
    row: Record

    def __str__(self) -> str:
        """Return the figure with its interval."""
        return with_interval(self.value, self.low, self.high)


class Comparison(NamedTuple):
    """The methods beside one another under one protocol, for the main model."""

    name: str  # of the panel
    panel: dict[str, Any]
    layout: Layout
    readings: list[Reading]  # in the order of the file
    primary: bool
    sign: int  # -1 where less is better

    @property
    def ranked(self) -> list[Reading]:
        """The readings from the best down; rules of one method apart."""
        return sorted(self.readings, key=lambda r: -self.sign * r.value)


def number(value: float | int | None) -> str:
    """Return a statistic to three decimals; nothing where there is none."""
    return "" if value is None else f"{value:.3f}"


def with_interval(
    value: float | int | None, low: float | int | None, high: float | int | None
) -> str:
    """Return a statistic and its interval.

    >>> with_interval(0.5, 0.25, 0.75), with_interval(0.5, None, None)
    ('0.500 [0.250, 0.750]', '0.500')
    """
    interval = f" [{number(low)}, {number(high)}]" if low is not None and high is not None else ""
    return number(value) + interval


def compare(result: Mapping[str, Any]) -> list[Comparison]:
    """Return the comparisons of methods in an experiment's rows, primary ones first.

    Raises:
        ReportError: Where rows are not told apart by the fields that we know.
    """
    layout = LAYOUTS[result["name"]]
    mains = {model["name"] for model in result["models"] if model["main"]}
    rows = [row for row in result["rows"] if row.get(layout.statistic) is not None]
    means = {_key(row, layout): row for row in rows if row["model"] == MEAN}
    rows = [row for row in rows if row["model"] in mains]
    declared = [{row.get(f) for row in rows if row["primary"]} for f in layout.factors]
    parts: dict[tuple, list[Record]] = {}
    for row in rows:
        parts.setdefault(tuple(row.get(field) for field in layout.panels), []).append(row)
    comparisons = []
    for values, part in parts.items():
        primary = [row for row in part if row["primary"]]
        chosen = primary or [
            row
            for row in part
            if all(row.get(f) in d for f, d in zip(layout.factors, declared, strict=True))
        ]
        panel = dict(zip(layout.panels, values, strict=True))
        published = _published(result["paper"], panel)
        readings = [
            _reading(row, layout, means.get(_key(row, layout)), published) for row in chosen
        ]
        twice = [name for name, n in Counter(r.label for r in readings).items() if n > 1]
        if twice:
            raise ReportError(
                f"{result['name']} has several rows of {_listed(twice)} for {panel}; expected rows "
                f"told apart by {_listed([*layout.panels, *layout.factors])}."
            )
        if readings:
            name = ", ".join(describe(field, value) for field, value in panel.items())
            sign = -1 if set(layout.less_is_better) & set(values) else 1
            comparisons.append(Comparison(name, panel, layout, readings, bool(primary), sign))
    return sorted(comparisons, key=lambda c: not c.primary)


def describe(field: str, value: Any) -> str:
    """Return a choice in words.

    >>> describe("context", "alone"), describe("split", "dev"), describe("least", 10)
    ('fed alone', 'dev', 'at least 10 times')
    """
    match field, value:
        case "context", "review":
            return "within the review"
        case "context", "alone":
            return "fed alone"
        case "search", _:
            return f"search {value!r}"
        case "least", _:
            return f"at least {value} times" if value > 1 else "any word"
        case "threshold", _:
            return f"threshold {value:g}"
        case "data", _:
            return {"sst": "SST", "yelp": "Yelp"}.get(value, str(value))
        case "lengths", _:
            return f"{value} words" if value != "all" else "all lengths"
        case "regression", _:
            return f"regression on {value}"
    return str(value)


def published_sentences(comparison: Comparison) -> list[str]:
    """Return how our figures lie to the paper's, one by one and in their order."""
    known = [
        (r, r.published)
        for r in comparison.readings
        if r.published is not None and r.rule in (None, RULE)
    ]
    if not known:
        return []
    sides: dict[str, list[str]] = {"inside": [], "above": [], "below": []}
    for reading, published in known:
        low, high = _ends(reading)
        side = "above" if published > high else "below" if published < low else "inside"
        sides[side].append(f"{reading.label} ({number(reading.value)}, paper {number(published)})")
    ours = "95% interval" if all(r.low is not None for r, _ in known) else "figure"
    where = [f"{side} our {ours} for {_listed(names)}" for side, names in sides.items() if names]
    sentences = [f"The paper's figure lies {'; '.join(where)}."]
    if len(known) > 1:
        orders = (
            _listed([r.label for r, _ in sorted(known, key=key)], "then")
            for key in (
                lambda pair: -comparison.sign * pair[0].value,
                lambda pair: -comparison.sign * pair[1],
            )
        )
        pairs = list(itertools.combinations(known, 2))
        agree = sum((a.value - b.value) * (x - y) > 0 for (a, x), (b, y) in pairs)
        sentences.append(
            f"From the best down, ours: {next(orders)}; the paper's: {next(orders)}. {agree} of "
            f"{len(pairs)} pairs of methods stand in the same order."
        )
    return sentences


def ranking_sentences(comparison: Comparison) -> list[str]:
    """Return where contextual decomposition stands among the methods, and which rule leads."""
    rules = [r for r in comparison.ranked if r.method == CD]
    others = [r for r in comparison.ranked if r.method != CD]
    sentences = []
    for reading in (r for r in rules if r.rule in (None, RULE)):
        ahead = [r for r in others if comparison.sign * (r.value - reading.value) >= 0]
        if not others:
            break
        if ahead:
            place = f"behind {_listed([f'{r.label}, {r}' for r in ahead])}"
        else:
            place = f"ahead of every other method, next {others[0].label}, {others[0]}"
        nearest = ahead[0] if ahead else others[0]
        apart = ""
        if reading.low is not None and nearest.low is not None:
            (low, high), (other_low, other_high) = _ends(reading), _ends(nearest)
            touch = "overlap" if low <= other_high and other_low <= high else "do not overlap"
            apart = f"; the intervals of {reading.label} and {nearest.label} {touch}"
        sentences.append(
            f"{reading.label} has a {comparison.layout.name} of {reading}, {place}{apart}."
        )
    for reading in comparison.readings:
        auc, low, high = (reading.row.get(f"auc{end}") for end in ("", "_low", "_high"))
        if auc is not None and high is not None and high < 0.5:
            sentences.append(
                f"The scores of {reading.label} separate the other way round: their AUC is "
                f"{with_interval(auc, low, high)}, and {number(1 - auc)} with the sign turned."
            )
    if len(rules) > 1:
        scored = _listed([f"{r.label} {r}" for r in rules])
        sentences.append(f"Of the rules, from the best down: {scored}.")
        means = [(r.mean[comparison.layout.statistic], r.label) for r in rules if r.mean]
        if len(means) == len(rules):
            means.sort(key=lambda mean: -comparison.sign * mean[0])
            scored = _listed([f"{name} {number(value)}" for value, name in means])
            sentences.append(f"On the mean over the trained models: {scored}.")
    return sentences


def source_sentences(result: Mapping[str, Any], comparison: Comparison) -> list[str]:
    """Return what moves the figure of contextual decomposition, one choice at a time, and how far.

    A choice is varied while all the others stay as in the comparison.
    """
    start = next((r for r in comparison.readings if (r.method, r.rule) == (CD, RULE)), None)
    if start is None:
        return []
    layout, statistic = comparison.layout, comparison.layout.statistic
    fields = (*layout.panels, *layout.factors, "model", "rule")
    rows = [
        row
        for row in result["rows"]
        if row["method"] == CD and row["model"] != MEAN and row.get(statistic) is not None
    ]
    data = start.row.get("data")
    moves = []
    for field in (f for f in fields if f not in ("data", "task")):
        fixed = {f: start.row.get(f) for f in fields if f != field}
        levels = [row for row in rows if all(row.get(f) == v for f, v in fixed.items())]
        levels = sorted(levels, key=lambda row: row[statistic])
        if len(levels) > 1:
            moves.append((levels[-1][statistic] - levels[0][statistic], field, levels))
    moves.sort(key=lambda move: -move[0])
    sentences = []
    for spread, field, levels in moves:
        values = [f"{describe(field, row[field])} {number(row[statistic])}" for row in levels]
        sentences.append(
            f"If only {CHOICES[field]} changes, {start.label} moves by {number(spread)}: "
            f"{_listed(values)}."
        )
    if start.published is not None:
        gap = start.value - start.published
        across = [
            CHOICES[field]
            for _, field, levels in moves
            if levels[0][statistic] <= start.published <= levels[-1][statistic]
        ]
        verdict = (
            f"that figure lies within what a change of {_listed(across, 'or')} alone gives"
            if across
            else "no single choice that was varied reaches that figure"
        )
        sentences.append(f"The difference from the paper's figure is {gap:+.3f}; {verdict}.")
    grid = _grid(result["rows"], comparison, data)
    if len(grid) > 1:
        sentences.append(_reach(grid, start, comparison))
    return sentences


def _grid(rows: Iterable[Record], comparison: Comparison, data: Any) -> dict[tuple, list[Record]]:
    """Return the rows of the same data by model and choices: a setting of the protocol each."""
    layout = comparison.layout
    task = comparison.panel.get("task")
    grid: dict[tuple, list[Record]] = {}
    for row in rows:
        same = row.get("data") == data and row.get("task") == task
        if same and row["model"] != MEAN and row.get(layout.statistic) is not None:
            setting = tuple(row.get(f) for f in ("model", *layout.panels, *layout.factors))
            grid.setdefault(setting, []).append(row)
    return grid


def _reach(grid: Mapping[tuple, list[Record]], start: Reading, comparison: Comparison) -> str:
    """Return how far contextual decomposition goes over all settings, and where it leads."""
    statistic, sign = comparison.layout.statistic, comparison.sign
    mine, leads, settings = [], 0, 0
    for rows in grid.values():
        cd = [r[statistic] for r in rows if (r["method"], r["rule"]) == (CD, RULE)]
        others = [r[statistic] for r in rows if r["method"] != CD]
        mine += cd
        if cd and others:
            settings += 1
            leads += max(sign * v for v in others) < sign * cd[0]
    sentence = (
        f"Over all {len(mine)} settings of the grid and models, {start.label} lies between "
        f"{number(min(mine))} and {number(max(mine))}"
    )
    if start.published is not None:
        reached = sum(value >= start.published for value in mine)
        sentence += f"; it reaches the paper's {number(start.published)} in {reached} of them"
    if settings:
        sentence += f"; it leads every other method in {leads} of {settings}"
    return sentence + "."


def _ends(reading: Reading) -> tuple[float, float]:
    """Return the ends of the interval, or the value twice where there is none."""
    value = reading.value
    return (
        value if reading.low is None else reading.low,
        value if reading.high is None else reading.high,
    )


def _reading(
    row: Record, layout: Layout, mean: Record | None, published: Mapping[str, float]
) -> Reading:
    statistic = layout.statistic
    return Reading(
        label=label(row["method"], row["rule"]),
        method=row["method"],
        rule=row["rule"],
        value=float(row[statistic]),
        low=row.get(f"{statistic}_low"),
        high=row.get(f"{statistic}_high"),
        mean=mean,
        published=published.get(row["method"]),
        row=row,
    )


def _key(row: Record, layout: Layout) -> tuple:
    """Return what tells a row from others of its model."""
    return tuple(row.get(f) for f in ("method", "rule", *layout.panels, *layout.factors))


def _published(paper: Mapping[str, Any], panel: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the paper's figures by method, where they are numbers."""
    inner = paper.get(panel.get("data", ""), paper)
    return {k: float(v) for k, v in inner.items() if isinstance(v, int | float)}


def _listed(words: Sequence[str], last: str = "and") -> str:
    """Return words as a list in a sentence.

    >>> _listed(["a"]), _listed(["a", "b", "c"], "then")
    ('a', 'a, b, then c')
    """
    if len(words) < 2:
        return "".join(words)
    comma = "," if len(words) > 2 else ""
    return f"{', '.join(words[:-1])}{comma} {last} {words[-1]}"
