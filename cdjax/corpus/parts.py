"""One part of a corpus, from its records to its files: the unit of work of every engine.

A part depends on its records alone, so it comes out the same wherever and whenever it is made. It
is finished once the file of its counts is there, which is written last.
"""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from cdjax.corpus.errors import RejectedError, VerificationError
from cdjax.corpus.folder import DOCUMENTS, INPUT, SPANS, WORK, part_path
from cdjax.corpus.scorer import Outputs, Scorer, Tokenized
from cdjax.corpus.spool import read_part
from cdjax.corpus.tables import (
    document_schema,
    document_table,
    reject_table,
    span_schema,
    span_tables,
    write_table,
)
from cdjax.files.atomic import write_atomically
from cdjax.results import SpanScores
from cdjax.results.scores import directions, is_one_logit
from cdjax.scoring.verify import BOUND, Check, largest_difference

HIGHLIGHT_WORDS = 5
HIGHLIGHTS = 5


class Highlight(NamedTuple):
    """One of the strongest phrases of a corpus."""

    score: float  # logits, as in the file: below 0 where it speaks for the first of two classes
    text: str
    doc: int


class PartMaker(NamedTuple):
    """What makes the parts of a corpus; it can be pickled."""

    build: str
    """The folder of the run (`cdjax.corpus.folder`)."""
    scorer: Scorer
    keep: tuple[str, ...] = ()
    """Columns of the input that documents keep."""
    texts: bool = False
    """Whether spans have a column of their words."""
    drawn: tuple[int, ...] = ()
    """Documents of which a span is computed again by the float64 recursion."""
    seed: int = 0
    strict: bool = False
    """Whether a rejected record is an error."""

    def __call__(self, number: int) -> dict[str, Any]:
        """Make a part and return its counts; the steps one after the other."""
        records, tokenized = self.prepare(number)
        return self.write(number, records, tokenized, self.score(records, tokenized))

    def prepare(self, number: int) -> tuple[pa.RecordBatch, Tokenized]:
        """Read the records of a part and split them into tokens."""
        records = read_part(Path(self.build) / INPUT, number)
        return records, self.scorer.tokenize(records)

    def score(self, records: pa.RecordBatch, tokenized: Tokenized) -> list[SpanScores]:
        """Score the records of a part.

        Raises:
            RejectedError: Where one is rejected and `strict` is set.
        """
        if self.strict:
            for location, reason in zip(
                records["location"].to_pylist(), tokenized.reasons, strict=True
            ):
                if reason is not None:
                    raise RejectedError(f"{location}: {reason}")
        return self.scorer.score(tokenized)

    def write(
        self,
        number: int,
        records: pa.RecordBatch,
        tokenized: Tokenized,
        results: list[SpanScores],
    ) -> dict[str, Any]:
        """Write the files of a part and return its counts.

        Raises:
            VerificationError: Where a score is wrong; nothing is written.
        """
        scored = self.scorer.assemble(records, tokenized, results)
        outputs = Outputs.of(self.scorer.model)
        rejected = np.array([reason is not None for reason in scored["rejected"].to_pylist()])
        documents = scored.filter(pa.array(~rejected))
        checks = self._draw(outputs, documents)
        difference = largest_difference(self.scorer.model.classifier, checks, self.scorer.rule)
        if not difference <= BOUND:  # NaN too
            raise VerificationError(
                f"the scores are wrong: of {len(checks):,} spans computed again by the float64 "
                f"recursion one differs by {difference:.2g}, more than the bound {BOUND:g}. "
                f"Please report this with the command and the model."
            )
        build = Path(self.build)
        with write_atomically(part_path(build, SPANS, number)) as path:
            tables = span_tables(outputs, documents, self.texts)
            write_table(path, span_schema(outputs, self.texts), tables)
        with write_atomically(part_path(build, DOCUMENTS, number)) as path:
            table = document_table(outputs, documents, self.keep)
            write_table(path, document_schema(outputs, self.keep), iter([table]))
        words = np.array([len(tokens) for tokens in documents["tokens"].to_pylist()], int)
        known = documents["known_words"].to_numpy()
        counts = {
            "documents": len(documents),
            "empty": int((words == 0).sum()),
            "cut": sum(documents["cut"].to_pylist()),
            "words": int(words.sum()),
            "spans": len(documents["spans"].values),
            "known_words": int(known.sum()),
            "without_known_word": int(((words > 0) & (known == 0)).sum()),
        }
        part = {
            "counts": counts,
            "verify": {"spans": len(checks), "largest_difference": difference},
            "rejected": reject_table(scored.filter(pa.array(rejected))).to_pylist(),
            "highlights": find_highlights(outputs, documents),
            "bytes": {
                kind: part_path(build, kind, number).stat().st_size for kind in (SPANS, DOCUMENTS)
            },
        }
        with write_atomically(part_path(build, WORK, number)) as path:
            path.write_text(json.dumps(part), encoding="utf-8")
        return part

    def _draw(self, outputs: Outputs, documents: pa.RecordBatch) -> list[Check]:
        """Return the spans to compute again: for each time a document is drawn one at random."""
        numbers = documents["doc"].to_numpy()
        ends = documents["spans"].offsets.to_numpy()
        spans = documents["spans"].values
        labels = outputs.labels
        if is_one_logit(outputs.logits, labels):  # read as [0, z]
            labels = labels[1:]
        scores = [spans.field(f"score_{label}").to_numpy() for label in labels]
        checks = []
        for draw, document in enumerate(self.drawn):
            row = int(np.searchsorted(numbers, document))
            if row == len(numbers) or numbers[row] != document or ends[row] == ends[row + 1]:
                continue
            random_ = random.Random(f"{self.seed} {draw}")
            index = random_.randrange(int(ends[row]), int(ends[row + 1]))
            ids, first = self.scorer.encode(documents["tokens"][row].as_py())
            start, stop = (first + spans.field(name)[index].as_py() for name in ("start", "stop"))
            checks.append(Check(ids, start, stop, np.array([s[index] for s in scores])))
        return checks


