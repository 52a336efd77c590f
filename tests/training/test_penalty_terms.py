import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.network import forward
from cdjax.core.rules import ACD, RULES
from cdjax.training.penalty import (
    penalize_influence,
    penalize_scores,
    penalize_shares,
    split_batch,
)

from tests import reference
from tests.conftest import random_classifier, random_layer

LENGTHS = np.array([4, 1, 6, 3])
LABELS = np.array([0, 2, 1, 1])
INSIDE = np.zeros((4, 6), bool)
INSIDE[0, [0, 2]] = INSIDE[2, 3:] = True
INSIDE[1, 2] = INSIDE[3, 5] = True  # beyond the end: no word is marked
UNMARKED = [1, 3]


@pytest.fixture
def model():
    return random_classifier(np.random.default_rng(0), classes=3, dtype=np.float32)


def padded(filler):
    x = np.random.default_rng(1).normal(size=(4, 6, 3)).astype(np.float32)
    x[np.arange(6) >= LENGTHS[:, None]] = filler
    return jnp.asarray(x)


def literal(model, rule, marked=INSIDE):
    """What marked words and all else contribute, sequence by sequence, in float64."""
    (layer,), readout = model.layers, model.readout.astype(np.float64)
    parts = []
    for x, length, inside in zip(np.asarray(padded(0), np.float64), LENGTHS, marked, strict=True):
        beta, gamma, _ = reference.decompose([layer], x[:length], inside[:length], rule)
        parts.append((readout @ beta[-1], readout @ gamma[-1]))
    return np.moveaxis(np.array(parts), 1, 0)


@pytest.mark.parametrize("rule", RULES)
def test_logits_are_split_as_the_literal_loop_does(model, rule):
    parts = split_batch(model, padded(0), LENGTHS, INSIDE, RULES[rule])
    both = np.stack([parts.beta, parts.gamma])
    np.testing.assert_allclose(both, literal(model, rule), rtol=1e-4, atol=1e-5)


@pytest.mark.thorough
def test_any_network_is_penalized():
    draw = np.random.default_rng(3).normal
    gru = cdjax.GRUParams(draw(size=(3, 5, 4)), draw(size=(3, 5, 5)), draw(size=(3, 5)), None)
    layers = (
        cdjax.Bidirectional(*(random_layer(np.random.default_rng(n), 3, 2) for n in (4, 5))),
        gru,
    )
    head = (cdjax.Dense(draw(size=(6, 5)), draw(size=6), "relu"),)
    network = cdjax.Classifier(None, layers, draw(size=(3, 6)), draw(size=3), "mean", head)
    network = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), network)
    logits = [forward(network, x[:n]) for x, n in zip(padded(0), LENGTHS, strict=True)]
    parts = split_batch(network, padded(np.nan), LENGTHS, INSIDE, ACD)
    np.testing.assert_allclose(parts.beta + parts.gamma + parts.bias, logits, rtol=1e-4, atol=1e-5)
    penalty = penalize_scores(network, padded(np.nan), LENGTHS, INSIDE, rule=ACD)
    np.testing.assert_allclose(penalty, jnp.abs(parts.beta).sum(axis=1), rtol=1e-5)
    assert penalty[0] > 0.1
    np.testing.assert_array_equal(penalty[np.array(UNMARKED)], 0)


def test_the_penalties_are_what_their_formulas_say(model):
    beta, gamma = literal(model, "paper")
    target = np.random.default_rng(2).normal(size=(4, 3)).astype(np.float32)
    arguments = model, padded(0), LENGTHS, INSIDE
    for wanted in (0.0, target):
        expected = np.abs(beta - wanted).sum(axis=1)
        expected[UNMARKED] = 0
        np.testing.assert_allclose(penalize_scores(*arguments, wanted), expected, rtol=1e-4)
    both = np.exp(np.stack([beta, gamma])[:, range(4), LABELS])
    expected = -np.log(both[1] / both.sum(axis=0))
    expected[UNMARKED] = 0
    shares = penalize_shares(*arguments, LABELS)
    np.testing.assert_allclose(shares, expected, rtol=1e-4)
    assert expected[0] > 0.1


@pytest.mark.parametrize("rule", RULES)
def test_influence_is_what_the_score_loses_without_the_marked_words(model, rule):
    whole, others = (literal(model, rule, marked)[0] for marked in (INSIDE | True, ~INSIDE))
    expected = np.abs(whole - others).sum(axis=1)
    expected[UNMARKED] = 0
    arguments = model, padded(0), LENGTHS, INSIDE
    actual = penalize_influence(*arguments, RULES[rule])
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-5)
    assert expected[0] > 0.1


def losses(model, x, lengths, inside):
    arguments = model, x, lengths, inside
    penalties = penalize_scores(*arguments), penalize_influence(*arguments)
    return jnp.stack([*penalties, penalize_shares(*arguments, LABELS)])


@pytest.mark.thorough
def test_padding_batchmates_and_sequences_without_marks_have_no_say(model):
    model = jax.tree.map(jnp.asarray, model)
    slopes = jax.jit(jax.jacrev(losses, argnums=(0, 1)))
    clean, spoilt = (slopes(model, padded(filler), LENGTHS, INSIDE) for filler in (0, np.nan))
    for a, b in zip(*map(jax.tree.leaves, (clean, spoilt)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a[:, UNMARKED], 0)
        assert np.isfinite(a).all()
    by_x = clean[1]  # [penalty, sequence, sequence, word, column]
    assert float(jnp.abs(by_x[:, 0, 0, :4]).min()) > 0
    np.testing.assert_array_equal(by_x[:, 0, 1:], 0)
    np.testing.assert_array_equal(by_x[:, 0, 0, 4:], 0)


def test_descent_moves_a_score_to_its_target(model):
    x, lengths, inside = padded(0), LENGTHS, INSIDE
    target = jnp.float32(0.5)

    def penalty(layers):
        return penalize_scores(model._replace(layers=layers), x, lengths, inside, target)

    @jax.jit
    def descend(layers, _):
        slope = jax.grad(lambda new: penalty(new).sum())
        return jax.tree.map(lambda w, g: w - 0.01 * g, layers, slope(layers)), None

    layers = jax.tree.map(jnp.asarray, model.layers)
    before = penalty(layers).sum()
    layers, _ = jax.lax.scan(descend, layers, None, 200)
    after = penalty(layers).sum()
    assert after < before / 3


@pytest.mark.usefixtures("as_users")
def test_bad_input_raises(model):
    x = padded(0)
    with pytest.raises(TypeError, match="inside holds"):
        split_batch(model, x, LENGTHS, INSIDE.astype(int))
    with pytest.raises(ValueError, match="width 2"):
        split_batch(model, x[..., :2], LENGTHS, INSIDE)
    with pytest.raises(ValueError, match="pool 'each'"):
        penalize_scores(model._replace(pool="each"), x, LENGTHS, INSIDE)
    one_logit = model._replace(readout=model.readout[:1], bias=model.bias[:1])
    with pytest.raises(ValueError, match="has one logit"):
        penalize_shares(one_logit, x, LENGTHS, INSIDE, LABELS)
