"""Virtual devices on one CPU: the same numbers, and what it takes to score them.

One process for each number of devices, which is fixed when a process starts; all share the cores.
"""

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

import cdjax
import jax
import numpy as np

from benchmarks.speed import measure
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import random_classifier, random_reviews

DEVICES = (1, 2, 8)
FLAG = "--xla_force_host_platform_device_count"


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Score the corpus on the devices of this process."""
    classifier = random_classifier(request["hidden"], request["width"], request["words"])
    reviews = random_reviews(request["lengths"], request["words"])
    score = functools.partial(cdjax.score_all_spans, classifier, reviews, cdjax.PAPER)
    results = score()
    checks = measure.draw_checks(reviews, results, request["checks"])
    what = f"{jax.local_device_count()} devices"
    difference = measure.check(classifier, checks, cdjax.PAPER, what)
    np.save(request["scores"], np.concatenate([result.scores for result in results]))
    seconds = measure.interleave({"": score}, request["rounds"])[""]
    return {
        "devices": jax.local_device_count(),
        "seconds": seconds,
        "largest_difference": difference,
    }


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    turns = 1 if setup.quick else 2
    raw: dict[str, list[float]] = {}
    differences, apart = {}, {}
    request = setup._asdict() | {"trees": None, "rounds": max(2, setup.rounds // 2)}
    counts = DEVICES[:2] if setup.quick else DEVICES
    with tempfile.TemporaryDirectory() as scratch:
        paths = {count: Path(scratch) / f"{count}.npy" for count in counts}
        for _ in range(turns):
            for count in counts:
                flags = f"{os.environ.get('XLA_FLAGS', '')} {FLAG}={count}".strip()
                request["scores"] = str(paths[count])
                environment = {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
                done = measure.run_worker("devices", request, **environment)
                if done["devices"] != count:
                    raise RuntimeError(f"there are {done['devices']} devices; expected {count}.")
                raw.setdefault(str(count), []).extend(done["seconds"])
                differences[str(count)] = done["largest_difference"]
        one = np.load(paths[1], allow_pickle=False)
        for count in counts:
            scores = np.load(paths[count], allow_pickle=False)
            apart[str(count)] = float(np.abs(scores - one).max())
    return {
        "rule": cdjax.PAPER.name,
        "largest_difference": differences,
        "largest_difference_to_one_device": apart,
        "seconds": measure.medians(raw),
        "raw_seconds": raw,
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    rows = [
        (count, figure(s), f"{result['largest_difference_to_one_device'][count]:.1e}")
        for count, s in result["seconds"].items()
    ]
    head = ("virtual devices", "s", "largest difference to one")
    return f"The corpus under {result['rule']}.\n\n{table(head, rows)}"


if __name__ == "__main__":
    measure.answer(work)
