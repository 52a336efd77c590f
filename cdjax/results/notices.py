"""What a person should know before believing an explanation: notices, in plain sentences."""

import html
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from cdjax.core.rules import RULES
from cdjax.results.account import make_account
from cdjax.results.evidence import LONGEST_PHRASE
from cdjax.results.numbers import write_score
from cdjax.results.sentences import LONG_TEXT

MANY_UNKNOWN = 1 / 3
"""Share of the words from which on it is told that a model does not know them."""
FADED, GONE = 1 / 10, 1 / 50
"""Shares of a clear score: words below the one have faded, below the other next to nothing is left;
0.05 and 0.01 logits."""
FADED_WORDS, GONE_WORDS = 8, 4
"""So many known words at the beginning have faded, and are gone, where it is told."""
CARRY_FURTHER = "even"
"""The rule under which words far from the end keep more of their scores. Of a review of 57 words
the first 24 have a share of 0.8 % of the sizes of all words' scores under "paper", 1.7 % under
"acd" and 13.6 % under this one with the model sst; of yelp 1.1, 1.8 and 9.0 %. ("source", with 28.3
and 45.8 %, is no remedy: of four such reviews in one text most words before the last drift to the
same score, -1.9 with sst and -1.4 with yelp, whatever they are.)"""
_TAG = re.compile(r"<[^<>]*>")
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


class Notice(NamedTuple):
    """Something to know about an explanation."""

    kind: str  # "unknown", "inexact", "unread", "faded", "remainder", "no parts", "not scored"
    text: str  # sentences; arguments of `cdjax.explain` as rule='shared'


def find_notices(explanation: Any) -> tuple[Notice, ...]:
    """Return what there is to know about an `Explanation`, the most important first."""
    found = {
        "unknown": None if explanation.known is None else describe_unknown(explanation.known),
        "inexact": _describe_inexact(explanation),
        "unread": _describe_unread(explanation),
        "faded": _describe_faded(explanation),
        "remainder": _describe_remainder(explanation),
        "no parts": _describe_units(explanation),
        "not scored": _describe_limit(explanation),
    }
    return tuple(
        Notice(kind, f"{text[0].upper()}{text[1:]}.") for kind, text in found.items() if text
    )


def describe_unknown(known: Bool[np.ndarray, "t"]) -> str | None:
    """Return how many words a model does not know; None where they are few (`MANY_UNKNOWN`)."""
    unknown = len(known) - int(known.sum())
    if not len(known) or unknown < MANY_UNKNOWN * len(known):
        return None
    if unknown == len(known):
        return "the model knows none of the words; the scores mean little"
    verb, share = "is" if unknown == 1 else "are", unknown / len(known)
    return f"{unknown:,} of {len(known):,} words {verb} unknown to the model ({share:.0%})"


def find_faded(explanation: Any) -> tuple[int, int]:
    """Return how many words at the beginning have faded, and how many of them are gone.

    They have scores below `FADED` of a clear one, and below `GONE` of it. None where they are fewer
    known words than `FADED_WORDS` and `GONE_WORDS`, or where all words of the text are.
    """
    if explanation.tokens is None or not len(explanation):
        return 0, 0
    sizes = np.abs([word.score for word in explanation.words()])
    clear = explanation.thresholds.clear
    if not np.isfinite(sizes).all() or sizes.max() < FADED * clear:
        return 0, 0
    faded, gone = (int(np.argmax(sizes >= share * clear)) for share in (FADED, GONE))
    known = np.ones(len(sizes), bool) if explanation.known is None else explanation.known
    if known[:faded].sum() < FADED_WORDS or known[:gone].sum() < GONE_WORDS:
        return 0, 0
    return faded, gone


def _describe_faded(explanation: Any) -> str | None:
    faded, gone = find_faded(explanation)
    if explanation.method != "cd" or not faded:
        return None
    clear, word = explanation.thresholds.clear, explanation.tokens[faded]
    first = f", the first {gone:,} below {clear * GONE:g}" if gone < faded else ""
    others = f"rule={CARRY_FURTHER!r} and method='ig_zero'"
    if explanation.rule in (CARRY_FURTHER, "shared", "source"):
        others = "method='ig_zero'"
    return (
        f"words fade: the {faded:,} before “{word}” are below {clear * FADED:g} each{first}. The "
        f"network's gates let little of them through to its end, by the rule {explanation.rule}; "
        f"that is no proof that they do not matter. Words are carried further by {others}"
    )


def _describe_remainder(explanation: Any) -> str | None:
    """Return that the part which no phrase owns is larger than what the text says."""
    account, rule = make_account(explanation), RULES.get(explanation.rule or "")
    if account is None or account.whole is None or rule is None or rule.whole_input_adds_up:
        return None
    if abs(account.remainder) < max(abs(account.whole), explanation.thresholds.clear):
        return None
    numbers = (write_score(n, explanation.decimals) for n in (account.remainder, account.whole))
    remainder, whole = numbers
    return (
        f"the remainder ({remainder}), which belongs to no phrase, is larger than the whole "
        f"{'text' if explanation.tokens is not None else 'series'} ({whole}): the scores tell only "
        f"a part of why the network gives what it gives. rule='acd' leaves no remainder"
    )


def _describe_inexact(explanation: Any) -> str | None:
    """Return that scores are not what the rule defines, where the whole tells it."""
    account, rule = make_account(explanation), RULES.get(explanation.rule or "")
    if account is None or account.whole is None or explanation.method != "cd" or not account.reason:
        return None
    if rule is None or not rule.whole_input_adds_up or explanation.padding:
        return None
    what = "text" if explanation.tokens is not None else "series"
    return (
        f"scores are inexact: by the rule {explanation.rule} the whole {what} misses the output by "
        f"{write_score(account.remainder, explanation.decimals)}, rounding errors that grow from "
        f"step to step; long phrases are not to be trusted. Take another rule"
    )


def _describe_unread(explanation: Any) -> str | None:
    """Return which words of the text are no tokens: left out, or beyond what is read."""
    if explanation.text is None or explanation.offsets is None:
        return None
    at, left_out = 0, []
    for start, stop in [*explanation.offsets.tolist(), [len(explanation.text)] * 2]:
        between = html.unescape(explanation.text[at:start])  # as it is read: &lt;br&gt; is a tag
        left_out += _WORD.findall(_TAG.sub(" ", between))
        at = max(at, stop)
    if not left_out:
        return None
    words = "1 word of the text is" if len(left_out) == 1 else f"{len(left_out):,} words are"
    return (
        f"{words} not read, since the model leaves words out that it does not know, or texts that "
        f"are longer than it reads: {_name_few(left_out)}"
    )


def _describe_units(explanation: Any) -> str | None:
    if make_account(explanation) is not None:
        return None
    return (
        f"these scores are in {explanation.units}, and do not add up to the prediction; those of "
        f"method='cd' do"
    )


def _describe_limit(explanation: Any) -> str | None:
    """Return up to how many words all phrases were scored, where that limits what is listed."""
    count = len(explanation)
    counts = np.bincount(explanation.spans[:, 1] - explanation.spans[:, 0], minlength=count + 1)
    complete = counts[1:] == np.arange(count, 0, -1)
    longest = count if complete.all() else int(np.argmin(complete))
    listed = LONGEST_PHRASE if count > LONG_TEXT else count
    if explanation.tokens is None or not 1 < longest < listed:
        return None
    return f"phrases of more than {longest} words were not scored"


def _name_few(words: Sequence[str], most: int = 5) -> str:
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
