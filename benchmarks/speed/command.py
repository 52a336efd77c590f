"""How much of `cdjax score` is reading, tokenizing and writing, by its own manifest.

The bundled model and its real words, since it is their text that is read and written.
"""

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import cdjax
import numpy as np
from cdjax.cli import main
from cdjax.model import find_vocabulary
from cdjax.scoring.verify import BOUND
from cdjax.text.trees import parse_tree

from benchmarks.speed import measure
from benchmarks.speed.measure import WrongAnswerError
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup

CHECKS = 50


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Run the command in this process: checked, which may compile, then several times warm."""
    command = ["score", request["input"], "--overwrite", "--out", request["out"]]
    if request["format"]:
        command += ["--format", request["format"]]
    runs, manifest = [], {}
    for check in (True, *[False] * request["rounds"]):
        start = time.perf_counter()
        # What it prints is no answer of ours.
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            code = main(command + (["--verify", str(CHECKS)] if check else []))
        whole = time.perf_counter() - start
        if code:
            raise WrongAnswerError(f"cdjax {' '.join(command)} ended with exit code {code}.")
        manifest = json.loads((Path(request["out"]) / "manifest.json").read_text(encoding="utf-8"))
        if check and not manifest["verify"]["largest_difference"] <= BOUND:
            raise WrongAnswerError("cdjax score kept scores that it should have refused.")
        runs.append({"whole": whole, "checked": check, **manifest["seconds"]})
    return {"runs": runs, "counts": manifest["counts"]}


def share(run: dict[str, float]) -> float:
    """Return the part of a run's time that is not scoring; its check counts for neither."""
    around = run["read"] + run["write"]
    return around / (around + run["score"])


def write_inputs(setup: Setup, folder: Path) -> dict[str, tuple[Path, str | None]]:
    """Return the files to score and their formats, by what they are."""
    text = folder / "sentences.txt"
    if setup.trees is None:
        words = find_vocabulary(cdjax.load()).words[1:]
        rng = np.random.default_rng(7)
        lines = [" ".join(rng.choice(words, length)) for length in setup.lengths]
        text.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return {"random words as text": (text, "txt")}
    lines = setup.trees.read_text(encoding="utf-8").split("\n")[: len(setup.lengths)]
    trees = folder / setup.trees.name
    trees.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sentences = [" ".join(parse_tree(line).tokens) for line in lines]
    text.write_text("\n".join(sentences) + "\n", encoding="utf-8")
    return {"trees": (trees, "trees"), "sentences as text": (text, "txt")}


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, (path, form) in write_inputs(setup, Path(scratch)).items():
            request = {
                "input": str(path),
                "format": form,
                "out": str(Path(scratch) / "scores"),
                "rounds": setup.rounds,
            }
            # Nothing compiled before: the first run is a user's first.
            empty = tempfile.mkdtemp(dir=scratch)
            done = measure.run_worker(
                "command", request, XDG_CACHE_HOME=empty, JAX_COMPILATION_CACHE_DIR=""
            )
            first, *warm = done["runs"]
            results[name] = done | {
                "share_first": share(first),
                "share_warm": float(np.median([share(run) for run in warm])),
                "seconds_warm": measure.medians(
                    {part: [run[part] for run in warm] for part in ("read", "score", "write")}
                ),
            }
    return {"inputs": results}


def show(result: dict[str, Any]) -> str:
    """Render."""
    rows = [
        (
            name,
            f"{done['counts']['spans']:,}",
            *(figure(done["seconds_warm"][part]) for part in ("read", "score", "write")),
            f"{done['share_warm']:.0%}",
            f"{done['share_first']:.0%}",
        )
        for name, done in result["inputs"].items()
    ]
    head = ("input", "spans", "read s", "score s", "write s", "read and write", "compiling, too")
    return table(head, rows)


if __name__ == "__main__":
    measure.answer(work)
