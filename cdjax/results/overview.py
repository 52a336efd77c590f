"""What every view of an explanation shows: one record, so that all views show the same."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cdjax.results.account import Account, make_account
from cdjax.results.evidence import (
    find_beginnings,
    find_evidence,
    find_interactions,
    find_sentences,
)
from cdjax.results.notices import Notice, find_notices
from cdjax.results.phrases import Interaction, Phrase
from cdjax.results.thresholds import Thresholds
from cdjax.results.wording import describe_input, describe_step, rank_labels, sides

PHRASES = 4
"""Most phrases listed for each side, and most longer phrases that interact."""
PAIRS = 6
"""Most adjacent words listed that interact."""
GROWTH = 5
"""Words of the longest phrase that the strongest word grows to."""


class Overview(NamedTuple):
    """What there is to see of an explanation. Lists are empty where nothing is worth a look."""

    outcome: tuple[tuple[str, float], ...]  # labels with probabilities, highest first; or values
    step: str  # which output is explained, of a network that has some at every step; or empty
    input: str  # what a series is of; empty where it has no names, and of a text
    below: str  # what scores below 0 speak for, "for negative"
    above: str
    thresholds: Thresholds
    account: Account | None  # where the output comes from; None in units that do not add up to it
    notices: tuple[Notice, ...]
    sentences: tuple[Phrase, ...]  # of a text of more than `LONG_TEXT` words
    evidence_above: tuple[Phrase, ...]  # phrases of two steps or more, strongest first
    evidence_below: tuple[Phrase, ...]
    pairs: tuple[Interaction, ...]  # adjacent steps that interact, strongest first
    pair_count: int  # how many pairs interact, those not listed included
    longer: tuple[Interaction, ...]  # longer phrases that are not the sum of their steps
    growth: tuple[Phrase, ...]  # the strongest step, and it with one more step before at a time


def make_overview(explanation: Any) -> Overview:
    """Return what there is to see of an `Explanation`."""
    below, above = sides(explanation.labels, explanation.direction)
    pairs, pair_count = find_interactions(explanation, PAIRS, pairs=True)
    longer, _ = find_interactions(explanation, PHRASES, pairs=False)
    evidence = [find_evidence(explanation, sign, PHRASES) for sign in (1, -1)]
    return Overview(
        outcome=tuple(rank_labels(explanation)),
        step=describe_step(explanation),
        input=describe_input(explanation),
        below=below,
        above=above,
        thresholds=explanation.thresholds,
        account=make_account(explanation),
        notices=find_notices(explanation),
        sentences=_sentences(explanation),
        evidence_above=tuple(map(explanation.phrase, evidence[0].tolist())),
        evidence_below=tuple(map(explanation.phrase, evidence[1].tolist())),
        pairs=_interactions(explanation, pairs.tolist()),
        pair_count=pair_count,
        longer=_interactions(explanation, longer.tolist()),
        growth=_grow(explanation),
    )


def _interactions(explanation: Any, rows: Sequence[int]) -> tuple[Interaction, ...]:
    found = []
    for phrase in map(explanation.phrase, rows):
        steps = sum(explanation[t] for t in range(phrase.start, phrase.stop))
        found.append(Interaction(**phrase._asdict(), interaction=phrase.score - steps))
    return tuple(found)


def _sentences(explanation: Any) -> tuple[Phrase, ...]:
    """Return the sentences of a long text; none of a text of one, or where one is not scored."""
    spans = find_sentences(explanation).tolist()
    if not all(explanation.is_scored(slice(*span)) for span in spans):
        return ()
    return tuple(
        Phrase(start, stop, explanation.phrase_text(start, stop), explanation[start:stop])
        for start, stop in spans
    )


def _grow(explanation: Any) -> tuple[Phrase, ...]:
    """Return the strongest step as the steps before it join; nothing where that changes little."""
    if not len(explanation):
        return ()
    sizes = np.nan_to_num(np.abs([word.score for word in explanation.words()]))
    last = int(np.argmax(sizes))
    clear = explanation.thresholds.clear
    begins = find_beginnings(explanation)
    phrases = []
    for start in range(last, max(0, last + 1 - GROWTH) - 1, -1):
        if not explanation.is_scored(span := slice(start, last + 1)):
            break
        if begins[start]:
            text = explanation.phrase_text(start, last + 1)
            phrases.append(Phrase(start, last + 1, text, explanation[span]))
    scores = [phrase.score for phrase in phrases]
    if len(scores) < 2 or sizes[last] < clear or max(scores) - min(scores) < clear:
        return ()
    return tuple(phrases)


def to_dict(record: Any) -> Any:
    """Return a record and those in it as dictionaries and lists, for JSON."""
    if hasattr(record, "_asdict"):
        return {name: to_dict(value) for name, value in record._asdict().items()}
    return [to_dict(item) for item in record] if isinstance(record, tuple) else record
