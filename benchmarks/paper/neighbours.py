"""Section 4.6: the nearest words and interactions, by vectors of contextual decomposition."""

import statistics
import time

import numpy as np
from cdjax.model import find_vocabulary
from cdjax.phrases.neighbours import find_neighbours, overlaps
from cdjax.phrases.vectors import average_vectors, count_phrases, find_phrase
from cdjax.viz.document import Block, Table

from benchmarks.paper.experiment import Experiment
from benchmarks.paper.results import Record, label
from benchmarks.paper.setting import Setting

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
        "Of every word and every two adjacent words of the training and development sentences, "
        "the mean over their occurrences: of a word its beta_T, of two words their interaction, "
        "beta_T of both less beta_T of each.",
    ),
    (
        "search",
        "Cosine, among words and interactions together; those that contain the query or are part "
        "of it are left out. There is no minimum number of occurrences: the paper names none, and "
        "several of its neighbours occur once.",
    ),
    (
        "rank",
        "Rank of each of the paper's neighbours in the complete order of ours; none where the "
        "phrase does not occur as two adjacent words.",
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
    vocabulary = find_vocabulary(subject.model)
    reviews = [vocabulary.encode(tree.tokens) for split in SPLITS for tree in setting.trees(split)]
    phrases = count_phrases(reviews, max_len=2, min_count=1, unknown=vocabulary.unknown)
    indices = {query: _find(setting, phrases, query) for query in QUERIES}
    queries = {query: index for query, index in indices.items() if index is not None}
    if not queries:
        raise ValueError(
            f"none of {', '.join(QUERIES)} occurs in the trees of {' and '.join(SPLITS)}; expected "
            f"at least one."
        )
    ids = [vocabulary.encode(query.split(" ")) for query in queries]
    leave_out = np.stack([overlaps(phrases.words, query) for query in ids])
    rows = []
    for rule in setting.rules:
        started = time.perf_counter()
        table = average_vectors(subject.model.classifier, reviews, phrases, rule).interactions
        vectors = table[list(queries.values())]
        nearest = find_neighbours(table, vectors, len(table), leave_out=leave_out)
        took = time.perf_counter() - started
        setting.log(f"  {label('cd', rule.name)}: {len(table):,} vectors, {took:.1f} s")
        for query, near, cosines in zip(queries, nearest.indices, nearest.cosines, strict=True):
            ranks = {index: rank for rank, index in enumerate(near.tolist(), 1)}
            published = {p: _find(setting, phrases, p) for p in PUBLISHED_FIGURES[query]}
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
    missing = [query for query in QUERIES if query not in queries]
    notes = [f"“{query}” does not occur in the trees and is left out." for query in missing]
    return {"rows": rows, "notes": notes}


def draw(setting: Setting, result: Record) -> list[Record]:
    """Draw nothing: the result is a table."""
    return []


def blocks(result: Record) -> list[Block]:
    """Return table 3 for each rule, and the neighbours that ours and the paper's have in common."""
    head = [
        *("phrase", "kind", "ours (cosine)", "the paper's (rank among ours)"),
        *("the paper's among our first", "median rank of the paper's"),
    ]
    parts: list[Block] = []
    for rule in dict.fromkeys(row["rule"] for row in result["rows"]):
        of_rule = [row for row in result["rows"] if row["rule"] == rule]
        rows = []
        for row in of_rule:
            ours, published = row["neighbours"], row["ranks"]
            common = [phrase for phrase, rank in published if rank and rank <= len(ours)]
            ranks = [rank for _, rank in published if rank]
            rows.append(
                [
                    row["query"],
                    row["kind"],
                    ", ".join(f"{phrase} ({cosine:.2f})" for phrase, cosine in ours),
                    ", ".join(f"{phrase} ({rank or 'none'})" for phrase, rank in published),
                    f"{len(common)} of {len(published)}",
                    f"{statistics.median(ranks):,.0f}" if ranks else "",
                ]
            )
        caption = f"Nearest of {of_rule[0]['among']:,} phrases, {label('cd', rule)}"
        parts.append(Table(caption, head, rows))
    return parts


def _find(setting: Setting, phrases, text: str) -> int | None:
    """Return the index of a phrase among the counted ones; None where it does not occur."""
    (subject, *_) = setting.of("sst")
    return find_phrase(phrases, find_vocabulary(subject.model).encode(text.split(" ")))


def _text(vocabulary, words: np.ndarray) -> str:
    return " ".join(vocabulary.words[word] for word in words.tolist() if word >= 0)


EXPERIMENT = Experiment(
    name="neighbours",
    title="Nearest neighbours",
    section="4.6, table 3",
    data=("sst",),
    protocol=PROTOCOL,
    run=run,
    draw=draw,
    published=PUBLISHED_FIGURES,
    blocks=blocks,
)
