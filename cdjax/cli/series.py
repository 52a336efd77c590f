"""`cdjax explain` of a model that reads series: the options, the file, what is printed."""

import argparse
from typing import Any

import numpy as np

from cdjax.cli import options, page, pictures
from cdjax.cli.series_file import is_file, read_window

NAMES = (
    "columns",
    "time_column",
    "window",
    "at",
    "means",
    "scales",
    "target_mean",
    "target_scale",
    "steps_of",
)
"""Options of series."""

EPILOG = """\
series: of a model that reads numbers, FILE is a table (.csv .tsv .parquet, also
packed) or an array (.npy), a row a step. Windows of time are scored instead of
phrases, and the features in them.
  cdjax explain data.csv --model gru.keras --time-column t --columns load,temp \\
    --window 20 --means 40,12 --scales 9,7 --target-mean 40 --target-scale 9
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of series."""
    add = parser.add_argument_group("options of a series").add_argument
    add(
        "--columns",
        type=_names,
        metavar="A,B",
        help="the features, in the order in which the network reads them (default: all columns "
        "but the time)",
    )
    add("--time-column", metavar="NAME", help="the column of the times: numbers or dates")
    add(
        "--window",
        type=options.positive,
        metavar="N",
        help="steps that the network reads at once (default: what its file says, else all rows)",
    )
    add(
        "--step",
        type=_whole,
        metavar="N",
        help="of a network with outputs at every step, also of a text: the step whose output is "
        "explained, from 0, negative ones from the end",
    )
    add(
        "--at",
        metavar="TIME",
        help="the last step of the window: its time or, without --time-column, its row, from 0 "
        "(default: the last row)",
    )
    numbers = {"type": _numbers, "metavar": "X,Y"}
    add("--means", **numbers, help="what was subtracted from each column (--means=-1,2)")
    add("--scales", **numbers, help="what each column was divided by then")
    add("--target-mean", **numbers, help="what was subtracted from the target, for its units")
    add("--target-scale", **numbers, help="what the target was divided by then")
    add(
        "--steps-of",
        type=options.positive,
        metavar="N",
        help="steps of the windows of time shown (default: so many that there are 6 to 12)",
    )


def check_step(args: argparse.Namespace, model) -> None:
    """Raise where there are outputs at every step, and it is not said which is to be explained."""
    if model.classifier.pool == "each" and args.step is None:
        raise options.UserError(
            "the network has outputs at every step; say which one to explain: --step N, from 0, "
            "negative ones from the end."
        )


def check_text(args: argparse.Namespace) -> None:
    """Raise where a series is given to a model that reads text."""
    from cdjax.files.packed import inner_suffix
    from cdjax.files.series import ENDINGS

    for name in NAMES:
        if getattr(args, name) is not None:
            raise options.UserError(
                f"{name} is given, which is for series, and the model reads text; expected a "
                f"model of series (--model), or leave it out."
            )
    if args.picture == "windows":
        raise options.UserError(
            "--picture windows is of a series, and the model reads text; expected --picture words."
        )
    text = args.text or ""
    if inner_suffix(text) in ENDINGS and " " not in text and is_file(text):
        raise options.UserError(
            f"{args.text} is a file, and the model reads text; expected the text itself, or a "
            f"model of series (--model). cdjax score reads files of texts."
        )


def run(args: argparse.Namespace, model, console) -> None:
    """Explain a window of a file's series, by the methods named."""
    from cdjax.methods.registry import make_methods
    from cdjax.viz import terminal

    if args.picture == "words":
        raise options.UserError(
            "--picture words is of a text, and the model reads series; expected --picture windows, "
            "or compare with several methods."
        )
    file, model, (first, x, raw) = read_window(args, model)
    with options.as_user_error(ValueError):
        windows = _choose_windows(args, len(x))
    rows = range(first, first + len(x))
    times = [f"row {row}" if file.times is None else file.times.show(row) for row in rows]
    named = {"features": file.columns, "times": times, "values": raw}
    methods = list(make_methods()) if args.method == ["all"] else args.method
    several = methods is not None and len(methods) > 1
    notes = []
    if several and not args.html:
        args.max_len = int(np.diff(windows).max())  # no others are shown
    if several or args.html:
        explanations, notes = page.explain_all(args, x, model, methods, **named)
    else:
        explanations = [_explain(args, x, model, methods, named)]

    def name(notice: str) -> str:
        return options.name_flags(notice, vars(args))

    shown: dict[str, Any] = {"windows": windows}
    if several and not args.html:
        terminal.print_head(console, explanations[0])
        terminal.print_side_by_side(console, explanations, windows)
    else:
        with options.as_user_error(ValueError, FloatingPointError):
            by_feature, why = _score_features(model, explanations[0], windows)
        terminal.print_series(console, explanations[0], windows, by_feature, name, tree=args.tree)
        if why:
            terminal.say(console, why, "dim")
        shown["by_feature"] = _spread(by_feature, x.shape[1])
    terminal.print_notes(console, notes)
    if args.html:
        console.print(page.write(args, explanations, **shown), markup=False)
    if pictures.is_wanted(args):
        chosen = explanations if methods else explanations[:1]
        for line in pictures.write(args, chosen, **shown):
            console.print(line, markup=False)


