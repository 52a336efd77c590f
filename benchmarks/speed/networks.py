"""Networks other than one LSTM layer: all spans of a corpus, beside the products alone and `vmap`.

The products that a network cannot do without are counted in those of one LSTM layer, `3 H^2` a
span-step (`floor.py`), and timed in the same run.
"""

from collections.abc import Callable
from typing import Any

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
from cdjax import Classifier, Rule
from cdjax.core.decomposition import split_logits
from cdjax.spans import enumerate_spans, span_mask

from benchmarks.speed.corpus import Sampled, check_peer
from benchmarks.speed.extrapolation import draw, extrapolate
from benchmarks.speed.floor import make_floor
from benchmarks.speed.measure import check, draw_checks, interleave, medians
from benchmarks.speed.peers import Peer, by_review
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import count_corpus_steps, random_classifier, random_reviews

RULES = cdjax.PAPER, cdjax.ACD
ROUNDS = 3
DRAWN = 12  # reviews that the plain form is timed on


def make_networks(setup: Setup) -> dict[str, tuple[Classifier, int]]:
    """Return networks by name, each with its products in those of one LSTM layer."""
    one = random_classifier(setup.hidden, setup.width, setup.words)
    (lstm,) = one.layers
    (second,) = random_classifier(setup.hidden, setup.hidden, 2, seed=5).layers
    (backward,) = random_classifier(setup.hidden, setup.width, 2, seed=6).layers
    gru = cdjax.GRUParams(lstm.W[:3], lstm.V[:3], lstm.b[:3], lstm.b[3])
    wide = np.concatenate([one.readout, one.readout[::-1]], axis=1)
    both = one._replace(layers=(cdjax.Bidirectional(lstm, backward),), readout=wide, pool="ends")
    networks = {
        "LSTM": (one, 1),
        "GRU": (one._replace(layers=(gru,)), 1),
        "GRU, reset before": (
            one._replace(layers=(gru._replace(c=None, reset_after=False),)),
            1,
        ),
        "two LSTM layers": (one._replace(layers=(lstm, second)), 3),
        "LSTM, both directions": (both, 2),
        "LSTM, mean of the outputs": (one._replace(pool="mean"), 1),
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
    """Measure."""
    reviews = random_reviews(setup.lengths, setup.words)
    steps = count_corpus_steps(setup.lengths)
    floor = make_floor(setup.hidden, steps)
    rounds = min(ROUNDS, setup.rounds)
    rows, differences, raw = [], {}, {}
    for kind, (network, products) in make_networks(setup).items():
        for rule in RULES[: 1 if setup.quick else None]:
            name = f"{kind}, {rule.name}"

            def score(network=network, rule=rule):
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
                    "rule": rule.name,
                    "seconds": seconds,
                    "products": products,
                    "times_the_products": seconds / alone,
                    "vmap": estimate._asdict(),
                    "times_as_fast_as_vmap": estimate.seconds / seconds,
                }
            )
    return {
        "sizes": {"reviews": len(reviews), "span_steps": steps, "hidden": setup.hidden},
        "largest_difference": differences,
        "rows": rows,
        "raw_seconds": raw,
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    sizes = result["sizes"]
    hidden = sizes["hidden"]
    rows = [
        (
            row["network"],
            row["rule"],
            figure(row["seconds"]),
            f"{3 * row['products']} H^2",
            f"{figure(row['times_the_products'])} x",
            f"{figure(row['times_as_fast_as_vmap'])} x",
        )
        for row in result["rows"]
    ]
    head = ("", "rule", "s", "products a span-step", "of the products", "as fast as vmap")
    text = f"{sizes['reviews']:,} reviews, {sizes['span_steps']:,} span-steps, H = {hidden}."
    return f"{text}\n\n{table(head, rows)}"
