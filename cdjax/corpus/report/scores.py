"""The Parquet of a finished job: its settings, and its parts one by one."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int, UInt64

from cdjax.corpus.errors import CorpusError
from cdjax.corpus.folder import DOCUMENTS, SPANS, part_path, read_finished
from cdjax.corpus.report.keys import phrase_keys, read_words
from cdjax.results.numbers import count_decimals, round_to_one_digit
from cdjax.results.scores import VALUES
from cdjax.results.thresholds import CLEAR_SHARE, STRONG_SHARE, Thresholds, thresholds

LONGEST = 20  # words of a phrase that is listed, at most; memory is in proportion
BATCH = 1 << 18  # rows of spans that are read at a time


class Spans(NamedTuple):
    """Some of the phrases of a part, in the order of the file: by document, start and stop."""

    row: Int[np.ndarray, "s"]  # of the document, in the part
    first: Int[np.ndarray, "s"]  # of its words, among those of the part
    words: Int[np.ndarray, "s"]
    keys: UInt64[np.ndarray, "s"]
    numbers: Float[np.ndarray, "s l"]
    beyond: Float[np.ndarray, "s l"]  # interactions


class Part(NamedTuple):
    """The documents of a part, and the keys of their phrases."""

    number: int
    documents: pa.Table
    lengths: Int[np.ndarray, "n"]  # words of each document
    words: pa.StringArray  # of all documents, as they are compared
    keys: UInt64[np.ndarray, "m t"]  # of the phrase of m + 1 words from each word on

    @property
    def firsts(self) -> Int[np.ndarray, "n"]:
        """The first word of each document among those of the part."""
        return np.cumsum(self.lengths) - self.lengths


class Scores(NamedTuple):
    """A finished job."""

    folder: Path
    manifest: dict[str, Any]
    longest: int  # words of the phrases that are read

    @classmethod
    def open(cls, folder: str | os.PathLike, longest: int) -> "Scores":
        """Open the folder of a job.

        Raises:
            CorpusError: As `read_finished`; where it holds no phrase, or `longest` is more than
                `LONGEST`.
        """
        if longest > LONGEST:
            raise CorpusError(
                f"max_len is {longest}; expected at most {LONGEST}: longer phrases hardly recur."
            )
        manifest = read_finished(folder)
        if not manifest["counts"].get("spans"):
            raise CorpusError(
                f"{folder} holds no phrase: its {manifest['counts']['documents']:,} reviews are "
                f"empty; expected at least one word."
            )
        most = manifest["run"]["max_len"] or longest
        return cls(Path(folder), manifest, min(longest, most))

    @property
    def labels(self) -> list[str]:
        """Those of the model."""
        return self.manifest["labels"]

    @property
    def two(self) -> bool:
        """Whether one number tells two labels apart."""
        return self.manifest["score"] is not None

    @property
    def values(self) -> bool:
        """Whether the model gives values, which have no probability."""
        return self.manifest["output"] == "value"

    @property
    def exclusive(self) -> bool:
        """Whether the labels exclude each other, so that the model predicts one of them."""
        return self.two or self.manifest["output"] == "softmax"

    @property
    def columns(self) -> tuple[list[str], list[str]]:
        """The columns of the numbers that a person reads, and of their interactions."""
        if self.two:
            return ["score"], ["interaction"]
        scores, interactions = (
            [f"{name}_{label}" for label in self.labels] for name in ("score", "interaction")
        )
        return scores, interactions

    def parts(self, columns: Sequence[str] = ()) -> Iterator[Part]:
        """Yield the parts, with the given columns of their documents besides `doc`."""
        lowercase = self.manifest["lowercase"]
        for number in range(len(self.manifest["parts"])):
            path = part_path(self.folder, DOCUMENTS, number)
            table = pq.read_table(path, columns=["doc", "tokens", *columns]).combine_chunks()
            tokens = table["tokens"].combine_chunks()
            words, keys = read_words(tokens.flatten(), lowercase)
            lengths = np.diff(tokens.offsets.to_numpy()).astype(np.int64)
            yield Part(number, table, lengths, words, phrase_keys(keys, self.longest))

    def spans(self, part: Part) -> Iterator[Spans]:
        """Yield the phrases of a part.

        Raises:
            CorpusError: Where a score is not finite, or a phrase is of no document.
        """
        path = part_path(self.folder, SPANS, part.number)
        numbers, beyond = self.columns
        documents, firsts = part.documents["doc"].to_numpy(), part.firsts
        with pq.ParquetFile(path) as file:
            names = ["doc", "start", "words", *numbers, *beyond]
            for batch in file.iter_batches(BATCH, columns=names):
                batch = batch.filter(pa.array(batch["words"].to_numpy() <= self.longest))
                if not len(batch):
                    continue
                doc, start, words = (batch[name].to_numpy() for name in names[:3])
                row = np.searchsorted(documents, doc)
                if row[-1] == len(documents) or (documents[row] != doc).any():
                    raise CorpusError(f"{path} has phrases of documents that are not there.")
                first = firsts[row] + start
                read, interactions = (
                    np.stack([batch[name].to_numpy() for name in columns], axis=1).astype(float)
                    for columns in (numbers, beyond)
                )
                if not (np.isfinite(read).all() and np.isfinite(interactions).all()):
                    raise CorpusError(f"{path} has scores that are not finite; score it again.")
                keys = part.keys[words - 1, first]
                yield Spans(row, first, words.astype(np.int64), keys, read, interactions)


class Scale(NamedTuple):
    """How scores are read and written: from where on they say something, and their decimals."""

    edges: Thresholds
    decimals: int

    @classmethod
    def of(cls, scores: Scores) -> "Scale":
        """Return that of a job; of values by the largest score of its phrases."""
        if not scores.values:
            return cls(thresholds("logits"), 2)
        largest = 0.0
        for part in scores.parts():
            for spans in scores.spans(part):
                largest = max(largest, float(np.abs(spans.numbers).max()))
        if not largest:
            edges = thresholds(VALUES)
        else:
            edges = Thresholds(
                *(round_to_one_digit(largest * s) for s in (CLEAR_SHARE, STRONG_SHARE))
            )
        return cls(edges, count_decimals(np.array([edges.clear]), 2))

    def to_units(self, scores: Float[np.ndarray, "*n"]) -> Int[np.ndarray, "*n"]:
        """Return scores as they are shown, in units of the last decimal."""
        return np.rint(scores * 10.0**self.decimals).astype(np.int64)

    def steps(self, numbers: Float[np.ndarray, "*n"]) -> Int[np.ndarray, "*n"]:
        """Return the steps of the scale, from -2 to 2, of numbers as they are shown."""
        unit = 10.0**-self.decimals
        size = np.abs(self.to_units(numbers)) * unit + unit / 1000
        steps = (size >= self.edges.clear).astype(int) + (size >= self.edges.strong)
        return np.where(numbers < 0, -steps, steps)

    @property
    def clear(self) -> int:
        """The threshold of clear scores in units of the last decimal."""
        return round(self.edges.clear * 10**self.decimals)
