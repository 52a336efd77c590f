"""How results are shown: pictures, pages and notebooks, which `cdjax.viz` makes.

`viz` is built on the results and imported here when it is asked for, and nowhere else in them.
"""

import importlib
from collections.abc import Sequence
from typing import Any

Span = str | int | slice | tuple[int, int]


class Plots:
    """Pictures of an explanation, by matplotlib (`pip install 'cdjax[plot]'`).

        explanation.plot.waterfall()
        figure, (left, right) = matplotlib.pyplot.subplots(1, 2, figsize=(14, 5))
        explanation.plot.words(ax=left)
        explanation.plot.triangle(ax=right).figure.savefig("phrases.svg")

    Each method returns the axes that it drew into: those of a new figure of pyplot, just as large
    as the picture, or `ax`, in which everything is smaller where there is too little room. Colours
    have the thresholds of the explanation; what is below zero is hatched, too. Where scores are
    parts of the output, x of a waterfall is that output; x of a triangle are steps.

    Raises:
        ModuleNotFoundError: Where matplotlib is not installed.
        ValueError: Where the explanation has no such picture, or `ax` is much too small.
    """

    def __init__(self, explanation: Any):
        """Take the explanation."""
        self._explanation = explanation

    def __call__(self, ax: Any = None, **series: Any) -> Any:
        """Draw all: words, how they add up to the output, and every phrase.

        Args:
            ax: Where to draw; a new figure when None.
            series: Of a series, arguments of `windows`.
        """
        return self._draw("overview", ax, **series)

    def words(self, phrases: Sequence[Span] | None = None, *, ax: Any = None) -> Any:
        """Draw the words on the colours of their scores; a long text by its sentences.

        Args:
            phrases: To show below the words, each as in `explanation[phrase]`; when None, the
                strongest word as the words before it join.
            ax: Where to draw; a new figure when None.
        """
        spans = None if phrases is None else [self._explanation.span(key) for key in phrases]
        return self._draw("words", ax, phrases=spans)

    def windows(
        self,
        windows: Any = None,
        by_feature: Any = None,
        *,
        ax: Any = None,
    ) -> Any:
        """Draw the windows of time of a series, and its features as rows.

        Names, times and values are those of the explanation (`cdjax.explain`).

        Args:
            windows: Half-open spans of steps, `[W, 2]`; 6 to 12 of one length when None.
            by_feature: What each feature contributes within each window, `[W, D]`, along the
                direction (`cdjax.score_regions`); not shown when None.
            ax: Where to draw; a new figure when None.
        """
        return self._draw("windows", ax, windows=windows, by_feature=by_feature)

    def waterfall(self, windows: Any = None, *, ax: Any = None) -> Any:
        """Draw how words, words together and what no phrase owns add up to the output.

        Of a long text sentences, of a series windows of time. Beyond 14 parts, those with the
        smallest scores are one.

        Args:
            windows: Of a series, half-open spans of steps, `[W, 2]`; 6 to 12 when None.
            ax: Where to draw; a new figure when None.
        """
        return self._draw("waterfall", ax, windows=windows)

    def triangle(self, interaction: bool = False, *, ax: Any = None) -> Any:
        """Draw every phrase as a cell above its words.

        Args:
            interaction: Whether to colour by the score less those of the phrase's words.
            ax: Where to draw; a new figure when None.
        """
        return self._draw("triangle", ax, interaction=interaction)

    def tree(self, windows: Any = None, *, ax: Any = None) -> Any:
        """Draw how the words join to phrases, those first that interact most.

        Of texts of more than 40 words, phrases in which nothing interacts clearly are not split.

        Args:
            windows: Of a series, the half-open spans that join, `[W, 2]`; single steps when None.
            ax: Where to draw; a new figure when None.
        """
        return self._draw("tree", ax, windows=windows)

    def compare(self, others: Sequence[Any], windows: Any = None, *, ax: Any = None) -> Any:
        """Draw the words, or the windows of a series, by several methods or rules, a row a method.

        Args:
            others: Explanations of the same text or series by other methods or rules, for the same
                label.
            windows: Of a series, half-open spans of steps, `[W, 2]`; 6 to 12 when None.
            ax: Where to draw; a new figure when None.
        """
        return self._draw("compare", ax, others, windows=windows)

    def _draw(self, name: str, ax: Any, others: Sequence[Any] = (), **options: Any) -> Any:
        pictures = importlib.import_module("cdjax.viz.pictures")
        return pictures.draw_picture(name, [self._explanation, *others], ax, **options)


def write_page(path: Any, explanations: Sequence[Any], **options: Any) -> None:
    """Write the page of an explanation; arguments as `cdjax.viz.page.write_page`."""
    importlib.import_module("cdjax.viz.page").write_page(path, explanations, **options)


def to_html(result: Any) -> str:
    """Return what a notebook shows of a result: HTML that is small, static and safe."""
    return importlib.import_module("cdjax.viz.notebook").to_html(result)


def to_mimebundle(result: Any) -> dict[str, str]:
    """Return a result as plain text and as HTML, by their media types."""
    return {"text/plain": repr(result), "text/html": to_html(result)}
