"""All spans of a corpus: cdjax beside its peers and beside the product alone."""

import time
from typing import Any

import cdjax
import numpy as np
from cdjax.scoring.verify import Check

from benchmarks.speed.extrapolation import draw, extrapolate
from benchmarks.speed.floor import flops, make_floor
from benchmarks.speed.measure import check, draw_checks, interleave, medians
from benchmarks.speed.peers import Peer, find_peers
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import count_corpus_steps, random_classifier, random_reviews

DRAWN = {"span": 250, "review": 30}  # parts of the corpus that a peer is timed on


class Sampled:
    """A peer's turns: each runs the next share of the parts that were drawn."""

    def __init__(self, peer: Peer, drawn: np.ndarray, rounds: int):
        self.score = peer.score
        self.shares = iter(np.array_split(drawn, rounds))
        self.seconds: list[float] = []

    def __call__(self):
        for part in next(self.shares).tolist():
            start = time.perf_counter()
            self.score(part)
            self.seconds.append(time.perf_counter() - start)


def check_peer(classifier, reviews, peer: Peer, parts: list[int], count: int) -> float:
    """Run parts once, which compiles them, and check a random span of each, at most `count`."""
    rng = np.random.default_rng(4)
    checks = []
    for part in parts:
        scores = np.asarray(peer.score(part))
        n, spans = peer.spans(part)
        row = int(rng.integers(len(spans)))
        start, stop = spans[row].tolist()
        checks.append(Check(reviews[n], start, stop, scores[row]))
    drawn = rng.permutation(len(checks))[:count]
    return check(classifier, [checks[n] for n in drawn], peer.rule, peer.name)


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    classifier = random_classifier(setup.hidden, setup.width, setup.words)
    reviews = random_reviews(setup.lengths, setup.words)
    steps = count_corpus_steps(setup.lengths)
    floor = make_floor(setup.hidden, steps)
    programs: dict[str, Any] = {"product alone": floor.run}
    differences = {}
    spans = 0
    for rule in (cdjax.ACD, cdjax.PAPER):
        name = f"cdjax {rule.name}"
        programs[name] = lambda rule=rule: cdjax.score_all_spans(classifier, reviews, rule)
        results = programs[name]()
        spans = sum(len(result.spans) for result in results)
        checks = draw_checks(reviews, results, setup.checks)
        differences[name] = check(classifier, checks, rule, name)
    peers, missing = find_peers(classifier, reviews)
    drawn = {}
    for n, peer in enumerate(peers):
        count = setup.rounds if setup.quick else DRAWN[peer.parts]
        drawn[peer.name] = draw(peer.sizes, count, seed=10 + n)
        parts = sorted(set(drawn[peer.name].tolist()))
        differences[peer.name] = check_peer(classifier, reviews, peer, parts, setup.checks)
        programs[peer.name] = Sampled(peer, drawn[peer.name], setup.rounds)
    raw = interleave(programs, setup.rounds)
    seconds = medians({name: raw[name] for name in programs if name not in drawn})
    seconds["product alone"] *= steps / floor.steps
    estimates = {}
    for peer in peers:
        raw[peer.name] = programs[peer.name].seconds
        sizes = peer.sizes[drawn[peer.name]]
        estimate = extrapolate(raw[peer.name], sizes, float(peer.sizes.sum()))
        seconds[peer.name] = estimate.seconds
        estimates[peer.name] = estimate._asdict() | {
            "of": len(peer.sizes),
            "part": peer.parts,
            "sizes": sizes.tolist(),
            "rule": peer.rule.name,
        }
    faster, products = {}, {}
    for rule in (cdjax.ACD, cdjax.PAPER):
        name = f"cdjax {rule.name}"
        # The peers that know one rule only are what users of the other have, too.
        others = [p for p in peers if p.rule == rule or not p.name.startswith("vmap")]
        faster[name] = {p.name: seconds[p.name] / seconds[name] for p in others}
        products[name] = seconds[name] / seconds["product alone"]
    return {
        "sizes": {
            "reviews": len(reviews),
            "words": sum(setup.lengths),
            "spans": spans,
            "span_steps": steps,
            "span_steps_of_product": floor.steps,
            "hidden": setup.hidden,
            "width": setup.width,
        },
        "largest_difference": differences,
        "seconds": seconds,
        "estimates": estimates,
        "missing": missing,
        "times_as_fast_as": faster,
        "products": products,
        "product_gflops": steps * flops(setup.hidden) / seconds["product alone"] / 1e9,
        "raw_seconds": raw,
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    sizes, ours = result["sizes"], result["times_as_fast_as"]
    rows = []
    for name, seconds in sorted(result["seconds"].items(), key=lambda item: item[1]):
        estimate = result["estimates"].get(name)
        how = "measured whole"
        if estimate:
            how = f"± {figure(estimate['standard_error'])}, from {estimate['drawn']} random "
            how += f"{estimate['part']}s of {estimate['of']:,}"
        against = [f"{figure(r[name])} x" if name in r else "" for r in ours.values()]
        product = seconds / result["seconds"]["product alone"]
        rows.append((name, figure(seconds), how, f"{figure(product)} x", *against))
    text = (
        f"All {sizes['spans']:,} spans of {sizes['reviews']:,} reviews, "
        f"{sizes['span_steps']:,} useful span-steps, H = {sizes['hidden']}, D = {sizes['width']}; "
        f"the product alone at {result['product_gflops']:.0f} GFLOP/s.\n\n"
    )
    text += table(("", "s", "how", "of the product", *(f"of {name}" for name in ours)), rows)
    return "\n".join([text, *(f"\nNot measured: {why}." for why in result["missing"])])
