"""Scores of every phrase of a corpus, as a folder of Parquet files (`cdjax.corpus.folder`).

The input is read whole into a spool, cut into parts of about the same work. Then each part is made
and finished by itself, so a run that was ended, whatever by, continues with the parts that are
missing. Memory is bounded by a part, not by the corpus.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cdjax.core.rules import PAPER, Rule
from cdjax.corpus.errors import CorpusError, RejectedError, StoppedError, VerificationError
from cdjax.corpus.folder import (
    FORMAT,
    INPUT,
    LOCK,
    MANIFEST,
    REJECTS,
    RUN,
    Folder,
    open_folder,
    publish,
    read_run,
    remove_result,
)
from cdjax.corpus.manifest import (
    check_equal,
    collect_highlights,
    identify_run,
    make_manifest,
    merge_counts,
)
from cdjax.corpus.parts import Highlight, PartMaker, read_counts
from cdjax.corpus.readers.records import RecordError
from cdjax.corpus.reviews import Review
from cdjax.corpus.runners import Runner, local
from cdjax.corpus.scorer import Outputs, Scorer
from cdjax.corpus.spool import Spooled, write_spool
from cdjax.corpus.tables import REJECTS as REJECT_SCHEMA
from cdjax.corpus.tables import document_schema, write_table
from cdjax.files.atomic import write_atomically
from cdjax.model import Model
from cdjax.scoring.limits import MOST_STEPS


class Result(NamedTuple):
    """What a run returns."""

    manifest: dict[str, Any]
    """As written to the folder."""
    highlights: dict[str, list[Highlight]]
    """For each label its strongest phrases of at most `HIGHLIGHT_WORDS` words, strongest first; at
    most one a document, none twice."""
    rejected: list[dict[str, Any]]
    """The rows of `rejects.parquet`."""


class Progress(NamedTuple):
    """How much of a run is done."""

    stage: str  # "read" or "score"
    done: int  # records
    total: int | None  # records; not known while reading
    done_here: int = 0  # of them those that this run has done, not an earlier one
    spans: int = 0  # scored by this run
    seconds: float = 0.0  # since it began to score


def score_corpus(
    model: Model | str | os.PathLike | None,
    reviews: Iterable[Review | RecordError | str] | None,
    out: str | os.PathLike,
    rule: Rule | str = PAPER,
    max_len: int | None = None,
    *,
    max_words: int | None = None,
    top: int | None = None,
    keep: Sequence[str] = (),
    texts: bool = False,
    most_steps: int = MOST_STEPS,
    verify: int = 0,
    seed: int = 0,
    strict: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    runner: Runner = local.run,
    inputs: Sequence[str | os.PathLike] = (),
    about: Mapping[str, Any] | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Score every span of every review and write a folder of scores.

    Args:
        model: The model, or its folder or name.
        reviews: Reviews (`cdjax.corpus.reviews.read_reviews`) or texts. The error of a record that
            holds no review is a row of `rejects.parquet`, and keeps its number. None resumes with
            the input that was read.
        out: The folder to make.
        rule: The decomposition rule.
        max_len: Words of the longest span wanted; all when None.
        max_words: Words of a review that are read; documents say which were `cut`. All when None.
        top: Spans of a review that are kept, those of the largest absolute score; all when None.
        keep: Columns of the input that the documents keep, as strings.
        texts: Whether spans have a column of their words, joined by spaces. They can be had from
            the documents' tokens.
        most_steps: Steps that scoring one review may take (`cdjax.scoring.limits`); one that takes
            more is rejected.
        verify: How many times a review is drawn at random, of which one span, drawn at random, is
            computed again by the float64 recursion.
        seed: What the draw depends on.
        strict: Whether the first rejected record ends the run.
        overwrite: Whether a folder of scores that is there may be replaced.
        resume: Whether an unfinished run that is there is continued; the result is the same as if
            it had not been ended. Where there is none, a run begins.
        runner: The engine.
        inputs: Files that are read.
        about: Further entries of the manifest.
        progress: Called after each part.
        stop: Asked after each part whether to stop.

    Returns:
        The manifest and the strongest phrases.

    Raises:
        FileExistsError, BlockingIOError: As `open_folder`.
        CorpusError: Where there is no record, or none that has scores; where labels repeat, a
            column can't be kept, or the run to resume is another one.
        RejectedError: Where a record is rejected and `strict` is set.
        StoppedError: Where `stop` was true before the last part.
        VerificationError: Where a span drawn differs by more than `BOUND`; nothing is kept.
        ValueError: Where a number is out of range, or the model has no vocabulary.
    """
    if verify < 0:
        raise ValueError(f"verify is {verify}; expected at least 0.")
    scorer = Scorer(model, rule, max_len, max_words=max_words, top=top, most_steps=most_steps)
    labels = scorer.model.labels
    if len(set(labels)) != len(labels):
        raise CorpusError(f"the labels {labels} repeat; expected one name a class.")
    document_schema(Outputs.of(scorer.model), keep)  # raises where names repeat
    begun = time.perf_counter()
    with open_folder(out, overwrite=overwrite, resume=resume, inputs=inputs) as folder:
        maker = PartMaker(str(folder.build), scorer, tuple(keep), texts, (), seed, strict)
        run, spooled = _prepare(maker, folder, reviews, verify, resume, progress, stop)
        if resume and (finished := _read_manifest(folder.build)) is not None:
            publish(folder)  # it may have been ended just before
            return Result(finished, {label: [] for label in labels}, read_rejects(folder.out))
        rng = np.random.default_rng(seed)
        drawn = rng.integers(0, spooled.records, verify)
        maker = maker._replace(drawn=tuple(sorted(drawn.tolist())))
        seconds = {"read": time.perf_counter() - begun}
        with _nothing_kept(folder):
            parts = _make_parts(maker, folder, spooled, runner, progress, stop)
            counts = merge_counts(parts)
            if not counts["documents"]:
                first = parts[0]["rejected"][0]
                raise CorpusError(
                    f"all {counts['rejected']:,} records of the input are rejected; the first: "
                    f"{first['location']}: {first['reason']}"
                )
        seconds["score"] = time.perf_counter() - begun - seconds["read"]
        manifest = make_manifest(run, scorer.model, parts, about or {}, seconds)
        rejected = [row for part in parts for row in part["rejected"]]
        with write_atomically(folder.build / REJECTS) as path:
            table = pa.Table.from_pylist(rejected, REJECT_SCHEMA)
            write_table(path, REJECT_SCHEMA, iter([table]))
        _write_json(folder.build / MANIFEST, manifest)
        publish(folder)
    return Result(manifest, collect_highlights(parts, labels), rejected)


