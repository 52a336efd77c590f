"""`cdjax explain --html`: the page of a text or a series, and what it shares with pictures."""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdjax.cli import options, pictures

BESIDE = ("ig_zero", "alone")
"""Methods that a page has beside contextual decomposition, if none are named."""
MANY_WORDS = 250
"""Of texts of more, a page has phrases read alone up to the longest that is listed, if it is not
named: the scores of all of them take more room than all else."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of pages."""
    group = parser.add_argument_group("options of a page and of pictures")
    group.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write a page that shows all phrases, to be opened in a browser: one file that needs "
        "no network; with --method those methods, first to last (default: cd, ig_zero, alone)",
    )
    group.add_argument(
        "--overwrite", action="store_true", help="replace these files if they are there"
    )
    pictures.add_arguments(group)


def check(args: argparse.Namespace) -> None:
    """Raise where a file cannot be written."""
    from cdjax.cli.outputs import check_outputs

    files = {"--html": args.html, "--png": args.png, "--svg": args.svg}
    if args.overwrite and not any(files.values()):
        raise options.UserError(
            "--overwrite is of the files of --html, --png and --svg; leave it out."
        )
    pictures.check(args)
    check_outputs(files, [], replace=args.overwrite)


def explain_all(
    args: argparse.Namespace, source: Any, model: Any, names: Sequence[str] | None, **series: Any
) -> tuple[list[Any], list[str]]:
    """Return explanations by the methods of a page, and notes on those that are left out.

    Args:
        args: With `rule`, `max_len`, `label`, `against` and `step`.
        source: The text or series.
        model: The model.
        names: Of methods, also `cd:RULE`; those of every page when None.
        series: Of a series, its `features`, `times` and `values`.
    """
    from cdjax.methods.explain import explain
    from cdjax.results.evidence import LONGEST_PHRASE

    asked = names or ("cd", *BESIDE)
    explanations, notes = [], []
    for name in asked:
        method, _, rule = name.partition(":")
        rule = rule or (args.rule if method == "cd" else "paper")
        limit = args.max_len
        if names is None and method == "alone" and len(explanations[0]) > MANY_WORDS:
            limit = min(limit or LONGEST_PHRASE, LONGEST_PHRASE)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                explanation = explain(
                    source,
                    model,
                    method,
                    rule,
                    limit,
                    label=args.label,
                    against=args.against,
                    step=args.step,
                    **series,
                )
        except (ValueError, FloatingPointError) as error:
            # What was not asked for by name may be undefined for the model.
            if method == "cd" or (names is not None and args.method != ["all"]):
                raise options.UserError(f"{name}: {error}") from error
            notes.append(f"{name} is left out: {error}")
            continue
        explanations.append(explanation)
        notes += [f"{name}: {warning.message}" for warning in caught]
    return explanations, notes


def write(args: argparse.Namespace, explanations: Sequence[Any], **series: Any) -> str:
    """Write the page and return what was written; `series` are its `windows` and `by_feature`."""
    from cdjax.viz.page import write_page

    with options.as_user_error(ValueError):
        write_page(args.html, explanations, overwrite=args.overwrite, **series)
    size = args.html.stat().st_size
    return f"{args.html}: a page of {max(1, round(size / 1000)):,} kB, to be opened in a browser"
