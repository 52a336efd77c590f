"""The Parquet tables of a scored corpus: tokens, documents and spans."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cdjax.results import SpanScores, probabilities, read, read_scores
from cdjax.results.scores import directions, exclude_each_other
from cdjax.text.documents import Document

GROUP_SPANS = 1 << 18  # rows and characters of text in one group of the file, at most
GROUP_CHARACTERS = 1 << 26


class Chunk(NamedTuple):
    """Consecutive documents that are scored together."""

    first: int  # number of its first document
    documents: list[Document]


TOKENS = pa.schema([("doc", pa.int64()), ("id", pa.string()), ("tokens", pa.list_(pa.string()))])


@contextlib.contextmanager
def open_writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file for writing."""
    # A span's text begins as the one before does: front coding makes it a tenth of the size.
    coding = {"text": "DELTA_BYTE_ARRAY"} if "text" in schema.names else None
    dictionary = [name for name in ("doc", "start", "stop", "prediction") if name in schema.names]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=dictionary,  # pyright: ignore[reportArgumentType]
        column_encoding=coding,
    ) as writer:
        yield writer


def token_table(first: int, documents: list[Document]) -> pa.Table:
    """Return documents and their numbers as a table of the schema `TOKENS`."""
    numbers = range(first, first + len(documents))
    columns = [list(numbers), [d.id for d in documents], [d.tokens for d in documents]]
    return pa.table([pa.array(c, t) for c, t in zip(columns, TOKENS.types, strict=True)], TOKENS)


def read_chunk(source: pq.ParquetFile, group: int) -> Chunk:
    """Read one row group of a file of tokens."""
    table = source.read_row_group(group)
    pairs = zip(table["id"].to_pylist(), table["tokens"].to_pylist(), strict=True)
    return Chunk(table["doc"][0].as_py(), [Document(*pair) for pair in pairs])


class Outputs(NamedTuple):
    """What the logits of a model stand for."""

    labels: tuple[str, ...]
    logits: int  # how many: one a label, or one for two labels
    output: str  # one of `cdjax.results.scores.OUTPUTS`

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label applies."""
        return exclude_each_other(self.logits, self.labels, self.output)

    @property
    def two(self) -> bool:
        """Whether one number tells two labels apart."""
        return self.exclusive and len(self.labels) == 2


def span_schema(outputs: Outputs) -> pa.Schema:
    """Return the columns of `spans.parquet`; scores are logits (or in the units of a value)."""
    scores = [f"score_{label}" for label in outputs.labels] + ["score"] * outputs.two
    return pa.schema(
        [("doc", pa.int64()), ("start", pa.int32()), ("stop", pa.int32()), ("text", pa.string())]
        + [(name, pa.float32()) for name in scores]
    )


def span_tables(outputs: Outputs, chunk: Chunk, results: list[SpanScores]) -> Iterator[pa.Table]:
    """Yield the rows of a chunk's spans, in tables of bounded size."""
    schema = span_schema(outputs)
    direction = directions(outputs.logits, outputs.labels, outputs.output)[-1]
    texts: list[str] = []
    characters = 0
    docs, parts, scores = [], [], []

    def table() -> pa.Table:
        spans = np.concatenate(parts)
        by_label = read_scores(np.concatenate(scores), outputs.labels)
        columns = [np.concatenate(docs), spans[:, 0], spans[:, 1], texts, *by_label.T]
        if outputs.two:
            columns.append(read(by_label, direction))
        arrays = [pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)]
        return pa.table(arrays, schema)

    for number, (document, result) in enumerate(
        zip(chunk.documents, results, strict=True), chunk.first
    ):
        text, starts, stops = _join(document.tokens)
        firsts, lasts = starts[result.spans[:, 0]], stops[result.spans[:, 1] - 1]
        ends = np.cumsum(lasts - firsts)  # characters up to and with each span
        row = 0
        while row < len(result.spans):
            before = ends[row - 1] if row else 0
            fit = int(np.searchsorted(ends, before + GROUP_CHARACTERS - characters, "right"))
            stop = min(fit, row + GROUP_SPANS - len(texts), len(ends))
            if stop <= row and not texts:
                stop = row + 1  # one phrase longer than a table may be
            if stop > row:
                pairs = zip(firsts[row:stop].tolist(), lasts[row:stop].tolist(), strict=True)
                texts += [text[a:b] for a, b in pairs]
                characters += int(ends[stop - 1] - before)
                docs.append(np.full(stop - row, number, np.int64))
                parts.append(result.spans[row:stop])
                scores.append(result.scores[row:stop])
                row = stop
            if row < len(result.spans):  # the table is full
                yield table()
                texts, characters, docs, parts, scores = [], 0, [], [], []
    if texts:
        yield table()


def _join(tokens: list[str]) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the tokens joined by spaces, and the start and stop of each in that text."""
    lengths = np.array([len(token) for token in tokens], np.int64)
    stops = np.cumsum(lengths + 1) - 1
    return " ".join(tokens), stops - lengths, stops


def document_schema(outputs: Outputs) -> pa.Schema:
    """Return the columns of `documents.parquet`.

    There are no probabilities of values, and there is no one prediction where labels do not exclude
    each other.
    """
    if outputs.output == "value":
        numbers = [f"value_{label}" for label in outputs.labels]
    else:
        numbers = [
            f"{name}_{label}" for name in ("logit", "probability") for label in outputs.labels
        ]
    return pa.schema(
        [*zip(TOKENS.names, TOKENS.types, strict=True)]
        + [(name, pa.float32()) for name in numbers]
        + [("prediction", pa.string())] * outputs.exclusive
        + [(name, pa.int64()) for name in ("words", "known_words", "spans")]
    )


def document_table(
    outputs: Outputs,
    chunk: Chunk,
    known_words: list[int],
    results: list[SpanScores],
) -> pa.Table:
    """Return the rows of a chunk's documents."""
    schema = document_schema(outputs)
    logits = np.stack([result.logits for result in results]).astype(np.float32)
    labels, by_label = outputs.labels, read_scores(logits, outputs.labels)
    columns = [
        *token_table(chunk.first, chunk.documents).columns,
        *by_label.T,
        *(probabilities(logits, labels, outputs.output).T if outputs.output != "value" else ()),
        *([[labels[best] for best in by_label.argmax(axis=1)]] if outputs.exclusive else ()),
        [len(document.tokens) for document in chunk.documents],
        known_words,
        [len(result.spans) for result in results],
    ]
    arrays = [
        c if isinstance(c, pa.ChunkedArray) else pa.array(c, t)
        for c, t in zip(columns, schema.types, strict=True)
    ]
    return pa.table(arrays, schema)
