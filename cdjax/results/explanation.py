"""The scores of one text or series, with all that is needed to read, show and keep them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from cdjax.results import files, views
from cdjax.results.account import Account, make_account
from cdjax.results.check import check_explanation
from cdjax.results.evidence import find_repeated
from cdjax.results.hierarchy import Hierarchy, build_hierarchy
from cdjax.results.interactions import interactions
from cdjax.results.lookup import Key, PhraseError, find_phrase, find_phrases, find_steps
from cdjax.results.markdown import write_markdown
from cdjax.results.notices import Notice, find_notices
from cdjax.results.numbers import count_decimals
from cdjax.results.overview import Overview, make_overview
from cdjax.results.phrases import Interaction, Phrase
from cdjax.results.scores import VALUES, SpanScores, probabilities, read
from cdjax.results.selection import strongest
from cdjax.results.summary import summarize
from cdjax.results.thresholds import Thresholds, find_thresholds
from cdjax.results.times import name_window, shorten_times
from cdjax.spans import count_spans


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explanation:
    """The scores of the spans of one text or series.

        explanation = cdjax.explain("It isn't a bad film.")
        explanation["isn't a bad"]     # by its words, as in the text, or as tokens
        explanation[1:5]               # by its steps, half-open
        explanation[2]                 # one step

    Scores are those of `L` labels; what a person reads is one number, `scores @ direction`. The
    score of a span, what the rest of the sequence owns (`rest`) and `output_bias` add up to the
    logits.

    Attributes:
        spans: Half-open `[start, stop)` spans of steps, `[S, 2]`, by start and then by stop.
        scores: What each span contributes to each label, `[S, L]`, in `units`.
        logits: Of the whole sequence, output bias included, `[L]`.
        output_bias: The part of the logits that no phrase owns, `[L]`: those of a network that has
            read nothing.
        labels: Names of the labels. A model of one logit z for two labels is read as [0, z].
        direction: The weight of each label's score in the number that a person reads.
        method: Name of the method.
        rule: Name of the decomposition rule; None for a method without.
        units: What scores are measured in.
        output: What the logits stand for: "softmax" (labels exclude each other; also the sigmoid of
            one logit, which is the softmax of [0, z]), "sigmoid" (labels that do not exclude each
            other) or "value" (no probability).
        text: The text, if it was given as one.
        tokens: Its words; None for a series.
        offsets: Of each token its first character in `text`, and one past its last, `[T, 2]`.
        known: Whether the model knows each word, `[T]`.
        series: The input `[T, D]`, where it is numeric, as the network read it.
        features: Names of its `D` columns; None where none were given.
        times: Of its `T` steps, as texts; None where none were given.
        values: The series as a person knows it, before it was scaled, `[T, D]`.
        step: Of a network with logits at every step, the one whose logits are explained.
        padding: How many steps of padding the network read beside the words, like words. They
            belong to no phrase.

    Raises:
        ValueError: Where the parts do not fit together.
    """

    spans: Int[np.ndarray, "s 2"]
    scores: Float[np.ndarray, "s l"]
    logits: Float[np.ndarray, "l"]
    output_bias: Float[np.ndarray, "l"]
    labels: tuple[str, ...]
    direction: Mapping[str, float]
    method: str = "cd"
    rule: str | None = None
    units: str = "logits"
    output: str = "softmax"
    text: str | None = None
    tokens: tuple[str, ...] | None = None
    offsets: Int[np.ndarray, "t 2"] | None = None
    known: Bool[np.ndarray, "t"] | None = None
    series: Float[np.ndarray, "t d"] | None = None
    features: tuple[str, ...] | None = None
    times: tuple[str, ...] | None = None
    values: Float[np.ndarray, "t d"] | None = None
    step: int | None = None
    padding: int = 0

    def __post_init__(self):
        check_explanation(self)

    def __len__(self) -> int:
        """Return the number of steps: words of a text, rows of a series."""
        if self.tokens is not None:
            return len(self.tokens)
        assert self.series is not None
        return len(self.series)

    @cached_property
    def weights(self) -> Float[np.ndarray, "l"]:
        """The direction `[L]`, in the order of the labels."""
        return np.array([self.direction[label] for label in self.labels], float)

    @cached_property
    def numbers(self) -> Float[np.ndarray, "s"]:
        """The number `[S]` that a person reads, of every span: `scores @ direction`."""
        return read(self.scores, self.weights)

    @cached_property
    def thresholds(self) -> Thresholds:
        """From which absolute score on a phrase is evidence, and from which strong evidence."""
        return find_thresholds(self.units, self.numbers)

    @cached_property
    def decimals(self) -> int:
        """How many decimals of its scores tell something."""
        fixed = 0 if self.units == VALUES else 2
        return max(fixed, count_decimals(np.array([self.thresholds.clear]), 2))

    @cached_property
    def _times(self) -> tuple[str, ...] | None:
        return None if self.times is None else shorten_times(self.times)

    @cached_property
    def _rows(self) -> dict[tuple[int, ...], int]:
        return {tuple(span): row for row, span in enumerate(self.spans.tolist())}

    def __getitem__(self, key: Key) -> float:
        """Return the score of a phrase as one number, along the direction.

        Args:
            key: The phrase as it is in the text or as tokens joined by spaces; a slice of steps; or
                one step. Negative steps count from the end.

        Raises:
            PhraseError: Where there is no such phrase, it occurs more than once, or its span was
                not scored. A KeyError.
            IndexError: Where a step is out of range.
        """
        start, stop = self.span(key)
        return float(self.numbers[self._row(start, stop)]) if start < stop else 0.0

    def scores_of(self, key: Key) -> Float[np.ndarray, "l"]:
        """Return the scores `[L]` of a phrase, one a label. Arguments and errors as `[]`."""
        start, stop = self.span(key)
        row = self._row(start, stop) if start < stop else None
        return np.zeros_like(self.logits) if row is None else self.scores[row]

    def rest(self, key: Key) -> Float[np.ndarray, "l"]:
        """Return what the steps outside of a phrase own of the logits, `[L]`.

            logits = scores_of(phrase) + rest(phrase) + output_bias

        Raises:
            PhraseError, IndexError: As `[]`.
            ValueError: Where the method does not split the logits.
        """
        if self.method != "cd":
            raise ValueError(
                f"the scores of the method {self.method!r} are no parts of the logits, so there is "
                f"no rest; expected method='cd'."
            )
        return self.logits - self.output_bias - self.scores_of(key)

    def _row(self, start: int, stop: int) -> int:
        row = self._rows.get((start, stop))
        if row is None:
            raise PhraseError(
                f"the span {start}:{stop} ({self.phrase_text(start, stop)!r}) was not scored; "
                f"{len(self.spans):,} of the {count_spans(len(self)):,} spans were. Explain with "
                f"max_len=None or max_len={stop - start}."
            )
        return row

    def is_scored(self, key: Key) -> bool:
        """Return whether the span of a phrase was scored. Arguments and errors as `[]`."""
        start, stop = self.span(key)
        return start == stop or (start, stop) in self._rows

    def span(self, key: Key) -> tuple[int, int]:
        """Return the half-open span of a phrase. Arguments and errors as `[]`."""
        if not isinstance(key, str):
            return find_steps(key, len(self))
        if self.tokens is None:
            raise PhraseError(
                f"a series has no words, so no phrase {key!r}; ask for its steps: "
                f"explanation[start:stop] or explanation[step]."
            )
        return find_phrase(key, self.tokens, self.text, self.offsets)

    def find(self, phrase: str) -> list[tuple[int, int]]:
        """Return the spans at which a phrase occurs, from left to right.

        Args:
            phrase: As it is in the text, "isn't bad", or as tokens joined by spaces, "is n't bad".
                Where it does not occur so, upper and lower case are not distinguished.
        """
        return find_phrases(phrase, self.tokens or (), self.text, self.offsets)

    def phrase_text(self, start: int, stop: int) -> str:
        """Return the tokens of a span, joined by spaces; of a series its times, or its steps."""
        if self.tokens is None:
            return name_window(self._times, start, stop)
        return " ".join(self.tokens[start:stop])

    def phrase(self, row: int) -> Phrase:
        """Return the span of a row of `spans` as a person reads it."""
        start, stop = self.spans[row].tolist()
        return Phrase(start, stop, self.phrase_text(start, stop), float(self.numbers[row]))

    def words(self) -> list[Phrase]:
        """Return every single step with its score, in order."""
        return [self.phrase(self._row(t, t + 1)) for t in range(len(self))]

    def strongest(self, count: int = 10, *, sign: int = 0, shortest: int = 1) -> list[Phrase]:
        """Return the phrases with the strongest scores, strongest first, none nearly another.

        Args:
            count: How many to return at most.
            sign: 1 for scores above 0 only, -1 for scores below, 0 for both.
            shortest: Steps of the shortest phrase wanted.
        """
        long = self.spans[:, 1] - self.spans[:, 0] >= shortest
        rows = np.flatnonzero(long & ~find_repeated(self))
        numbers = self.numbers[rows]
        strength = sign * numbers if sign else abs(numbers)
        strength = np.nan_to_num(strength, nan=0.0)
        return [self.phrase(int(row)) for row in rows[strongest(self.spans[rows], strength, count)]]

    def interactions(self) -> list[Interaction]:
        """Return all phrases of two steps or more by how much more they say than their steps.

        Returns:
            The phrases, the largest absolute interaction first: the score of the phrase less the
            sum of the scores of its single steps.
        """
        beyond = interactions(self.spans, self.numbers)
        rows = np.flatnonzero(self.spans[:, 1] - self.spans[:, 0] > 1)
        rows = rows[np.argsort(-abs(beyond[rows]), kind="stable")]
        return [Interaction(*self.phrase(int(row)), float(beyond[row])) for row in rows]

    def tree(self, leaves: Int[np.ndarray, "n 2"] | None = None) -> Hierarchy:
        """Return the tree of the phrases: neighbours join, those first that interact most.

        Args:
            leaves: Adjacent half-open spans that are all steps together, such as windows of time,
                and are not split; single steps when None.

        Raises:
            ValueError: Where spans are missing (`max_len`), scores are not finite, or the leaves
                are not all steps, each once.
        """
        missing = count_spans(len(self)) - len(self.spans)
        if missing:
            raise ValueError(
                f"{missing:,} of the {count_spans(len(self)):,} spans were not scored; a tree "
                f"needs all of them: explain with max_len=None."
            )
        return build_hierarchy(self.spans, self.scores, self.weights, leaves=leaves)

    def account(self) -> Account | None:
        """Return where the output comes from, in parts that add up to it.

            whole sequence + remainder + output bias = output

        None where scores are in units of something else than the output.
        """
        return make_account(self)

    def notices(self) -> tuple[Notice, ...]:
        """Return what to know before believing the scores: unknown words, what has faded."""
        return find_notices(self)

    def overview(self) -> Overview:
        """Return what every view shows: outcome, account, notices, the phrases worth a look."""
        return make_overview(self)

    def probabilities(self) -> dict[str, float]:
        """Return the probability of every label.

        Raises:
            ValueError: Where the model's output is a value.
        """
        numbers = probabilities(self.logits.astype(float), self.labels, self.output)
        return dict(zip(self.labels, numbers.tolist(), strict=True))

    @property
    def plot(self) -> views.Plots:
        """Pictures: `plot()`, `plot.words()`, `.waterfall()`, `.triangle()`, `.tree()`, ..."""
        return views.Plots(self)

    def table(self) -> SpanScores:
        """Return spans, scores and logits alone."""
        return SpanScores(self.spans, self.scores, self.logits)

    def to_arrow(self) -> Any:
        """Return a `pyarrow.Table`, a row a span: start, stop, text, score_<label>..., score."""
        import pyarrow as pa

        spans = self.spans.tolist()
        columns = {
            "start": self.spans[:, 0],
            "stop": self.spans[:, 1],
            "text": [self.phrase_text(*span) for span in spans],
            **{f"score_{label}": self.scores[:, n] for n, label in enumerate(self.labels)},
            "score": self.numbers,
        }
        return pa.table({name: pa.array(column) for name, column in columns.items()})

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame` of the columns of `to_arrow`.

        Raises:
            ImportError: Where pandas is not installed.
        """
        try:
            import pandas as pd  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise ImportError(
                "to_pandas needs pandas: pip install pandas. (to_arrow works without.)"
            ) from error
        table = self.to_arrow()
        return pd.DataFrame({name: table[name].to_numpy() for name in table.column_names})

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        others: Sequence["Explanation"] = (),
        title: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write a page that shows every phrase, for a browser: one file that needs no network.

        Args:
            path: Of the file, `.html`.
            others: Explanations of the same text or series by other methods or rules, which the
                page shows as well, alone or side by side. Of one by the method "alone" it shows
                each phrase in context against alone.
            title: Of the page; the beginning of the text when None.
            overwrite: Whether a file that is there may be replaced.

        Raises:
            FileExistsError: Where the path is taken and `overwrite` is not set.
            ValueError: Where the others are of another text or series, or of other labels.
        """
        views.write_page(path, [self, *others], title=title, overwrite=overwrite)

    def to_markdown(self) -> str:
        """Return what there is to see as Markdown: tables, for a report or an issue."""
        return write_markdown(self)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a JSON file, from which `load` gets the same numbers, bit by bit.

        Raises:
            FileExistsError: Where the path is taken and `overwrite` is not set.
            ValueError: Where a number is infinite.
        """
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        files.write(path, content, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Explanation":
        """Read a file that `save` wrote.

        Raises:
            FileNotFoundError: Where there is none.
            ValueError: Where it is damaged, no explanation, or of another version.
        """
        content = files.read(path, [field.name for field in fields(cls)])
        try:
            for name in ("labels", "tokens", "features", "times"):
                if content[name] is not None:
                    content[name] = tuple(content[name])
            return cls(**content)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{path} is damaged: {error} Get the file again, or explain and save again."
            ) from error

    def __repr__(self) -> str:
        return summarize(self)

    def _repr_html_(self) -> str:
        return views.to_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return views.to_mimebundle(self)
