"""(b) The cost of a span-step, whatever the length of a review.

Every span of reviews of one length, by the call that users make; of short reviews as many as a
corpus puts into one of the engine's jobs.
"""

import time
from typing import Any

import cdjax
from cdjax import Classifier
from cdjax.core.spans import count_spans
from cdjax.scoring import engine

from benchmarks.speed.measure import check, draw_checks, interleave, medians
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import count_corpus_steps, random_classifier, random_reviews

LENGTHS = (10, 20, 50, 100, 200, 500, 1000)
STEPS = 1_500_000  # span-steps of a run, at least, where they fit into a job
LONG = 10_000_000  # span-steps of a run that averages enough by itself


def count_reviews(classifier: Classifier, length: int) -> int:
    """Return how many reviews of a length fill half of a job of the largest size, or make STEPS."""
    largest = engine.sizes_for(classifier)[-1]
    fitting = min(largest.rows // length, largest.spans // count_spans(length))
    enough = -(-STEPS // count_corpus_steps([length]))
    return max(1, min(max(fitting // 2, enough), fitting))


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    classifier = random_classifier(setup.hidden, setup.width, setup.words)
    lengths = (20, 30) if setup.quick else LENGTHS
    counts = {n: 2 if setup.quick else count_reviews(classifier, n) for n in lengths}
    steps = {n: count_corpus_steps([n] * count) for n, count in counts.items()}
    programs, differences, raw = {}, {}, {}
    for rule in (cdjax.ACD, cdjax.PAPER):
        for n, count in counts.items():
            name = f"{rule.name} {n}"
            reviews = random_reviews([n] * count, setup.words)
            programs[name] = lambda reviews=reviews, rule=rule: cdjax.score_all_spans(
                classifier, reviews, rule
            )
            start = time.perf_counter()
            results = programs[name]()
            seconds = time.perf_counter() - start
            checks = draw_checks(reviews, results, setup.checks)
            differences[name] = check(classifier, checks, rule, f"reviews of {n} words")
            if steps[n] >= LONG:  # nothing compiles: shorter reviews had the same size of job
                raw[name] = [seconds]
    raw |= interleave({k: p for k, p in programs.items() if k not in raw}, setup.rounds)
    seconds = medians(raw)
    costs = {
        rule.name: {n: 1e6 * seconds[f"{rule.name} {n}"] / steps[n] for n in counts}
        for rule in (cdjax.ACD, cdjax.PAPER)
    }
    spread = {
        rule: max(us for n, us in cost.items() if n >= 20)
        / min(us for n, us in cost.items() if n >= 20)
        for rule, cost in costs.items()
    }
    return {
        "sizes": {
            n: {"reviews": count, "spans": count * count_spans(n), "span_steps": steps[n]}
            for n, count in counts.items()
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
            f"{size['spans']:,}",
            f"{size['span_steps']:,}",
            *(figure(cost[length]) for cost in costs.values()),
        )
        for length, size in result["sizes"].items()
    ]
    text = table(("words", "reviews", "spans", "span-steps", *(f"us, {r}" for r in costs)), rows)
    told = ", ".join(f"{figure(ratio)} ({rule})" for rule, ratio in spread.items())
    return f"Microseconds a useful span-step.\n\n{text}\n\nMost over least from 20 words: {told}."
