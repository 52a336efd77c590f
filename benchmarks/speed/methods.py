"""Every method of explanation, in passes through the model of the same reviews.

The bundled model and, where trees are there, its real words: a period and the unknown word stand in
for others.

The time of a method is given in units of the passes that its definition asks for: leaving phrases
out, and contextual decomposition, take a forward pass of the review for each phrase. A method that
shares work between phrases has a factor below 1. One pass more gives the reviews' logits.
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import cdjax
import jax
import numpy as np
from cdjax import Classifier, SpanScores
from cdjax.core.network import run as run_layers
from cdjax.methods import make_methods
from cdjax.model import find_vocabulary
from cdjax.scoring.verify import BOUND
from cdjax.text.trees import parse_tree

from benchmarks.speed import definitions
from benchmarks.speed.measure import (
    WrongAnswerError,
    check,
    draw_checks,
    interleave,
    medians,
)
from benchmarks.speed.report import figure, table
from benchmarks.speed.setup import Setup
from benchmarks.speed.work import random_reviews

SPANS = {"words": 1, "up to 5 words": 5}
WHOLE = (
    "cd",
    "loo",
    "occlusion",
    "alone",
)  # phrases have scores of their own, others the sum of words'
ROUNDS = 3
FACTOR = 2.0
"""How far above its passes' time every method is meant to stay."""
ROWS = 64  # reviews of a plain pass that go together


class Passes(NamedTuple):
    """Work in review-words: one time step of one review."""

    forward: float
    backward: float


def read_reviews(setup: Setup, vocabulary: cdjax.Vocabulary) -> list[np.ndarray]:
    """Return the reviews, in words where there are any."""
    if setup.trees is None:
        return random_reviews(setup.lengths, len(vocabulary))
    lines = setup.trees.read_text(encoding="utf-8").split("\n")
    trees = (parse_tree(line) for line in lines if line)
    return [
        vocabulary.encode(tree.tokens[:length])
        for tree, length in zip(trees, setup.lengths, strict=False)
    ]


def count_passes(
    name: str,
    lengths: Sequence[int],
    spans: Sequence[int],
    classes: int,
    ig_steps: int,
    orders: int,
) -> Passes:
    """Return what a method's definition asks for, and a forward pass for the logits.

    Args:
        name: The method.
        lengths: Words of each review.
        spans: Spans asked of each.
        classes: Of the model. Probabilities add up to 1, which saves one gradient.
        ig_steps: Nodes of integrated gradients. Two forward passes say what they miss.
        orders: Of Shapley values.
    """
    T, once = np.array(lengths), float(sum(lengths))
    forward, backward = {
        "cd": (float(np.dot(T, spans)), 0.0),
        "gradient": (once, (classes - 1) * once),
        "ig": ((ig_steps + 2) * once, ig_steps * (classes - 1) * once),
        "ig_zero": ((ig_steps + 2) * once, ig_steps * classes * once),
        "loo": (float(np.dot(T, spans)), 0.0),
        "cell": (once, 0.0),
        "cell_gamma": (once, 0.0),
        "occlusion": (float(np.dot(T, spans)), 0.0),
        "shapley": (orders * float(np.dot(T, T + 1)), 0.0),
        "alone": (float(np.dot(T, T + 1)) / 2, 0.0),  # one sequence from every word on
    }[name]
    return Passes(forward + once, backward)


