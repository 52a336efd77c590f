"""Training on a file as large as Yelp Review Polarity: `python -m benchmarks.training.large`.

The rows are generated in the format of Zhang, Zhao & LeCun (2015), as many as theirs and about as
long. `cdjax train` reads them, and trains until it has been seen to keep the pace that it has on a
small file of the same kind; then it is ended, since a whole epoch takes an hour.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cdjax
import numpy as np
from cdjax.model import find_vocabulary

ROWS, SMALL = 560_000, 20_000
DEV = 1_000
BUDGET = 4e9  # bytes
BATCH = 64  # reviews a step
STEPS = 40  # between two evaluations
EVALUATIONS = 5  # of the pace; the first one, with what is compiled before it, has no say
LEARNT = 0.6  # accuracy by then; of the words a tenth tells the class


def write_rows(path: Path, rows: int, seed: int) -> None:
    """Write rows in Zhang's format: quoted, quotes doubled, a line break as the two letters \\n."""
    rng = np.random.default_rng(seed)
    words = [word for word in find_vocabulary(cdjax.load("yelp")).words if word.isalpha()]
    told = np.array(words[:200]).reshape(2, 100)  # words that tell the class
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for label in rng.integers(0, 2, rows):
            # 133 words on average, half of the reviews below 98, as those of Yelp.
            length = max(3, int(rng.lognormal(np.log(98), 0.78)))
            ranks = np.minimum(rng.zipf(1.2, length), len(words)) - 1
            text = [words[rank] for rank in ranks]
            for place in np.flatnonzero(rng.random(length) < 0.1):
                text[place] = str(rng.choice(told[label]))
            for place in range(13, length, 14):
                text[place] = '. "Well"' if place % 3 else ".\\n\\n"
            out.writerow([label + 1, " ".join(text)])


def tree_memory(root: int) -> int:
    """Return the memory of a process and of those that it started, in bytes, shared pages twice."""
    total, waiting = 0, [root]
    while waiting:
        folder = Path("/proc") / str(waiting.pop())
        try:
            lines = (folder / "status").read_text().splitlines()
            for task in (folder / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
        total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return total


def train_until_known(folder: Path, rows: int, dev: Path) -> dict[str, Any]:
    """Train on a file of so many rows until the pace is known, and return what was seen."""
    path, log = folder / f"{rows}.csv", folder / f"{rows}.jsonl"
    write_rows(path, rows, seed=rows)
    command = [sys.executable, "-m", "cdjax", "train", "--format", "yelp"]
    command += ["--data", str(path), "--dev", str(dev), "--log", str(log), "--epochs", "1"]
    command += ["--evaluations", str(max(EVALUATIONS + 1, rows // (BATCH * STEPS)))]
    command += ["--batch-size", str(BATCH), "--patience", str(rows), "--out", str(folder / "model")]
    start = time.perf_counter()
    peak, first, records = 0, None, []
    with (folder / f"{rows}.out").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            while process.poll() is None:
                peak = max(peak, tree_memory(process.pid))
                lines = log.read_text().splitlines() if log.exists() else []
                records = [json.loads(line) for line in lines]
                if records and first is None:
                    first = time.perf_counter() - start
                if len(records) > EVALUATIONS:
                    process.terminate()
                time.sleep(0.2)
        finally:
            process.kill()
    if len(records) <= EVALUATIONS or first is None:
        said = (folder / f"{rows}.out").read_text()
        raise RuntimeError(f"training on {rows:,} rows ended with {process.returncode}:\n{said}")
    if records[-1]["accuracy"] < LEARNT:
        raise RuntimeError(f"training on {rows:,} rows has not learnt: {records[-1]}")
    pace = float(np.median([record["examples_a_second"] for record in records[1:]]))
    return {
        "rows": rows,
        "file_bytes": path.stat().st_size,
        "seconds_to_first_evaluation": first,
        "peak_bytes": peak,
        "examples_a_second": pace,
        "records": records,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure a small file and the large one."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training.large", description=__doc__
    )
    parser.add_argument("--rows", type=int, default=ROWS, help="(default: %(default)s)")
    parser.add_argument("--small", type=int, default=SMALL, help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write JSON")
    args = parser.parse_args(argv)
    if not Path("/proc/self/status").exists():
        parser.error("memory is read from /proc, which is not here")
    results = []
    with tempfile.TemporaryDirectory() as name:
        dev = Path(name) / "dev.csv"
        write_rows(dev, DEV, seed=1)
        for rows in (args.small, args.rows):
            result = train_until_known(Path(name), rows, dev)
            results.append(result)
            print(
                f"{rows:8,} rows, {result['file_bytes'] / 1e6:6,.0f} MB: "
                f"{result['examples_a_second']:5,.0f} examples a second, peak memory "
                f"{result['peak_bytes'] / 1e6:6,.0f} MB, first evaluation after "
                f"{result['seconds_to_first_evaluation']:5,.0f} s",
                flush=True,
            )
    small, large = results
    ratio = large["examples_a_second"] / small["examples_a_second"]
    within = "within" if large["peak_bytes"] <= BUDGET else "BEYOND"
    print(f"pace {ratio:.2f} of the small file's; memory {within} {BUDGET / 1e9:g} GB")
    if args.out:
        args.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
