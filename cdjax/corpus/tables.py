"""The Parquet tables of a scored corpus: its spans, its documents and its rejected records."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from cdjax.corpus.errors import CorpusError
from cdjax.corpus.scorer import Outputs
from cdjax.results import probabilities, read_scores

GROUP_SPANS = 1 << 18  # rows and characters of text in one group of the file, at most
GROUP_CHARACTERS = 1 << 26

REJECTS = pa.schema(
    [("doc", pa.int64()), ("location", pa.string()), ("id", pa.string()), ("reason", pa.string())]
)


def write_table(path: Path, schema: pa.Schema, tables: Iterator[pa.Table]) -> None:
    """Write a Parquet file of the given tables."""
    # A span's text begins as the one before does: front coding makes it a tenth of the size.
    coding = {"text": "DELTA_BYTE_ARRAY"} if "start" in schema.names else None
    dictionary = [
        name
        for name in ("doc", "id", "start", "stop", "words", "prediction")
        if name in schema.names
    ]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=dictionary,  # pyright: ignore[reportArgumentType]
        column_encoding=coding if "text" in schema.names else None,
    ) as writer:
        for table in tables:
            writer.write_table(table)


def span_schema(outputs: Outputs, texts: bool) -> pa.Schema:
    """Return the columns of a table of spans; scores are logits (or in the units of a value).

    Args:
        outputs: Of the model.
        texts: Whether there is a column of the spans' words, joined by spaces.
    """
    return pa.schema(
        [("doc", pa.int64()), ("id", pa.string())]
        + [(name, pa.int32()) for name in ("start", "stop", "words")]
        + [("text", pa.string())] * texts
        + [(name, pa.float32()) for name in outputs.names]
    )


def span_tables(outputs: Outputs, scored: pa.RecordBatch, texts: bool) -> Iterator[pa.Table]:
    """Yield the rows of the spans of scored documents, in tables of bounded size."""
    schema = span_schema(outputs, texts)
    ends = scored["spans"].offsets.to_numpy()
    spans = scored["spans"].values
    starts, stops = (spans.field(name).to_numpy() for name in ("start", "stop"))
    owner = np.repeat(np.arange(len(scored)), np.diff(ends))
    text, firsts, lasts = "", starts, stops
    if texts:
        text, firsts, lasts = _join(scored["tokens"].to_pylist(), owner, starts, stops)
    characters = np.cumsum(lasts - firsts, dtype=np.int64)
    row = 0
    while row < len(owner):
        stop = min(row + GROUP_SPANS, len(owner))
        if texts:
            before = characters[row - 1] if row else 0
            fit = int(np.searchsorted(characters, before + GROUP_CHARACTERS, "right"))
            stop = max(row + 1, min(stop, fit))  # one phrase may be longer than a group
        part = slice(row, stop)
        documents = pa.array(owner[part])
        columns = [
            scored["doc"].take(documents),
            scored["id"].take(documents),
            pa.array(starts[part]),
            pa.array(stops[part]),
            pa.array(stops[part] - starts[part]),
            *([pa.array(_slices(text, firsts[part], lasts[part]), pa.string())] if texts else ()),
            *(spans.field(name).slice(row, stop - row) for name in outputs.names),
        ]
        yield pa.table(columns, schema=schema)
        row = stop


def _slices(text: str, firsts: np.ndarray, lasts: np.ndarray) -> list[str]:
    return [text[a:b] for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True)]


def _join(
    documents: Sequence[list[str] | None],
    owner: Int[np.ndarray, "s"],
    starts: Int[np.ndarray, "s"],
    stops: Int[np.ndarray, "s"],
) -> tuple[str, Int[np.ndarray, "s"], Int[np.ndarray, "s"]]:
    """Return all tokens joined by spaces, and where in that text each span begins and ends."""
    tokens = [token for document in documents for token in document or ()]
    first = np.cumsum([0, *(len(document or ()) for document in documents)])[:-1][owner]
    lengths = np.array([len(token) for token in tokens], np.int64)
    token_stops = np.cumsum(lengths + 1) - 1
    token_starts = token_stops - lengths
    return " ".join(tokens), token_starts[first + starts], token_stops[first + stops - 1]


def document_schema(outputs: Outputs, keep: Sequence[str] = ()) -> pa.Schema:
    """Return the columns of a table of documents.

    There are no probabilities of values, and there is no one prediction where labels do not exclude
    each other.

    Args:
        outputs: Of the model.
        keep: Columns of the input that are kept.

    Raises:
        CorpusError: Where one of these has the name of another column.
    """
    if outputs.output == "value":
        numbers = [f"value_{label}" for label in outputs.labels]
    else:
        numbers = [
            f"{name}_{label}" for name in ("logit", "probability") for label in outputs.labels
        ]
    strings, lists = pa.string(), pa.list_(pa.int32())
    fields = [
        *[("doc", pa.int64()), ("id", strings), ("text", strings)],
        *[("tokens", pa.list_(strings)), ("token_starts", lists), ("token_stops", lists)],
        *[(name, pa.float32()) for name in numbers],
        *[("prediction", strings)] * outputs.exclusive,
        *[(name, pa.int64()) for name in ("words", "known_words", "spans")],
        ("cut", pa.bool_()),
    ]
    names = [name for name, _ in fields]
    if taken := [name for name in keep if name in names]:
        raise CorpusError(
            f"keep names the column {taken[0]!r}, which the table of documents has for itself; "
            f"rename the column in the input. Its own are: {', '.join(names)}."
        )
    return pa.schema([*fields, *((name, strings) for name in keep)])


def document_table(outputs: Outputs, scored: pa.RecordBatch, keep: Sequence[str] = ()) -> pa.Table:
    """Return the rows of scored documents."""
    schema = document_schema(outputs, keep)
    logits = scored["logits"].values.to_numpy().reshape(len(scored), outputs.logits)
    by_label = read_scores(logits, outputs.labels)
    columns = {name: scored[name] for name in schema.names if name in scored.schema.names}
    columns["words"] = pa.array([len(tokens) for tokens in scored["tokens"].to_pylist()])
    columns["spans"] = pa.array(np.diff(scored["spans"].offsets.to_numpy()))
    if outputs.exclusive:
        columns["prediction"] = [outputs.labels[best] for best in by_label.argmax(axis=1)]
    numbers = {"value" if outputs.output == "value" else "logit": by_label}
    if outputs.output != "value":
        numbers["probability"] = probabilities(logits, outputs.labels, outputs.output)
    for name, values in numbers.items():
        for label, column in zip(outputs.labels, values.T, strict=True):
            columns[f"{name}_{label}"] = column
    arrays = [
        c.cast(t) if isinstance(c, pa.Array) else pa.array(c, t)
        for c, t in ((columns[name], schema.field(name).type) for name in schema.names)
    ]
    return pa.table(arrays, schema=schema)


def reject_table(scored: pa.RecordBatch) -> pa.Table:
    """Return the rows of documents that were rejected."""
    return pa.table(
        [scored["doc"], scored["location"], scored["id"], scored["rejected"]], schema=REJECTS
    )
