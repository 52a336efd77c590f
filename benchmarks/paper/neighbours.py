"""Section 4.6: the words and interactions nearest to some of either."""

import time

import numpy as np
from cdjax.phrases.neighbours import find_neighbours, overlaps
from cdjax.phrases.vectors import average_vectors, count_phrases, find_phrase

from benchmarks.paper.results import Record, label, markdown_table
from benchmarks.paper.setting import Setting

TITLE = "Nearest neighbours"
SECTION = "4.6, table 3"
QUERIES = {
    "not entertaining": "negative negation",
    "not bad": "positive negation",
    "very funny": "modification",
    "entertaining": "positive word",
    "bad": "negative word",
}
SPLITS = "train", "dev"
SHOWN = 5
PROTOCOL = (
    (
        "vectors",
        "Of every word and every two words that stand together in the training and development "
        "sentences, the mean over its occurrences: of a word its beta_T, of two words their "
        "interaction, beta_T of both less beta_T of each.",
    ),
    (
        "search",
        "Cosine, among words and interactions together; those that hold the phrase asked for or "
        "are a part of it are left out. No occurrence is too rare: the paper names no limit, and "
        "some of its neighbours occur once.",
    ),
    (
        "rank",
        "Place of each of the paper's neighbours in the whole order of ours; none where the phrase "
        "does not occur as two neighbouring words.",
    ),
    ("models", "The main model, by each rule: other methods give no vectors."),
)
PUBLISHED_FIGURES = {
    "not entertaining": [
        "not funny", "not engaging", "never satisfactory", "not well", "not fit",
    ],
    "not bad": ["never dull", "n't drag", "never fails", "without sham", "without missing"],
    "very funny": [
        "well-put-together piece", "entertaining romp", "very good", "surprisingly sweet",
        "very well-written",
    ],
    "entertaining": ["intelligent", "engaging", "satisfying", "admirable", "funny"],
    "bad": ["dull", "drag", "awful", "tired", "dreary"],
}  # fmt: skip


def run(setting: Setting) -> Record:
    """Find the neighbours by each rule."""
    (subject, *_) = setting.of("sst")
    vocabulary = subject.model.vocabulary
    reviews = [vocabulary.encode(tree.tokens) for split in SPLITS for tree in setting.trees(split)]
    phrases = count_phrases(reviews, max_len=2, min_count=1, unknown=vocabulary.unknown)
    found_at = {query: _find(setting, phrases, query) for query in QUERIES}
    places = {query: place for query, place in found_at.items() if place is not None}
    if not places:
        raise ValueError(
            f"none of {', '.join(QUERIES)} occurs in the trees of {' and '.join(SPLITS)}; expected "
            f"at least one."
        )
    ids = [vocabulary.encode(query.split(" ")) for query in places]
    leave_out = np.stack([overlaps(phrases.words, query) for query in ids])
    rows = []
    for rule in setting.rules:
        started = time.perf_counter()
        table = average_vectors(subject.model.classifier, reviews, phrases, rule).interactions
        queries = table[list(places.values())]
        found = find_neighbours(table, queries, len(table), leave_out=leave_out)
        took = time.perf_counter() - started
        setting.say(f"  {label('cd', rule.name)}: {len(table):,} vectors, {took:.1f} s")
        for query, near, cosines in zip(places, found.indices, found.cosines, strict=True):
            ranks = {number: rank for rank, number in enumerate(near.tolist(), 1)}
            published = {
                phrase: _find(setting, phrases, phrase) for phrase in PUBLISHED_FIGURES[query]
            }
            rows.append(
                {
                    "kind": QUERIES[query],
                    "query": query,
                    "primary": True,
                    "model": subject.name,
                    "method": "cd",
                    "rule": rule.name,
                    "neighbours": [
                        [_text(vocabulary, phrases.words[n]), float(cosine)]
                        for n, cosine in zip(near[:SHOWN], cosines[:SHOWN], strict=True)
                    ],
                    "ranks": [[phrase, ranks.get(n)] for phrase, n in published.items()],
                    "among": len(near),
                }
            )
    missing = [query for query in QUERIES if query not in places]
    notes = [f"“{query}” does not occur in the trees and is left out." for query in missing]
    return {"rows": rows, "notes": notes}


def draw(setting: Setting, found: Record) -> list[Record]:
    """Draw nothing: this experiment is a table."""
    return []


def tables(found: Record) -> str:
    """Return table 3 for each rule."""
    parts = []
    for rule in dict.fromkeys(row["rule"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["rule"] == rule]
        body = [
            [row["query"], row["kind"], _listed(row["neighbours"], ".2f"), _listed(row["ranks"])]
            for row in rows
        ]
        head = ["phrase", "kind", "ours (cosine)", f"the paper's (rank among {rows[0]['among']:,})"]
        parts.append(f"**{label('cd', rule)}**\n\n{markdown_table(head, body)}")
    return "\n".join(parts)


def _listed(pairs: list, form: str = ",") -> str:
    return ", ".join(
        f"{phrase} ({'none' if number is None else format(number, form)})"
        for phrase, number in pairs
    )


def _find(setting: Setting, phrases, text: str) -> int | None:
    """Return the number of a phrase among those that were counted."""
    (subject, *_) = setting.of("sst")
    return find_phrase(phrases, subject.model.vocabulary.encode(text.split(" ")))


def _text(vocabulary, words: np.ndarray) -> str:
    return " ".join(vocabulary.words[word] for word in words.tolist() if word >= 0)
