"""Writes pages: the built page, a title and the data."""

import html
import json
import os
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from cdjax.display import show
from cdjax.files.atomic import write_atomically
from cdjax.results.explanation import Explanation
from cdjax.results.wording import describe_input
from cdjax.viz.page.data import make_record

TITLE = 60
"""Most characters of a text in the title of its page."""

# What could end the element or be read as another character than the one meant.
_UNSAFE = re.compile("[<>&\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def write_page(
    path: str | os.PathLike[str],
    explanations: Sequence[Explanation],
    *,
    title: str | None = None,
    windows: Any = None,
    by_feature: Any = None,
    overwrite: bool = False,
) -> None:
    """Write a page of one text or series; the file appears whole or not at all.

    Args:
        path: Of the file, `.html`.
        explanations: By one method or rule, or by several; the first is shown first.
        title: Of the page; the beginning of the text when None.
        windows: Of a series, half-open spans of steps, `[W, 2]`; 6 to 12 when None.
        by_feature: What each feature contributes within each window, `[W, D]`, along the direction
            of the first explanation.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        FileExistsError: Where the path is taken and `overwrite` is not set.
        ValueError: As `make_page`.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; give another path or overwrite=True.")
    page = make_page(explanations, title=title, windows=windows, by_feature=by_feature)
    with write_atomically(path) as new:
        new.write_text(page, encoding="utf-8")


def make_page(
    explanations: Sequence[Explanation],
    *,
    title: str | None = None,
    windows: Any = None,
    by_feature: Any = None,
) -> str:
    """Return a page of one text or series as HTML. Arguments as `write_page`.

    Raises:
        ValueError: Where there is no explanation, they are of different texts, series or labels,
            one has not all spans up to a length, or windows or features do not fit the series.
    """
    if not explanations:
        raise ValueError("there is no explanation to show; expected at least one.")
    first = explanations[0]
    if title is None:
        text = first.text if first.text is not None else " ".join(first.tokens or ())
        title = " ".join(text.split()) or describe_input(first) or "A series"
        title = title if len(title) <= TITLE else title[: TITLE - 1] + "…"
    record = make_record(explanations, windows, by_feature)
    return fill(read_built("review"), title=title, summary=repr(first), record=record)


def read_built(name: str) -> str:
    """Return a page as `build.mjs` makes it."""
    return files("cdjax.viz.page").joinpath(f"{name}.html").read_text(encoding="utf-8")


def fill(page: str, *, title: str, summary: str, record: Any) -> str:
    """Return a built page with its title, its summary and its data.

    Args:
        page: A page as `build.mjs` makes it.
        title: Any text.
        summary: Any text, for browsers that run no scripts.
        record: What the script shows; a record for JSON.
    """
    before, after_title = page.split("{{title}}")
    to_summary, after_summary = after_title.split("{{summary}}")
    to_data, rest = after_summary.split("{{data}}")
    lines = "\n".join(map(show, summary.split("\n")))
    parts = html.escape(show(title)), to_summary, html.escape(lines), to_data, to_script(record)
    return "".join((before, *parts, rest))


def to_script(record: Any) -> str:
    r"""Return a record as JSON that can stand in a `script` element, whatever texts it holds.

    >>> to_script({"text": "</script><!-- \u202e"})
    '{"text":"\\u003c/script\\u003e\\u003c!-- \\u202e"}'
    """
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
