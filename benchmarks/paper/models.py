"""The models that are explained: bundled, given, or trained here."""

import functools
import operator
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cdjax.model
from cdjax.model import MODEL_FILE, Model

from benchmarks.paper.results import PLAIN
from benchmarks.paper.setting import Subject, make_subject
from benchmarks.paper.workers import ONE_THREAD

BUNDLED = "bundled"
PAPER_RECIPE = (
    *("--label-probabilities", "0", "0", "0.5", "1", "1", "--neutral-weight", "0"),
    *("--sentence-copies", "0", "--embedding-rate", "1", "--embedding-dropout", "0"),
    *("--hidden-dropout", "0", "--average", "0"),
)
"""Options of `cdjax train` for the model `PLAIN`, the paper's recipe (section 4.1): phrases that
are not neutral, as positive or negative, without dropout, averaged weights or a lower learning rate
of the word vectors."""

ARCHITECTURES = {
    "sst-bilstm": ("--bidirectional",),
    "sst-two-layers": ("--layers", "2"),
    "sst-gru": ("--cell", "gru"),
}
"""Options of `cdjax train` for networks other than one LSTM layer, by the usual recipe; first the
one that takes longest."""

PATIENCE = 6
"""Evaluations without a better one before a training ends, fewer than by default. No training of
the study had more than four between a best and the next: the same weights are kept."""


def choose_main(models: dict[str, Model]) -> str:
    """Return the name of the model with the best development accuracy, the first of equals.

    `PLAIN` is never chosen.

    >>> model = Model(None, None, ("a", "b"), {"accuracy": {"dev": {"accuracy": 0.5}}})
    >>> choose_main({"one": model, "two": model})
    'one'
    """
    names = (name for name in models if name != PLAIN)
    return max(names, key=lambda name: dev_accuracy(models[name]))


def dev_accuracy(model: Model) -> float:
    """Return the development accuracy in a model's provenance; 0 where it has none."""
    return model.provenance.get("accuracy", {}).get("dev", {}).get("accuracy", 0.0)


def treebank_subjects(
    given: Sequence[Path],
    sst: Path,
    vectors: Sequence[Path],
    seeds: int,
    out: Path,
    log: Callable[[str], None],
) -> list[Subject]:
    """Return the models of the treebank that are explained.

    Args:
        given: Folders of trained models. Where there are none: the bundled model and, with
            `vectors`, models of further seeds and `PLAIN`, trained unless `out` holds them.
        sst: The folder of trees.
        vectors: Word vectors to train with.
        seeds: Number of models, `PLAIN` not counted.
        out: Folder of the trained models.
        log: Called with each line of progress.

    Raises:
        ValueError: Where given models share a name, or one is named `PLAIN`.
        RuntimeError: Where training fails.
    """
    models = {path.name: cdjax.model.load(path) for path in given}
    if len(models) < len(given):
        raise ValueError("two of the given models have the same name; rename a folder.")
    if PLAIN in models:
        raise ValueError(
            f"a given model is named {PLAIN!r}, the name of the model trained by the paper's "
            "recipe, which is left out of means; rename its folder."
        )
    if not given:
        models[BUNDLED] = cdjax.model.load()
        if vectors:
            paths = train_missing(treebank_runs(seeds), sst, vectors, out, log)
            models |= {name: cdjax.model.load(path) for name, path in paths.items()}
        elif seeds > 1:
            log("one model: no --vectors to train further seeds with, nor --models")
    main = choose_main(models)
    return [make_subject(name, "sst", model, name == main) for name, model in models.items()]


def treebank_runs(seeds: int) -> Mapping[str, Sequence[str]]:
    """Return the trainings of models beside the bundled one: so many seeds with it, and `PLAIN`."""
    taken = cdjax.model.load().provenance.get("options", {}).get("seed")
    others = [seed for seed in range(seeds) if seed != taken][: seeds - 1]
    return {f"sst-{seed}": ("--seed", str(seed)) for seed in others} | {PLAIN: PAPER_RECIPE}


def architecture_subjects(
    sst: Path, vectors: Sequence[Path], out: Path, log: Callable[[str], None]
) -> list[Subject]:
    """Return the networks other than one LSTM layer, trained unless `out` holds them.

    None is the main model. The methods `cell` and `cell_gamma` are not defined for them.

    Args:
        sst: The folder of trees.
        vectors: Word vectors to train with.
        out: Folder of the trained models.
        log: Called with each line of progress.

    Raises:
        RuntimeError: Where training fails.
    """
    paths = train_missing(ARCHITECTURES, sst, vectors, out, log)
    return [make_subject(name, "sst", cdjax.model.load(path)) for name, path in paths.items()]


def yelp_subject(given: Path | None) -> Subject:
    """Return the model of Yelp reviews that is explained, the bundled one when None."""
    return make_subject("yelp", "yelp", cdjax.model.load(given or "yelp"), main=True)


def train_missing(
    runs: Mapping[str, Sequence[str]],
    sst: Path,
    vectors: Sequence[Path],
    out: Path,
    log: Callable[[str], None],
    meanwhile: Callable[[], None] = lambda: None,
) -> dict[str, Path]:
    """Train the models that are missing, one process a core, and return the folders of all.

    Args:
        runs: Further options of `cdjax train`, by the model's name.
        sst: The folder of trees.
        vectors: Word vectors to train with.
        out: Folder of the trained models.
        log: Called with each line of progress.
        meanwhile: Called once, where any is missing, as soon as a core is free of trainings.

    Raises:
        RuntimeError: Where training fails.
    """
    paths = {name: out / name for name in runs}
    missing = [name for name, path in paths.items() if not (path / MODEL_FILE).is_file()]
    out.mkdir(parents=True, exist_ok=True)

    def train(name: str) -> None:
        state, log_path = out / f"{name}.state", out / f"{name}.log"
        command = [sys.executable, "-m", "cdjax", "train", "--data", str(sst), "--vectors"]
        command += [*map(str, vectors), *runs[name], "--out", str(paths[name])]
        command += ["--checkpoint", str(state), *(["--resume"] if state.exists() else [])]
        command += ["--patience", str(PATIENCE)]
        log(f"training {name}; progress in {log_path}")
        with log_path.open("a", encoding="utf-8") as file:
            environment = os.environ | (ONE_THREAD if workers > 1 else {})
            done = subprocess.run(command, stdout=file, stderr=file, env=environment, check=False)
        if done.returncode:
            last = log_path.read_text(encoding="utf-8").strip().rpartition("\n")[2]
            raise RuntimeError(f"training {name} failed: {last} (full output: {log_path})")
        state.unlink(missing_ok=True)
        log(f"trained {name}")

    workers = max(1, min(len(missing), os.cpu_count() or 1))
    with ThreadPoolExecutor(workers) as pool:
        tasks = [functools.partial(train, name) for name in missing]
        list(pool.map(operator.call, [*tasks, meanwhile] if tasks else []))
    return paths
