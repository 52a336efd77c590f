"""The measure f of the study of rules: how near scores come to planted truth."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cdjax.core.rules import Rule

from benchmarks.paper.measures import PLANTED
from benchmarks.paper.planted.measure import measure as measure_planted
from benchmarks.paper.planted.networks import NETWORKS, TEXTS, load_planted
from benchmarks.paper.planted.truth import TRUTHS
from benchmarks.paper.results import Record, fields, write_json
from benchmarks.paper.setting import PACKAGE, SCORING, STUDY, Setting, digest_code
from benchmarks.paper.statistics import Estimate, average
from benchmarks.paper.workers import work

QUICK_NETWORKS, QUICK_TEXTS = 2, 16_000


def measure(setting: Setting, rules: Sequence[Rule], methods: Sequence[str]) -> list[Record]:
    """Return the agreement of rules and methods with planted truth, a record each.

    It is the mean over networks, which are in the field `networks`, and over both readings of the
    right score. Trains the networks where `out` has none.

    Args:
        setting: Where results are kept.
        rules: Rules of contextual decomposition.
        methods: Other methods.
    """
    names = list(NETWORKS)[: QUICK_NETWORKS if setting.quick else None]
    setting.log(f"  {PLANTED}: {len(names)} networks")
    items = [(name, rules, methods) for name in names]
    return average_networks([row for rows in work(_measure, setting, items) for row in rows])


def _measure(setting: Setting, item: tuple[str, Sequence[Rule], Sequence[str]]) -> list[Record]:
    """Return the records of one network, from their file where they were computed before."""
    name, rules, methods = item
    folder, texts = setting.out / "planted", TEXTS
    if setting.quick:
        folder, texts = setting.out / "planted-quick", QUICK_TEXTS
    code = digest_code(*(PACKAGE / room for room in SCORING), STUDY / "planted")
    inputs = code, name, [rule[1:] for rule in rules], methods, texts
    digest = hashlib.sha256(repr(inputs).encode())
    path = setting.out / "measures" / f"{PLANTED}-{digest.hexdigest()[:24]}.json"
    if not path.is_file():
        model = load_planted(name, folder, setting.log, texts=texts)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"rows": measure_planted({name: model}, rules, methods)})
    return json.loads(path.read_text(encoding="utf-8"))["rows"]


def average_networks(rows: Sequence[Mapping[str, Any]]) -> list[Record]:
    """Return the mean agreement of each method over readings and networks, with its interval.

    Resamples are of the texts of every network, which are as many; the interval says nothing of
    other networks.
    """
    by_method: dict[tuple, dict[str, list[Estimate]]] = {}
    for row in rows:
        if row["after"] == "all" and row["truth"] in TRUTHS:
            networks = by_method.setdefault((row["method"], row["rule"]), {})
            resampled = [np.nan if r is None else r for r in row["resampled"]]
            of_row = Estimate(row["pearson"], row["pearson_low"], row["pearson_high"], resampled)
            networks.setdefault(row["model"], []).append(of_row)
    records = []
    for (method, rule), networks in by_method.items():
        means = {name: average(of_readings) for name, of_readings in networks.items()}
        records.append(
            {
                "measure": PLANTED,
                "part": None,
                "model": PLANTED,
                "method": method,
                "rule": rule,
                "primary": False,
                "in_mean": True,
                **fields({"agreement": average(list(means.values()))}),
                "networks": {name: mean.value for name, mean in means.items()},
            }
        )
    return records
