"""Hidden sizes, beside the product alone at each."""

import itertools
from typing import Any

import cdjax
from cdjax.engine.shapes import SHAPES

from benchmarks.speed.floor import flops, make_floor
from benchmarks.speed.measure import check, draw_checks, interleave, medians
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import count_corpus_steps, random_classifier, random_reviews

HIDDEN = (64, 128, 256, 512, 1024)
ROUNDS = 3


def shorten(lengths: tuple[int, ...]) -> tuple[int, ...]:
    """Return the first reviews, too many for any but the largest size of job at 168."""
    totals = list(itertools.accumulate(lengths))
    enough = SHAPES[-2].rows
    return lengths[: sum(total <= enough for total in totals) + 1]


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    lengths = shorten(setup.lengths)
    steps = count_corpus_steps(lengths)
    reviews = random_reviews(lengths, setup.words)
    rows, differences, raw = [], {}, {}
    for hidden in (16,) if setup.quick else HIDDEN:
        classifier = random_classifier(hidden, setup.width, setup.words)
        floor = make_floor(hidden, steps)
        programs: dict[str, Any] = {f"product alone {hidden}": floor.run}
        floor.run()
        for rule in (cdjax.ACD, cdjax.PAPER):
            name = f"{rule.name} {hidden}"
            programs[name] = lambda rule=rule, c=classifier: cdjax.score_all_spans(c, reviews, rule)
            checks = draw_checks(reviews, programs[name](), setup.checks)
            differences[name] = check(classifier, checks, rule, f"H = {hidden}, {rule.name}")
        seconds = interleave(programs, min(ROUNDS, setup.rounds))
        raw |= seconds
        middle = medians(seconds)
        product = middle[f"product alone {hidden}"] / floor.steps
        for name, done in zip(programs, (floor.steps, steps, steps), strict=True):
            each = middle[name] / done
            rows.append(
                {
                    "hidden": hidden,
                    "program": name.rsplit(" ", 1)[0],
                    "microseconds": 1e6 * each,
                    "gflops": flops(hidden) / each / 1e9,
                    "products": each / product,
                }
            )
    return {
        "sizes": {"reviews": len(reviews), "words": sum(lengths), "span_steps": steps},
        "largest_difference": differences,
        "rows": rows,
        "raw_seconds": raw,
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    sizes = result["sizes"]
    rows = [
        (
            row["hidden"],
            row["program"],
            figure(row["microseconds"]),
            figure(row["gflops"]),
            f"{figure(row['products'])} x",
        )
        for row in result["rows"]
    ]
    head = ("H", "", "us a span-step", "GFLOP/s", "of the product")
    return (
        f"{sizes['reviews']:,} reviews, {sizes['span_steps']:,} span-steps.\n\n{table(head, rows)}"
    )
