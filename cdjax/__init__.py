"""Contextual decomposition in JAX: what every phrase contributes to an LSTM's prediction."""

from cdjax.core.decomposition import Decomposition, decompose
from cdjax.core.lstm import Classifier, LSTMParams
from cdjax.core.rules import ACD, MERGED, PAPER, RELEASED, Rule
from cdjax.core.spans import enumerate_spans
from cdjax.importers.torch import from_torch
from cdjax.model import Model, load, save
from cdjax.results import SpanScores
from cdjax.scoring.batch import (
    predict,
    score_all_spans,
    score_sets,
    score_spans,
    stream_all_spans,
)
from cdjax.text.vocabulary import Vocabulary

__all__ = [
    "ACD",
    "MERGED",
    "PAPER",
    "RELEASED",
    "Classifier",
    "Decomposition",
    "LSTMParams",
    "Model",
    "Rule",
    "SpanScores",
    "Vocabulary",
    "decompose",
    "enumerate_spans",
    "from_torch",
    "load",
    "predict",
    "save",
    "score_all_spans",
    "score_sets",
    "score_spans",
    "stream_all_spans",
]
