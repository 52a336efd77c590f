"""Run experiments and write their results, unless a result of the same inputs is there."""

import hashlib
import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import scipy
import sklearn
from cdjax.methods.registry import make_methods

from benchmarks.paper.experiment import Experiment
from benchmarks.paper.registry import EXPERIMENTS
from benchmarks.paper.report import title_of, write_section
from benchmarks.paper.results import FORMAT, Record, write_json
from benchmarks.paper.setting import PACKAGE, STUDY, Setting, digest_code
from benchmarks.paper.workers import work


def run_experiments(names: Sequence[str], setting: Setting, overwrite: bool = False) -> None:
    """Run experiments, one a core, then those that use all cores; a single one does, too.

    Args:
        names: Of the experiments.
        setting: What to run them on.
        overwrite: As for `run_experiment`.
    """
    alone = [name for name in names if EXPERIMENTS[name].starts_processes or len(names) == 1]
    together = [(name, overwrite) for name in names if name not in alone]
    together.sort(key=lambda item: not EXPERIMENTS[item[0]].takes_long)
    for _ in work(_run_named, setting, together):
        pass
    for name in alone:
        run_experiment(EXPERIMENTS[name], setting, overwrite)


def _run_named(setting: Setting, item: tuple[str, bool]) -> None:
    name, overwrite = item
    run_experiment(EXPERIMENTS[name], setting, overwrite)


def run_experiment(experiment: Experiment, setting: Setting, overwrite: bool = False) -> Path:
    """Run an experiment and write `NAME.json`, `NAME.md` and its figures.

    Args:
        experiment: What to run.
        setting: What to run it on.
        overwrite: Whether to run it although its result is there, made with the same models, data,
            rules, methods, protocol and code. Scores that were stored are used in any case.

    Returns:
        The JSON file.
    """
    name = experiment.name
    path = setting.out / f"{name}.json"
    key = _key(experiment, setting)
    if not overwrite and path.is_file() and json.loads(path.read_bytes()).get("key") == key:
        setting.log(f"{name}: done before")
        return path
    description = {"title": experiment.title, "section": experiment.section}
    setting.log(f"{name}: {title_of(description)}")
    setting.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    result = experiment.run(setting)
    figures = experiment.draw(setting, result)
    document = {
        "format": FORMAT,
        "name": name,
        **description,
        "command": setting.command,
        "key": key,
        **_describe(experiment, setting),
        "protocol": experiment.protocol,
        **result,
        "paper": experiment.published,
        "figures": figures,
        "seconds": time.perf_counter() - started,
        "versions": {
            "python": platform.python_version(),
            "jax": jax.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }
    write_json(path, document)
    write_section(path)
    setting.log(f"{name}: written in {document['seconds']:.0f} s")
    return path


def _key(experiment: Experiment, setting: Setting) -> str:
    """Return a digest of everything that the result depends on."""
    data = [setting.digests(name) for name in experiment.data]
    models = [[s.name, s.data, s.digest, s.main] for s in setting.subjects]
    models = [m for m in models if m[1] in (*experiment.data, *experiment.also)]
    rules = [rule.name for rule in setting.rules]
    code = digest_code(PACKAGE, STUDY)
    parts = [FORMAT, code, experiment.name, data, models, rules, setting.methods, setting.quick]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _describe(experiment: Experiment, setting: Setting) -> dict[str, Any]:
    """Return the models, rules and methods of the experiment."""
    models: list[Record] = []
    for data in (*experiment.data, *experiment.also):
        for subject in setting.of(data):
            provenance = subject.model.provenance
            accuracy = provenance.get("accuracy", {})
            models.append(
                {
                    "name": subject.name,
                    "data": subject.data,
                    "seed": provenance.get("options", {}).get("seed"),
                    "digest": subject.digest,
                    "dev_accuracy": accuracy.get("dev", {}).get("accuracy"),
                    "test_accuracy": accuracy.get("test", {}).get("accuracy"),
                    "main": subject.main,
                }
            )
    methods = make_methods()
    return {
        "models": models,
        "seeds": [model["seed"] for model in models if model["seed"] is not None],
        "rules": [rule.name for rule in setting.rules],
        "methods": [
            {"name": m, "title": methods[m].title, "units": methods[m].units}
            for m in setting.methods
        ],
    }
