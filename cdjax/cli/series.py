"""`cdjax explain` of a model that reads series: the options, the file, what is printed."""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cdjax.cli import options, page, pictures

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
    """Raise where a step is to be explained in a way that there is none of."""
    if model.classifier.pool != "each":
        return
    if args.step is None:
        raise options.UserError(
            "the network has outputs at every step; say which one to explain: --step N, from 0, "
            "negative ones from the end."
        )
    if args.html or (args.method and args.method != ["cd"]):
        flag = "--html" if args.html else "--method"
        raise options.UserError(f"{flag} is for networks with one output a sequence; leave it out.")


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
    text = args.text or ""
    if inner_suffix(text) in ENDINGS and " " not in text and _is_file(text):
        raise options.UserError(
            f"{args.text} is a file, and the model reads text; expected the text itself, or a "
            f"model of series (--model). cdjax score reads files of texts."
        )


def run(args: argparse.Namespace, model, console) -> None:
    """Explain a window of a file's series."""
    from cdjax.files.packed import inner_suffix
    from cdjax.files.series import ENDINGS, read_series
    from cdjax.results.windows import split_steps
    from cdjax.scoring.checks import input_width
    from cdjax.viz.terminal.series import print_series

    if args.tree or (args.method and not args.html):
        flag = "--tree" if args.tree else "--method"
        raise options.UserError(f"{flag} shows the words of a text, and the model reads series.")
    path = args.file if args.text is None else args.text
    if inner_suffix(path) not in ENDINGS or not _is_file(path):
        found = f"{path!r} is no such file"
        raise options.UserError(
            f"the model reads series of numbers, and {found}; expected a file that ends in "
            f"{', '.join(ENDINGS)}, a row a step."
        )
    with options.as_user_error(ValueError):
        model = _in_units(model, args)
        width = input_width(model.classifier)
        file = read_series(path, args.columns, args.time_column)
        if len(file.columns) != width:
            raise ValueError(
                f"the network reads {width} numbers a step, and there are {len(file.columns)} "
                f"columns: {', '.join(file.columns)}. Choose {width} of them by columns=A,B, in "
                f"the order in which the network was trained."
            )
        first, stop = _find_rows(file, args, _known_window(model))
        raw = file.read_rows(first, stop)
        _tell_gaps(file, first, stop)
        x = (raw - _per_column("means", args.means, width, 0.0)) / _per_column(
            "scales", args.scales, width, 1.0
        )
        steps = args.steps_of
        if steps is not None and steps > len(x):
            raise ValueError(f"steps_of is {steps}; expected at most {len(x)}, the steps read.")
        windows = split_steps(len(x), steps or _shortest(len(x), args.max_len))
        if args.max_len is not None and np.diff(windows).max() > args.max_len:
            raise ValueError(
                f"steps_of is {steps} and max_len is {args.max_len}; expected windows that are "
                f"scored, steps_of at most max_len."
            )
    with options.as_user_error(ValueError, FloatingPointError):
        explanation, shown = _score(args, model, file, (first, raw, x), windows)
    if args.step is not None:
        console.print(f"Output at {shown.times[args.step]}", markup=False, highlight=False)
    print_series(console, explanation, shown)
    if args.html:
        _write_page(args, model, console, x, explanation, shown)
    if pictures.is_wanted(args):
        parts = _shown_parts(shown) if args.picture in (None, "overview", "windows") else {}
        for line in pictures.write(args, [explanation], **parts):
            console.print(line, markup=False)


def _shown_parts(shown) -> dict:
    """Return what pages and pictures show beside scores."""
    from cdjax.viz.terminal.series import shorten_times

    by_feature = None
    if shown.by_feature is not None:
        by_feature = np.full((len(shown.windows), len(shown.features)), np.nan)
        for g, group in enumerate(shown.groups):
            if len(group) == 1:
                by_feature[:, group[0]] = shown.by_feature[:, g]
    return {
        "features": shown.features,
        "values": shown.raw,
        "times": tuple(shorten_times(shown.times)),
        "windows": shown.windows,
        "by_feature": by_feature,
    }


def _write_page(args: argparse.Namespace, model, console, x, explanation, shown) -> None:
    """Write the page of a window, by the methods asked for."""
    from cdjax.methods.registry import make_methods
    from cdjax.viz.series import Series

    names = list(make_methods()) if args.method == ["all"] else args.method
    others = page.BESIDE if names is None else names
    explanations, notes = page.explain_all(args, x, model, others)
    if names is None:
        explanations.insert(0, explanation)
    series = Series(**_shown_parts(shown))
    for note in notes:
        console.print(note, style="yellow", markup=False)
    console.print(page.write(args, explanations, series), markup=False)


def _in_units(model, args: argparse.Namespace):
    """Return the model with its values in the target's units."""
    from cdjax.model.units import scale_output

    if args.target_mean is None and args.target_scale is None:
        return model
    mean, scale = args.target_mean or [0.0], args.target_scale or [1.0]
    for name, given in (("target_mean", mean), ("target_scale", scale)):
        if len(given) not in (1, len(model.classifier.bias)):
            raise ValueError(
                f"{name} is {len(given)} numbers, and the model has {len(model.classifier.bias)} "
                f"values; expected one number, or one a value."
            )
    try:
        return scale_output(model, mean, scale)
    except ValueError as error:
        raise ValueError(f"target_mean, target_scale: {error}") from error


