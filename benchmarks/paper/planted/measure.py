"""How near rules and methods come to the right scores of phrases."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from cdjax.core.rules import Rule
from cdjax.methods.registry import make_methods
from cdjax.model import Model
from cdjax.spans import enumerate_spans
from jaxtyping import Float, Int

from benchmarks.paper.planted.languages import LONGEST, Language
from benchmarks.paper.planted.networks import language_of, masked_values
from benchmarks.paper.planted.truth import TRUTHS, cuts, interactions, right_scores
from benchmarks.paper.results import Record, fields
from benchmarks.paper.statistics import Estimate, make_estimate

TEXTS, SHORTEST, SEED = 200, 6, 2
RESAMPLES = 200
AFTER = {"all": (0, LONGEST), "0": (0, 0), "1-2": (1, 2), "3+": (3, LONGEST)}
"""Ranges of the number of words after a phrase."""
INTERACTION = "interaction"
NETWORK = "network"
"""Stands for a method: the network itself, played as the language is. It would agree entirely if it
had learned the language entirely; nothing else bounds a method."""
ROUNDING = 1e-5
"""Scores and interactions below this share of the largest score are rounding."""

Scores = list[Float[np.ndarray, "_"]]
"""The scores of all phrases of each text."""


def measure(
    models: Mapping[str, Model], rules: Sequence[Rule], methods: Sequence[str], count: int = TEXTS
) -> list[Record]:
    """Return the agreement of scores with the right ones, a record for each reading of "right".

    Args:
        models: Networks trained on the languages, by name (`networks.load_planted`).
        rules: Rules of contextual decomposition.
        methods: Names of other methods. `cell` and `cell_gamma` are for LSTMs, and left out of
            other networks.
        count: Number of texts of each language.

    Returns:
        Records with the fields `model`, `language`, `cell`, `method`, `rule` (None but for "cd"),
        `truth` ("alone", "shapley" or "interaction"), `after` (a key of `AFTER`), `phrases`,
        `pearson` with `pearson_low` and `pearson_high`, `resampled` (its value in each resample),
        and `error`, None where the scores are not in logits. The method "network" is the network
        itself, see `NETWORK`.
    """
    rows: list[Record] = []
    for name, model in models.items():
        language = language_of(model)
        texts = draw_texts(language, count)
        right = _transpose([right_scores(language.values, text) for text in texts])
        cell = model.provenance["options"]["cell"]
        about = {"model": name, "language": language.name, "cell": cell}
        for key, in_logits, scores in _score(model, cell, texts, rules, methods):
            rows += [{**about, **key, **row} for row in compare(texts, right, scores, in_logits)]
    return rows


def draw_texts(language: Language, count: int = TEXTS) -> list[Int[np.ndarray, "_"]]:
    """Return the texts whose phrases are scored, of `SHORTEST` to `LONGEST` words."""
    rng = np.random.default_rng(SEED)
    lengths = rng.integers(SHORTEST, LONGEST + 1, count)
    return [language.draw(1, int(length), rng)[0].astype(np.int32) for length in lengths]


def compare(
    texts: Sequence[Int[np.ndarray, "_"]],
    right: Mapping[str, Scores],
    scores: Mapping[str, Scores],
    in_logits: bool = True,
) -> list[Record]:
    """Return the agreement of scores with the right ones.

    Args:
        texts: The texts.
        right: The right scores of all phrases of each text, by the reading of "right".
        scores: The scores that are held against each of these.
        in_logits: Whether these scores are in logits.

    Returns:
        Records with the fields `truth`, `after`, `phrases`, `pearson` and its interval,
        `resampled` and `error`; none of phrases whose right scores are all the same.
    """
    lengths = [len(text) for text in texts]
    stops = [enumerate_spans(length)[:, 1] for length in lengths]
    after = [length - stop for length, stop in zip(lengths, stops, strict=True)]
    after_cuts = [of[cuts(length)[:, 0]] for of, length in zip(after, lengths, strict=True)]
    rows = []
    for truth in (*TRUTHS, INTERACTION):
        given, wanted = (of["alone" if truth == INTERACTION else truth] for of in (scores, right))
        least = ROUNDING * max(float(np.abs(of_text).max()) for of_text in given)
        if truth == INTERACTION:
            given, wanted = (
                [interactions(of_text, n) for of_text, n in zip(of, lengths, strict=True)]
                for of in (given, wanted)
            )
        text = np.repeat(np.arange(len(texts)), [len(of_text) for of_text in wanted])
        behind = np.concatenate(after_cuts if truth == INTERACTION else after)
        x, y = np.concatenate(given), np.concatenate(wanted)
        x = np.where(np.abs(x) < least, 0, x)
        for name, (low, high) in AFTER.items():
            kept = (low <= behind) & (behind <= high)
            if not kept.any() or np.ptp(y[kept]) == 0:
                continue
            error = float(np.sqrt(np.mean((x - y)[kept] ** 2) / np.mean(y[kept] ** 2)))
            estimate = pearson_by_text(x[kept], y[kept], text[kept])
            rows.append(
                {
                    "truth": truth,
                    "after": name,
                    "phrases": int(kept.sum()),
                    **fields({"pearson": estimate}),
                    "resampled": [None if np.isnan(r) else r for r in estimate.resampled],
                    "error": error if in_logits else None,
                }
            )
    return rows


def pearson_by_text(
    x: Float[np.ndarray, "n"],
    y: Float[np.ndarray, "n"],
    text: Int[np.ndarray, "n"],
    resamples: int = RESAMPLES,
) -> Estimate:
    """Return Pearson's correlation with its interval by bootstrap over texts.

    It is 0 where `x` is constant; `y` must not be.
    """
    if np.ptp(x) == 0:
        return make_estimate(0.0, np.zeros(resamples))
    x, y, text = x - x.mean(), y - y.mean(), np.unique(text, return_inverse=True)[1]
    products = (np.ones_like(x), x, y, x * x, y * y, x * y)
    # A correlation is a function of six sums, which are added up text by text once.
    sums = np.stack([np.bincount(text, product) for product in products], axis=1)
    count = len(sums)
    drawn = np.random.default_rng(0).integers(count, size=(resamples, count))
    weights = np.stack([np.ones(count), *(np.bincount(of, minlength=count) for of in drawn)])
    n, sx, sy, sxx, syy, sxy = (weights @ sums).T
    covariance, spread = sxy - sx * sy / n, (sxx - sx**2 / n) * (syy - sy**2 / n)
    defined = spread > 1e-12 * spread[0]  # a resample of few phrases may hold one value alone
    with np.errstate(invalid="ignore", divide="ignore"):
        value, *resampled = np.where(defined, covariance / np.sqrt(spread), np.nan)
    return make_estimate(float(value), np.array(resampled))


def _score(
    model: Model,
    cell: str,
    texts: list[np.ndarray],
    rules: Sequence[Rule],
    methods: Sequence[str],
) -> Iterator[tuple[Record, bool, Mapping[str, Scores]]]:
    """Yield what identifies a method, whether it scores in logits, and its scores."""
    values = masked_values(model, LONGEST)
    network = _transpose([right_scores(values, text) for text in texts])
    yield {"method": NETWORK, "rule": None}, True, network
    chosen = [(make_methods(rule)["cd"], rule.name) for rule in rules]
    others = make_methods(vocabulary=model.vocabulary)
    chosen += [(others[name], None) for name in methods if name != "cd"]
    for method, rule in chosen:
        if cell != "lstm" and method.name in ("cell", "cell_gamma"):
            continue
        results = method.score(model, texts)
        scores = [np.asarray(r.scores[:, 1] - r.scores[:, 0], np.float64) for r in results]
        key = {"method": method.name, "rule": rule}
        yield key, method.units == "logits", dict.fromkeys(TRUTHS, scores)


def _transpose(of_texts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Scores]:
    return {truth: [of_text[truth] for of_text in of_texts] for truth in TRUTHS}
