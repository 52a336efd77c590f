"""(b) The cost of a span-step, whatever the length of a review.

Reviews of one length, in one job of the engine's largest size, as the jobs of a corpus are. Of long
reviews, all spans are far too many (a review of 1,000 words has 167 million span-steps), and what
the whole review's jobs look like must be kept: spans with equal tails side by side. So the spans
are those that end at some neighbouring words in the middle, whatever their start.
"""

from typing import Any

import cdjax
import numpy as np
from cdjax import Classifier, Rule
from cdjax.core.spans import enumerate_spans
from cdjax.scoring import engine
from cdjax.scoring.engine import Job
from cdjax.scoring.verify import Check

from benchmarks.speed.measure import check, interleave, medians
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import count_steps, make_job, random_classifier, random_reviews

LENGTHS = (10, 20, 50, 100, 200, 500, 1000)
WHOLE = 200  # words of the longest review of which all spans are scored
STEPS = 1_500_000  # span-steps wanted, at least, where they fit into a job


def make_spans(length: int, ends: int | None) -> np.ndarray:
    """Return all spans of a review, or those that end at so many words in its middle."""
    spans = enumerate_spans(length)
    if ends is None:
        return spans
    first = length // 2 - ends // 2
    return spans[(spans[:, 1] >= first) & (spans[:, 1] < first + ends)]


def make_length_job(classifier: Classifier, length: int, steps: int) -> Job:
    """Return a job of the largest size, of equal reviews, with about so many span-steps."""
    zeros = np.zeros(length, np.int32)
    # The fewest reviews that no smaller size has room for.
    *_, smaller, largest = engine.sizes_for(classifier)
    ends = None
    spans = make_spans(length, ends)
    count = min(smaller.rows // length, smaller.spans // len(spans)) + 1
    if length > WHOLE:
        count, ends = smaller.rows // length + 1, 1
        while count * count_steps(make_job([zeros], [make_spans(length, ends)])) < steps:
            ends += 1
        spans = make_spans(length, ends)
    count = max(count, -(-steps // count_steps(make_job([zeros], [spans]))))
    count = min(count, largest.rows // length, largest.spans // len(spans))
    return make_job(random_reviews([length] * count, len(classifier.embedding)), [spans] * count)


def check_job(classifier, job: Job, scores: np.ndarray, rule: Rule, count: int) -> float:
    """Check random spans of a job's scores."""
    rng = np.random.default_rng(5)
    checks = [
        Check(job.ids[job.review[n]], int(job.start[n]), int(job.stop[n]), scores[n])
        for n in rng.integers(0, len(job.start), count)
    ]
    return check(classifier, checks, rule, f"reviews of {len(job.ids[0])} words")


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    classifier = random_classifier(setup.hidden, setup.width, setup.words)
    if setup.quick:
        spans = {length: make_spans(length, None) for length in (20, 30)}
        jobs = {
            n: make_job(random_reviews([n] * 2, setup.words), [s] * 2) for n, s in spans.items()
        }
    else:
        jobs = {n: make_length_job(classifier, n, STEPS) for n in LENGTHS}
    programs, differences, steps = {}, {}, {}
    for rule in (cdjax.ACD, cdjax.PAPER):
        for length, job in jobs.items():
            name = f"{rule.name} {length}"
            programs[name] = lambda job=job, rule=rule: list(
                engine.run_jobs(classifier, [job], rule)
            )
            ((scores, _),) = programs[name]()
            differences[name] = check_job(classifier, job, scores, rule, setup.checks)
            steps[name] = count_steps(job)
    raw = interleave(programs, setup.rounds)
    microseconds = {name: 1e6 * s / steps[name] for name, s in medians(raw).items()}
    costs = {
        rule.name: {length: microseconds[f"{rule.name} {length}"] for length in jobs}
        for rule in (cdjax.ACD, cdjax.PAPER)
    }
    spread = {
        rule: max(us for length, us in cost.items() if length >= 20)
        / min(us for length, us in cost.items() if length >= 20)
        for rule, cost in costs.items()
    }
    return {
        "sizes": {
            length: {
                "reviews": len(job.ids),
                "spans": len(job.start),
                "span_steps": count_steps(job),
                "all_spans": len(job.start) == len(job.ids) * (length * (length + 1) // 2),
            }
            for length, job in jobs.items()
        },
        "largest_difference": differences,
        "microseconds": costs,
        "max_over_min_from_20": spread,
        "raw_seconds": raw,
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    costs, spread = result["microseconds"], result["max_over_min_from_20"]
    rows = [
        (
            length,
            size["reviews"],
            f"{size['spans']:,}" + ("" if size["all_spans"] else " (part)"),
            f"{size['span_steps']:,}",
            *(figure(cost[length]) for cost in costs.values()),
        )
        for length, size in result["sizes"].items()
    ]
    text = table(("words", "reviews", "spans", "span-steps", *(f"us, {r}" for r in costs)), rows)
    told = ", ".join(f"{figure(ratio)} ({rule})" for rule, ratio in spread.items())
    return f"Microseconds a useful span-step.\n\n{text}\n\nMost over least from 20 words: {told}."
