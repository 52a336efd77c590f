"""The Parquet tables of a scored corpus: tokens, documents and spans."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from cdjax.results import SpanScores
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


def span_schema(labels: tuple[str, ...]) -> pa.Schema:
    """Return the columns of `spans.parquet`; scores are logits."""
    scores = [f"score_{label}" for label in labels] + ["score"] * (len(labels) == 2)
    return pa.schema(
        [("doc", pa.int64()), ("start", pa.int32()), ("stop", pa.int32()), ("text", pa.string())]
        + [(name, pa.float32()) for name in scores]
    )


def span_tables(
    labels: tuple[str, ...], chunk: Chunk, results: list[SpanScores]
) -> Iterator[pa.Table]:
    """Yield the rows of a chunk's spans, in tables of bounded size."""
    schema = span_schema(labels)
    texts: list[str] = []
    characters = 0
    docs, parts, scores = [], [], []

    def table() -> pa.Table:
        spans, logits = np.concatenate(parts), np.concatenate(scores)
        columns = [np.concatenate(docs), spans[:, 0], spans[:, 1], texts, *logits.T]
        if len(labels) == 2:
            columns.append(logits[:, 1] - logits[:, 0])
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


def document_schema(labels: tuple[str, ...]) -> pa.Schema:
    """Return the columns of `documents.parquet`."""
    return pa.schema(
        [*zip(TOKENS.names, TOKENS.types, strict=True)]
        + [(f"logit_{label}", pa.float32()) for label in labels]
        + [(f"probability_{label}", pa.float32()) for label in labels]
        + [("prediction", pa.string())]
        + [(name, pa.int64()) for name in ("words", "known_words", "spans")]
    )


def document_table(
    labels: tuple[str, ...],
    chunk: Chunk,
    known_words: list[int],
    results: list[SpanScores],
) -> pa.Table:
    """Return the rows of a chunk's documents."""
    schema = document_schema(labels)
    logits = np.stack([result.logits for result in results]).astype(np.float32)
    columns = [
        *token_table(chunk.first, chunk.documents).columns,
        *logits.T,
        *softmax(logits).T,
        [labels[best] for best in logits.argmax(axis=1)],
        [len(document.tokens) for document in chunk.documents],
        known_words,
        [len(result.spans) for result in results],
    ]
    arrays = [
        c if isinstance(c, pa.ChunkedArray) else pa.array(c, t)
        for c, t in zip(columns, schema.types, strict=True)
    ]
    return pa.table(arrays, schema)


def softmax(logits: Float[np.ndarray, "*b k"]) -> Float[np.ndarray, "*b k"]:
    """Return the probabilities `[..., K]` of logits `[..., K]`."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
