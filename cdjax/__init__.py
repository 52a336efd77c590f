"""Contextual decomposition in JAX: what every phrase contributes to a recurrent network's output.

The names of `__all__` are public; each is imported at its first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cdjax import methods, phrases
    from cdjax.core.cells import Bidirectional, GRUParams, LSTMParams
    from cdjax.core.decomposition import Decomposition, decompose
    from cdjax.core.network import Classifier, Dense
    from cdjax.core.rules import ACD, EVEN, MERGED, PAPER, RELEASED, SHARED, SOURCE, Rule
    from cdjax.importers.equinox import from_equinox
    from cdjax.importers.flax import from_flax
    from cdjax.importers.haiku import from_haiku
    from cdjax.importers.keras import from_keras
    from cdjax.importers.onnx import from_onnx
    from cdjax.importers.torch import from_torch
    from cdjax.methods.explain import explain
    from cdjax.model import Model, load, save
    from cdjax.model.units import scale_output
    from cdjax.results import Explanation, SpanScores
    from cdjax.scoring.batch import (
        predict,
        score_all_spans,
        score_sets,
        score_spans,
        stream_all_spans,
    )
    from cdjax.scoring.outputs import predict_outputs, score_outputs
    from cdjax.scoring.regions import score_entries, score_regions
    from cdjax.spans import enumerate_spans
    from cdjax.text.tokenizer import tokenize
    from cdjax.text.vocabulary import Vocabulary

    __version__: str

_HOMES = {
    "ACD": "cdjax.core.rules",
    "EVEN": "cdjax.core.rules",
    "MERGED": "cdjax.core.rules",
    "PAPER": "cdjax.core.rules",
    "RELEASED": "cdjax.core.rules",
    "SHARED": "cdjax.core.rules",
    "SOURCE": "cdjax.core.rules",
    "Bidirectional": "cdjax.core.cells",
    "Classifier": "cdjax.core.network",
    "Decomposition": "cdjax.core.decomposition",
    "Dense": "cdjax.core.network",
    "Explanation": "cdjax.results",
    "GRUParams": "cdjax.core.cells",
    "LSTMParams": "cdjax.core.cells",
    "Model": "cdjax.model",
    "Rule": "cdjax.core.rules",
    "SpanScores": "cdjax.results",
    "Vocabulary": "cdjax.text.vocabulary",
    "decompose": "cdjax.core.decomposition",
    "enumerate_spans": "cdjax.spans",
    "explain": "cdjax.methods.explain",
    "from_equinox": "cdjax.importers.equinox",
    "from_flax": "cdjax.importers.flax",
    "from_haiku": "cdjax.importers.haiku",
    "from_keras": "cdjax.importers.keras",
    "from_onnx": "cdjax.importers.onnx",
    "from_torch": "cdjax.importers.torch",
    "load": "cdjax.model",
    "methods": "cdjax.methods",
    "phrases": "cdjax.phrases",
    "predict": "cdjax.scoring.batch",
    "predict_outputs": "cdjax.scoring.outputs",
    "save": "cdjax.model",
    "scale_output": "cdjax.model.units",
    "score_all_spans": "cdjax.scoring.batch",
    "score_entries": "cdjax.scoring.regions",
    "score_outputs": "cdjax.scoring.outputs",
    "score_regions": "cdjax.scoring.regions",
    "score_sets": "cdjax.scoring.batch",
    "score_spans": "cdjax.scoring.batch",
    "stream_all_spans": "cdjax.scoring.batch",
    "tokenize": "cdjax.text.tokenizer",
}

__all__ = [
    "ACD",
    "EVEN",
    "MERGED",
    "PAPER",
    "RELEASED",
    "SHARED",
    "SOURCE",
    "Bidirectional",
    "Classifier",
    "Decomposition",
    "Dense",
    "Explanation",
    "GRUParams",
    "LSTMParams",
    "Model",
    "Rule",
    "SpanScores",
    "Vocabulary",
    "__version__",
    "decompose",
    "enumerate_spans",
    "explain",
    "from_equinox",
    "from_flax",
    "from_haiku",
    "from_keras",
    "from_onnx",
    "from_torch",
    "load",
    "methods",
    "phrases",
    "predict",
    "predict_outputs",
    "save",
    "scale_output",
    "score_all_spans",
    "score_entries",
    "score_outputs",
    "score_regions",
    "score_sets",
    "score_spans",
    "stream_all_spans",
    "tokenize",
]


def __getattr__(name: str) -> Any:
    """Return a public name that is imported at its first use."""
    if name == "__version__":
        from importlib.metadata import version

        value = version("cdjax")
    elif name in _HOMES:
        module = importlib.import_module(_HOMES[name])
        value = module if module.__name__ == f"cdjax.{name}" else getattr(module, name)
    else:
        raise AttributeError(f"module 'cdjax' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
