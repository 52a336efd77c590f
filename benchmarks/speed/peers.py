"""What else scores spans: the released code, PyTorch in batches, and plain `vmap`.

Each scores a part of a corpus: `acd.cd_text` a span, the others all spans of a review.
"""

import functools
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
from cdjax import Classifier, Rule
from cdjax.core.split import HIGHEST
from cdjax.spans import count_spans, enumerate_spans, span_mask


class Peer(NamedTuple):
    """Another way to score all spans of a corpus, part by part."""

    name: str
    rule: Rule
    parts: str  # what a part is, in words
    sizes: np.ndarray  # of each part: what its time is about in proportion to
    spans: Callable[[int], tuple[int, np.ndarray]]  # of a part: its review, its spans
    score: Callable[[int], np.ndarray]  # score a part [s, k]


def find_peers(
    classifier: Classifier, reviews: Sequence[np.ndarray]
) -> tuple[list[Peer], list[str]]:
    """Return the peers that are installed, and why the others are missing."""
    peers, missing = [make_vmap(classifier, reviews, rule) for rule in (cdjax.ACD, cdjax.PAPER)], []
    if importlib.util.find_spec("torch") is None:
        missing.append("PyTorch in batches: torch is not installed")
    else:
        peers.append(make_torch(classifier, reviews))
    for package in ("torch", "scipy", "acd"):
        if importlib.util.find_spec(package) is None:
            missing.append(f"acd.cd_text: {package} is not installed")
            break
    else:
        peers.append(make_acd(classifier, reviews))
    return peers, missing


def by_review(reviews: Sequence[np.ndarray]):
    """Return the sizes and spans of parts that are reviews; the printed form masks every step."""
    lengths = np.array([len(review) for review in reviews])
    sizes = lengths * np.array([count_spans(length) for length in lengths.tolist()])
    return sizes, lambda n: (n, enumerate_spans(len(reviews[n])))


def make_vmap(classifier: Classifier, reviews: Sequence[np.ndarray], rule: Rule) -> Peer:
    """Return the recursion, vmapped over all spans of a review and jitted.

    Every length has a program of its own, so nothing is padded; compiling is not timed.
    """
    classifier = jax.device_put(classifier)
    sizes, spans = by_review(reviews)

    @jax.jit
    def score_spans(classifier, ids, spans):
        x = classifier.embedding[ids]

        def score(span):
            inside = span_mask(span[0], span[1], jnp.arange(len(ids)))
            beta = cdjax.decompose(classifier.layers, x, inside, rule).beta[-1]
            return jnp.matmul(classifier.readout, beta, precision=HIGHEST)

        return jax.vmap(score)(spans)

    def score(n):
        return np.asarray(score_spans(classifier, reviews[n], enumerate_spans(len(reviews[n]))))

    return Peer(f"vmap {rule.name}", rule, "review", sizes, spans, score)


