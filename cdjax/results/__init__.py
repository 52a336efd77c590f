"""What scoring returns, and what can be read off it without scoring again."""

from cdjax.results.scores import SpanScores

__all__ = ["SpanScores"]
