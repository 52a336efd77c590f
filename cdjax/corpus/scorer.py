"""Scores of a table of reviews: a function from an Arrow record batch to a record batch.

It can be pickled, so that any engine that maps functions over tables can run it: this library's own
job, Ray Data, or Hugging Face's `datasets`:

    multiprocess.set_start_method("spawn")  # a fork after JAX has run waits for ever
    scored = dataset.with_format("arrow").map(Scorer(), batched=True, batch_size=64, num_proc=2)

A process that gets it loads the model once, at its first batch.
"""

import os
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jax._src import xla_bridge  # there is no public way to ask
from jaxtyping import Float, Int

from cdjax.core.rules import PAPER, RULES, Rule
from cdjax.model import Model, find_vocabulary, load
from cdjax.results import SpanScores, read, read_scores
from cdjax.results.interactions import interactions
from cdjax.results.scores import directions, exclude_each_other
from cdjax.scoring.batch import score_all_spans, score_chosen_spans
from cdjax.scoring.limits import (
    MOST_STEPS,
    check_length,
    count_pieces,
    cut_text,
    longest_length,
)
from cdjax.spans import enumerate_spans
from cdjax.text.scripts import check_words

TOKENS = [
    pa.field("tokens", pa.list_(pa.string())),
    # Of each token's characters in the text; null where the review came as tokens.
    pa.field("token_starts", pa.list_(pa.int32())),
    pa.field("token_stops", pa.list_(pa.int32())),
    pa.field("cut", pa.bool_()),  # whether words beyond `max_words` were left out
    pa.field("known_words", pa.int64()),
    pa.field("rejected", pa.string()),  # why the review has no scores; null where it has
]


_forked = False


def _note_fork() -> None:
    global _forked
    _forked = _forked or xla_bridge.backends_are_initialized()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


class Outputs(NamedTuple):
    """What the logits of a model stand for."""

    labels: tuple[str, ...]
    logits: int  # how many: one a label, or one for two labels
    output: str  # one of `cdjax.results.scores.OUTPUTS`

    @classmethod
    def of(cls, model: Model) -> "Outputs":
        """Return those of a model."""
        return cls(tuple(model.labels), len(model.classifier.bias), model.output)

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label applies."""
        return exclude_each_other(self.logits, self.labels, self.output)

    @property
    def two(self) -> bool:
        """Whether one number tells two labels apart."""
        return self.exclusive and len(self.labels) == 2

    @property
    def names(self) -> list[str]:
        """Columns of a span's numbers: scores by label, `score` of two, interactions of these."""
        scores = [f"score_{label}" for label in self.labels]
        if self.two:
            return [*scores, "score", "interaction"]
        return [*scores, *(f"interaction_{label}" for label in self.labels)]


class Tokenized(NamedTuple):
    """Reviews as tokens and as rows of the embedding; none where a review is rejected."""

    columns: list[pa.Array]  # those of `TOKENS`
    ids: list[Int[np.ndarray, "_"]]

    @property
    def reasons(self) -> list[str | None]:
        """Why each review is rejected; None where it is not."""
        return self.columns[-1].to_pylist()


