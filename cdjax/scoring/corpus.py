"""Scores of every phrase of a corpus, as a folder of Parquet files.

    spans.parquet       one row a span, by document, start and stop
    documents.parquet   one row a document: tokens, logits, probabilities, counts
    manifest.json       where the scores come from: model, rule, versions, device, counts, seconds

Two passes. The first reads, tokenizes and counts everything into a scratch file, so that an error
in the input shows before anything is scored. The second scores the scratch file chunk by chunk.
Memory is bounded by the chunk, not by the corpus.
"""

import contextlib
import datetime
import json
import os
import platform
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pyarrow.parquet as pq

from cdjax.core.rules import PAPER, Rule
from cdjax.model import Model, find_vocabulary
from cdjax.results import SpanScores, read_scores
from cdjax.results.scores import directions
from cdjax.scoring.batch import score_all_spans
from cdjax.scoring.limits import check_length
from cdjax.scoring.tables import (
    TOKENS,
    Chunk,
    Outputs,
    document_schema,
    document_table,
    open_writer,
    read_chunk,
    span_schema,
    span_tables,
    token_table,
)
from cdjax.scoring.verify import BOUND, Check, largest_difference
from cdjax.spans import count_spans
from cdjax.text.documents import Document

FORMAT = "cdjax-scores"
VERSION = 1
SPANS, DOCUMENTS, MANIFEST = "spans.parquet", "documents.parquet", "manifest.json"

CHUNK_SPANS = 1 << 18  # spans scored at a time, unless one document has more: a large job
CHUNK_DOCUMENTS = 4096
HIGHLIGHT_WORDS = 5
HIGHLIGHTS = 5


class CorpusError(ValueError):
    """A corpus that cannot be scored. The message names the document and the remedy."""


class VerificationError(RuntimeError):
    """Scores differ from the float64 recursion by more than `BOUND`; no folder is made."""


class Highlight(NamedTuple):
    """One of the strongest phrases of a corpus."""

    score: float  # logits, as in the file: below 0 where it speaks for the first of two classes
    text: str
    doc: int


class Result(NamedTuple):
    """What a run returns."""

    manifest: dict[str, Any]
    """As written to the folder."""
    highlights: dict[str, list[Highlight]]
    """For each label its strongest phrases of at most `HIGHLIGHT_WORDS` words, strongest first; at
    most one a document, none twice."""


class Progress(NamedTuple):
    """How much of a run is done."""

    stage: str  # "read" or "score"
    done: int  # documents, or spans
    total: int | None  # spans; not known while reading


def check_folder(out: str | os.PathLike, overwrite: bool = False) -> None:
    """Raise unless a folder of scores may be put there.

    Raises:
        FileExistsError: Where the path is taken, unless `overwrite` is set and it is a folder of
            scores.
    """
    out = Path(out)
    if not (out.exists() or out.is_symlink()):
        return
    if not overwrite:
        raise FileExistsError(f"{out} exists; give another folder or overwrite=True.")
    try:
        format = json.loads((out / MANIFEST).read_bytes())["format"]
    except (OSError, ValueError, KeyError, TypeError):
        format = None
    if format != FORMAT:
        raise FileExistsError(
            f"{out} is not a folder of cdjax scores (no {MANIFEST} that says so), so it is not "
            f"replaced; give another folder or remove it first."
        )


