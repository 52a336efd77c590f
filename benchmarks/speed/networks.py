"""Networks other than one LSTM layer: all spans of a corpus, beside the products alone and `vmap`.

The products that a network cannot do without are counted in those of one LSTM layer, `3 H^2` a
span-step (`floor.py`), and timed in the same run. Where a layer reads another one of both
directions, every phrase has a part at every step: there a span-step is a span at each step of its
sequence, and a few sequences are scored.

All in a process in which JAX takes each core for a device: the engine scores a job on each, where
the threads of one device wait for each other at every operation.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
from cdjax import Classifier, Rule
from cdjax.core.decomposition import split_logits
from cdjax.spans import count_spans, enumerate_spans, span_mask

from benchmarks.speed.corpus import Sampled, check_peer
from benchmarks.speed.extrapolation import draw, extrapolate
from benchmarks.speed.floor import make_floor
from benchmarks.speed.measure import (
    answer,
    check,
    describe_machine,
    draw_checks,
    interleave,
    medians,
    run_worker,
)
from benchmarks.speed.peers import Peer, by_review
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import count_corpus_steps, random_classifier, random_reviews

RULES = cdjax.PAPER, cdjax.ACD
ROUNDS = 3
DRAWN = 12  # reviews that the plain form is timed on
MOST_DEVICES = 8  # they share the memory that jobs may take
FEW = 40  # reviews, where there is no fast form


class Network(NamedTuple):
    """What is measured."""

    classifier: Classifier
    products: int  # of a span-step, in those of one LSTM layer
    fast: bool = True  # whether it has a fast form


def make_networks(setup: Setup) -> dict[str, Network]:
    """Return networks by name."""
    one = random_classifier(setup.hidden, setup.width, setup.words)
    (lstm,) = one.layers
    (second,) = random_classifier(setup.hidden, setup.hidden, 2, seed=5).layers
    (backward,) = random_classifier(setup.hidden, setup.width, 2, seed=6).layers
    gru = cdjax.GRUParams(lstm.W[:3], lstm.V[:3], lstm.b[:3], lstm.b[3])
    wide = np.concatenate([one.readout, one.readout[::-1]], axis=1)
    both = one._replace(layers=(cdjax.Bidirectional(lstm, backward),), readout=wide, pool="ends")
    above = [random_classifier(setup.hidden, 2 * setup.hidden, 2, seed=n).layers[0] for n in (7, 8)]
    stack = both._replace(layers=(*both.layers, cdjax.Bidirectional(*above)))
    networks = {
        "LSTM": Network(one, 1),
        "GRU": Network(one._replace(layers=(gru,)), 1),
        "GRU, reset before": Network(
            one._replace(layers=(gru._replace(c=None, reset_after=False),)), 1
        ),
        "two LSTM layers": Network(one._replace(layers=(lstm, second)), 3),
        "LSTM, both directions": Network(both, 2),
        "LSTM, mean of the outputs": Network(one._replace(pool="mean"), 1),
        # A direction: 3 H^2 in the first layer; 3 H (2 H) and 3 H^2 in the second.
        "two layers, both directions": Network(stack, 8, fast=False),
    }
    return {"GRU": networks["GRU"]} if setup.quick else networks


def make_vmap(name: str, network: Classifier, reviews: list[np.ndarray], rule: Rule) -> Peer:
    """Return the definition, vmapped over all spans of a review and jitted."""
    sizes, spans = by_review(reviews)
    network = jax.device_put(network)

    @jax.jit
    def score_spans(network, ids, spans):
        x, steps = network.embedding[ids], jnp.arange(len(ids))

        def score(span):
            return split_logits(network, x, span_mask(span[0], span[1], steps), rule).beta

        return jax.vmap(score)(spans)

    def score(n):
        return np.asarray(score_spans(network, reviews[n], enumerate_spans(len(reviews[n]))))

    return Peer(f"vmap {name}", rule, "review", sizes, spans, score)


def run(setup: Setup) -> dict[str, Any]:
    """Measure, in a process of its own."""
    request = setup._asdict() | {"trees": None}
    devices = str(min(describe_machine()["cores"], MOST_DEVICES))
    return run_worker("networks", request, JAX_NUM_CPU_DEVICES=devices)


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Measure in this process."""
    setup = Setup(**request)
    every = random_reviews(setup.lengths, setup.words)
    floor = make_floor(setup.hidden, count_corpus_steps(setup.lengths))
    rounds = min(ROUNDS, setup.rounds)
    rows, differences, raw = [], {}, {}
    for kind, (network, products, fast) in make_networks(setup).items():
        reviews, steps = every, count_corpus_steps(setup.lengths)
        if not fast:
            reviews = every[:: max(1, len(every) // FEW)][:FEW]
            steps = sum(len(ids) * count_spans(len(ids)) for ids in reviews)
        for rule in RULES[: 1 if setup.quick else None]:
            name = f"{kind}, {rule.name}"

            def score(network=network, rule=rule, reviews=reviews):
                return cdjax.score_all_spans(network, reviews, rule)

            checks = draw_checks(reviews, score(), setup.checks)
            differences[name] = check(network, checks, rule, name)
            peer = make_vmap(name, network, reviews, rule)
            drawn = draw(peer.sizes, rounds if setup.quick else DRAWN, seed=len(rows))
            parts = sorted(set(drawn.tolist()))
            differences[peer.name] = check_peer(network, reviews, peer, parts, setup.checks)
            plain = Sampled(peer, drawn, rounds)
            programs: dict[str, Callable[[], Any]] = {
                f"products of {name}": floor.run,
                name: score,
                peer.name: plain,
            }
            raw |= interleave(programs, rounds) | {peer.name: plain.seconds}
            middle = medians({name: raw[name] for name in list(programs)[:2]})
            seconds = middle[name]
            alone = products * middle[f"products of {name}"] * steps / floor.steps
            estimate = extrapolate(plain.seconds, peer.sizes[drawn], float(peer.sizes.sum()))
            rows.append(
                {
                    "network": kind,
                    "reviews": len(reviews),
                    "span_steps": steps,
                    "rule": rule.name,
                    "seconds": seconds,
                    "products": products,
                    "times_the_products": seconds / alone,
                    "vmap": estimate._asdict(),
                    "times_as_fast_as_vmap": estimate.seconds / seconds,
                }
            )
    return {
        "hidden": setup.hidden,
        "devices": jax.local_device_count(),
        "largest_difference": differences,
        "rows": rows,
        "raw_seconds": raw,
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    rows = [
        (
            row["network"],
            row["rule"],
            f"{row['reviews']:,}",
            f"{row['span_steps']:,}",
            figure(row["seconds"]),
            f"{3 * row['products']} H^2",
            f"{figure(row['times_the_products'])} x",
            f"{figure(row['times_as_fast_as_vmap'])} x",
        )
        for row in result["rows"]
    ]
    head = ("", "rule", "reviews", "span-steps", "s", "products", "of their time", "as vmap")
    text = (
        f"H = {result['hidden']}, {result['devices']} devices; products a span-step; times as fast "
        "as the plain vmap."
    )
    return f"{text}\n\n{table(head, rows)}"


if __name__ == "__main__":
    answer(work)