def make_torch(classifier: Classifier, reviews: Sequence[np.ndarray]) -> Peer:
    """Return the recursion as printed in PyTorch, all spans of a review in one batch."""
    torch = _import_torch()
    (layer,) = classifier.layers
    hidden = layer.V.shape[1]
    embedding, W, V, b, readout = (
        torch.from_numpy(np.asarray(weight, np.float32))
        for weight in (classifier.embedding, *layer[:3], classifier.readout)
    )
    W, V, b = W.reshape(4 * hidden, -1), V.reshape(4 * hidden, hidden), b.reshape(-1)
    sizes, spans = by_review(reviews)

    def pair(f, rel, rest, bias):
        """Return what two terms contribute to `f`, and `f(bias)`."""
        none, first, second, both = f(bias), f(bias + rel), f(bias + rest), f(bias + rel + rest)
        return (first - none + both - second) / 2, (second - none + both - first) / 2, none

    @torch.inference_mode()
    def score(n):
        start, stop = torch.from_numpy(enumerate_spans(len(reviews[n]))).T.unsqueeze(2)
        inputs = embedding[torch.from_numpy(reviews[n])] @ W.T
        beta = gamma = beta_c = gamma_c = torch.zeros(len(start), hidden)
        for t, x in enumerate(inputs):
            inside = (start <= t) & (t < stop)
            rel, rest = beta @ V.T, gamma @ V.T
            o = torch.sigmoid((rel + rest + x + b)[:, 3 * hidden :])
            rel, rest = rel + torch.where(inside, x, 0), rest + torch.where(inside, 0, x)
            arguments = zip(rel.chunk(4, 1), rest.chunk(4, 1), b.chunk(4), strict=True)
            gates = (torch.sigmoid, torch.sigmoid, torch.tanh)
            (ri, si, bi), (rf, sf, bf), (rg, sg, bg) = (
                pair(f, *argument) for f, argument in zip(gates, arguments, strict=False)
            )
            product = bi * bg
            beta_c, gamma_c = (
                (rf + bf) * beta_c + ri * (rg + bg) + bi * rg + torch.where(inside, product, 0),
                (rf + sf + bf) * gamma_c
                + sf * beta_c
                + si * (rg + sg + bg)
                + (ri + bi) * sg
                + torch.where(inside, 0, product),
            )
            share, rest_share, _ = pair(torch.tanh, beta_c, gamma_c, torch.zeros(()))
            beta, gamma = o * share, o * rest_share
        return (beta @ readout.T).numpy()

    return Peer("PyTorch batch", cdjax.ACD, "review", sizes, spans, score)


def make_acd(classifier: Classifier, reviews: Sequence[np.ndarray]) -> Peer:
    """Return the released code of agglomerative contextual decomposition, a call a span."""
    torch = _import_torch()
    cd_text = _import_cd_text()
    (layer,) = classifier.layers
    hidden = layer.V.shape[1]
    lstm = torch.nn.LSTM(classifier.embedding.shape[1], hidden)
    label = torch.nn.Linear(hidden, len(classifier.bias))
    weights = {
        "weight_ih_l0": np.reshape(layer.W, (4 * hidden, -1)),
        "weight_hh_l0": np.reshape(layer.V, (4 * hidden, hidden)),
        "bias_ih_l0": np.ravel(layer.b),
        "bias_hh_l0": np.zeros(4 * hidden, np.float32),
    }
    lstm.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    readout = {"weight": classifier.readout, "bias": classifier.bias}
    label.load_state_dict({name: torch.from_numpy(weight) for name, weight in readout.items()})
    embed = torch.nn.Embedding.from_pretrained(torch.from_numpy(classifier.embedding))
    model = types.SimpleNamespace(lstm=lstm, hidden_to_label=label, embed=embed, hidden_dim=hidden)

    lengths = np.array([len(review) for review in reviews])
    counts = np.array([count_spans(length) for length in lengths.tolist()])
    ends = np.cumsum(counts)

    def locate(n):
        review = int(np.searchsorted(ends, n, "right"))
        return review, enumerate_spans(len(reviews[review]))[[n - ends[review]]]

    def score(n):
        review, ((start, stop),) = locate(n)
        batch = types.SimpleNamespace(text=torch.from_numpy(reviews[review])[:, None])
        return cd_text(batch, model, int(start), int(stop) - 1)[None]  # its stop is inclusive

    return Peer("acd.cd_text", cdjax.ACD, "span", np.repeat(lengths, counts), locate, score)


def _import_torch():
    """Return PyTorch, with threads that sleep while they wait for each other.

    On a busy machine threads that spin wait for one that is not on a core: measured with two busy
    cores, a review took a hundred times as long. Spinning would also slow whoever is next.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when the library is loaded
    return importlib.import_module("torch")


@functools.cache
def _import_cd_text():
    """Return the function, unchanged.

    The package's `__init__` asks for image libraries that `cd_text` does not use, so the package is
    entered without running it.
    """
    if "acd" not in sys.modules:
        spec = importlib.util.find_spec("acd")
        assert spec is not None  # find_peers has looked
        sys.modules["acd"] = importlib.util.module_from_spec(spec)  # not executed
    return importlib.import_module("acd.scores.cd").cd_text
