"""Beyond the paper: scores of phrases against what the network itself does without their words.

The network's own answer is a game: its value is the log odds of the words that are there, the
others removed from the text. A phrase is one player among the other words.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cdjax.model import find_vocabulary
from cdjax.scoring.batch import predict
from cdjax.text.trees import NEUTRAL
from jaxtyping import Bool, Float, Int

from benchmarks.paper import deletion
from benchmarks.paper.phrase_labels import DISTANCES
from benchmarks.paper.setting import (
    PACKAGE,
    SCORING,
    Scorer,
    Setting,
    Subject,
    digest_code,
    once_a_split,
)
from benchmarks.paper.statistics import RESAMPLES, correlations, mean, spearman

REVIEWS, QUICK_REVIEWS = 200, 40
DRAWS = 4  # of a coalition, each with its complement
TOGETHER = 20_000  # texts that the network reads at a time

Value = Callable[[Bool[np.ndarray, "m t"]], Float[np.ndarray, "m"]]
"""The value of coalitions: which words are there."""
Spans = Int[np.ndarray, "s 2"]


class Game(NamedTuple):
    """What phrases are to the network: an entry for every node of the reviews but the root."""

    review: Int[np.ndarray, "n"]
    after: Int[np.ndarray, "n"]  # words from the phrase to the end
    shapley: Float[np.ndarray, "n"]  # sampled
    left_out: Float[np.ndarray, "n"]  # log odds less those without the phrase


def measure(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Return the agreement of scores with the game, and the areas under deletion and insertion."""
    trees, reviews, _ = choose_reviews(setting, split)
    game = play(setting, subject, split)
    scores = np.concatenate(score_nodes(setting, subject, scorer, split, trees))
    statistics: dict[str, Any] = {}
    for name, values in (("shapley", game.shapley), ("left_out", game.left_out)):
        ranked = correlations(scores, values, game.review, resamples, ("spearman",))
        statistics[name] = ranked["spearman"]
    for task, areas in deletion.measure(setting, subject, scorer, reviews).items():
        statistics[task] = mean(areas, resamples=resamples)
    statistics["distance"] = {}
    for within, (low, high) in DISTANCES.items():
        kept = (low <= game.after) & (game.after <= high)
        if len(set(scores[kept])) > 1 and kept.sum() > 2:
            statistics["distance"][within] = {
                "phrases": int(kept.sum()),
                "shapley": spearman(scores[kept], game.shapley[kept]),
                "left_out": spearman(scores[kept], game.left_out[kept]),
            }
    return statistics


@once_a_split
def choose_reviews(setting: Setting, split: str) -> tuple[list[int], list[list[str]], list[Spans]]:
    """Return the trees of the reviews, their tokens, and their nodes but the root, spans `[S, 2]`.

    Trees are given by their indices.
    """
    trees = setting.trees(split)
    usable = [n for n, tree in enumerate(trees) if tree.label != NEUTRAL and len(tree.nodes) > 1]
    count = QUICK_REVIEWS if setting.quick else REVIEWS
    chosen = [usable[m] for m in sorted(np.random.default_rng(0).permutation(len(usable))[:count])]
    spans = [np.array([(node.start, node.stop) for node in trees[n].nodes[1:]]) for n in chosen]
    return chosen, [list(trees[n].tokens) for n in chosen], spans


def score_nodes(
    setting: Setting, subject: Subject, scorer: Scorer, split: str, trees: Sequence[int]
) -> list[Float[np.ndarray, "s"]]:
    """Return the scores of the nodes but the root of trees, given by their indices."""
    nodes = setting.nodes(subject, scorer, split)
    return [nodes[n][1:] for n in trees]


def play(setting: Setting, subject: Subject, split: str) -> Game:
    """Return the game of a model, from its file where it was played before."""
    _, reviews, spans = choose_reviews(setting, split)
    ids = [find_vocabulary(subject.model).encode(tokens) for tokens in reviews]
    code = digest_code(*(PACKAGE / room for room in SCORING)), Path(__file__).read_bytes()
    digest = hashlib.sha256(repr((subject.digest, code, DRAWS)).encode())
    for review, pairs in zip(ids, spans, strict=True):
        digest.update(review.tobytes() + pairs.tobytes())
    path = setting.out / "games" / f"{digest.hexdigest()[:24]}.npz"
    if not path.is_file():
        setting.log(f"  Shapley values of {sum(map(len, spans)):,} phrases, {subject.name}")
        rng = np.random.default_rng(0)
        columns = []
        for n, (review, pairs) in enumerate(zip(ids, spans, strict=True)):
            value = _network_value(subject, review)
            shapley, left_out = value_phrases(value, len(review), pairs, rng)
            columns.append((np.full(len(pairs), n), len(review) - pairs[:, 1], shapley, left_out))
        game = Game(*(np.concatenate(column) for column in zip(*columns, strict=True)))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, **game._asdict())
        part.replace(path)
    with np.load(path) as arrays:
        return Game(**arrays)


def value_phrases(
    value: Value, length: int, spans: Spans, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[Float[np.ndarray, "s"], Float[np.ndarray, "s"]]:
    """Return what each phrase, as one player among the other words, is worth in a game.

    A coalition of the other words that each join with a probability drawn from (0, 1) is one that
    a random order has before the phrase. Its complement is drawn by one less the probability.

    Args:
        value: The game.
        length: Number of words.
        spans: The phrases.
        rng: Draws the coalitions.
        draws: Pairs of a coalition and its complement, for each phrase.

    Returns:
        The estimated Shapley values, and the value of all words less that without the phrase.
    """
    steps, count = np.arange(length), len(spans)
    phrase = (spans[:, :1] <= steps) & (steps < spans[:, 1:])  # [S, T]
    joins = rng.random((count, draws, length)) < rng.random((count, draws, 1))
    coalitions = np.stack([joins, ~joins], axis=2).reshape(count, 2 * draws, length)
    without = coalitions & ~phrase[:, None]
    masks = [without, without | phrase[:, None], ~phrase[:, None]]
    whole = np.ones((1, length), bool)
    values = value(np.concatenate([*(m.reshape(-1, length) for m in masks), whole]))
    ends = np.cumsum([count * 2 * draws, count * 2 * draws, count])
    before, after, left_out, whole = np.split(values, ends)
    return (after - before).reshape(count, -1).mean(axis=1), whole - left_out


def _network_value(subject: Subject, ids: Int[np.ndarray, "t"]) -> Value:
    def value(masks: Bool[np.ndarray, "m t"]) -> Float[np.ndarray, "m"]:
        distinct, index = np.unique(masks, axis=0, return_inverse=True)
        logits = _read(subject, [ids[mask] for mask in distinct])
        return (logits[:, 1] - logits[:, 0])[index.reshape(-1)]

    return value


def _read(subject: Subject, texts: Sequence[np.ndarray]) -> Float[np.ndarray, "m 2"]:
    parts = [
        predict(subject.model.classifier, texts[n : n + TOGETHER])
        for n in range(0, len(texts), TOGETHER)
    ]
    return np.concatenate(parts).astype(np.float64)
