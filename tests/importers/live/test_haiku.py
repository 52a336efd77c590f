"""Networks that Haiku really transforms and runs.

`python -m tests.importers.live.test_haiku FOLDER` writes the files of the main suite.
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.importers.contract import Refused, Supported, check_case

hk = pytest.importorskip("haiku")

# Time, input width, hidden widths, dense width, classes, words.
T, D, H, H2, M, K, V = 6, 3, 5, 4, 7, 2, 11


class Case(NamedTuple):
    """What is given, and what Haiku computes of one sequence."""

    params: Any
    forward: Any
    arguments: Any


def case_of(function, words=False, given=False, **arguments):
    """A case of a function of a sequence; with its forward pass where that is given."""

    def make():
        dtype = jnp.zeros(()).dtype
        net, rng = hk.without_apply_rng(hk.transform(function)), np.random.default_rng(0)
        example = jnp.zeros(T, int) if words else jnp.zeros((T, D))
        params = net.init(jax.random.key(0), example)
        params = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape), dtype), params)

        def forward(x):
            return net.apply(params, x)

        return Case(params, forward, ({"forward": forward} if given else {}) | arguments)

    return make


def unroll(core, x, reverse=False):
    return hk.dynamic_unroll(core, x, core.initial_state(None), reverse=reverse)[0]


def stack(x):
    core = hk.DeepRNN([hk.LSTM(H), hk.GRU(H2)])
    return jax.nn.softmax(hk.Linear(K)(unroll(core, x).mean(0)))


def words(ids):
    vectors = hk.Embed(V, D)(ids).astype(jnp.zeros(()).dtype)  # begins in float32
    h = unroll(hk.LSTM(H), vectors)
    return hk.nets.MLP([M, M, K], activation=jnp.tanh)(h[-1])


def both_directions(x):
    h = jnp.concatenate([unroll(hk.GRU(H), x), unroll(hk.GRU(H2), x, reverse=True)], -1)
    return hk.Linear(K)(unroll(hk.LSTM(H, name="encoder"), h))


class Network(hk.Module):
    def __init__(self):
        super().__init__()
        self.second, self.first = hk.LSTM(H2), hk.LSTM(H)
        self.out = hk.Linear(1, with_bias=False)

    def __call__(self, x):
        return jax.nn.sigmoid(self.out(unroll(self.second, unroll(self.first, x)).max(0)))


HAIKU = "Haiku"
SUPPORTED = [
    Supported(HAIKU, "parameters", "LSTM", case_of(lambda x: unroll(hk.LSTM(H), x))),
    Supported(HAIKU, "parameters", "GRU", case_of(lambda x: unroll(hk.GRU(H), x))),
    Supported(
        HAIKU,
        "parameters",
        "DeepRNN of LSTM and GRU, Linear",
        case_of(stack, pool="mean", activations="softmax"),
    ),
    Supported(
        HAIKU,
        "parameters",
        "Embed, LSTM, MLP",
        case_of(
            words,
            words=True,
            pool="last",
            activations=("tanh", "tanh", "linear"),
            output="softmax",
        ),
    ),
    Supported(
        HAIKU,
        "parameters and forward",
        "Embed, LSTM, MLP; last step",
        case_of(words, words=True, given=True, output="value"),
    ),
    Supported(
        HAIKU,
        "parameters and forward",
        "both directions, LSTM of another name; every step",
        case_of(both_directions, given=True, lstms=("encoder",), output="value"),
    ),
    Supported(
        HAIKU,
        "parameters and forward",
        "a module of one's own; maximum, sigmoid",
        case_of(lambda x: Network()(x), given=True),
    ),
]


def vanilla(x):
    return unroll(hk.VanillaRNN(H), x)


def normalized(x):
    return hk.LayerNorm(-1, True, True)(unroll(hk.LSTM(H), x))


def residual(x):
    h = unroll(hk.LSTM(H), x)
    return hk.Linear(K)(h[-1] + h[0])


REFUSED = [
    Refused(HAIKU, "VanillaRNN", case_of(vanilla), "vanilla_rnn/linear belongs to hk.VanillaRNN"),
    Refused(
        HAIKU,
        "LayerNorm",
        case_of(normalized),
        r"layer_norm holds offset \[5\], scale \[5\] \(a normalization\)",
    ),
    Refused(
        HAIKU,
        "a residual connection",
        case_of(residual, given=True),
        "the parameters computes something else than cdjax reads",
    ),
    Refused(
        HAIKU, "a pool that is not said", case_of(residual), "does not say what its head reads of"
    ),
]


@pytest.mark.parametrize("double", [True, False], ids=["float64", "float32"])
@pytest.mark.parametrize("supported", SUPPORTED, ids=[f"{s.source}, {s.what}" for s in SUPPORTED])
def test_parity(supported, double):
    with jax.enable_x64(double):
        case = supported.make()
        imported = cdjax.from_haiku(case.params, **case.arguments)
        reads_words = (
            isinstance(imported, cdjax.Model) and imported.classifier.embedding is not None
        )
        rng, dtype = np.random.default_rng(5), np.float64 if double else np.float32
        inputs = [
            rng.integers(V, size=n) if reads_words else rng.normal(size=(n, D)).astype(dtype)
            for n in (T, 2)
        ]
        outputs = [np.asarray(case.forward(jnp.asarray(x))) for x in inputs]
        if case.arguments.get("output") == "softmax":
            outputs = [np.asarray(jax.nn.softmax(y)) for y in outputs]
        check_case(imported, inputs, outputs, 1e-10 if double else 1e-5)


@pytest.mark.usefixtures("as_users")
@pytest.mark.parametrize("refused", REFUSED, ids=[r.what for r in REFUSED])
def test_anything_else_raises_and_names_it(refused):
    case = refused.make()
    with pytest.raises(ValueError, match=refused.message):
        cdjax.from_haiku(case.params, **case.arguments)


def write_files(folder):
    """Write the parameters and outputs of some cases, for the main suite."""
    with jax.enable_x64(True):
        for name, supported in zip(("lstm", "gru", "deep_rnn"), SUPPORTED, strict=False):
            case = supported.make()
            x = np.random.default_rng(5).normal(size=(T, D))
            arrays = {
                f"{module}:{key}": np.asarray(array)
                for module, weights in case.params.items()
                for key, array in weights.items()
            }
            path = Path(folder) / f"haiku_{name}.npz"
            np.savez(path, x=x, y=np.asarray(case.forward(jnp.asarray(x))), **arrays)


if __name__ == "__main__":
    write_files(sys.argv[1])
