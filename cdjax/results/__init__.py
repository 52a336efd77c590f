"""What scoring returns, and what follows from it without scoring again.

Scores of spans and how they are read (`scores`), interactions, trees and the strongest phrases, and
the record that has it all, `Explanation`.
"""

from cdjax.results.account import Account
from cdjax.results.explanation import Explanation
from cdjax.results.lookup import PhraseError
from cdjax.results.notices import Notice
from cdjax.results.overview import Overview
from cdjax.results.phrases import Interaction, Phrase
from cdjax.results.scores import (
    SpanScores,
    default_direction,
    probabilities,
    read,
    read_scores,
)

__all__ = [
    "Account",
    "Explanation",
    "Interaction",
    "Notice",
    "Overview",
    "Phrase",
    "PhraseError",
    "SpanScores",
    "default_direction",
    "probabilities",
    "read",
    "read_scores",
]
