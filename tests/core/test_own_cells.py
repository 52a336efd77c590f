"""A cell of one's own is decomposed with no other change."""

from typing import Any, NamedTuple

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.decomposition import split_logits
from cdjax.core.network import forward, run

from tests.conftest import RULE_CASES, random_layer

pytestmark = pytest.mark.usefixtures("x64")


class MinimalGatedUnit(NamedTuple):
    W: Any  # [2, H, D], gates f and n
    V: Any  # [2, H, H]
    b: Any  # [2, H]
    widths = property(lambda self: self.b.shape[1:])

    def step(self, ops, state, x):
        (h,) = state
        f = ops.activate(jax.nn.sigmoid, ops.linear(self.V[0], h, self.b[0]), x[0])
        n = ops.activate(jnp.tanh, ops.linear(self.V[1], ops.multiply(f, h), self.b[1]), x[1])
        return (ops.state(ops.multiply(1 - f, h) + ops.multiply(f, n)),)


RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3))


def draw(*shape):
    return RNG.normal(size=shape)


def unit(inputs, hidden):
    return MinimalGatedUnit(draw(2, hidden, inputs), draw(2, hidden, hidden), draw(2, hidden))


def unit_outputs(cell, x):
    """The equations as they are printed."""
    h, outputs = np.zeros(cell.b.shape[1]), []
    for step in x:
        f = 1 / (1 + np.exp(-(cell.W[0] @ step + cell.V[0] @ h + cell.b[0])))
        n = np.tanh(cell.W[1] @ step + cell.V[1] @ (f * h) + cell.b[1])
        h = (1 - f) * h + f * n
        outputs.append(h)
    return np.array(outputs)


@pytest.fixture(scope="module")
def cell():
    return unit(3, 4)


def test_its_values_are_those_of_its_equations(cell):
    np.testing.assert_allclose(run((cell,), X), unit_outputs(cell, X), atol=1e-12)


@pytest.mark.parametrize("rule", RULE_CASES)
def test_it_is_decomposed_completely(cell, rule):
    layers = cell, cdjax.Bidirectional(unit(4, 2), random_layer(RNG, 4, 3)), unit(5, 2)
    expected = run(layers, X)
    empty, some, whole = (
        cdjax.decompose(layers, X, np.isin(np.arange(6), steps), rule)
        for steps in ([], [1, 2, 4], range(6))
    )
    for split in empty, some, whole:
        np.testing.assert_allclose(split.beta + split.gamma, expected, atol=1e-12)
    np.testing.assert_allclose(empty.beta, 0, atol=1e-15)
    assert np.abs(some.beta).max() > 1e-3 < np.abs(some.gamma).max()
    assert np.allclose(whole.gamma, 0, atol=1e-12) == rule.whole_input_adds_up


def test_it_is_scored_like_any_other(cell):
    head = (cdjax.Dense(draw(5, 4), draw(5), "relu"),)
    network = cdjax.Classifier(None, (cell,), draw(2, 5), draw(2), pool="max", head=head)
    spans = np.array([[0, 2], [1, 5]])
    scores = cdjax.score_spans(network, X, spans, cdjax.ACD)
    for (start, stop), score in zip(spans, scores, strict=True):
        inside = (start <= np.arange(6)) & (np.arange(6) < stop)
        split = split_logits(network, X, inside, cdjax.ACD)
        np.testing.assert_allclose(score, split.beta, atol=1e-12)
        total = split.beta + split.gamma + split.bias
        np.testing.assert_allclose(total, forward(network, X), atol=1e-12)


def test_what_does_not_fit_it_is_refused(cell):
    with pytest.raises(ValueError, match=r"W has shape \[8, 3\]; expected \[G, H, D\]"):
        cdjax.decompose((cell._replace(W=draw(8, 3)),), X, np.ones(6, bool))
    with pytest.raises(ValueError, match=r"layer 1 takes inputs of width 3 .* gives width 4"):
        cdjax.decompose((cell, cell), X, np.ones(6, bool))
