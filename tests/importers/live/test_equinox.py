"""Modules that Equinox really builds and runs.

`python -m tests.importers.live.test_equinox FOLDER` writes the files of the main suite.
"""

import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.importers.contract import Refused, Supported, check_case

eqx = pytest.importorskip("equinox")

# Time, input width, hidden widths, dense width, classes, words.
T, D, H, H2, M, K, V = 6, 3, 5, 4, 7, 2, 11
KEY = jax.random.key(0)


class Case(NamedTuple):
    """What is given, and what Equinox computes of one sequence."""

    source: Any
    forward: Any
    arguments: Any = MappingProxyType({})


def randomize(module, seed=0):
    """Give a module weights, biases too, that are all random and not small."""
    rng = np.random.default_rng(seed)

    def draw(a):
        floats = eqx.is_inexact_array(a)
        return jnp.asarray(rng.normal(size=a.shape), a.dtype) if floats else a

    return jax.tree.map(draw, module)


def scan(cell, x, reverse=False):
    """The states `h` at every step."""
    zero = jnp.zeros(cell.hidden_size, x.dtype)
    lstm = type(cell).__name__ == "LSTMCell"

    def step(state, x):
        state = cell(x, state)
        return state, state[0] if lstm else state

    return jax.lax.scan(step, (zero, zero) if lstm else zero, x, reverse=reverse)[1]


def cell(kind, inputs=D, hidden=H, **settings):
    return getattr(eqx.nn, kind)(inputs, hidden, key=KEY, **settings)


def cells(*made):
    """A case of cells that stand one above the other."""

    def make():
        modules = tuple(randomize(make(), n) for n, make in enumerate(made))

        def forward(x):
            h = jnp.asarray(x)
            for module in modules:
                h = scan(module, h)
            return h

        return Case(modules[0] if len(modules) == 1 else modules, forward)

    return make


def whole(module_class, **arguments):
    def make():
        module = randomize(module_class())
        return Case(module, eqx.nn.inference_mode(module), arguments)

    return make


class Documented(eqx.Module):
    """The example of Equinox's documentation: a GRU, a Linear whose bias is beside it."""

    hidden_size: int
    cell: eqx.Module
    linear: eqx.nn.Linear
    bias: jax.Array

    def __init__(self, use_bias=False):
        self.hidden_size = H
        self.cell = cell("GRUCell")
        self.linear = eqx.nn.Linear(H, 1, use_bias=use_bias, key=KEY)
        self.bias = jnp.zeros(1)

    def __call__(self, x):
        def step(h, x):
            return self.cell(x, h), None

        out, _ = jax.lax.scan(step, jnp.zeros(self.hidden_size), x)
        return jax.nn.sigmoid(self.linear(out) + self.bias)


class Words(eqx.Module):
    """Embedding, LSTM, MLP; the last step."""

    embedding: eqx.nn.Embedding
    lstm: eqx.nn.LSTMCell
    drop: eqx.nn.Dropout
    mlp: eqx.nn.MLP

    def __init__(self):
        self.embedding = eqx.nn.Embedding(V, D, key=KEY)
        self.lstm = cell("LSTMCell")
        self.drop = eqx.nn.Dropout(0.5)
        self.mlp = eqx.nn.MLP(H, K, M, 2, activation=jnp.tanh, key=KEY)

    def __call__(self, ids, key=None):
        h = scan(self.lstm, jax.vmap(self.embedding)(ids))
        return jax.nn.log_softmax(self.mlp(self.drop(h[-1], key=key)))


class BothDirections(eqx.Module):
    """A layer in both directions, one above it; the mean; a Sequential."""

    layers: dict
    head: eqx.nn.Sequential

    def __init__(self):
        self.layers = {
            "backward": cell("GRUCell", hidden=H2),
            "forward": cell("LSTMCell"),
            "above": cell("GRUCell", H + H2, H, use_bias=False),
        }
        first, second = eqx.nn.Linear(H, M, key=KEY), eqx.nn.Linear(M, K, key=KEY)
        parts = [first, eqx.nn.Lambda(jax.nn.relu), eqx.nn.Dropout(0.5), second]
        self.head = eqx.nn.Sequential(parts)

    def __call__(self, x):
        forward = scan(self.layers["forward"], x)
        backward = scan(self.layers["backward"], x, reverse=True)
        h = scan(self.layers["above"], jnp.concatenate([forward, backward], -1))
        return self.head(h.mean(0))


EQUINOX = "Equinox"
SUPPORTED = [
    Supported(EQUINOX, "cell", "LSTMCell", cells(lambda: cell("LSTMCell"))),
    Supported(
        EQUINOX, "cell", "LSTMCell without bias", cells(lambda: cell("LSTMCell", use_bias=False))
    ),
    Supported(EQUINOX, "cell", "GRUCell", cells(lambda: cell("GRUCell"))),
    Supported(
        EQUINOX, "cell", "GRUCell without bias", cells(lambda: cell("GRUCell", use_bias=False))
    ),
    Supported(
        EQUINOX, "cells", "a stack", cells(lambda: cell("LSTMCell"), lambda: cell("GRUCell", H, H2))
    ),
    Supported(EQUINOX, "module", "GRUCell, Linear; the documentation's", whole(Documented)),
    Supported(EQUINOX, "module", "Embedding, LSTMCell, MLP; last step", whole(Words)),
    Supported(
        EQUINOX,
        "module",
        "both directions, a layer above, Sequential; mean",
        whole(BothDirections, output="value"),
    ),
]


