"""The models that are explained: the bundled ones, those given, and those that are missing."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cdjax.model
from cdjax.model import DESCRIPTION, Model

from benchmarks.paper.results import PLAIN
from benchmarks.paper.setting import Subject, make_subject

BUNDLED = "bundled"
PAPER_RECIPE = (
    *("--label-probabilities", "0", "0", "0.5", "1", "1", "--neutral-weight", "0"),
    *("--sentence-copies", "0", "--embedding-rate", "1", "--embedding-dropout", "0"),
    *("--hidden-dropout", "0", "--average", "0"),
)
"""How `PLAIN` is trained (section 4.1): on phrases that are not neutral, as positive or negative,
without dropout, averaged weights or a slower rate for word vectors; vectors are the others'."""


def choose_main(models: dict[str, Model]) -> str:
    """Return the name of the model that is best on the development sentences, the first of equals.

    `PLAIN` is not among those to choose from.

    >>> model = Model(None, None, ("a", "b"), {"accuracy": {"dev": {"accuracy": 0.5}}})
    >>> choose_main({"one": model, "two": model})
    'one'
    """
    names = (name for name in models if name != PLAIN)
    return max(names, key=lambda name: dev_accuracy(models[name]))


def dev_accuracy(model: Model) -> float:
    """Return the accuracy on development reviews that a model says it has; 0 where it is silent."""
    return model.provenance.get("accuracy", {}).get("dev", {}).get("accuracy", 0.0)


def treebank_subjects(
    given: Sequence[Path],
    sst: Path,
    vectors: Sequence[Path],
    seeds: int,
    out: Path,
    say: Callable[[str], None],
) -> list[Subject]:
    """Return the models of the treebank that are explained.

    Args:
        given: Folders of trained models; where there are none, the bundled model and, with
            `vectors`, others of further seeds and `PLAIN`, trained now unless they lie in `out`
            already.
        sst: The folder of trees.
        vectors: Word vectors to train with.
        seeds: How many models there are to be, without `PLAIN`.
        out: Where to keep models.
        say: Called with what is going on.

    Raises:
        ValueError: Where given models share a name, or have that of `PLAIN`.
        RuntimeError: Where training fails.
    """
    models = {path.name: cdjax.model.load(path) for path in given}
    if len(models) < len(given):
        raise ValueError("two of the models given have the same name; rename a folder.")
    if PLAIN in models:
        raise ValueError(
            f"a model given is called {PLAIN!r}, the name of the one that is trained as the "
            "paper's was, and left out of means; rename its folder."
        )
    if not given:
        bundled = cdjax.model.load()
        models[BUNDLED] = bundled
        taken = bundled.provenance.get("options", {}).get("seed")
        others = [seed for seed in range(seeds) if seed != taken][: seeds - 1]
        if vectors:
            runs = {f"sst-{seed}": ["--seed", str(seed)] for seed in others}
            paths = train_missing(runs | {PLAIN: PAPER_RECIPE}, sst, vectors, out, say)
            models |= {name: cdjax.model.load(path) for name, path in paths.items()}
        elif others:
            say("one model: no --vectors to train further seeds with, nor --models")
    main = choose_main(models)
    return [make_subject(name, "sst", model, name == main) for name, model in models.items()]


def yelp_subject(given: Path | None) -> Subject:
    """Return the model of Yelp reviews that is explained, the bundled one when None."""
    return make_subject("yelp", "yelp", cdjax.model.load(given or "yelp"), main=True)


def train_missing(
    runs: Mapping[str, Sequence[str]],
    sst: Path,
    vectors: Sequence[Path],
    out: Path,
    say: Callable[[str], None],
) -> dict[str, Path]:
    """Train each model that is not there, a process a core, and return their folders.

    Args:
        runs: Further options of `cdjax train` for each model, by its name.
        sst: The folder of trees.
        vectors: Word vectors to train with.
        out: Where to keep models.
        say: Called with what is going on.

    Raises:
        RuntimeError: Where training fails.
    """
    paths = {name: out / name for name in runs}
    missing = [name for name, path in paths.items() if not (path / DESCRIPTION).is_file()]
    out.mkdir(parents=True, exist_ok=True)

    def train(name: str) -> None:
        state, log = out / f"{name}.state", out / f"{name}.log"
        command = [sys.executable, "-m", "cdjax", "train", "--data", str(sst), "--vectors"]
        command += [*map(str, vectors), *runs[name], "--out", str(paths[name])]
        command += ["--checkpoint", str(state), *(["--resume"] if state.exists() else [])]
        say(f"training {name}; progress in {log}")
        with log.open("a", encoding="utf-8") as file:
            # One thread each: together they fill the cores better than one after the other.
            threads = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
            flags = f"{os.environ.get('XLA_FLAGS', '')} {threads}" if workers > 1 else None
            environment = os.environ | ({"XLA_FLAGS": flags} if flags else {})
            done = subprocess.run(command, stdout=file, stderr=file, env=environment, check=False)
        if done.returncode:
            last = log.read_text(encoding="utf-8").strip().rpartition("\n")[2]
            raise RuntimeError(f"training {name} failed: {last} (all of it in {log})")
        state.unlink(missing_ok=True)
        say(f"trained {name}")

    workers = max(1, min(len(missing), os.cpu_count() or 1))
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(train, missing))
    return paths