@contextlib.contextmanager
def _nothing_kept(folder: Folder) -> Iterator[None]:
    """Delete all that a run has written where it ends by an error that would end it again."""
    try:
        yield
    except (VerificationError, CorpusError, RejectedError, FloatingPointError):
        remove_result(folder.build, but=LOCK)
        raise


def _prepare(
    maker: PartMaker,
    folder: Folder,
    reviews: Iterable[Review | RecordError | str] | None,
    verify: int,
    resume: bool,
    progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> tuple[dict[str, Any], Spooled]:
    """Read the input and return what the run is identified by; hold it to an earlier one."""

    def read(count: int) -> None:
        progress(Progress("read", count, None))
        if stop():
            raise StoppedError(0, 0)

    earlier = read_run(folder.build) if resume else None
    finished = _read_manifest(folder.build) if resume else None
    stored = (earlier or finished or {}).get("run")
    if reviews is not None:
        with contextlib.ExitStack() as stack:
            path = None
            if stored is None:
                path = stack.enter_context(write_atomically(folder.build / INPUT))
            spooled = write_spool(
                _records(reviews, maker.strict),
                path,
                maker.keep,
                maker.scorer.max_len,
                read,
            )
            if not spooled.records:
                raise CorpusError("there is no review in the input; expected at least one.")
    elif stored is not None:
        spooled = Spooled(**stored["input"])
    else:
        raise CorpusError(
            f"{folder.out} holds no run whose input was read to its end; give the input."
        )
    run = json.loads(json.dumps(identify_run(maker, spooled, verify)))
    if stored is not None:
        check_equal(stored, run, str(folder.out))
    else:
        _write_json(folder.build / RUN, {"format": FORMAT, "run": run})
    return run, spooled


def _records(
    reviews: Iterable[Review | RecordError | str], strict: bool
) -> Iterable[Review | RecordError]:
    for number, review in enumerate(reviews):
        if isinstance(review, RecordError) and strict:
            raise review
        if isinstance(review, str):
            yield Review(f"review {number}", review, None, None, None, {})
        else:
            yield review


def _make_parts(
    maker: PartMaker,
    folder: Folder,
    spooled: Spooled,
    runner: Runner,
    progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> list[dict[str, Any]]:
    """Make the parts that are missing and return the counts of all."""
    parts = {number: read_counts(folder.build, number) for number in range(spooled.parts)}
    missing = [number for number, part in parts.items() if part is None]
    done = sum(_records_of(part) for part in parts.values() if part is not None)
    begun, here, spans = time.perf_counter(), 0, 0
    progress(Progress("score", done, spooled.records))
    for number, part in runner(maker, missing, stop):
        parts[number] = part
        here += _records_of(part)
        spans += part["counts"]["spans"]
        seconds = time.perf_counter() - begun
        progress(Progress("score", done + here, spooled.records, here, spans, seconds))
    finished = [dict(part) for part in parts.values() if part is not None]
    if len(finished) < len(parts):
        raise StoppedError(len(finished), len(parts))
    return finished


def _records_of(part: Mapping[str, Any]) -> int:
    return part["counts"]["documents"] + len(part["rejected"])


def read_rejects(out: str | os.PathLike) -> list[dict[str, Any]]:
    """Return the records of a finished corpus that have no scores: doc, location, id, reason."""
    return pq.read_table(Path(out) / REJECTS).to_pylist()


def _read_manifest(build: Path) -> dict[str, Any] | None:
    try:
        return json.loads((build / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with write_atomically(path) as new:
        text = json.dumps(content, ensure_ascii=False, indent=1)
        new.write_text(text + "\n", encoding="utf-8")