class Other(eqx.Module):
    """A cell and a dense layer, and something else."""

    cell: Any
    linear: Any
    other: Any = None

    def __init__(self, other=None):
        self.cell, self.linear = cell("GRUCell"), eqx.nn.Linear(H, K, key=KEY)
        self.other = other

    def __call__(self, x):
        return self.linear(scan(self.cell, x)[-1])


class Residual(Other):
    def __call__(self, x):
        h = scan(self.cell, x)
        return self.linear(h[-1] + h[0])


class Doubled(eqx.nn.GRUCell):
    def __call__(self, x, hidden, *, key=None):
        return 2 * super().__call__(x, hidden)


REFUSED = [
    Refused(EQUINOX, "LayerNorm", lambda: Other(eqx.nn.LayerNorm(H)), "LayerNorm is not supported"),
    Refused(
        EQUINOX, "Conv1d", lambda: Other(eqx.nn.Conv1d(1, 1, 3, key=KEY)), "Conv1d is not supported"
    ),
    Refused(
        EQUINOX, "PReLU", lambda: Other(eqx.nn.PReLU()), "PReLU is not supported; expected LSTM"
    ),
    Refused(
        EQUINOX,
        "an array of its own",
        lambda: Other(jnp.ones(H)),
        r"other of Other is an array \[5\] that belongs to no layer",
    ),
    Refused(
        EQUINOX,
        "two branches",
        lambda: Other(eqx.nn.Linear(H, 3, key=KEY)),
        "do not fit one after the other: cell 3 -> 5; linear 5 -> 2; other 5 -> 3",
    ),
    Refused(EQUINOX, "a residual connection", Residual, "Residual computes something else than cd"),
    Refused(
        EQUINOX,
        "a cell of one's own",
        lambda: Doubled(D, H, key=KEY),
        "Doubled is a GRUCell with a forward pass of its own",
    ),
    Refused(
        EQUINOX,
        "no recurrent layer",
        lambda: eqx.nn.Sequential([eqx.nn.Linear(2, 3, key=KEY)]),
        "Sequential holds no LSTM or GRU",
    ),
    Refused(EQUINOX, "anything else", lambda: 3, "from_equinox got 3; expected a module of Equ"),
]


def make_inputs(imported, dtype):
    rng = np.random.default_rng(5)
    words = isinstance(imported, cdjax.Model) and imported.classifier.embedding is not None
    if words:
        return [rng.integers(V, size=n) for n in (T, 2)]
    return [rng.normal(size=(n, D)).astype(dtype) for n in (T, 2)]


@pytest.mark.parametrize("double", [True, False], ids=["float64", "float32"])
@pytest.mark.parametrize("supported", SUPPORTED, ids=[s.what for s in SUPPORTED])
def test_parity(supported, double):
    with jax.enable_x64(double):
        case = supported.make()
        imported = cdjax.from_equinox(case.source, **case.arguments)
        inputs = make_inputs(imported, np.float64 if double else np.float32)
        outputs = [np.asarray(case.forward(jnp.asarray(x))) for x in inputs]
        if case.source.__class__ is Words:
            outputs = [np.exp(y) for y in outputs]
        check_case(imported, inputs, outputs, 1e-10 if double else 1e-5)


@pytest.mark.usefixtures("as_users")
@pytest.mark.parametrize("refused", REFUSED, ids=[r.what for r in REFUSED])
def test_anything_else_raises_and_names_it(refused):
    with pytest.raises(ValueError, match=refused.message):
        cdjax.from_equinox(refused.make())


def test_what_is_not_verified_is_asked_for():
    module = randomize(Words())
    with pytest.raises(ValueError, match="give pool="):
        cdjax.from_equinox(module, verify=False)
    arguments = {"pool": "last", "activations": ("tanh", "tanh", "softmax")}
    with pytest.raises(ValueError, match="activation"):
        cdjax.from_equinox(module, verify=False, **arguments | {"activations": ("relu",) * 3})
    with pytest.raises(ValueError, match=r"bias of Documented is an array \[1\]"):
        cdjax.from_equinox(randomize(Documented()), verify=False)


def test_a_linear_has_one_bias():
    with pytest.raises(ValueError, match=r"bias of Documented is an array \[1\]"):
        cdjax.from_equinox(randomize(Documented(use_bias=True)))


def write_files(folder):
    """Write the weights of every kind of cell, and its states, for the main suite."""
    with jax.enable_x64(True):
        for supported in SUPPORTED[:4]:
            case = supported.make()
            x = np.random.default_rng(5).normal(size=(T, D))
            names = ("weight_ih", "weight_hh", "bias", "bias_n")
            weights = {name: getattr(case.source, name, None) for name in names}
            given = {name: np.asarray(w) for name, w in weights.items() if w is not None}
            name = supported.what.replace(" ", "_").lower()
            np.savez(Path(folder) / f"equinox_{name}.npz", x=x, h=case.forward(x), **given)


if __name__ == "__main__":
    write_files(sys.argv[1])
