"""What scoring returns, and what follows from it without scoring again.

Scores of spans and how they are read (`scores`), interactions, trees and the strongest phrases, and
the record that has it all, `Explanation`.
"""

from cdjax.results.explanation import Explanation, Interaction, Phrase
from cdjax.results.lookup import PhraseError
from cdjax.results.scores import (
    SpanScores,
    default_direction,
    probabilities,
    read,
    read_scores,
)

__all__ = [
    "Explanation",
    "Interaction",
    "Phrase",
    "PhraseError",
    "SpanScores",
    "default_direction",
    "probabilities",
    "read",
    "read_scores",
]