def _choose_windows(args: argparse.Namespace, length: int) -> np.ndarray:
    """Return the windows of time that are shown, which are to be scored."""
    from cdjax.results.windows import split_steps

    steps = args.steps_of
    if steps is not None and steps > length:
        raise ValueError(f"steps_of is {steps}; expected at most {length}, the steps read.")
    windows = split_steps(length, steps or _shortest(length, args.max_len))
    if args.max_len is not None and np.diff(windows).max() > args.max_len:
        raise ValueError(
            f"steps_of is {steps} and max_len is {args.max_len}; expected windows that are "
            f"scored, steps_of at most max_len."
        )
    return windows


def _shortest(length: int, max_len: int | None) -> int | None:
    """Return the steps of the windows shown where phrases are limited; None for the default."""
    from cdjax.results.windows import split_steps

    longest = int(np.diff(split_steps(length)).max())
    return None if max_len is None or longest <= max_len else max_len


def _explain(args, x, model, methods, named):
    """Return the explanation by one method, contextual decomposition where none is named."""
    from cdjax.methods.explain import explain

    method, _, rule = (methods or ["cd"])[0].partition(":")
    with options.as_user_error(ValueError, FloatingPointError):
        return explain(
            x,
            model,
            method,
            rule=rule or args.rule,
            max_len=args.max_len,
            label=args.label,
            against=args.against,
            whole=True,
            step=args.step,
            **named,
        )


def _score_features(model: Any, explanation: Any, windows: np.ndarray) -> tuple[Any, str]:
    """Return the scores of features within windows; or None, and why there are none."""
    from cdjax.core.rules import RULES
    from cdjax.results.scores import read, read_scores
    from cdjax.scoring.regions import score_regions
    from cdjax.viz.terminal.series import ByFeature, choose_groups

    x, width = explanation.series, explanation.series.shape[1]
    if width == 1:
        return None, ""
    if explanation.method != "cd":
        return None, "Features within windows have scores by --method cd alone."
    rule = RULES[explanation.rule]
    if not rule.takes_regions:
        those = " and ".join(name for name, other in RULES.items() if other.takes_regions)
        return None, f"Features within windows have no scores by --rule {rule.name}; by {those}."

    def score(spans, groups):
        regions = np.zeros((len(spans), len(groups), *x.shape), bool)
        for n, (start, stop) in enumerate(spans):
            for g, group in enumerate(groups):
                regions[n, g, start:stop, group] = True
        regions = regions.reshape(-1, *x.shape)
        scores = score_regions(model, x, regions, rule, step=explanation.step)
        numbers = read(read_scores(scores, model.labels), explanation.weights)
        return numbers.reshape(len(spans), len(groups))

    whole = [(0, len(x))]
    groups = choose_groups(np.abs(score(whole, [[d] for d in range(width)])[0]))
    return ByFeature(groups, score(windows.tolist(), groups), score(whole, groups)[0]), ""


def _spread(by_feature: Any, width: int) -> np.ndarray | None:
    """Return the scores of features with a column each, NaN for those that share one."""
    if by_feature is None:
        return None
    spread = np.full((len(by_feature.scores), width), np.nan)
    for g, group in enumerate(by_feature.groups):
        if len(group) == 1:
            spread[:, group[0]] = by_feature.scores[:, g]
    return spread


def _names(text: str) -> tuple[str, ...]:
    """Read names that commas separate; in quotes they may hold commas."""
    import csv

    names = tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))
    if not names or not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name; expected A,B")
    return names


def _whole(text: str) -> int:
    """Read a whole number, which may be negative."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number") from None


def _numbers(text: str) -> list[float]:
    """Read finite numbers that commas separate."""
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}; expected numbers, as 1.5,2") from None
    if not np.isfinite(numbers).all():
        raise argparse.ArgumentTypeError(f"{text!r}; expected finite numbers")
    return numbers
