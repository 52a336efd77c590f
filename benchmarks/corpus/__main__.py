"""The command: `python -m benchmarks.corpus --help`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import benchmarks.corpus as package
from benchmarks.speed.measure import describe_machine, run_process
from benchmarks.speed.report import figure, table

PARTS = ("throughput", "memory", "scaling", "long")


def measure(kind: str, **request: Any) -> dict[str, Any]:
    """Return what a process of its own measures."""
    printed = run_process(
        [sys.executable, "-m", "benchmarks.corpus.work", kind], json.dumps(request)
    )
    return json.loads(printed.splitlines()[-1])


def throughput(reviews: int, rounds: int) -> dict[str, Any]:
    """The engine's own seconds as a share of the job's."""
    raw = measure("throughput", reviews=reviews, rounds=rounds)
    engine = np.mean([raw["before"], raw["after"]], axis=0)
    shares = engine / raw["job"]
    return {
        f"reviews, {raw['spans']:,} spans": f"{reviews:,}",
        "engine alone": f"{figure(float(np.median(engine)))} s",
        "cdjax score, reading and writing": f"{figure(float(np.median(raw['job'])))} s",
        "of the engine's throughput": f"{np.median(shares):.1%} "
        f"({shares.min():.1%} to {shares.max():.1%} in {rounds} rounds)",
    }


def memory(reviews: int, rounds: int) -> dict[str, Any]:
    """Peaks, of the most reviews also in turn: whether it grows with what has been scored."""
    rows, peaks = {}, []
    for count in (reviews // 10, reviews, reviews * 10):
        peaks = [peak / 1e6 for peak in measure("memory", reviews=count)["peak_bytes"]]
        rows[f"peak memory, {count:,} reviews of 20 words, max_len 2"] = f"{max(peaks):,.0f} MB"
    return rows | {"of the last, in turn": ", ".join(f"{peak:,.0f}" for peak in peaks)}


def scaling(reviews: int, rounds: int) -> dict[str, Any]:
    """Reviews a second by more processes: of the same reviews, and of as many each."""
    rates: dict[str, list[float]] = {"this process": [], "one": [], "two": [], "two, twice": []}
    for _ in range(rounds):
        rates["this process"].append(_rate(reviews, 0))
        rates["one"].append(_rate(reviews, 1))
        rates["two"].append(_rate(reviews, 2))
        rates["two, twice"].append(_rate(2 * reviews, 2))
    strong = np.median(np.array(rates["two"]) / rates["one"])
    weak = np.median(np.array(rates["two, twice"]) / rates["one"])
    return {
        "this process, without Ray": f"{np.median(rates['this process']):,.0f} reviews a second",
        "one process of Ray, all cores": f"{np.median(rates['one']):,.0f} reviews a second",
        "two, half the cores each, the same reviews (strong)": f"{strong:.2f} times that",
        "two, twice the reviews (weak)": f"{weak:.2f} times that",
    }


def _rate(reviews: int, workers: int) -> float:
    return measure("processes", reviews=reviews, workers=workers)["reviews_a_second"]


def long(reviews: int, rounds: int) -> dict[str, Any]:
    """Seconds."""
    done = measure("long", words=100_000)
    return {
        "a review of 100,000 words, max_len 1, rejected": f"{done['rejected_seconds']:.1f} s",
        "its first 2,000 words scored, by max_words": f"{done['cut_seconds']:.1f} s",
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.corpus",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="these parts")
    parser.add_argument("--reviews", type=int, default=10_000, help="how many (default: 10,000)")
    parser.add_argument("--rounds", type=int, default=3, help="of each time (default: 3)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write JSON")
    args = parser.parse_args(argv)
    rows: dict[str, str] = {}
    for part in args.only:
        rows |= globals()[part](args.reviews, args.rounds)
    machine = describe_machine()
    print(f"jax {machine['versions']['jax']}, {machine['cores']} cores\n")
    print(table(("", ""), list(rows.items())))
    if args.out:
        args.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
