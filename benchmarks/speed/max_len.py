"""The corpus with a limit on the spans' length."""

from typing import Any

import cdjax

from benchmarks.speed.measure import check, draw_checks, interleave, medians
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import count_corpus_steps, random_classifier, random_reviews

LIMITS = (1, 5, 10, None)


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    classifier = random_classifier(setup.hidden, setup.width, setup.words)
    reviews = random_reviews(setup.lengths, setup.words)
    programs, sizes, differences = {}, {}, {}
    for rule in (cdjax.ACD, cdjax.PAPER):
        for limit in LIMITS:
            name = f"{rule.name} {limit or 'all'}"
            programs[name] = lambda rule=rule, limit=limit: cdjax.score_all_spans(
                classifier, reviews, rule, limit
            )
            results = programs[name]()
            checks = draw_checks(reviews, results, setup.checks)
            differences[name] = check(classifier, checks, rule, f"max_len = {limit}")
            sizes[name] = {
                "rule": rule.name,
                "max_len": limit,
                "spans": sum(len(result.spans) for result in results),
                "span_steps": count_corpus_steps(setup.lengths, limit),
            }
    raw = interleave(programs, setup.rounds)
    seconds = medians(raw)
    return {
        "sizes": sizes,
        "largest_difference": differences,
        "seconds": seconds,
        "spans_per_second": {name: sizes[name]["spans"] / seconds[name] for name in seconds},
        "raw_seconds": raw,
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    rows = [
        (
            size["rule"],
            size["max_len"] or "all",
            f"{size['spans']:,}",
            figure(result["seconds"][name]),
            figure(result["spans_per_second"][name]),
            figure(1e6 * result["seconds"][name] / size["span_steps"]),
        )
        for name, size in result["sizes"].items()
    ]
    return table(("rule", "max_len", "spans", "s", "spans a second", "us a span-step"), rows)