def make_plain_passes(classifier: Classifier, reviews: list[np.ndarray]) -> dict[str, Any]:
    """Return a forward pass of all reviews, and one with the gradient by every word's vector.

    Both take the vectors as they lie on the device, reviews of about one length together.
    """
    network = jax.device_put((classifier.layers, classifier.readout, classifier.bias))
    order = np.argsort([len(review) for review in reviews], kind="stable")
    batches = []
    for first in range(0, len(order), ROWS):
        group = [reviews[n] for n in order[first : first + ROWS]]
        longest = -(-max(map(len, group)) // 4) * 4
        x = np.zeros((ROWS, longest, classifier.embedding.shape[1]), np.float32)
        last = np.zeros(ROWS, np.int32)
        for row, review in enumerate(group):
            x[row, : len(review)] = classifier.embedding[review]
            last[row] = len(review) - 1
        batches.append(jax.device_put((x, last)))

    def forward(network, x, last):
        layers, readout, bias = network
        return jax.vmap(lambda x, last: readout @ run_layers(layers, x)[last] + bias)(x, last)

    def first_logits(x, network, last):
        logits = forward(network, x, last)
        return logits[:, 0].sum(), logits

    ahead, both = jax.jit(forward), jax.jit(jax.grad(first_logits, has_aux=True))
    programs = {
        "forward": lambda: [ahead(network, x, last) for x, last in batches],
        "forward and backward": lambda: [both(x, network, last) for x, last in batches],
    }
    logits = np.concatenate(programs["forward"]())[: len(reviews)]
    difference = np.abs(logits - cdjax.predict(classifier, [reviews[n] for n in order])).max()
    with jax.enable_x64(True):
        exact = definitions.float64(classifier)
        longest = reviews[order[-1]]
        slope = definitions.jacobian(exact, exact.embedding[longest], "logits")[0]
    gradient = programs["forward and backward"]()[-1][0]
    row = (len(reviews) - 1) % ROWS
    difference = max(difference, np.abs(np.asarray(gradient)[row, : len(longest)] - slope).max())
    if not difference < 1e-4:
        raise WrongAnswerError(f"the plain passes are wrong by {difference:.2g}.")
    return programs


def check_method(
    name: str, classifier, reviews, results: list[SpanScores], definition, count: int
) -> float:
    """Return how far random spans are from the method's definition, as `measure.check` does."""
    checks = draw_checks(reviews, results, count)
    if name == "cd":
        return check(classifier, checks, cdjax.PAPER, name)
    worst = 0.0
    with jax.enable_x64(True):
        for ids, start, stop, score in checks:
            exact = definition(ids, start, stop)
            apart = np.abs(score - exact) / np.maximum(1, np.abs(exact))
            # Without a spread between words there is no standard deviation to divide by.
            apart = np.where(np.isnan(exact) & np.isnan(score), 0, apart)
            worst = max(worst, float(apart.max()))
            if not apart.max() <= BOUND:
                raise WrongAnswerError(
                    f"{name}: span [{start}, {stop}) of a review of {len(ids)} words scores "
                    f"{score.tolist()}; expected {exact.tolist()} to {BOUND:g}."
                )
    return worst


def run(setup: Setup) -> dict[str, Any]:
    """Measure."""
    model = cdjax.load()
    classifier, vocabulary = model.classifier, find_vocabulary(model)
    reviews = read_reviews(setup, vocabulary)
    if setup.quick:
        reviews = [review[:8] for review in reviews]  # of one padded length: few programs
    lengths, classes = [len(review) for review in reviews], len(classifier.bias)
    ig_steps, orders, seed = (4, 2, 0) if setup.quick else (64, 16, 0)
    methods = make_methods(
        cdjax.PAPER, vocabulary, ig_steps=ig_steps, shapley_orders=orders, seed=seed
    )
    (period,) = vocabulary.encode(["."]).tolist()
    defined = definitions.make_definitions(classifier, period, 0, ig_steps, orders, seed)
    programs = make_plain_passes(classifier, reviews)
    rows, differences = {}, {}
    with warnings.catch_warnings():
        # Few nodes may miss a part of the integral; they are held against as many nodes here.
        warnings.filterwarnings("ignore", "integrated gradients of .* miss")
        for name, method in methods.items():
            for what, limit in SPANS.items() if name in WHOLE else [("all", None)]:
                row = f"{name}, {what}" if name in WHOLE else name
                programs[row] = lambda score=method.score, limit=limit: score(
                    classifier, reviews, max_len=limit
                )
                results = programs[row]()
                differences[row] = check_method(
                    name, classifier, reviews, results, defined.get(name), setup.checks
                )
                spans = [len(result.spans) for result in results]
                passes = count_passes(name, lengths, spans, classes, ig_steps, orders)
                rows[row] = {"title": method.title, "spans": what, "count": sum(spans)}
                rows[row] |= {key: n / sum(lengths) for key, n in passes._asdict().items()}
        raw = interleave(programs, min(ROUNDS, setup.rounds))
    seconds = medians(raw)
    forward = seconds["forward"]
    backward = seconds["forward and backward"] - forward
    for name, row in rows.items():
        passes = row["forward"] * forward + row["backward"] * backward
        row |= {"seconds": seconds[name], "factor": seconds[name] / passes}
    return {
        "sizes": {"reviews": len(reviews), "words": sum(lengths), "classes": classes},
        "words": "random words" if setup.trees is None else "real words",
        "ig_steps": ig_steps,
        "orders": orders,
        "largest_difference": differences,
        "pass_seconds": {"forward": forward, "backward": backward},
        "rows": rows,
        "bound": FACTOR,
        "largest_factor": max(row["factor"] for row in rows.values()),
        "raw_seconds": raw,
    }


def show(result: dict[str, Any]) -> str:
    """Render."""
    sizes, took = result["sizes"], result["pass_seconds"]
    rows = [
        (
            row["title"],
            row["spans"],
            f"{row['count']:,}",
            figure(row["seconds"]),
            figure(row["forward"]),
            figure(row["backward"]),
            f"{figure(row['factor'])} x",
        )
        for row in result["rows"].values()
    ]
    head = ("", "spans", "", "s", "forward passes", "backward passes", "of their time")
    largest, bound = result["largest_factor"], result["bound"]
    return (
        f"All {sizes['reviews']:,} reviews, {sizes['words']:,} {result['words']}; a forward pass "
        f"of all of them takes {figure(1e3 * took['forward'])} ms, a backward pass "
        f"{figure(1e3 * took['backward'])} ms more. Integrated gradients with "
        f"{result['ig_steps']} nodes, Shapley values with {result['orders']} orders a review.\n\n"
        f"{table(head, rows)}\n\nThe largest factor is {figure(largest)}, "
        f"{'within' if largest <= bound else 'NOT within'} {figure(bound)}."
    )