def score_corpus(
    model: Model,
    documents: Iterable[Document],
    out: str | os.PathLike,
    rule: Rule = PAPER,
    max_len: int | None = None,
    *,
    verify: int = 0,
    seed: int = 0,
    overwrite: bool = False,
    about: Mapping[str, Any] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Score every span of every document and write a folder of scores.

    The folder appears whole or not at all. Columns of `spans.parquet`: `doc`, `start`, `stop`
    (half-open), `text` (the tokens, joined by spaces), `score_<label>` for each label (logits) and,
    for two labels that exclude each other, `score`: the second one's less the first one's.

    Args:
        model: The model.
        documents: The reviews. An empty one keeps its number and has no span.
        out: The folder to make.
        rule: The decomposition rule.
        max_len: Words of the longest span wanted; all when None.
        verify: How many spans, drawn at random, are computed again by the float64 recursion.
        seed: What the draw depends on.
        overwrite: Whether a folder of scores that is there may be replaced.
        about: Further entries of the manifest.
        progress: Called after every chunk.

    Returns:
        The manifest and the strongest phrases.

    Raises:
        FileExistsError: As `check_folder`.
        CorpusError: Where there is no document, or one is too long (`check_length`).
        VerificationError: Where a span drawn differs by more than `BOUND`; no folder is made.
        ValueError: Where labels repeat, a number is out of range, or the model has no vocabulary.
    """
    for name, number, least in (("max_len", max_len, 1), ("verify", verify, 0)):
        if number is not None and number < least:
            raise ValueError(f"{name} is {number}; expected at least {least}.")
    if len(set(model.labels)) != len(model.labels):
        raise ValueError(f"the labels {model.labels} repeat; expected one name a class.")
    vocabulary = find_vocabulary(model)
    outputs = Outputs(tuple(model.labels), len(model.classifier.bias), model.output)
    report = progress or (lambda _: None)
    out = Path(out).resolve()
    check_folder(out, overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    watch = _Stopwatch()
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        new, tokens = Path(scratch) / "new", Path(scratch) / "tokens.parquet"
        new.mkdir()
        with watch("read"):
            counts = _write_tokens(documents, tokens, max_len, report)
        drawn = random.Random(seed).sample(range(counts["spans"]), min(verify, counts["spans"]))
        checks: list[Check] = []
        highlights: dict[str, list[Highlight]] = {label: [] for label in model.labels}
        known = unknown = 0
        with (
            pq.ParquetFile(tokens) as source,
            open_writer(new / SPANS, span_schema(outputs)) as spans_file,
            open_writer(new / DOCUMENTS, document_schema(outputs)) as documents_file,
        ):
            done = 0
            drawn.sort()
            report(Progress("score", 0, counts["spans"]))
            for group in range(source.num_row_groups):
                with watch("read"):
                    chunk = read_chunk(source, group)
                    ids = [vocabulary.encode(document.tokens) for document in chunk.documents]
                with watch("score"):
                    results = score_all_spans(model.classifier, ids, rule, max_len)
                with watch("write"):
                    known_words = [
                        sum(token in vocabulary for token in document.tokens)
                        for document in chunk.documents
                    ]
                    known += sum(known_words)
                    unknown += sum(
                        1
                        for n, review in zip(known_words, ids, strict=True)
                        if len(review) and not n
                    )
                    documents_file.write_table(document_table(outputs, chunk, known_words, results))
                    for table in span_tables(outputs, chunk, results):
                        spans_file.write_table(table)
                    _highlight(highlights, outputs, chunk, results)
                checks += collect_checks(drawn, done, ids, results)
                done += sum(len(result.spans) for result in results)
                report(Progress("score", done, counts["spans"]))
        counts |= {"known_words": known, "without_known_word": unknown}
        with watch("verify"):
            verification = _verify(model, checks, rule, seed) if verify else None
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            **(about or {}),
            "labels": model.labels,
            "output": outputs.output,
            "score": " - ".join(reversed(outputs.labels)) if outputs.two else None,
            "provenance": model.provenance,
            "rule": _describe(rule),
            "max_len": max_len,
            "counts": counts,
            "seconds": watch.seconds,
            "verify": verification,
            "device": {"kind": jax.devices()[0].device_kind, "count": jax.device_count()},
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("cdjax", "jax", "numpy", "pyarrow")},
            },
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=1)
        (new / MANIFEST).write_text(text + "\n", encoding="utf-8")
        _move_into_place(new, out, overwrite, Path(scratch))
    return Result(manifest, highlights)


class _Stopwatch:
    """Adds up seconds by name."""

    def __init__(self):
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str):
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def _write_tokens(
    documents: Iterable[Document],
    path: Path,
    max_len: int | None,
    report: Callable[[Progress], None],
) -> dict[str, int]:
    """Write documents to a scratch file, a chunk a row group, and return what was counted."""
    counts = {"documents": 0, "empty": 0, "words": 0, "spans": 0}
    with open_writer(path, TOKENS) as file:
        chunk: list[Document] = []
        spans = first = 0
        for number, document in enumerate(documents):
            words = len(document.tokens)
            name = f"document {number}" + (f" (id {document.id})" if document.id else "")
            try:
                check_length(words, max_len, name)
            except ValueError as error:
                raise CorpusError(str(error)) from error
            here = count_spans(words, max_len)
            if chunk and (spans + here > CHUNK_SPANS or len(chunk) == CHUNK_DOCUMENTS):
                file.write_table(token_table(first, chunk))
                chunk, spans, first = [], 0, number
                report(Progress("read", number, None))
            chunk.append(document)
            spans += here
            counts["documents"] += 1
            counts["empty"] += not words
            counts["words"] += words
            counts["spans"] += here
        if not chunk:
            raise CorpusError("there is no review in the input; expected at least one.")
        file.write_table(token_table(first, chunk))
    return counts


def _highlight(
    highlights: dict[str, list[Highlight]],
    outputs: Outputs,
    chunk: Chunk,
    results: list[SpanScores],
) -> None:
    """Merge the strongest phrases of a chunk into `highlights`."""
    labels = outputs.labels
    signs = {label: -1 if outputs.two and label == labels[0] else 1 for label in labels}
    by_label = directions(outputs.logits, labels, outputs.output).T
    candidates: dict[str, list[Highlight]] = {label: [] for label in labels}
    for number, (document, result) in enumerate(
        zip(chunk.documents, results, strict=True), chunk.first
    ):
        short = np.flatnonzero(result.spans[:, 1] - result.spans[:, 0] <= HIGHLIGHT_WORDS)
        if not len(short):
            continue
        scores = read_scores(result.scores[short], labels)
        scores = scores @ by_label.astype(scores.dtype)
        for label, best, score in zip(
            labels, scores.argmax(axis=0), scores.max(axis=0), strict=True
        ):
            if score <= 0:
                continue
            start, stop = result.spans[short[best]]
            text = " ".join(document.tokens[start:stop])
            candidates[label].append(Highlight(signs[label] * float(score), text, number))
    for label, new in candidates.items():
        ranked = sorted(highlights[label] + new, key=lambda h: (-signs[label] * h.score, h.doc))
        by_text: dict[str, Highlight] = {}
        for highlight in ranked:
            by_text.setdefault(highlight.text.lower(), highlight)
            if len(by_text) == HIGHLIGHTS:
                break
        highlights[label] = list(by_text.values())


def collect_checks(drawn: list[int], first: int, ids, results: list[SpanScores]) -> list[Check]:
    """Return the drawn spans of a chunk; `first` is the row of its first span in the file."""
    checks = []
    ends = first + np.cumsum([len(result.spans) for result in results])
    low, high = np.searchsorted(drawn, [first, ends[-1]])
    for row in drawn[low:high]:
        document = int(np.searchsorted(ends, row, "right"))
        result = results[document]
        index = row - int(ends[document]) + len(result.spans)
        start, stop = result.spans[index].tolist()
        checks.append(Check(ids[document], start, stop, result.scores[index].copy()))
    return checks


def _verify(model: Model, checks: list[Check], rule: Rule, seed: int) -> dict[str, Any]:
    difference = largest_difference(model.classifier, checks, rule)
    if not difference <= BOUND:  # NaN too
        raise VerificationError(
            f"the scores are wrong: of {len(checks):,} spans computed again by the float64 "
            f"recursion one differs by {difference:.2g}, more than the bound {BOUND:g}. Nothing "
            f"was kept. Please report this with the command and the model."
        )
    return {"spans": len(checks), "seed": seed, "largest_difference": difference, "bound": BOUND}


def _describe(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "input_is_a_term": rule.input_is_a_term,
        "bias_product": rule.bias_product.value,
        "description": (
            f"each word's input W x_t is {'a' if rule.input_is_a_term else 'no'} term of its own; "
            f"the product of the biases bias_i * bias_g is {rule.bias_product.value}"
        ),
    }


def _move_into_place(new: Path, out: Path, overwrite: bool, scratch: Path) -> None:
    """Move the finished folder to `out`; restore the old one if that fails."""
    check_folder(out, overwrite)  # again: it may have been made meanwhile
    old = scratch / "old"
    if out.exists():
        out.rename(old)
    try:
        new.rename(out)
    except BaseException:
        if old.exists():
            old.rename(out)
        raise
