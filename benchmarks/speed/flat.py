"""The cost of a span-step, whatever the length of a review.

Every span of reviews of one length, by the call that users make; of short reviews as many as a
corpus puts into one of the engine's jobs. The longest take minutes, in which a machine's speed may
change by more than what is looked for. So the product alone is timed right before and after each
run, and costs are compared as multiples of its cost beside them.
"""

import time
from typing import Any

import cdjax
import jax
import numpy as np
from cdjax import Classifier
from cdjax.engine.run import shapes_for
from cdjax.spans import count_spans

from benchmarks.speed.floor import make_floor
from benchmarks.speed.measure import check, draw_checks
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import count_corpus_steps, random_classifier, random_reviews

LENGTHS = (10, 20, 50, 100, 200, 500, 1000)
STEPS = 1_500_000  # span-steps of a run, at least, where they fit into a job
LONG = 10_000_000  # span-steps of a run that averages enough by itself
PRODUCT = 500_000  # span-steps of the product beside a run


def count_reviews(classifier: Classifier, length: int) -> int:
    """Return how many reviews of a length fill half of a job of the largest size, or make STEPS."""
    largest = shapes_for(classifier)[-1]
    fitting = min(largest.rows // length, largest.states // count_spans(length))
    enough = -(-STEPS // count_corpus_steps([length]))
    return max(1, min(max(fitting // 2, enough), fitting))


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    classifier = random_classifier(setup.hidden, setup.width, setup.words)
    lengths = (20, 30) if setup.quick else LENGTHS
    counts = {n: 2 if setup.quick else count_reviews(classifier, n) for n in lengths}
    steps = {n: count_corpus_steps([n] * count) for n, count in counts.items()}
    floor = make_floor(setup.hidden, 2 if setup.quick else PRODUCT)

    def time_program(program):
        start = time.perf_counter()
        result = jax.block_until_ready(program())
        return time.perf_counter() - start, result

    def time_beside_product(program):
        """Return the seconds of a program and, around it, of the product; and its result."""
        before, _ = time_program(floor.run)
        seconds, result = time_program(program)
        after, _ = time_program(floor.run)
        return (seconds, (before + after) / 2), result

    programs, differences, raw = {}, {}, {}
    for rule in (cdjax.ACD, cdjax.PAPER):
        for n, count in counts.items():
            name = f"{rule.name} {n}"
            reviews = random_reviews([n] * count, setup.words)
            programs[name] = lambda reviews=reviews, rule=rule: cdjax.score_all_spans(
                classifier, reviews, rule
            )
            seconds, results = time_beside_product(programs[name])
            checks = draw_checks(reviews, results, setup.checks)
            if steps[n] >= LONG:  # nothing compiles: shorter reviews had the same size of job
                raw[name] = [seconds]
            differences[name] = check(classifier, checks, rule, f"reviews of {n} words")
    short = [name for name in programs if name not in raw]
    raw |= {name: [] for name in short}
    for _ in range(setup.rounds):
        for name in short:
            seconds, _ = time_beside_product(programs[name])
            raw[name].append(seconds)
    costs, products = ({rule.name: {} for rule in (cdjax.ACD, cdjax.PAPER)} for _ in range(2))
    for name, runs in raw.items():
        (rule, length), (each, beside) = name.split(), np.transpose(runs)
        costs[rule][int(length)] = float(1e6 * np.median(each) / steps[int(length)])
        relative = (each / steps[int(length)]) / (beside / floor.steps)
        products[rule][int(length)] = float(np.median(relative))
    spread = {}
    for rule, by_length in products.items():
        long_enough = [cost for n, cost in by_length.items() if n >= 20]
        spread[rule] = max(long_enough) / min(long_enough)
    return {
        "sizes": {
            n: {"reviews": count, "spans": count * count_spans(n), "span_steps": steps[n]}
            for n, count in counts.items()
        },
        "largest_difference": differences,
        "microseconds": costs,
        "products": products,
        "max_over_min_from_20": spread,
        "raw_seconds_and_products": raw,
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
            *(f"{figure(cost[length])} x" for cost in result["products"].values()),
        )
        for length, size in result["sizes"].items()
    ]
    units = (f"{unit}, {rule}" for unit in ("us", "of the product") for rule in costs)
    text = table(("words", "reviews", "spans", "span-steps", *units), rows)
    spreads = ", ".join(f"{figure(ratio)} ({rule})" for rule, ratio in spread.items())
    return (
        "Microseconds a useful span-step, and multiples of the product's own beside it.\n\n"
        f"{text}\n\nMost over least of the multiples from 20 words: {spreads}."
    )
