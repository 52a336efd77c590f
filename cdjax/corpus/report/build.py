"""A report of a job: what is shown, and what is left out, in words."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cdjax.corpus.report.limits import Limits
from cdjax.corpus.report.reviews import Chosen, choose_reviews
from cdjax.corpus.report.scores import Scale, Scores
from cdjax.corpus.report.selection import SPARE, Selection, select_phrases
from cdjax.corpus.report.shown import Shown, read_shown
from cdjax.corpus.report.statistics import Statistics, describe_phrases
from cdjax.corpus.report.truth import Truth, find_truth, name_answers
from cdjax.viz.page.report import Phrases, Report


def read_report(
    scores: Scores,
    limits: Limits,
    *,
    label_column: str | None = None,
    label_values: Mapping[str, str] | None = None,
) -> Report:
    """Read what a page shows of a job.

    Args:
        scores: The job, opened.
        limits: How much is shown.
        label_column: The kept column of the true labels, or values; when None, `label` if it can be
            that. Where labels do not exclude each other, and of several values, each has the kept
            column of its name.
        label_values: The model's label for values of that column that are called otherwise.

    Raises:
        CorpusError: Where there is no such column or it holds something else; where a file is not
            as a job writes it.
    """
    truth, note = find_truth(scores, label_column, label_values or {})
    scale = Scale.of(scores)
    chosen = choose_reviews(scores, truth, scale, limits.reviews)
    selection = select_phrases(scores, scale, limits.phrases, limits.min_count)
    every = describe_phrases(scores, scale, selection.keys)
    rows = np.flatnonzero(every.counts >= limits.min_count)
    rows = rows[np.argsort(-every.evidence[rows], kind="stable")]
    frequent = len(rows)
    rows = rows[: limits.phrases]
    phrases, keys = every.take(rows), np.sort(selection.keys[rows])
    shown = read_shown(scores, scale, chosen.documents, keys, phrases.words, truth)
    notes = [
        *_describe_phrases(scores, limits, scale, selection, phrases, frequent),
        *_describe_reviews(scores, chosen, shown, truth),
        *([note] if note else []),
    ]
    return Report(
        about=_describe(scores),
        numbers=_numbers(scores),
        clear=scale.edges.clear,
        strong=scale.edges.strong,
        decimals=scale.decimals,
        notes=notes,
        reviews=shown.reviews,
        phrases=_table(phrases, shown, scores.longest),
        answers=name_answers(scores),
        confusion=chosen.confusion,
        misses=None if chosen.misses is None else [miss._asdict() for miss in chosen.misses],
        true_columns=[] if truth is None else truth.names,
    )


def _table(phrases: Statistics, shown: Shown, longest: int) -> Phrases:
    number = {word: n for n, word in enumerate(shown.reviews.words)}
    words = np.full((len(phrases.words), longest), -1)
    for row, phrase in enumerate(phrases.words):
        words[row, : len(phrase)] = [number[word] for word in phrase]
    return Phrases(
        words=words,
        counts=phrases.counts,
        means=phrases.means,
        interactions=phrases.interactions,
        lows=phrases.lows,
        highs=phrases.highs,
        histograms=phrases.histograms,
        occurrences=shown.occurrences,
    )


def _describe(scores: Scores) -> dict[str, Any]:
    manifest = scores.manifest
    run, counts = manifest["run"], manifest["counts"]
    return {
        "documents": counts["documents"],
        "rejected": counts["rejected"],
        "words": counts["words"],
        "spans": counts["spans"],
        "model": manifest.get("model"),
        "rule": run["rule"]["name"],
        "created": manifest["created"],
        "labels": scores.labels,
        "output": manifest["output"],
        "longest": scores.longest,
    }


def _numbers(scores: Scores) -> list[dict[str, str]]:
    """Return for each number what it is called, and what it speaks for above and below 0."""
    labels = scores.labels
    if scores.two:
        below, above = labels
        return [{"name": above, "above": f"for {above}", "below": f"for {below}"}]
    if scores.values:
        return [{"name": n, "above": f"raises {n}", "below": f"lowers {n}"} for n in labels]
    return [{"name": n, "above": f"for {n}", "below": f"against {n}"} for n in labels]


def _describe_phrases(
    scores: Scores,
    limits: Limits,
    scale: Scale,
    selection: Selection,
    phrases: Statistics,
    frequent: int,
) -> list[str]:
    """Return which phrases are listed, and what else is to be known of their numbers."""
    run, count = scores.manifest["run"], len(phrases.words)
    times = "once" if limits.min_count == 1 else f"{limits.min_count} times"
    which = (
        f"phrases of up to {scores.longest} words that occur at least {times}, and at least once "
        f"with a clear score ({scale.edges.clear:g} or more, above or below 0)"
    )
    notes = [f"Listed are the {count:,} {which}."]
    if cut := frequent > count or len(selection.keys) == SPARE * limits.phrases:
        notes = [f"Listed are {count:,} of the {which}: those with most evidence, the sum of them."]
    least = float(phrases.evidence.min(initial=np.inf))
    if selection.bound > least or (not cut and selection.bound):
        notes.append(
            f"The corpus has too many phrases to count each: some of which the clear scores sum to "
            f"{selection.bound:.{scale.decimals}f} or less may be missing."
        )
    if run["top"] is not None:
        notes.append(
            f"The job kept the {run['top']:,} strongest phrases of each review alone (top): counts "
            f"and means are of these, and other words are not tinted."
        )
    if run["max_words"] is not None and scores.manifest["counts"]["cut"]:
        notes.append(
            f"{scores.manifest['counts']['cut']:,} reviews are scored up to their first "
            f"{run['max_words']:,} words."
        )
    return notes


def _describe_reviews(
    scores: Scores, chosen: Chosen, shown: Shown, truth: Truth | None
) -> list[str]:
    """Return which reviews are on the page."""
    counts, notes = scores.manifest["counts"], []
    count, total = len(shown.reviews.documents), counts["documents"]
    if count < total:
        which = "chosen evenly"
        if chosen.errors:
            first = "most sure" if chosen.misses is None else "largest"
            which = f"errors of the model, {first} first, and an even choice of the others"
        notes.append(
            f"{count:,} of {total:,} reviews are on this page: {which}. Numbers of phrases are of "
            f"all reviews, until a filter is set."
        )
    if shown.too_large:
        notes.append(f"{shown.too_large:,} reviews are left out: the page would be too large.")
    if counts["rejected"]:
        notes.append(
            f"{counts['rejected']:,} records of the input have no scores; where and why is in "
            f"rejects.parquet."
        )
    if truth is not None and chosen.unlabelled:
        what = "value" if scores.values else "label"
        names = ", ".join(truth.names)
        notes.append(f"{chosen.unlabelled:,} reviews have no true {what} ({names}).")
    return notes
