"""The command: `python -m benchmarks.speed --help`."""

import argparse
import importlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed import readme
from benchmarks.speed.measure import ROOT, describe_machine
from benchmarks.speed.setup import make_setup

BENCHMARKS = {
    "corpus": "all spans of a corpus: cdjax, its peers, the product alone",
    "flat": "microseconds a span-step, reviews of 10 to 1,000 words",
    "max_len": "the corpus with a limit on the spans' length",
    "memory": "peak memory",
    "cold_start": "`cdjax explain` from nothing",
    "devices": "1, 2 and 8 virtual devices",
    "hidden": "hidden sizes 64 to 1,024, beside the product alone",
    "networks": "GRUs, stacks, both directions, pools: beside their products and plain `vmap`",
    "methods": "every method of explanation, in passes through the model",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description="Benchmarks:\n" + "\n".join(f"  {n:12}{t}" for n, t in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="NAME,...", help="these benchmarks (default: all)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write JSON, all raw times")
    parser.add_argument("--quick", action="store_true", help="small sizes; numbers mean nothing")
    parser.add_argument("--full", action="store_true", help="also memory of what takes minutes")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        default=ROOT.parent / "shared" / "data" / "sst" / "dev.txt",
        help="SST trees, for the lengths of the corpus (default: %(default)s)",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="render a run's JSON, no run")
    args = parser.parse_args(argv)
    if args.markdown:
        print(readme.render(json.loads(args.markdown.read_text(encoding="utf-8"))))
        return
    names = args.only.split(",") if args.only else list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no benchmark {sorted(unknown)}; expected some of {', '.join(BENCHMARKS)}")
    setup = make_setup(args.data, args.quick, args.full)
    record = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "quick": args.quick,
        "full": args.full,
        "lengths": setup.source,
        **describe_machine(),
        "benchmarks": {},
    }
    print(f"lengths: {setup.source}", *record["versions"].items(), sep="\n", flush=True)
    for name in names:
        module = importlib.import_module(f"benchmarks.speed.{name}")
        start = time.perf_counter()
        result = module.run(setup)
        took = time.perf_counter() - start
        record["benchmarks"][name] = {**result, "took_seconds": took}
        print(f"\n## {name} ({took:.0f} s)\n\n{module.show(result)}", flush=True)
        if args.out:  # after each, so that nothing is lost
            args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
