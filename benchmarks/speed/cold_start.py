"""One text explained by a new process, beside a new process that only imports JAX."""

import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import cdjax
import jax
import numpy as np
from cdjax.core.split import HIGHEST
from cdjax.model import find_vocabulary
from cdjax.text.tokenizer import tokenize

from benchmarks.speed.measure import WrongAnswerError, medians, run_process
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup

TEXT = "The cast is great, but nobody will call this a good film."
JAX = "import jax; jax.block_until_ready(jax.jit(lambda x: (x * x).sum())(jax.numpy.ones(8)))"
# Programs are kept below XDG_CACHE_HOME unless these say otherwise; empty, they say nothing.
ENVIRONMENT = {"JAX_COMPILATION_CACHE_DIR": "", "CDJAX_CACHE": ""}


def expected_prediction() -> str:
    """Return what the command should say of the text, by the float64 recursion."""
    model = cdjax.load()
    ids = find_vocabulary(model).encode(tokenize(TEXT))
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda a: jax.numpy.asarray(a, "float64"), model.classifier)
        split = cdjax.decompose(exact.layers, exact.embedding[ids], np.ones(len(ids), bool))
        h = split.beta[-1] + split.gamma[-1]
        logits = jax.numpy.matmul(exact.readout, h, precision=HIGHEST) + exact.bias
        probabilities = np.asarray(jax.nn.softmax(logits))
    best = int(probabilities.argmax())
    return f"Prediction: {model.labels[best]} {probabilities[best]:.1%}"


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    explain = [sys.executable, "-m", "cdjax", "explain", TEXT]
    bare = [sys.executable, "-c", JAX]
    expected = expected_prediction()
    with tempfile.TemporaryDirectory() as warm:

        def explain_with(cache: str) -> None:
            out = run_process(explain, XDG_CACHE_HOME=cache, **ENVIRONMENT)
            if expected not in " ".join(out.split()):
                raise WrongAnswerError(f"cdjax explain does not say {expected!r}:\n{out}")

        def cold() -> None:
            with tempfile.TemporaryDirectory() as empty:
                explain_with(empty)

        programs: dict[str, Callable[[], Any]] = {
            "import jax and one small jit": lambda: run_process(bare, **ENVIRONMENT),
            "cdjax explain, cache empty": cold,
            "cdjax explain, cache warm": lambda: explain_with(warm),
        }
        for program in programs.values():  # fills the warm cache, and the file system's
            program()
        raw: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(1 if setup.quick else 5):
            for name, program in programs.items():
                start = time.perf_counter()
                program()
                raw[name].append(time.perf_counter() - start)
    seconds = medians(raw)
    least = seconds["import jax and one small jit"]
    return {
        "text": TEXT,
        "expected": expected,
        "seconds": seconds,
        "ratios": {name: s / least for name, s in seconds.items()},
        "raw_seconds": raw,
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    rows = [
        (name, figure(s), f"{figure(result['ratios'][name])} x")
        for name, s in result["seconds"].items()
    ]
    return table(("new process", "s", "of the first"), rows)
