"""The words of a text as several methods see them, side by side."""

import warnings

import numpy as np

from cdjax.cli import options
from cdjax.methods.contract import Method
from cdjax.methods.registry import STANDARD_DEVIATIONS
from cdjax.model import Model

# From where a score is clear, and from where strong, by its units. Fixed, never fitted to a text.
SCALES = {
    "logits": (0.5, 2.0),
    "log probability": (0.5, 2.0),
    "probability": (0.05, 0.2),
    STANDARD_DEVIATIONS: (1.0, 2.0),
}
DIFFERENCES = "logits", "log probability"
"""Units in which two classes are told apart by a difference: the change of the log odds. In the
others the two classes' scores mirror each other, and the explained one's is shown."""


def score_words(
    model: Model, ids: np.ndarray, methods: list[Method], explained: int, all_: bool
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return each method's scores of the words, and what is to be said of them.

    Raises:
        options.UserError: Where a method does not go with the model and was asked for by name.
    """
    scores, notes = {}, []
    for method in methods:
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                (result,) = method.score(model.classifier, [ids], max_len=1)
        except ValueError as error:
            if not all_:
                raise options.UserError(f"{method.name}: {error}") from error
            notes.append(f"{method.name} is left out: {error}")
            continue
        notes += [f"{method.name}: {warning.message}" for warning in caught]
        words = result.scores[:, explained]
        if len(model.labels) == 2 and method.units in DIFFERENCES:
            words = words - result.scores[:, 1 - explained]
        scores[method.name] = words
    return scores, notes


def print_side_by_side(
    console,
    tokens: list[str],
    methods: list[Method],
    scores: dict[str, np.ndarray],
    labels: tuple[str, ...],
    explained: int,
    steps: tuple[tuple[str, str, str], ...],
) -> None:
    """Print a row a word and a column a method, then what each column is measured in.

    Args:
        console: Where to.
        tokens: The words.
        methods: The methods, of which some may have no scores.
        scores: Scores of the words by the methods' names.
        labels: The model's labels.
        explained: The label that scores are for.
        steps: Mark, name and style of the five steps of a scale, lowest first.
    """
    from rich.table import Table
    from rich.text import Text

    shown = [method for method in methods if method.name in scores]
    width = max(1, (console.width - 14) // 13)  # columns that fit beside the words
    for first in range(0, len(shown), width):
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, max_width=14)
        some = shown[first : first + width]
        for _ in some:
            table.add_column(justify="right", no_wrap=True)
        table.add_row("", *(Text(method.name, "bold") for method in some))
        for t, token in enumerate(tokens):
            cells = []
            for method in some:
                score = float(scores[method.name][t])
                if np.isnan(score):
                    cells.append(Text("n/a", "dim"))
                    continue
                mark, _, style = steps[step(score, *SCALES[method.units])]
                cells.append(Text.assemble((f" {score:+.2f} ", style), (f" {mark:2}", "dim")))
            table.add_row(Text(token), *cells)
        console.print()
        console.print(table)
    console.print()
    meaning = f"Scores are for {labels[explained]}"
    if len(labels) == 2:
        meaning += f"; logits and log probabilities less those for {labels[1 - explained]}"
    console.print(Text(f"{meaning}. Marked from (clear, strong), the same for every text:", "dim"))
    for method in shown:
        clear, strong = SCALES[method.units]
        text = f"  {method.name}: {method.title}, in {method.units} ({clear:g}, {strong:g})"
        console.print(Text(text, "dim"))
    if any(np.isnan(words).any() for words in scores.values()):
        console.print(
            Text("n/a: the words' scores have no spread to be divided by.", style="yellow")
        )


def step(score: float, clear: float, strong: float) -> int:
    """Return which of the five steps a score is.

    >>> [step(score, 0.5, 2.0) for score in (-2.0, -0.5, 0.0, 0.5, 2.0)]
    [0, 1, 2, 3, 4]
    """
    size = int(abs(score) >= clear) + int(abs(score) >= strong)
    return 2 + (size if score > 0 else -size)