def _known_window(model) -> int | None:
    """Return the number of steps that the file of another framework fixes; None of any number."""
    length = dict(model.provenance.get("imported") or {}).get("input_length")
    return length if isinstance(length, int) and length > 0 else None


def _find_rows(file, args: argparse.Namespace, known: int | None) -> tuple[int, int]:
    """Return the first row of the window and one past its last; `known` is the model's length."""
    stop = len(file)
    if args.at is not None:
        stop = 1 + (_find_row(file, args.at) if file.times is None else file.times.find(args.at))
    if not stop:
        raise ValueError(f"{file.name} has no rows; expected a row a step.")
    if None not in (known, args.window) and known != args.window:
        warnings.warn(
            f"window is {args.window}, and the model was made for {known} steps.", stacklevel=2
        )
    steps = args.window or known or stop
    if steps > stop:
        raise ValueError(
            f"there are {stop:,} rows up to {file.show_row(stop - 1)}, and window is {steps:,}"
            f"{' (the length that the model was made for)' * (args.window is None)}; "
            f"expected at least as many rows."
        )
    if args.window is None and known is None:
        from cdjax.scoring.limits import longest_length

        if steps > (most := longest_length(args.max_len)):
            raise ValueError(
                f"{file.name} has {steps:,} rows, and at most {most:,} steps are explained at "
                f"once; say how many the network reads: window=N."
            )
    return stop - steps, stop


def _tell_gaps(file, first: int, stop: int) -> None:
    """Warn where steps are missing: the network takes each row for the next step."""
    if file.times is None or stop - first < 3:
        return
    between = np.diff(file.times.values[first:stop].astype(float))
    row = first + 1 + int(np.argmax(between))
    if between.max() >= 1.5 * np.median(between):
        warnings.warn(
            f"there is a gap in the times before {file.show_row(row)}, and the network takes each "
            f"row for the next step.",
            stacklevel=2,
        )


def _find_row(file, text: str) -> int:
    try:
        row = int(text)
    except ValueError:
        raise ValueError(
            f"at is {text!r}; expected a row, 0 to {len(file) - 1:,}; or a time, with "
            f"time_column=NAME."
        ) from None
    if not -len(file) <= row < len(file):
        raise ValueError(f"at is {row}; expected a row, 0 to {len(file) - 1:,}.")
    return row % len(file)


def _per_column(name: str, given: Sequence[float] | None, width: int, default: float) -> np.ndarray:
    """Return a number a column."""
    numbers = np.full(1, default, float) if given is None else np.array(given, float)
    if len(numbers) not in (1, width):
        raise ValueError(f"{name} is {len(numbers)} numbers; expected {width}, one a column.")
    if name == "scales" and not (numbers > 0).all():
        raise ValueError(f"scales is {numbers.min():g} at its smallest; expected above 0.")
    return numbers


def _shortest(length: int, max_len: int | None) -> int | None:
    """Return the steps of the windows shown where phrases are limited; None for the default."""
    from cdjax.results.windows import split_steps

    longest = int(np.diff(split_steps(length)).max())
    return None if max_len is None or longest <= max_len else max_len


def _score(args, model, file, rows, windows):
    """Return the explanation of a window and what is shown beside it."""
    from cdjax.core.rules import RULES
    from cdjax.methods.explain import explain
    from cdjax.results.scores import read, read_scores
    from cdjax.scoring.regions import score_regions
    from cdjax.viz.terminal.series import Shown, choose_groups

    first, raw, x = rows
    rule = RULES[args.rule]
    explanation = explain(
        x,
        model,
        rule=rule,
        max_len=args.max_len,
        label=args.label,
        against=args.against,
        whole=not args.html,
        step=args.step,
    )
    times = [
        f"row {row}" if file.times is None else file.times.show(row)
        for row in range(first, first + len(x))
    ]
    shown = Shown(file.columns, raw, times, windows, [])
    width = x.shape[1]
    if width == 1 or args.step is not None or not rule.takes_regions:
        return explanation, shown

    def score(spans, groups):
        regions = np.zeros((len(spans), len(groups), *x.shape), bool)
        for n, (start, stop) in enumerate(spans):
            for g, group in enumerate(groups):
                regions[n, g, start:stop, group] = True
        scores = score_regions(model, x, regions.reshape(-1, *x.shape), rule)
        numbers = read(read_scores(scores, model.labels), explanation.weights)
        return numbers.reshape(len(spans), len(groups))

    whole = [(0, len(x))]
    groups = choose_groups(np.abs(score(whole, [[d] for d in range(width)])[0]))
    by_feature, overall = score(windows.tolist(), groups), score(whole, groups)[0]
    return explanation, shown._replace(groups=groups, by_feature=by_feature, overall=overall)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # too long for a name
        return False


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
