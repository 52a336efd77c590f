"""One of the outputs of a network that has some at every step, by every method."""

import cdjax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cdjax.core.network import forward

from tests.conftest import random_layer

T, D, H, K, STEP = 6, 3, 5, 2, 3


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    network = cdjax.Classifier(
        None,
        (random_layer(rng, D, H, dtype=np.float32),),
        rng.normal(size=(K, H)).astype(np.float32),
        rng.normal(size=K).astype(np.float32),
        pool="each",
    )
    return cdjax.Model(network, None, ("ok", "fault"), {})


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(T, D)).astype(np.float32)


def test_decomposition_equals_the_one_of_all_outputs(model, x):
    explanation = cdjax.explain(x, model, step=STEP - T)
    expected = cdjax.score_outputs(model, x, explanation.spans, [STEP])[:, 0]
    np.testing.assert_allclose(explanation.scores, expected, atol=1e-5)
    np.testing.assert_allclose(explanation.logits, cdjax.predict_outputs(model, x)[STEP], atol=1e-5)
    assert explanation.step == STEP
    assert explanation[STEP + 1 :] == 0


def test_gradient_is_that_of_the_step(model, x):
    explanation = cdjax.explain(x, model, "gradient", step=STEP)

    def probability(x):
        return jax.nn.softmax(forward(model.classifier, x)[STEP])[1]

    expected = (x * np.asarray(jax.grad(probability)(jnp.asarray(x)))).sum(axis=1)
    np.testing.assert_allclose([explanation[t] for t in range(T)], expected, atol=1e-5)
    assert explanation[1:] == pytest.approx(expected[1:].sum(), abs=1e-5)


def test_leave_one_out_is_that_of_the_step(model, x):
    explanation = cdjax.explain(x, model, "loo", step=STEP)

    def read(x):
        return jax.nn.log_softmax(forward(model.classifier, jnp.asarray(x))[STEP])

    for start, stop in ((0, 1), (1, 4), (2, 6), (4, 6)):
        without = x.copy()
        without[start:stop] = 0
        expected = read(x) - read(without)
        np.testing.assert_allclose(explanation.scores_of((start, stop)), expected, atol=1e-5)


def test_what_is_not_defined_at_a_step(model, x, as_users):
    with pytest.raises(
        ValueError, match="'alone' reads a phrase as a sequence of its own, in which"
    ):
        cdjax.explain(x, model, "alone", step=STEP)
    network = model.classifier
    rng = np.random.default_rng(2)
    both = cdjax.Bidirectional(network.layers[0], random_layer(rng, D, 2, dtype=np.float32))
    network = network._replace(layers=(both,), readout=np.ones((K, H + 2), np.float32))
    with pytest.raises(ValueError, match=r"'loo' is not defined .* both directions; expected 'cd'"):
        cdjax.explain(x, model._replace(classifier=network), "loo", step=STEP)
    for step, message in ((None, "step is not given"), (T, f"step is {T}; give step=N")):
        with pytest.raises(ValueError, match=message):
            cdjax.explain(x, model, step=step)
    once = model._replace(classifier=model.classifier._replace(pool="last"))
    with pytest.raises(ValueError, match="step is 0, and the network gives its logits once"):
        cdjax.explain(x, once, step=0)
