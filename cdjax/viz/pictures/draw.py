"""One picture of an explanation, by its name: into axes, or as a file."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from cdjax.results.explanation import Explanation
from cdjax.viz.pictures import figure
from cdjax.viz.pictures.board import Arrange
from cdjax.viz.pictures.compare import arrange_comparison
from cdjax.viz.pictures.overview import arrange_overview
from cdjax.viz.pictures.parts import list_texts
from cdjax.viz.pictures.tree import arrange_tree
from cdjax.viz.pictures.triangle import arrange_triangle
from cdjax.viz.pictures.waterfall import arrange_waterfall
from cdjax.viz.pictures.windows import arrange_windows
from cdjax.viz.pictures.words import arrange_words
from cdjax.viz.series import make_series

NAMES = ("overview", "words", "windows", "waterfall", "triangle", "tree", "compare")
"""The pictures."""


def draw_picture(
    name: str, explanations: Sequence[Explanation], axes: Axes | None = None, **options: Any
) -> Axes:
    """Draw a picture and return its axes.

    Args:
        name: One of `NAMES`.
        explanations: One; of the same words by several methods for "compare".
        axes: Where to draw; a figure of the picture's own size, of pyplot, when None.
        options: Of the picture.
    """
    arrange, texts = prepare(name, explanations, **options)
    return figure.draw(arrange, texts, axes)


def write_picture(
    path: Path, name: str, explanations: Sequence[Explanation], **options: Any
) -> None:
    """Write a picture as `.png` or `.svg`. Arguments as `draw_picture`."""
    figure.write(path, *prepare(name, explanations, **options))


def prepare(
    name: str, explanations: Sequence[Explanation], **options: Any
) -> tuple[Arrange, list[str]]:
    """Return what arranges a picture, and all texts in it.

    Raises:
        ValueError: Where the explanation has no such picture.
    """
    first = explanations[0]
    if not len(first):
        raise ValueError("there are no words, so there is nothing to draw.")
    if first.tokens is None and name == "words":
        raise ValueError(
            f"the explanation is of a series, which has no words to draw; expected the picture "
            f"'windows', plot.windows(), and not {name!r}."
        )
    if first.tokens is not None and options.get("windows") is not None:
        raise ValueError("windows are of a series, and the explanation is of a text; leave it out.")
    seen = first.overview()
    texts = list(list_texts(first, seen))
    if name == "compare":
        return functools.partial(arrange_comparison, explanations, **options), texts
    if name == "windows" or (name == "overview" and first.tokens is None):
        series = make_series(first, **options)
        arrange = arrange_windows if name == "windows" else arrange_overview
        return lambda width, look: arrange(first, seen, width, look, series=series), texts
    arrange = {
        "overview": arrange_overview,
        "words": arrange_words,
        "waterfall": arrange_waterfall,
        "triangle": arrange_triangle,
        "tree": arrange_tree,
    }[name]
    return lambda width, look: arrange(first, seen, width, look, **options), texts
