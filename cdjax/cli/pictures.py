"""`cdjax explain --png`, `--svg`: pictures of a text or a series."""

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdjax.cli import options

NAMES = ("overview", "words", "windows", "waterfall", "triangle", "tree", "compare")
OF_SERIES = {
    "overview": ("windows", "by_feature"),
    "windows": ("windows", "by_feature"),
    "waterfall": ("windows",),
    "tree": ("windows",),
    "compare": ("windows",),
}
"""What pictures show of a series beside its explanation."""
FLAGS = {"--png": "png", "--svg": "svg"}


def add_arguments(group: Any) -> None:
    """Add the options of pictures to those of a page."""
    for flag, kind in FLAGS.items():
        group.add_argument(
            flag, type=Path, metavar="FILE", help=f"write a picture as {kind.upper()}"
        )
    group.add_argument(
        "--picture",
        choices=NAMES,
        metavar="NAME",
        help=f"what to draw: {', '.join(NAMES)} (default: overview; tree with --tree, compare "
        "with several methods)",
    )


def check(args: argparse.Namespace) -> None:
    """Raise where the files can't be pictures, or options don't fit each other."""
    files = [(flag, getattr(args, name)) for flag, name in FLAGS.items()]
    for flag, path in files:
        if path is not None and path.suffix.lower() != f".{FLAGS[flag]}":
            raise options.UserError(
                f"{flag} {path} ends in {path.suffix or 'nothing'!r}; expected .{FLAGS[flag]}."
            )
    if is_wanted(args) and importlib.util.find_spec("matplotlib") is None:
        raise options.UserError(
            "pictures need matplotlib, which is not installed: pip install 'cdjax[plot]'."
        )
    if args.picture is None:
        return
    if not is_wanted(args):
        raise options.UserError("--picture is of the files of --png and --svg; give one of them.")
    several = args.method is not None and (len(args.method) > 1 or args.method == ["all"])
    if (args.picture == "compare") != several:
        raise options.UserError(
            "--picture compare shows several methods (--method cd,loo), and other pictures one."
        )


def is_wanted(args: argparse.Namespace) -> bool:
    """Return whether a picture is to be written."""
    return args.png is not None or args.svg is not None


def needs_all_phrases(args: argparse.Namespace) -> bool:
    """Return whether the picture has phrases of every length."""
    return is_wanted(args) and args.picture in ("tree", "triangle")


def write(args: argparse.Namespace, explanations: Sequence[Any], **series: Any) -> list[str]:
    """Write the pictures and return what was written, a line each; see `OF_SERIES`."""
    with options.as_user_error(ValueError, ImportError):
        from cdjax.viz.pictures import write_picture

        name = args.picture or ("tree" if args.tree else "overview")
        if len(explanations) > 1:
            name = "compare"
        parts = {part: series[part] for part in OF_SERIES.get(name, ()) if part in series}
        lines = []
        for path in filter(None, (args.png, args.svg)):
            write_picture(path, name, explanations, **parts)
            size = max(1, round(path.stat().st_size / 1000))
            lines.append(f"{path}: a picture ({name}) of {size:,} kB")
    return lines