class Scorer:
    """Scores all spans of the reviews in a record batch.

    The batch has the column `text` (strings), or `tokens` (lists of strings) for reviews that are
    tokenized already. The result has all columns of the batch, those of `TOKENS`, and

        logits    list of float32 [K], of the whole review
        spans     list of structs, by start and then by stop: start, stop (half-open, in tokens),
                  score_<label> for each label, in logits; of two labels that exclude each other
                  also score, the second one's less the first's, and interaction, what the span
                  scores beyond the sum of its words; of others interaction_<label>

    Attributes:
        max_len: Words of the longest span wanted; all when None.
        max_words: Words of a review that are read; all when None.
        top: Spans of a review that are kept, those of the largest absolute score; all when None.
        most_steps: A review that takes more is rejected (`cdjax.scoring.limits.count_steps`).
    """

    def __init__(
        self,
        model: Model | str | os.PathLike | None = None,
        rule: Rule | str = PAPER,
        max_len: int | None = None,
        *,
        max_words: int | None = None,
        top: int | None = None,
        most_steps: int = MOST_STEPS,
    ):
        """Take a model, or the folder or name it is loaded by in the process that scores.

        Raises:
            ValueError: Where a number is below 1, a model has no vocabulary, or a rule is unknown.
        """
        numbers = {"max_len": max_len, "max_words": max_words, "top": top, "most_steps": most_steps}
        for name, number in numbers.items():
            if number is not None and number < 1:
                raise ValueError(f"{name} is {number}; expected at least 1.")
        if isinstance(rule, str):
            if rule not in RULES:
                raise ValueError(f"rule is {rule!r}; expected one of {', '.join(RULES)}.")
            rule = RULES[rule]
        self.rule, self.max_len, self.max_words = rule, max_len, max_words
        self.top, self.most_steps = top, most_steps
        self._path = None if isinstance(model, Model) else model
        if isinstance(model, Model):
            find_vocabulary(model)
            self.model = model

    @cached_property
    def model(self) -> Model:
        """The model, loaded at its first use."""
        model = load(self._path)
        find_vocabulary(model)
        return model

    def __getstate__(self) -> dict[str, Any]:
        """Leave out a model that can be loaded again."""
        state = dict(vars(self))
        if self._path is not None:
            state.pop("model", None)
        return state

    def __call__(self, batch: pa.RecordBatch | pa.Table) -> pa.RecordBatch | pa.Table:
        """Score a batch; a table, as `datasets.Dataset.map` has them, gives a table.

        Raises:
            ValueError: Where it has neither of the two columns.
            FloatingPointError: Where a score is not finite.
            RuntimeError: In a process that was forked from one in which JAX had run.
        """
        if isinstance(batch, pa.RecordBatch):
            tokenized = self.tokenize(batch)
            return self.assemble(batch, tokenized, self.score(tokenized))
        columns = [column.combine_chunks() for column in batch.columns]
        one = pa.RecordBatch.from_arrays(columns, names=batch.column_names)
        return pa.Table.from_batches([self(one)])

    def tokenize(self, batch: pa.RecordBatch) -> Tokenized:
        """Split texts into tokens and look them up; needs no device."""
        texts, given, rejected = (
            batch[name].to_pylist() if name in batch.schema.names else [None] * len(batch)
            for name in ("text", "tokens", "rejected")
        )
        if not {"text", "tokens"} & set(batch.schema.names):
            raise ValueError(
                f"the batch has the columns {', '.join(batch.schema.names)}; expected text "
                f"(strings) or tokens (lists of strings)."
            )
        vocabulary = find_vocabulary(self.model)
        rows, ids = [], []
        for text, tokens, reason in zip(texts, given, rejected, strict=True):
            row = numbers = None
            if reason is None:
                try:
                    words, *places = self._split(text, tokens)
                    numbers = vocabulary.encode(words)
                    known = vocabulary.known(numbers)
                    if text is not None and tokens is None and vocabulary.splitting.splits_words:
                        check_words(text, words, known)
                    row = words, *places, int(known.sum()), None
                except ValueError as error:
                    reason = str(error)
            rows.append(row or (None, None, None, False, 0, reason))
            ids.append(np.zeros(0, np.int32) if numbers is None else numbers)
        fields = zip(*rows, strict=True) if rows else [[]] * len(TOKENS)
        columns = [pa.array(c, f.type) for c, f in zip(fields, TOKENS, strict=True)]
        return Tokenized(columns, ids)

    def _split(self, text: str | None, tokens: list[str] | None):
        """Return tokens, the offsets of their starts and stops, and whether words were cut off.

        Raises:
            ValueError: Where there is no text, or too much of it.
        """
        vocabulary = find_vocabulary(self.model)
        starts = stops = None
        cut = False
        if tokens is None:
            if text is None:
                raise ValueError('the text is null; expected a string ("" is an empty text).')
            characters = vocabulary.splitting.read(text)
            if self.max_words is not None:
                begin = cut_text(characters.text, self.max_words)
                cut = len(begin) < len(characters.text)
                characters = characters.cut(len(begin))
            else:  # before it is split, which takes its time
                self._check(count_pieces(characters.text), "at least ")
            tokens, offsets = vocabulary.split(characters)
            starts, stops = offsets.T
        if self.max_words is not None and len(tokens) > self.max_words:
            cut, tokens = True, tokens[: self.max_words]
            starts, stops = (None if a is None else a[: self.max_words] for a in (starts, stops))
        if vocabulary.frame is not None and len(tokens) > vocabulary.frame.length:
            kept = vocabulary.frame.kept(len(tokens))
            cut, tokens = True, tokens[kept]
            starts, stops = (None if a is None else a[kept] for a in (starts, stops))
        self._check(len(tokens))
        return tokens, starts, stops, cut

    def _check(self, words: int, about: str = "") -> None:
        longest = longest_length(self.max_len, self.most_steps)
        remedy = f" Or read its beginning only: max_words={longest}."
        check_length(words, self.max_len, "the review", self.most_steps, about, remedy)

    def encode(self, tokens: list[str]) -> tuple[Int[np.ndarray, "_"], int]:
        """Return what the network reads of tokens, rows of its embedding, and the first's step."""
        vocabulary = find_vocabulary(self.model)
        ids = vocabulary.encode(tokens)
        return (ids, 0) if vocabulary.frame is None else vocabulary.frame.pad(ids)

    def score(self, tokenized: Tokenized) -> list[SpanScores]:
        """Score reviews that are tokenized; what the devices do."""
        if _forked:
            raise RuntimeError(
                "this process was forked from one in which JAX had run; its threads are not here, "
                "and it would wait for them for ever. Start processes anew: "
                'multiprocessing.set_start_method("spawn"), or for datasets '
                'multiprocess.set_start_method("spawn").'
            )
        classifier, frame = self.model.classifier, find_vocabulary(self.model).frame
        if frame is None:
            return score_all_spans(classifier, tokenized.ids, self.rule, self.max_len)
        spans = [enumerate_spans(len(ids), self.max_len) for ids in tokenized.ids]
        framed = [frame.pad(ids) for ids in tokenized.ids]
        moved = [part + first for part, (_, first) in zip(spans, framed, strict=True)]
        ids = [padded for padded, _ in framed]
        results = score_chosen_spans(classifier, ids, moved, self.rule)
        return [r._replace(spans=part) for r, part in zip(results, spans, strict=True)]

    def assemble(
        self, batch: pa.RecordBatch, tokenized: Tokenized, results: list[SpanScores]
    ) -> pa.RecordBatch:
        """Return the batch with its tokens and scores; needs no device."""
        outputs = Outputs.of(self.model)
        spans, numbers, counts = _numbers(outputs, results)
        if self.top is not None:
            stops = np.cumsum(counts)
            chosen = [
                stop - count + _strongest(outputs, numbers[stop - count : stop], self.top)
                for stop, count in zip(stops, counts, strict=True)
            ]
            counts = np.array([len(c) for c in chosen], int)
            kept = np.concatenate([*chosen, np.zeros(0, int)])
            spans, numbers = spans[kept], numbers[kept]
        shape = len(results), outputs.logits
        logits = np.array([r.logits for r in results], np.float32).reshape(shape)
        columns = {name: batch[name] for name in batch.schema.names}
        columns |= dict(zip([field.name for field in TOKENS], tokenized.columns, strict=True))
        each = np.full(len(results), outputs.logits)
        columns["logits"] = _lists(each, pa.array(logits.ravel(), pa.float32()))
        columns["spans"] = _lists(counts, _structs(outputs, spans, numbers))
        return pa.RecordBatch.from_pydict(columns)


