"""Where the scores of a corpus come from: what identifies a run, and what its manifest says."""

import datetime
import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import jax
import numpy as np

from cdjax.core.rules import Rule
from cdjax.corpus.errors import CorpusError
from cdjax.corpus.folder import FORMAT, VERSION
from cdjax.corpus.parts import Highlight, PartMaker, merge_highlights
from cdjax.corpus.scorer import Outputs
from cdjax.corpus.spool import Spooled
from cdjax.model import Model, find_vocabulary
from cdjax.scoring.verify import BOUND

PACKAGES = ("cdjax", "jax", "jaxlib", "numpy", "pyarrow")


def identify_model(model: Model) -> str:
    """Return the hash of all that scores depend on: weights, structure, words, labels."""
    digest = hashlib.sha256()
    leaves, structure = jax.tree.flatten(model.classifier)
    vocabulary = model.vocabulary
    words = () if vocabulary is None else (*vocabulary.words, vocabulary.lowercase)
    digest.update(repr((structure, words, vocabulary, model.labels, model.output)).encode())
    for leaf in leaves:
        array = np.asarray(leaf)
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def identify_run(maker: PartMaker, spooled: Spooled, verify: int) -> dict[str, Any]:
    """Return all that the parts of a run depend on: only an equal run continues it."""
    scorer = maker.scorer
    return {
        "model": identify_model(scorer.model),
        "rule": describe_rule(scorer.rule),
        "max_len": scorer.max_len,
        "max_words": scorer.max_words,
        "most_steps": scorer.most_steps,
        "top": scorer.top,
        "keep": list(maker.keep),
        "texts": maker.texts,
        "verify": verify,
        "seed": maker.seed,
        "versions": {
            name: version(name) for name in ("cdjax", "jax", "jaxlib", "numpy", "pyarrow")
        },
        "input": spooled._asdict(),
    }


def check_equal(stored: Mapping[str, Any], current: Mapping[str, Any], out: str) -> None:
    """Raise where a run is not the one that is to be continued.

    Raises:
        CorpusError: Where something differs; says what.
    """
    for name in [*current, *(stored.keys() - current.keys())]:
        before, now = stored.get(name), current.get(name)
        if before == now:
            continue
        if isinstance(before, dict) and isinstance(now, dict):
            differing = next(
                key for key in sorted({*before, *now}) if before.get(key) != now.get(key)
            )
            name, before, now = f"{name}: {differing}", before.get(differing), now.get(differing)
        raise CorpusError(
            f"{out} holds a run that differs from this one in {name}: it has {before}, this one "
            f"{now}. Continue it as it was begun, or begin anew with overwrite=True."
        )


def describe_rule(rule: Rule) -> dict[str, Any]:
    """Return a rule in words."""
    return {
        "name": rule.name,
        "input_is_a_term": rule.input_is_a_term,
        "bias_product": rule.bias_product.value,
        "context_inside": rule.context_inside,
        "context_outside": rule.context_outside,
        "gate_share": rule.gate_share,
        "gates_are_split": rule.gates_are_split,
    }


def merge_counts(parts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the sums of the counts of parts."""
    totals = {"documents": 0, "rejected": 0}
    for part in parts:
        for name, count in part["counts"].items():
            totals[name] = totals.get(name, 0) + count
        totals["rejected"] += len(part["rejected"])
    return totals


def make_manifest(
    run: Mapping[str, Any],
    model: Model,
    parts: Sequence[Mapping[str, Any]],
    about: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return the manifest of a finished corpus."""
    outputs = Outputs.of(model)
    verified = {
        "spans": sum(part["verify"]["spans"] for part in parts),
        "seed": run["seed"],
        "largest_difference": max((p["verify"]["largest_difference"] for p in parts), default=0.0),
        "bound": BOUND,
    }
    return {
        "format": FORMAT,
        "version": VERSION,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **about,
        "labels": model.labels,
        "output": outputs.output,
        "score": " - ".join(reversed(outputs.labels)) if outputs.two else None,
        "lowercase": find_vocabulary(model).lowercase,
        "provenance": model.provenance,
        "counts": merge_counts(parts),
        "seconds": dict(seconds),
        "run": dict(run),
        "verify": verified if run["verify"] else None,
        "device": {"kind": jax.devices()[0].device_kind, "count": jax.device_count()},
        "python": platform.python_version(),
        "parts": [
            {name: part["counts"][name] for name in ("documents", "spans")}
            | {"rejected": len(part["rejected"]), "bytes": part["bytes"]}
            for part in parts
        ],
    }


def collect_highlights(
    parts: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> dict[str, list[Highlight]]:
    """Return for each label the strongest phrases of a corpus."""
    return {
        label: merge_highlights(
            [Highlight(*h) for part in parts for h in part["highlights"][label]]
        )
        for label in labels
    }
