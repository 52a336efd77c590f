"""Derivatives of scores by every weight and word vector, and at the corners of the activations."""

import functools
import itertools

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.linearize import linearize
from jax.flatten_util import ravel_pytree

from tests import reference
from tests.conftest import RULE_CASES, random_classifier, random_layer

pytestmark = pytest.mark.usefixtures("x64")

IDS = np.array([2, 0, 2, 4])  # one word twice, three of the six never
SETS = {
    "some": np.array([0, 1, 1, 0], bool),  # a word inside that is outside elsewhere
    "none": np.zeros(4, bool),
    "all": np.ones(4, bool),
}


def scores(classifier, inside, rule):
    """What is inside and what is not, in logits `[2, K]`."""
    split = cdjax.decompose(classifier.layers, classifier.embedding[IDS], inside, rule)
    return jnp.stack([split.beta[-1], split.gamma[-1]]) @ classifier.readout.T


derivatives = jax.jit(jax.jacrev(scores), static_argnums=2)


def complex_step(f, x, step=1e-30):
    """The derivatives of a literal function, exact to rounding: no difference is taken."""
    columns = []
    for place in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[place] += 1j * step
        columns.append(f(moved).imag / step)
    return np.stack(columns, axis=-1).reshape(*columns[0].shape, *x.shape)


def test_derivatives_of_two_classes():
    check_derivatives(cdjax.PAPER, classes=2)


@pytest.mark.parametrize("rule", RULE_CASES)
def test_derivatives_are_those_of_the_literal_loop(rule):
    check_derivatives(rule, classes=5)


def check_derivatives(rule, classes):
    rng = np.random.default_rng(classes)
    classifier = random_classifier(rng, words=6, inputs=2, hidden=3, classes=classes)
    arrays, tree = jax.tree.flatten(classifier)
    for name, inside in SETS.items():

        def literal(n, array, inside=inside):
            moved = [a.astype(complex) for a in (*arrays[:n], array, *arrays[n + 1 :])]
            embedding, (layer,), readout = jax.tree.unflatten(tree, moved)[:3]
            beta, gamma, _ = reference.decompose([layer], embedding[IDS], inside, rule.name)
            return np.stack([beta[-1], gamma[-1]]) @ readout.T

        ours = derivatives(jax.tree.map(jnp.asarray, classifier), inside, rule)
        for n, derivative in enumerate(jax.tree.leaves(ours)):
            expected = complex_step(functools.partial(literal, n), arrays[n])
            np.testing.assert_allclose(derivative, expected, rtol=1e-9, atol=1e-12)
        if name == "some":
            assert all(float(jnp.abs(d).max()) > 1e-3 for d in jax.tree.leaves(ours.layers))
            assert float(jnp.abs(ours.embedding[0, :, [0, 2, 4]]).min()) > 1e-6


@pytest.fixture
def stack():
    rng = np.random.default_rng(3)
    classifier = random_classifier(rng, words=6, inputs=2, hidden=3, classes=5)
    layers = *classifier.layers, random_layer(rng, inputs=3, hidden=4)
    classifier = classifier._replace(layers=layers, readout=rng.normal(size=(5, 4)))
    return jax.tree.map(jnp.asarray, classifier)


@pytest.mark.parametrize(
    "rule",
    [
        cdjax.PAPER,
        pytest.param(cdjax.ACD, marks=pytest.mark.thorough),
        pytest.param(cdjax.RELEASED, marks=pytest.mark.slow),
        pytest.param(cdjax.MERGED, marks=pytest.mark.slow),
    ],
    ids=lambda rule: rule.name,
)
def test_derivatives_of_a_stack(stack, rule):
    flat, restore = ravel_pytree(stack)

    @jax.jit
    @jax.vmap
    def moved(move):
        return scores(restore(flat + move), SETS["some"], rule)

    moves = 1e-5 * jnp.eye(len(flat))
    differences = (moved(moves) - moved(-moves)) / 2e-5
    ours = derivatives(stack, SETS["some"], rule)
    ours = jax.vmap(jax.vmap(lambda tree: ravel_pytree(tree)[0]))(ours)
    np.testing.assert_allclose(ours, jnp.moveaxis(differences, 0, -1), rtol=1e-6, atol=1e-8)
    # All terms zero; gates and cells ever further beyond saturation.
    for scale, inside in itertools.product([0.0, 30.0, 1e4, 1e12], SETS.values()):
        scaled = jax.tree.map(lambda a, scale=scale: scale * a, stack)
        for derivative in jax.tree.leaves(derivatives(scaled, inside, rule)):
            assert bool(jnp.isfinite(derivative).all())


def total(classifier, inside):
    return jnp.sum(scores(classifier, inside, cdjax.PAPER) ** 2)


def same(first, second):
    for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.thorough
def test_transformations_do_not_change_a_gradient():
    classifier = random_classifier(np.random.default_rng(4), words=6)
    classifier = jax.tree.map(jnp.asarray, classifier)
    each = [jax.grad(total)(classifier, inside) for inside in SETS.values()]
    same(jax.grad(jax.checkpoint(total))(classifier, SETS["some"]), each[0])
    masks = np.stack(list(SETS.values()))

    @jax.jit
    def together(classifier):
        return jax.vmap(total, (None, 0))(classifier, masks).sum()

    same(jax.grad(together)(classifier), jax.tree.map(lambda *a: sum(a), *each))
    way = jax.tree.map(jnp.cos, classifier)
    _, slope = jax.jvp(lambda c: total(c, SETS["some"]), (classifier,), (way,))
    same(slope, jnp.vdot(ravel_pytree(each[0])[0], ravel_pytree(way)[0]))


@pytest.mark.parametrize(
    ("f", "literal"), [(jnp.tanh, np.tanh), (jax.nn.sigmoid, reference.sigmoid)]
)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_derivatives_of_a_linearized_activation(f, literal, count):
    derive = jax.jit(jax.vmap(jax.jacrev(lambda y: jnp.stack(linearize(f, [*y[:-1]], y[-1])))))
    # Equal terms, terms that cancel, none at all, saturation; every one of them as bias, too.
    corners = np.array([*itertools.product([0.0, 1.5, -1.5, 40.0, -40.0], repeat=count + 1)])
    ours = derive(corners)
    expected = np.empty(ours.shape)
    for n in range(count + 1):
        moved = corners.T.astype(complex)
        moved[n] += 1e-30j
        expected[:, :, n] = np.array(reference.shapley(literal, list(moved[:-1]), moved[-1])).imag.T
    np.testing.assert_allclose(ours, expected / 1e-30, rtol=1e-10, atol=1e-13)
    assert bool(jnp.isfinite(derive(1e8 * corners)).all())


def test_reverse_mode_keeps_states_not_terms():
    layer = random_layer(np.random.default_rng(0), inputs=3, hidden=32, dtype=np.float32)

    def loss(layer, x, inside):
        return jnp.abs(cdjax.decompose((layer,), x, inside).beta[-1]).sum()

    def kept(length):
        x, inside = np.zeros((length, 3), np.float32), np.zeros(length, bool)
        compiled = jax.jit(jax.grad(loss)).lower(layer, x, inside).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    floats = (kept(2000) - kept(1000)) / 1000 / 4
    assert floats < 20 * 32
