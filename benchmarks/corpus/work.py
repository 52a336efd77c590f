"""What is measured in processes of their own."""

import itertools
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cdjax
import numpy as np
from cdjax.cli.cache import keep_compiled_programs
from cdjax.corpus.job import score_corpus
from cdjax.corpus.runners import local, ray
from cdjax.memory import return_freed_arrays
from cdjax.model import find_vocabulary

from benchmarks.speed.measure import answer
from benchmarks.speed.memory import forget_peak, peak
from benchmarks.speed.setup import synthetic_lengths

CHECKS = 20
CUT = 2000  # words of a long review


def make_texts(count: int, words: int | None = None) -> list[str]:
    """Return so many reviews, of so many words each or as sentences of film reviews have."""
    known = find_vocabulary(cdjax.load()).words[1:8000]
    rng = np.random.default_rng(7)
    lengths = [words] * count if words else rng.choice(synthetic_lengths(), count).tolist()
    return [" ".join(rng.choice(known, length)) for length in lengths]


def score(texts: Iterable[str], **options: Any) -> dict[str, Any]:
    """Score reviews into a folder that is deleted; return the seconds, and what was scored."""
    with tempfile.TemporaryDirectory() as scratch:
        begun = time.perf_counter()
        # Wrong scores would raise.
        done = score_corpus(None, texts, Path(scratch) / "out", **{"verify": CHECKS, **options})
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "spans": done.manifest["counts"]["spans"]}


def throughput(request: dict[str, Any]) -> dict[str, Any]:
    """Time the job between two runs of the engine alone, several times."""
    keep_compiled_programs()
    texts = make_texts(request["reviews"])
    model = cdjax.load()
    encode = find_vocabulary(model).encode
    ids = [encode(cdjax.tokenize(text)) for text in texts]

    def engine() -> float:
        begun = time.perf_counter()
        for _ in cdjax.stream_all_spans(model, ids):
            pass
        return time.perf_counter() - begun

    engine()
    spans = score(texts)["spans"]
    before, jobs, after = [], [], []
    for _ in range(request["rounds"]):
        before.append(engine())
        jobs.append(score(texts)["seconds"])
        after.append(engine())
    return {"spans": spans, "before": before, "job": jobs, "after": after}


def memory(request: dict[str, Any]) -> dict[str, Any]:
    """Score reviews of 20 words, spans of up to two; return the process's peaks in turn.

    Each is of at least a tenth of the reviews, the last of what comes after.
    """
    keep_compiled_programs()
    return_freed_arrays()  # as `cdjax score`
    count, peaks = request["reviews"], []
    texts = itertools.islice(itertools.cycle(make_texts(1000, 20)), count)

    def progress(at) -> None:
        if at.stage == "score" and len(peaks) < 9 and at.done_here * 10 >= count * (len(peaks) + 1):
            peaks.append(peak())
            forget_peak()

    done = score(texts, max_len=2, progress=progress)
    return done | {"peak_bytes": [*peaks, peak()]}


def processes(request: dict[str, Any]) -> dict[str, Any]:
    """Score by so many processes of Ray, or in this one; the time without what starts them."""
    keep_compiled_programs()
    texts = make_texts(request["reviews"])
    workers = request["workers"]
    runner = ray.make_runner(workers) if workers else local.run
    marks: list[tuple[float, int]] = []

    def progress(at) -> None:
        if at.stage == "score" and at.done_here:
            marks.append((time.perf_counter(), at.done_here))

    done = score(texts, runner=runner, progress=progress)
    if len(marks) < 2:
        raise ValueError(f"{len(texts):,} reviews are one part; give more, to leave the first out.")
    (first, already), (last, all_) = marks[0], marks[-1]
    return done | {"reviews_a_second": (all_ - already) / (last - first)}


def long(request: dict[str, Any]) -> dict[str, Any]:
    """Reject one long review among short ones, and read its beginning; return the seconds."""
    texts = ["a film", "bad " * request["words"]]
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        done = score_corpus(None, texts, Path(scratch) / "out", max_len=1)
    rejected = time.perf_counter() - begun
    assert [row["doc"] for row in done.rejected] == [1]
    cut = score(texts, max_len=1, max_words=CUT, verify=1)
    return {"rejected_seconds": rejected, "cut_seconds": cut["seconds"]}


if __name__ == "__main__":
    answer(globals()[sys.argv[1]])