def _numbers(
    outputs: Outputs, results: list[SpanScores]
) -> tuple[Int[np.ndarray, "s 2"], Float[np.ndarray, "s n"], Int[np.ndarray, "_"]]:
    """Return all reviews' spans, their columns `Outputs.names` in float32, how many each has."""
    counts = np.array([len(result.spans) for result in results], int)
    spans = np.concatenate([*(r.spans for r in results), np.zeros((0, 2), np.int32)])
    nothing = np.zeros((0, outputs.logits), results[0].scores.dtype if results else np.float32)
    scores = np.concatenate([*(r.scores for r in results), nothing])
    by_label = read_scores(scores, outputs.labels)
    if outputs.two:
        direction = directions(outputs.logits, outputs.labels, outputs.output)[-1]
        read_off = read(by_label, direction)[:, None]
    else:
        read_off = by_label
    beyond = interactions(spans, read_off, counts)
    columns = [by_label, read_off, beyond] if outputs.two else [by_label, beyond]
    return spans, np.concatenate(columns, axis=1).astype(np.float32), counts


def _strongest(
    outputs: Outputs, numbers: Float[np.ndarray, "s n"], top: int
) -> Int[np.ndarray, "_"]:
    """Return the indices, ascending, of the spans of the largest absolute score."""
    count = len(outputs.labels)
    scores = numbers[:, count : count + 1] if outputs.two else numbers[:, :count]
    order = np.argsort(-np.abs(scores).max(axis=1), kind="stable")
    return np.sort(order[:top])


def _structs(
    outputs: Outputs, spans: Int[np.ndarray, "s 2"], numbers: Float[np.ndarray, "s n"]
) -> pa.StructArray:
    """Return all spans of a batch, one after the other."""
    columns = [*spans.astype(np.int32).T, *numbers.T]
    return pa.StructArray.from_arrays(
        [pa.array(np.ascontiguousarray(column)) for column in columns],
        ["start", "stop", *outputs.names],
    )


def _lists(counts: Int[np.ndarray, "n"], values: pa.Array) -> pa.ListArray:
    """Return lists of consecutive values, of so many each."""
    ends = np.cumsum([0, *counts], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values)
