"""The fast forms of GRUs and of stacks as users have them: in float32, with all optimizations."""

import cdjax
import jax
import numpy as np
import pytest
from cdjax.engine.run import find_directions

from tests.engine.test_lstm_float32 import largest_argument
from tests.engine.test_networks import WORDS, definition_of, make_network


@pytest.mark.thorough
@pytest.mark.parametrize(("factor", "within"), [(1, True), (60, False)])
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("GRU", cdjax.PAPER),
        ("GRU, reset before", cdjax.ACD),
        pytest.param("two LSTMs", cdjax.PAPER, marks=pytest.mark.slow),
        pytest.param("three layers", cdjax.SHARED, marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_saturated_gates(name, rule, factor, within):
    """Scores are within 2e-6 of the logits, or within 8 times what the definition attains.

    Within the limit up to which exponentials are kept, and where they would overflow.
    """
    network, ids = make_network(name), np.random.default_rng(4).integers(0, WORDS, 13)
    first, *others = network.layers
    # Not the recurrent weights: scaled as well, they would make the decomposition chaotic.
    first = first._replace(W=first.W * factor, b=first.b * factor)
    single = jax.tree.map(np.float32, network._replace(layers=(first, *others)))
    ((form, *_),) = find_directions(single, rule)
    largest = largest_argument(form, single.layers, single.embedding[ids])
    assert largest < form.limit if within else largest > 88
    (result,) = cdjax.score_all_spans(single, [ids], rule)
    (attained,) = definition_of(single, [ids], [result], rule)
    with jax.enable_x64(True):
        (exact,) = definition_of(jax.tree.map(np.float64, single), [ids], [result], rule)
    assert np.abs(exact).max() > 0.05
    bound = max(2e-6 * max(1, np.abs(result.logits).max()), 8 * np.abs(attained - exact).max())
    assert bound < 1e-4
    np.testing.assert_allclose(result.scores, exact, rtol=0, atol=bound)
