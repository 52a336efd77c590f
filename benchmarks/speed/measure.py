"""Check, then time in turns; and processes to measure in."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from cdjax import Classifier, Rule, SpanScores
from cdjax.scoring.verify import BOUND, Check, largest_difference

ROOT = Path(__file__).parents[2]


class WrongAnswerError(RuntimeError):
    """An answer is not the recursion's, so its time means nothing."""


def check(classifier: Classifier, checks: Sequence[Check], rule: Rule, what: str) -> float:
    """Return the largest difference to the float64 recursion; raise where it is too large."""
    if not checks:
        raise WrongAnswerError(f"{what}: nothing was checked.")
    difference = largest_difference(classifier, checks, rule)
    if not difference <= BOUND:  # NaN too
        raise WrongAnswerError(
            f"{what}: of {len(checks)} spans one differs from the float64 recursion by "
            f"{difference:.2g}; expected at most {BOUND:g}."
        )
    return difference


def draw_checks(
    reviews: Sequence[np.ndarray], results: Sequence[SpanScores], count: int, seed: int = 2
) -> list[Check]:
    """Draw spans of a corpus at random, each as likely as any other."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum([len(result.spans) for result in results])
    checks = []
    for number in rng.integers(0, ends[-1], count):
        n = int(np.searchsorted(ends, number, "right"))
        row = int(number - ends[n])  # from the end
        start, stop = results[n].spans[row].tolist()
        checks.append(Check(reviews[n], start, stop, results[n].scores[row]))
    return checks


def interleave(programs: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Run programs in turns and return the seconds of every run of each.

    Each has run before, for its check, so nothing compiles here.
    """
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(program())
            seconds[name].append(time.perf_counter() - start)
    return seconds


def medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median of each."""
    return {name: float(np.median(times)) for name, times in seconds.items()}


def run_worker(module: str, request: Mapping[str, Any], **environment: str) -> dict[str, Any]:
    """Run a module of this package in a process of its own and return what it answers.

    Args:
        module: Its name; run as `__main__` it calls `answer`.
        request: Anything JSON can hold.
        environment: Variables to set for it.
    """
    command = [sys.executable, "-m", f"benchmarks.speed.{module}"]
    printed = run_process(command, json.dumps(request), **environment)
    return json.loads(printed.splitlines()[-1])


def run_process(command: Sequence[str], given: str = "", **environment: str) -> str:
    """Run a command that finds this cdjax, and return what it prints; raise where it fails."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path, **environment},
        input=given,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:200]} failed:\n{done.stderr}")
    return done.stdout


def answer(function: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Be the process that `run_worker` waits for."""
    print(json.dumps(function(json.load(sys.stdin))))


def describe_machine() -> dict[str, Any]:
    """Return what numbers depend on."""
    versions = {"python": platform.python_version()}
    for name in ("cdjax", "jax", "jaxlib", "numpy", "torch", "acd"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "versions": versions,
        "device": {"kind": jax.devices()[0].device_kind, "count": jax.device_count()},
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "platform": platform.platform(),
    }
