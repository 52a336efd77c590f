"""Peak memory, a process a case; of the whole process, interpreter and JAX included."""

import resource
import sys
import time
from pathlib import Path
from typing import Any

import cdjax
import numpy as np
from cdjax.engine.run import run_jobs, shapes_for
from cdjax.scoring.verify import Check
from cdjax.spans import enumerate_spans

from benchmarks.speed import measure
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import make_job, random_classifier, random_reviews

BUDGET = 2e9  # bytes
WORDS = 1000  # of the long review


def peak() -> int:
    """Return the most memory this process has held so far, in bytes.

    On Linux from the kernel's own record of it: `ru_maxrss` begins at what the parent held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else 1024 * size


def forget_peak() -> None:
    """Let `peak` begin anew, where the system can (Linux)."""
    record = Path("/proc/self/clear_refs")
    if record.exists():
        record.write_text("5")  # proc(5): what VmHWM is set back by


def keep_last_starts(length: int, count: int) -> np.ndarray:
    """Return all spans of the last words of a review, of as many words as have at most so many."""
    words = int(((8 * count + 1) ** 0.5 - 1) / 2)
    return enumerate_spans(length, starts=(max(0, length - words), length))


def load(request: dict[str, Any]) -> int:
    """Import and load the bundled model; return the number of spans scored."""
    cdjax.load()
    return 0


def score_corpus(request: dict[str, Any]) -> int:
    """Score all spans of the corpus, every result kept."""
    return stream(request | {"max_len": None}, keep=True)


def stream(request: dict[str, Any], keep: bool = False) -> int:
    """Score spans of many reviews, no result kept."""
    classifier = random_classifier(request["hidden"], request["width"], request["words"])
    reviews = random_reviews(request["lengths"], request["words"])
    rng = np.random.default_rng(6)
    checked = set(rng.integers(0, len(reviews), request["checks"]).tolist())
    kept, results, spans = [], [], 0
    scores = cdjax.stream_all_spans(classifier, reviews, max_len=request["max_len"])
    for n, result in enumerate(scores):
        spans += len(result.spans)
        if keep:
            results.append(result)
        if n in checked:
            row = int(rng.integers(len(result.spans)))
            start, stop = result.spans[row].tolist()
            kept.append(Check(reviews[n], start, stop, result.scores[row]))
    request["peak"] = peak()  # the check needs memory, too
    measure.check(classifier, kept, cdjax.PAPER, "stream_all_spans")
    return spans


def score_long(request: dict[str, Any]) -> int:
    """Score all spans of one long review."""
    return score_corpus(request | {"lengths": [request["long"]]})


def score_end(request: dict[str, Any]) -> int:
    """Score the spans of one long review that start last, as many as its largest job has.

    What is allocated depends on the job's sizes, which are the same; how long it takes, on the
    tails, which are short here.
    """
    classifier = random_classifier(request["hidden"], request["width"], request["words"])
    reviews = random_reviews([request["long"]], request["words"])
    spans = keep_last_starts(request["long"], shapes_for(classifier)[-1].states)
    job = make_job([classifier.embedding[ids] for ids in reviews], [spans])
    ((scores, _),) = run_jobs(classifier, [job], cdjax.PAPER)
    request["peak"] = peak()
    rows = np.random.default_rng(5).integers(0, len(spans), request["checks"])
    checks = [Check(reviews[0], int(job.start[n]), int(job.stop[n]), scores[n]) for n in rows]
    measure.check(classifier, checks, cdjax.PAPER, "the largest job")
    return len(spans)


CASES = {f.__name__: f for f in (load, score_corpus, stream, score_end, score_long)}


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Run one case in this process."""
    start = time.perf_counter()
    spans = CASES[request["case"]](request)
    return {
        "spans": spans,
        "peak_bytes": request.get("peak", peak()),
        "seconds": time.perf_counter() - start,
    }


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    few, many = (20, 200) if setup.quick else (10_000, 100_000)
    long = 30 if setup.quick else WORDS
    cases: dict[str, tuple[str, dict[str, Any]]] = {
        "import and load": ("load", {}),
        f"{len(setup.lengths):,} reviews, all spans": ("score_corpus", {}),
        f"{few:,} reviews of 20 words, max_len 2": ("stream", {"lengths": [20] * few}),
        f"{many:,} reviews of 20 words, max_len 2": ("stream", {"lengths": [20] * many}),
    }
    if setup.full:
        everything = {"lengths": [20] * many, "max_len": None}
        cases[f"{many:,} reviews of 20 words, all spans"] = ("stream", everything)
        cases[f"a review of {long:,} words, all spans"] = ("score_long", {})
    else:
        cases[f"a review of {long:,} words, its largest job's shapes"] = ("score_end", {})
    base = setup._asdict() | {"trees": None, "long": long, "max_len": 2}
    results = {}
    for name, (case, extra) in cases.items():
        request = base | extra | {"case": case}
        results[name] = measure.run_worker("memory", request)
    return {
        "rule": cdjax.PAPER.name,
        "budget_bytes": BUDGET,
        "cases": results,
        "largest_bytes": max(result["peak_bytes"] for result in results.values()),
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    rows = [
        (name, f"{case['spans']:,}", figure(case["peak_bytes"] / 1e6), figure(case["seconds"]))
        for name, case in result["cases"].items()
    ]
    budget = figure(result["budget_bytes"] / 1e6)
    head = ("process", "spans", "peak MB", "s, compilation and check included")
    return f"Peak memory under {result['rule']}; the budget is {budget} MB.\n\n{table(head, rows)}"


if __name__ == "__main__":
    measure.answer(work)