def read_counts(build: Path, number: int) -> Mapping[str, Any] | None:
    """Return the counts of a part; None where it is not finished or its files are not whole."""
    try:
        part = json.loads(part_path(build, WORK, number).read_bytes())
        for kind, size in part["bytes"].items():
            if part_path(build, kind, number).stat().st_size != size:
                return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return part


def find_highlights(outputs: Outputs, documents: pa.RecordBatch) -> dict[str, list[Highlight]]:
    """Return for each label the strongest short phrases, strongest first (`merge_highlights`)."""
    labels = outputs.labels
    ends = documents["spans"].offsets.to_numpy()
    spans = documents["spans"].values
    starts, stops = (spans.field(name).to_numpy() for name in ("start", "stop"))
    short = np.flatnonzero(stops - starts <= HIGHLIGHT_WORDS)
    scores = np.stack([spans.field(f"score_{label}").to_numpy()[short] for label in labels])
    scores = directions(outputs.logits, labels, outputs.output).astype(np.float32) @ scores
    ends = np.searchsorted(short, ends)
    rows = np.flatnonzero(np.diff(ends))  # documents that have such spans
    first = ends[rows]
    numbers = documents["doc"].to_numpy()
    result = {}
    for label, here in zip(labels, scores, strict=True):
        sign = -1 if outputs.two and label == labels[0] else 1
        best = np.maximum.reduceat(here, first) if len(rows) else here
        is_best = np.flatnonzero(here == np.repeat(best, np.diff(ends)[rows]))
        indices = is_best[np.searchsorted(is_best, first)]  # of equal ones the first
        phrases: dict[str, Highlight] = {}
        for n in np.argsort(-best, kind="stable"):
            score, row, index = float(best[n]), int(rows[n]), int(short[indices[n]])
            if score <= 0 or len(phrases) == HIGHLIGHTS:
                break
            tokens = documents["tokens"][row].as_py()[starts[index] : stops[index]]
            text = " ".join(tokens)
            phrases.setdefault(text.lower(), Highlight(sign * score, text, int(numbers[row])))
        result[label] = list(phrases.values())
    return result


def merge_highlights(phrases: list[Highlight]) -> list[Highlight]:
    """Return the strongest phrases of one label, none twice."""
    by_text: dict[str, Highlight] = {}
    for phrase in sorted(phrases, key=lambda h: (-abs(h.score), h.doc)):
        by_text.setdefault(phrase.text.lower(), phrase)
    return list(by_text.values())[:HIGHLIGHTS]
