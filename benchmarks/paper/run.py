"""All experiments by name: each runs, draws and is written, unless its results are there."""

import hashlib
import importlib
import json
import platform
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
import scipy
import sklearn
from cdjax.methods.registry import make_methods
from cdjax.training.provenance import digest_code

from benchmarks.paper.results import FORMAT, Record, write_json
from benchmarks.paper.setting import Setting

NEEDS = {
    "unigrams": ("sst", "yelp"),
    "dissent": ("yelp",),
    "compositionality": ("sst",),
    "negation": ("sst",),
    "neighbours": ("sst",),
    "deletion": ("sst",),
    "phrase_labels": ("sst",),
}
"""The experiments, in the order in which they run, and the data that they need (`unigrams`: one of
the two at least)."""


def run_experiment(name: str, setting: Setting, overwrite: bool = False) -> Path:
    """Run an experiment and write `NAME.json`, `NAME.md` and its figures.

    Args:
        name: One of `NEEDS`.
        setting: What to run it on.
        overwrite: Whether to do it again where its results are there, of the same models, data,
            rules, methods, protocol and code. (Scores that are there are used in any case.)

    Returns:
        The JSON file.
    """
    module = importlib.import_module(f"benchmarks.paper.{name}")
    path = setting.out / f"{name}.json"
    key = _key(name, module, setting)
    if not overwrite and path.is_file() and json.loads(path.read_bytes()).get("key") == key:
        setting.say(f"{name}: done before")
        return path
    setting.say(f"{name}: {module.TITLE} ({module.SECTION})")
    setting.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    found = module.run(setting)
    figures = module.draw(setting, found)
    document = {
        "format": FORMAT,
        "name": name,
        "title": module.TITLE,
        "section": module.SECTION,
        "command": setting.command,
        "key": key,
        **_describe(name, setting),
        "protocol": module.PROTOCOL,
        **found,
        "paper": module.PUBLISHED_FIGURES,
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
    text = f"# {module.TITLE} ({module.SECTION})\n\n{_prose(module)}\n{module.tables(found)}"
    path.with_suffix(".md").write_text(text, encoding="utf-8")
    write_json(path, document)
    setting.say(f"{name}: written in {document['seconds']:.0f} s")
    return path


def possible(setting: Setting, names: Iterable[str]) -> list[str]:
    """Return those experiments whose data are there.

    Raises:
        ValueError: Where there are none.
    """
    given = {data for data in ("sst", "yelp") if getattr(setting, data) is not None}
    kept = [
        name
        for name in names
        if given.issuperset(NEEDS[name]) or (name == "unigrams" and given.intersection(NEEDS[name]))
    ]
    if not kept:
        raise ValueError("no experiment can be run; give the data by --sst and --yelp.")
    return kept


def _key(name: str, module: ModuleType, setting: Setting) -> str:
    """Return a digest of all that the results depend on."""
    data = [setting.digests(need) for need in NEEDS[name]]
    used = [[s.name, s.data, s.digest, s.main] for s in setting.subjects if s.data in NEEDS[name]]
    rules = [rule.name for rule in setting.rules]
    parts = [FORMAT, digest_code("."), name, module.PROTOCOL, data, used, rules, setting.methods]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _describe(name: str, setting: Setting) -> dict[str, Any]:
    """Return what the experiment was run on."""
    models: list[Record] = []
    for data in NEEDS[name]:
        for subject in setting.of(data):
            said = subject.model.provenance
            accuracy = said.get("accuracy", {})
            models.append(
                {
                    "name": subject.name,
                    "data": subject.data,
                    "seed": said.get("options", {}).get("seed"),
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


def _prose(module: ModuleType) -> str:
    return "\n".join(f"- {heading}: {text}" for heading, text in module.PROTOCOL) + "\n"
