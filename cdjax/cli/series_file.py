"""The file of a series: the window of its rows that `cdjax explain` gives to a network."""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cdjax.cli import options


def read_window(args: argparse.Namespace, model: Any) -> tuple[Any, Any, tuple[int, Any, Any]]:
    """Return the file, the model in the target's units, and the window.

    Of that its first row, what the network reads of it, `[T, D]`, and the values of the file.
    """
    from cdjax.files.packed import inner_suffix
    from cdjax.files.series import ENDINGS, read_series
    from cdjax.scoring.checks import input_width

    path = args.file if args.text is None else args.text
    if inner_suffix(path) not in ENDINGS or not is_file(path):
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
    return file, model, (first, x, raw)


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


def is_file(text: str) -> bool:
    """Return whether a text is the path of a file."""
    try:
        return Path(text).is_file()
    except OSError:  # too long for a name
        return False
